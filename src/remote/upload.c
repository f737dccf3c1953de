/* Uploads.
 *
 * The file is read once for its SHA-256, which the other side checks when all has arrived. An upload of the same size
 * and digest that was left unfinished (the command was interrupted, the network went away for long) is continued. When
 * the connection is lost, the other side is asked how much has arrived, and the rest goes on from there: RETRIES times
 * in a row, each time a little later; what gets through begins the count anew. */
#include "remote/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum {
	PART_BYTES = 64 << 20,
	RETRIES = 8,
	RETRY_FIRST_MS = 250,
	RETRY_LAST_MS = 15000,
	TIMEOUT_MS = 60000,
	PROGRESS_US = 250000,
	READ_BYTES = 1 << 20,
};

typedef struct Upload {
	Remote *remote;
	int file;
	gint64 size, offset;
	char *digest, *path; /* "/api/v1/uploads/ID" */
	gint64 told_us;      /* when progress was last told */
} Upload;

static void tell(Upload *upload, const char *step, gint64 done)
{
	gint64 now = g_get_monotonic_time();
	if (now - upload->told_us < PROGRESS_US && done < upload->size)
		return;
	upload->told_us = now;
	transfer_progress(upload->remote, step, done, upload->size);
}

static gboolean compute_digest(Upload *upload, GError **error)
{
	g_autofree guint8 *chunk = g_malloc(READ_BYTES);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	gboolean good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	gint64 done = 0;
	while (good && done < upload->size && control_is_wanted(&upload->remote->control)) {
		ssize_t n = pread(upload->file, chunk, READ_BYTES, done);
		if (n < 0 && errno == EINTR)
			continue;
		good = n > 0 && EVP_DigestUpdate(context, chunk, (size_t)n);
		done += n > 0 ? n : 0;
		if (good)
			tell(upload, "digest", done);
	}
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	good = good && EVP_DigestFinal_ex(context, digest, &length);
	EVP_MD_CTX_free(context);
	if (!good || done < upload->size) {
		error_set(error, ERROR_FAILED, NULL, "the file cannot be read to its end");
		return FALSE;
	}
	GString *text = g_string_new(NULL);
	for (unsigned i = 0; i < length; i++)
		g_string_append_printf(text, "%02x", digest[i]);
	upload->digest = g_string_free(text, FALSE);
	return TRUE;
}

/* TRUE if the upload is this file's. */
static gboolean is_same(Upload *upload, json_object *found)
{
	return json_get_int(found, "size", 0) == upload->size &&
	       g_strcmp0(json_get_str(found, "digest", NULL), upload->digest) == 0;
}

/* An unfinished upload of the same file, of our own; none is no failure. */
static void find_unfinished(Upload *upload)
{
	json_auto json_object *list =
		transfer_ask(upload->remote, "GET", "/api/v1/uploads?limit=1000", NULL, TIMEOUT_MS, NULL);
	json_object *items = json_get(list, "items");
	gsize count = json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
	for (gsize i = 0; i < count && !upload->path; i++) {
		json_object *item = json_object_array_get_idx(items, i);
		if (json_get_int(item, "size", 0) != upload->size)
			continue;
		g_autofree char *id = g_uri_escape_string(json_get_str(item, "id", ""), NULL, FALSE);
		g_autofree char *path = g_strconcat("/api/v1/uploads/", id, NULL);
		json_auto json_object *found = transfer_ask(upload->remote, "GET", path, NULL, TIMEOUT_MS, NULL);
		if (is_same(upload, found)) {
			upload->path = g_steal_pointer(&path);
			upload->offset = json_get_int(found, "offset", 0);
		}
	}
}

static gboolean begin(Upload *upload, GError **error)
{
	find_unfinished(upload);
	if (upload->path)
		return TRUE;
	json_auto json_object *body = json_object_new_object();
	json_set_int(body, "size", upload->size);
	json_set_str(body, "digest", upload->digest);
	json_auto json_object *made = transfer_ask(upload->remote, "POST", "/api/v1/uploads", body, TIMEOUT_MS, error);
	const char *id = json_get_str(made, "id", NULL);
	if (made && !id)
		error_set(error, ERROR_FAILED, "are both sides of the same version?", "'%s' made no upload",
			  upload->remote->peer.authority);
	if (!id)
		return FALSE;
	g_autofree char *escaped = g_uri_escape_string(id, NULL, FALSE);
	upload->path = g_strconcat("/api/v1/uploads/", escaped, NULL);
	return TRUE;
}

static void on_sent(gint64 count, gpointer data)
{
	Upload *upload = data;
	tell(upload, "upload", upload->offset + count);
}

/* One part from the offset on. FALSE with ERROR_UNAVAILABLE or ERROR_TIMEOUT when it may be tried again. */
static gboolean send_part(Upload *upload, GError **error)
{
	json_auto json_object *headers = json_object_new_object();
	g_autofree char *offset = g_strdup_printf("%" G_GINT64_FORMAT, upload->offset);
	json_set_str(headers, "upload-offset", offset);
	HttpCall call = {
		.method = "PATCH",
		.path = upload->path,
		.headers = headers,
		.file = upload->file,
		.offset = upload->offset,
		.length = MIN(upload->size - upload->offset, PART_BYTES),
		.sent = on_sent,
		.data = upload,
	};
	gboolean good = http_perform(upload->remote->http, &call, error);
	json_auto json_object *answer =
		good ? json_parse((const char *)call.answer->data, call.answer->len, NULL) : NULL;
	if (good && call.status >= 400) {
		json_auto json_object *made = peer_error_body(&upload->remote->peer, call.status, NULL);
		json_object *details = json_get(answer, "error");
		g_propagate_error(error, error_new_from_json(details ? details : json_get(made, "error")));
		good = FALSE;
	}
	if (good)
		upload->offset = json_get_int(answer, "offset", upload->offset + call.length);
	http_call_clear(&call);
	return good;
}

/* Waits; FALSE if the command gave up meanwhile. */
static gboolean wait_to_retry(Upload *upload, guint failures)
{
	gint64 wait_ms = MIN((gint64)RETRY_FIRST_MS << (failures - 1), RETRY_LAST_MS);
	for (gint64 end = g_get_monotonic_time() + wait_ms * 1000; control_is_wanted(&upload->remote->control);) {
		gint64 left_ms = (end - g_get_monotonic_time()) / 1000;
		struct pollfd command = {.fd = upload->remote->control.fd, .events = POLLIN};
		if (left_ms <= 0)
			return TRUE;
		poll(&command, 1, (int)left_ms);
	}
	return FALSE;
}

/* After a part that failed: how much has arrived. TRUE if the upload can go on. */
static gboolean resume(Upload *upload, guint *inout_failures, GError *failure, GError **error)
{
	g_autoptr(GError) reason = failure;
	for (;;) {
		ErrorCode code = error_code(reason);
		gboolean again = code == ERROR_UNAVAILABLE || code == ERROR_TIMEOUT || code == ERROR_CONFLICT ||
				 code == ERROR_TOO_MANY;
		if (!again || ++*inout_failures > RETRIES || !wait_to_retry(upload, *inout_failures)) {
			g_propagate_error(error, g_steal_pointer(&reason));
			return FALSE;
		}
		transfer_progress(upload->remote, "retry", upload->offset, upload->size);
		g_autoptr(GError) next = NULL;
		json_auto json_object *found =
			transfer_ask(upload->remote, "GET", upload->path, NULL, TIMEOUT_MS, &next);
		if (found) {
			gint64 arrived = CLAMP(json_get_int(found, "offset", 0), 0, upload->size);
			if (arrived > upload->offset)
				*inout_failures = 0;
			upload->offset = arrived;
			return TRUE;
		}
		g_clear_error(&reason);
		reason = g_steal_pointer(&next);
	}
}

static gboolean send_all(Upload *upload, GError **error)
{
	guint failures = 0;
	while (upload->offset < upload->size) {
		GError *failure = NULL;
		if (send_part(upload, &failure))
			failures = 0;
		else if (!resume(upload, &failures, failure, error))
			return FALSE;
	}
	return TRUE;
}

/* The image of what has arrived: the request as the command made it, naming the upload in place of the descriptor. */
static void make_image(Upload *upload, Frame *request)
{
	gsize length;
	const char *bytes = g_bytes_get_data(request->body, &length);
	json_auto json_object *body = length > 0 ? json_parse(bytes, length, NULL) : NULL;
	if (!body)
		body = json_object_new_object();
	g_autofree char *id = g_uri_unescape_string(strrchr(upload->path, '/') + 1, NULL);
	json_set_str(body, "upload", id);
	g_autofree char *text = json_dup_text(body);
	HttpCall call = {
		.method = "POST",
		.path = json_get_str(request->head, "path", "/"),
		.body = text,
		.file = -1,
		.timeout_ms = TIMEOUT_MS,
	};
	g_autoptr(GError) error = NULL;
	if (http_perform(upload->remote->http, &call, &error))
		transfer_respond(upload->remote, &call);
	else
		control_respond_error(&upload->remote->control, error);
	http_call_clear(&call);
}

void upload_image(Remote *remote, Frame *request)
{
	struct stat status;
	fd_auto int file = frame_steal_fd(request, 0);
	g_autoptr(GError) error = NULL;
	Upload upload = {.remote = remote, .file = file};
	if (fstat(file, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size == 0)
		error_set(&error, ERROR_INVALID, "it must be a regular file with something in it",
			  "there is nothing to upload");
	upload.size = error ? 0 : status.st_size;
	if (!error && compute_digest(&upload, &error) && begin(&upload, &error) && send_all(&upload, &error))
		make_image(&upload, request);
	else
		control_respond_error(&remote->control, error);
	g_free(upload.digest);
	g_free(upload.path);
}
