/* One request of the command over HTTPS: its answer as a response, a file as a descriptor. */
#pragma once
#include "remote/http.h"

typedef struct Remote {
	Peer peer;
	Control control;
	Http *http;
} Remote;

/* Carries the request as it is and answers it. */
void transfer_request(Remote *remote, Frame *request);
/* The same of one that comes with a file: its bytes are the body. */
void transfer_send_file(Remote *remote, Frame *request);
/* What came back, as a response's head and body. */
void transfer_respond(Remote *remote, const HttpCall *call);
/* A call of our own, of a JSON body and answer; the answer (new reference), or NULL with the error that it
 * describes. */
json_object *transfer_ask(Remote *remote, const char *method, const char *path, json_object *body, guint timeout_ms,
			  GError **error);
/* Has the command wait on. */
void transfer_progress(Remote *remote, const char *step, gint64 done, gint64 total);
