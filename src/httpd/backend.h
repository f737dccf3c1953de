/* The front's connections to yadod: requests go out as frames, answers come back to whoever asked. */
#pragma once
#include <json-c/json.h>

#include "httpd/front.h"

typedef struct Request Request;

typedef enum RequestEnd {
	END_ORDERLY,
	END_CANCELLED, /* yadod has given the stream up */
	END_LOST,      /* the connection to yadod has ended */
} RequestEnd;

/* In response() without a stream and in end() the Request is over: it must not be used or cancelled any more. */
typedef struct RequestOps {
	/* The response; more follows if its head has "stream": true. `fd` came with it, or is -1; it is taken over. */
	void (*response)(gpointer data, json_object *head, GBytes *body, int fd);
	/* An event of the stream, `cost` bytes of credit. */
	void (*event)(gpointer data, json_object *event, gsize cost);
	void (*end)(gpointer data, RequestEnd end);
} RequestOps;

Backend *backend_new(Front *front, const char *path);
/* Sends a request. The body (may be NULL) is lent. NULL if yadod cannot be asked now: it is not there, or too many
 * requests wait. */
Request *backend_send(
	Backend *backend, json_object *head, const void *body, gsize length, const RequestOps *ops, gpointer data);
/* Grants credit for events that were consumed. */
void request_credit(Request *request, gsize bytes);
/* Nobody waits for it any more; no callback comes. */
void request_cancel(Request *request);
/* Writes what was queued in this turn of the loop. */
void backend_flush(Backend *backend);
