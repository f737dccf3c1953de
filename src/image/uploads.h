/* Uploads: files that arrive in parts, over as many connections and restarts as it takes, until an image is made of
 * them.
 *
 * DIR/ID is the file (0600, root's), DIR/ID.json its record. The file's size is how much has arrived. An upload that
 * nobody has touched for a day is removed. Thread-safe. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

typedef struct Uploads Uploads;

enum { UPLOADS_USER_MAX = 16, UPLOADS_MAX = 64 };

/* Takes up what a former daemon left in `dir` (made if absent). run_dir: for pumps. */
Uploads *uploads_new(const char *dir, const char *run_dir, GError **error);
/* Ends all transfers (storage/transfer.h) and waits for them. */
void uploads_free(Uploads *uploads);

/* input: a valid document of upload_table. The complete one, new reference. ERROR_NO_SPACE if the file will not fit
 * beside what the others still need; ERROR_TOO_MANY. */
json_object *uploads_create(Uploads *uploads, const char *user, json_object *input, GError **error);
json_object *uploads_list(Uploads *uploads); /* array, the oldest first; new reference */
json_object *uploads_get(Uploads *uploads, const char *id, GError **error); /* new reference; ERROR_NOT_FOUND */
/* Cuts who is writing it. ERROR_CONFLICT while an image is made of it. */
gboolean uploads_delete(Uploads *uploads, const char *id, GError **error);

/* A part's end: the document as it is then (lent), and why no more came. Once, from a thread of the transfer's. */
typedef void (*UploadDone)(json_object *document, guint64 bytes, const GError *error, gpointer data);
/* Has at most `length` bytes written from `offset` on, which must be what has arrived so far (ERROR_CONFLICT; also
 * while another part is being written). The transfer, new reference, and the socket to write into, the caller's. After
 * a failure `done` is not called. */
struct Transfer *uploads_write(Uploads *uploads, const char *id, guint64 offset, guint64 length, UploadDone done,
			       gpointer data, int *ret_socket, GError **error);

/* For an import: a read-only descriptor of the complete file, which nobody changes or removes until uploads_release();
 * its path (lent until then) and the digest that was announced (may be NULL; caller frees). */
int uploads_hold(Uploads *uploads, const char *id, const char **ret_path, char **ret_digest, GError **error);
/* used: its content is where it belongs, and the upload goes. */
void uploads_release(Uploads *uploads, const char *id, gboolean used);
