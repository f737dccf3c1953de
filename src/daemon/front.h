/* The front: yado-httpd, started in its cage and started again whenever it ends. */
#pragma once
#include <glib.h>
#include <sys/types.h>

typedef struct Front Front;

typedef struct FrontOptions { /* lent, for as long as the front lives */
	const char *state_dir, *run_dir;
	const char *node;
	const char *web_dir;         /* the page's files; NULL: none */
	const char *const *listen;   /* where, as listen_tcp() takes it; NULL-terminated */
	uid_t uid;
	gboolean debug;
} FrontOptions;

/* The uid of the user that yado-httpd runs as; ERROR_NOT_FOUND says how to make it. */
gboolean front_find_user(const char *name, uid_t *ret_uid, GError **error);
/* RUN/front, where front.sock is, and STATE/front, where the certificate is. */
gboolean front_make_directories(const FrontOptions *options, GError **error);
/* The socket's path, RUN/front/front.sock; caller frees. */
char *front_socket_path(const char *run_dir);

/* Begins to keep it running, in a thread of its own. What stands in the way (a port in use) is logged, and tried again:
 * guests do not wait for the front. */
Front *front_start(const FrontOptions *options);
/* Ends it and waits for that. */
void front_stop(Front *front);
