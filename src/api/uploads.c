/* /uploads: files on their way in, part by part. The bytes go from the front's socket to a pump; what is here only says
 * where to, and answers when a part has ended (docs/front.md, "Bodies of bytes"). */
#include <string.h>

#include "api/bulk.h"
#include "api/permit.h"
#include "api/route.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "schema/schema.h"

/* A part on its way, for its end. */
typedef struct Part {
	Stream *stream;
	Bulk *bulk;
	guint64 length;
} Part;

static void set_offset(json_object *headers, json_object *document)
{
	g_autofree char *offset = g_strdup_printf("%" G_GINT64_FORMAT, json_get_int(document, "offset", 0));
	json_set_str(headers, "upload-offset", offset);
}

static gboolean answer_upload(Call *call, int status, json_object *document)
{
	g_autofree char *offset = g_strdup_printf("%" G_GINT64_FORMAT, json_get_int(document, "offset", 0));
	answer_header(call, "upload-offset", offset);
	return answer_json(call, status, document);
}

/* A token is let in as its user by who could have begun the upload. */
static gboolean is_own(Call *call, json_object *upload)
{
	const Principal *principal = call->principal;
	return permit_began(principal, upload) && (principal->kind != PRINCIPAL_TOKEN ||
						   rights_allow_some(call->rights, PRIVILEGE_IMAGE_MANAGE, "/images"));
}

static char *owner_of_upload(Call *call)
{
	json_auto json_object *upload = uploads_get(call->services->uploads, call->args[0], NULL);
	return upload && is_own(call, upload) ? g_strdup(call->principal->user) : NULL;
}

static gboolean list_uploads(Call *call, GError **error)
{
	gboolean everybodys = rights_allow(call->rights, PRIVILEGE_IMAGE_MANAGE, "/", NULL);
	json_auto json_object *all = uploads_list(call->services->uploads);
	json_object *items = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		json_object *item = json_object_array_get_idx(all, i);
		if (everybodys || is_own(call, item))
			json_object_array_add(items, json_object_get(item));
	}
	return answer_page(call, items, error);
}

static gboolean create_upload(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	json_auto json_object *input = call_document(call, &refusal);
	if (call->plan)
		return answer_action_plan(call, g_steal_pointer(&refusal), "an upload of %" G_GINT64_FORMAT " bytes begins",
					  json_get_int(input, "size", 0));
	if (refusal) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	json_object *document = uploads_create(call->services->uploads, call->request->user, input, error);
	return document && answer_upload(call, 201, document);
}

static gboolean get_upload(Call *call, GError **error)
{
	json_object *document = uploads_get(call->services->uploads, call->args[0], error);
	return document && answer_upload(call, 200, document);
}

static gboolean delete_upload(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	if (call->plan) {
		json_auto json_object *document = uploads_get(call->services->uploads, call->args[0], &refusal);
		return answer_action_plan(call, g_steal_pointer(&refusal), "upload '%s' is removed", call->args[0]);
	}
	return uploads_delete(call->services->uploads, call->args[0], error) &&
	       answer_json(call, 200, json_object_new_object());
}

/* --- A part --- */

/* What came before the end of the part counts in any case; the answer says how much that is. */
static GError *why_not_whole(const Part *part, guint64 bytes, const GError *error, gboolean revoked)
{
	GError *reason = NULL;
	if (revoked)
		error_set(&reason, ERROR_FORBIDDEN, "ask who manages access", "the right to upload was withdrawn");
	else if (error && error_code(error) == ERROR_CANCELLED)
		error_set(&reason, ERROR_UNAVAILABLE, "look how much has arrived, and go on from there",
			  "the upload was interrupted");
	else if (error)
		error_set(&reason, error_code(error),
			  error_code(error) == ERROR_NO_SPACE ? "make room on the disk, then go on where it stopped" : NULL,
			  "the part was not taken whole: %s", error->message);
	else if (bytes < part->length)
		error_set(&reason, ERROR_INVALID, "go on where it stopped",
			  "the part ended after %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes", bytes, part->length);
	return reason;
}

/* In the transfer's thread. */
static void on_done(json_object *document, guint64 bytes, const GError *error, gpointer data)
{
	Part *part = data;
	g_autoptr(GError) reason = why_not_whole(part, bytes, error, bulk_end(part->bulk));
	json_auto json_object *event = json_object_new_object();
	json_object *response = json_object_new_object(), *headers = json_object_new_object();
	set_offset(headers, document);
	json_set(event, "response", response);
	json_set_int(response, "status", reason ? error_code_status(error_code(reason)) : 200);
	json_set(response, "headers", headers);
	if (reason) {
		json_object *body = json_object_new_object();
		json_set(body, "error", error_to_json(reason));
		json_set(response, "body", body);
	} else {
		json_set(response, "body", json_copy(document));
	}
	stream_send_event(part->stream, event);
	stream_close(part->stream);
	stream_unref(part->stream);
	g_free(part);
}

static gboolean read_offset(Call *call, guint64 *ret_offset, GError **error)
{
	const char *text = json_get_str(call->request->headers, "upload-offset", NULL);
	if (text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, ret_offset, NULL))
		return TRUE;
	error_set_field(error, ERROR_INVALID, "upload-offset", "GET the upload: its offset says how much has arrived",
			"a part needs the header upload-offset, where it begins");
	return FALSE;
}

/* The privilege is asked for again: whoever began the upload may have lost it. */
static gboolean check_write(Call *call, GError **error)
{
	if (call->request->content_length < 0) {
		error_set(error, ERROR_INVALID, "send it as application/octet-stream with a content-length",
			  "a part is bytes whose number is said before");
		return FALSE;
	}
	return rights_allow_some(call->rights, PRIVILEGE_IMAGE_MANAGE, "/images") ||
	       permit_refuse(PRIVILEGE_IMAGE_MANAGE, "/images", error);
}

static gboolean write_part(Call *call, GError **error)
{
	Uploads *uploads = call->services->uploads;
	guint64 offset;
	GError *refusal = NULL;
	if (!check_write(call, error) || !read_offset(call, &offset, error))
		return FALSE;
	Bulk *bulk = bulk_new(call, PRIVILEGE_IMAGE_MANAGE, "/images", TRUE, error);
	if (!bulk)
		return FALSE;
	bulk_ref(bulk); /* the part may end before this function */
	Part *part = g_new0(Part, 1);
	part->stream = stream_ref(call->request->stream);
	part->length = (guint64)call->request->content_length;
	part->bulk = bulk;
	int socket;
	Transfer *transfer = uploads_write(uploads, call->args[0], offset, part->length, on_done, part, &socket, &refusal);
	if (transfer) {
		bulk_set_transfer(bulk, transfer);
		bulk_unref(bulk);
		transfer_unref(transfer);
		call->response->keep_stream = TRUE;
		call->response->fds[call->response->fd_count++] = socket;
		call->response->status = 100;
		return TRUE;
	}
	bulk_end(bulk);
	bulk_unref(bulk);
	stream_unref(part->stream);
	g_free(part);
	/* Where to go on is said with the refusal, so that it needs no further question. */
	json_auto json_object *document = uploads_get(uploads, call->args[0], NULL);
	if (document) {
		g_autofree char *present = g_strdup_printf("%" G_GINT64_FORMAT, json_get_int(document, "offset", 0));
		answer_header(call, "upload-offset", present);
		return answer_error(call, refusal);
	}
	g_propagate_error(error, refusal);
	return FALSE;
}

const Route upload_routes[] = {
	{"GET", "/uploads", list_uploads, "files on their way in", PRIVILEGE_NONE, SCOPE_SELF, .query = LIST_QUERY,
	 .answer = ANSWER_LIST, .result = &upload_table,
	 .summary_ja = "受信中のファイル"},
	{"POST", "/uploads", create_upload, "begin to upload a file", PRIVILEGE_IMAGE_MANAGE, SCOPE_CREATE,
	 .plannable = TRUE, .body = &upload_table, .answer = ANSWER_CREATED, .result = &upload_table,
	 .summary_ja = "ファイルのアップロードの開始"},
	{"GET", "/uploads/{}", get_upload, "an upload, and how much of it has arrived", PRIVILEGE_IMAGE_MANAGE, SCOPE_OWNER,
	 .owner = owner_of_upload, .answer = ANSWER_DOCUMENT, .result = &upload_table,
	 .summary_ja = "アップロードと受信済みの量"},
	{"PATCH", "/uploads/{}", write_part, "send a part, from upload-offset on", PRIVILEGE_IMAGE_MANAGE, SCOPE_OWNER,
	 .owner = owner_of_upload, .bulk = TRUE, .answer = ANSWER_DOCUMENT, .result = &upload_table, .unaudited = TRUE,
	 .summary_ja = "upload-offset からの続きを送る"},
	{"DELETE", "/uploads/{}", delete_upload, "give an upload up", PRIVILEGE_IMAGE_MANAGE, SCOPE_OWNER,
	 .owner = owner_of_upload, .plannable = TRUE, .answer = ANSWER_EMPTY,
	 .summary_ja = "アップロードの取りやめ"},
	{NULL},
};
