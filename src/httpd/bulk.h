/* Bytes between a client and a block worker through a socket, at the pace of the slower one. */
#pragma once
#include "httpd/front.h"

typedef struct Bulk Bulk;

/* Each may free the Bulk. */
typedef struct BulkOps {
	/* To the worker: what waited was taken. */
	void (*taken)(gpointer data);
	/* From the worker. */
	void (*data)(gpointer data, const void *bytes, gsize length);
	/* The worker's side has ended, or was lost. */
	void (*ended)(gpointer data);
} BulkOps;

/* Takes the socket over. Reads from it if `reads`. NULL if it cannot be watched. */
Bulk *bulk_new(Front *front, int fd, gboolean reads, const BulkOps *ops, gpointer data);
void bulk_free(Bulk *bulk);
/* Queues bytes for the worker; FALSE if some wait: no more before taken(). What a worker that has closed does not take
 * is dropped. */
gboolean bulk_write(Bulk *bulk, const void *bytes, gsize length);
/* Shuts down the writing side when everything was taken. */
void bulk_finish(Bulk *bulk);
/* Stops and resumes reading. */
void bulk_pause(Bulk *bulk, gboolean pause);
