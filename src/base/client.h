/* A blocking client of whoever speaks frames as yadod does, for the command and for tests: one connection, requests one
 * after another. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

typedef struct Client Client;

typedef struct Reply {
	int status;         /* HTTP status */
	json_object *head;  /* "etag", "task", … */
	json_object *body;  /* parsed body, or NULL */
	GBytes *raw;        /* the body's bytes */
	int fds[4];         /* owned by the reply; -1 where none */
} Reply;
void reply_free(Reply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reply, reply_free)

/* Connects to the socket at `path`. ERROR_UNAVAILABLE (with a hint) if nobody listens. */
Client *client_connect(const char *path, GError **error);
/* The same over a connected socket, which is taken over: its other end is a program that carries the requests on. */
Client *client_open(int fd);
void client_free(Client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

/* method "GET"…; path with query ("/api/v1/vms?limit=10"); headers and body may be NULL; fds[0..fd_count-1] are lent.
 * A reply with status >= 400 is NULL with the error that the body describes. */
Reply *client_request(Client *client, const char *method, const char *path, json_object *headers, json_object *body,
		      const int *fds, guint fd_count, guint timeout_ms, GError **error);
/* Told how far the body's bytes are on their way, during the requests to come; callback NULL: no longer. A program that
 * carries requests on sends {"progress":{"step","done","total","unit"}} before its response; each of them gives the
 * request its whole time anew. */
typedef void (*ClientProgress)(json_object *progress, gpointer data);
void client_set_progress(Client *client, ClientProgress callback, gpointer data);
/* GET of a stream of events: calls back for each event until it returns FALSE or the connection ends. */
typedef gboolean (*ClientEvent)(json_object *event, gpointer data);
gboolean client_follow(Client *client, const char *path, ClientEvent callback, gpointer data, GError **error);
