/* Files of a guest that the agent has open, piece by piece. */
#include "guest/tools/file.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/tools/ask.h"
#include "guest/tools/leftover.h"

enum { HANDLES_LEFT_MAX = 1024 };

/* The agent has one class of errors for all that fails; the reason is the system's own text, of POSIX or of Windows. */
static gboolean is_missing(const GError *error)
{
	return error_code(error) == ERROR_FAILED && (strstr(error->message, "No such file or directory") ||
						     strstr(error->message, "cannot find the file specified"));
}

gint64 guest_file_open(Vm *vm, const char *path, const char *mode, GError **error)
{
	g_autoptr(GError) reason = NULL;
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "path", path);
	json_set_str(arguments, "mode", mode);
	json_auto json_object *handle = tools_ask(vm, "guest-file-open", arguments, TOOLS_TIMEOUT_MS, &reason);
	if (!handle && is_missing(reason))
		error_set_field(error, ERROR_NOT_FOUND, "path", NULL, "%s", reason->message);
	else if (!handle)
		g_propagate_error(error, g_steal_pointer(&reason));
	if (!handle)
		return -1;
	if (json_object_is_type(handle, json_type_int) && json_object_get_int64(handle) >= 0) {
		leftover_note_number(vm, LEFTOVER_HANDLE, json_object_get_int64(handle));
		return json_object_get_int64(handle);
	}
	error_set(error, ERROR_FAILED, NULL, "the guest agent opened the file and does not say as what");
	return -1;
}

static json_object *with_handle(gint64 handle)
{
	json_object *arguments = json_object_new_object();
	json_set_int(arguments, "handle", handle);
	return arguments;
}

GByteArray *guest_file_read(Vm *vm, gint64 handle, gsize most, gboolean *ret_end, GError **error)
{
	json_object *arguments = with_handle(handle);
	json_set_int(arguments, "count", (gint64)most);
	json_auto json_object *answer = tools_ask(vm, "guest-file-read", arguments, TOOLS_TIMEOUT_MS, error);
	if (!answer)
		return NULL;
	const char *text = json_get_str(answer, "buf-b64", "");
	gsize length = 0;
	if (strlen(text) > (most + 2) / 3 * 4 + 4) {
		error_set(error, ERROR_FAILED, NULL, "the guest agent sent more than it was asked for");
		return NULL;
	}
	guchar *bytes = g_base64_decode(text, &length);
	*ret_end = json_get_bool(answer, "eof", FALSE);
	return g_byte_array_new_take(bytes, MIN(length, most));
}

gboolean guest_file_write(Vm *vm, gint64 handle, const void *data, gsize length, GError **error)
{
	const guchar *bytes = data;
	while (length > 0) {
		json_object *arguments = with_handle(handle);
		gsize piece = MIN(length, GUEST_FILE_WRITE);
		g_autofree char *coded = g_base64_encode(bytes, piece);
		json_set_str(arguments, "buf-b64", coded);
		json_auto json_object *answer = tools_ask(vm, "guest-file-write", arguments, TOOLS_TIMEOUT_MS, error);
		gint64 count = json_get_int(answer, "count", -1);
		if (!answer)
			return FALSE;
		if (count <= 0 || count > (gint64)piece) {
			error_set(error, ERROR_FAILED, "is there room on the guest's disk?",
				  "the guest wrote nothing of a piece");
			return FALSE;
		}
		bytes += count;
		length -= (gsize)count;
	}
	return TRUE;
}

gboolean guest_file_flush(Vm *vm, gint64 handle, GError **error)
{
	json_auto json_object *done = tools_ask(vm, "guest-file-flush", with_handle(handle), TOOLS_TIMEOUT_MS, error);
	return done != NULL;
}

static gint64 seek(Vm *vm, gint64 handle, gint64 offset, const char *whence, GError **error)
{
	json_object *arguments = with_handle(handle);
	json_set_int(arguments, "offset", offset);
	json_set_str(arguments, "whence", whence);
	json_auto json_object *answer = tools_ask(vm, "guest-file-seek", arguments, TOOLS_TIMEOUT_MS, error);
	return answer ? MAX(json_get_int(answer, "position", 0), 0) : -1;
}

gint64 guest_file_measure(Vm *vm, gint64 handle, gint64 then, GError **error)
{
	gint64 size = seek(vm, handle, 0, "end", error);
	return size >= 0 && seek(vm, handle, then, "set", error) >= 0 ? size : -1;
}

gboolean guest_file_close_number(Vm *vm, gint64 handle, GError **error)
{
	json_auto json_object *done = tools_ask(vm, "guest-file-close", with_handle(handle), TOOLS_TIMEOUT_MS, error);
	return done != NULL;
}

static gboolean try_close(Vm *vm, gint64 handle)
{
	g_autoptr(GError) error = NULL;
	/* What the agent does not know is closed. */
	if (!guest_file_close_number(vm, handle, &error) && error_code(error) != ERROR_FAILED)
		return FALSE;
	leftover_forget_number(vm, LEFTOVER_HANDLE, handle);
	return TRUE;
}

void guest_file_close(Vm *vm, gint64 handle)
{
	if (try_close(vm, handle))
		return;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	if (!vm->agent_handles)
		vm->agent_handles = g_array_new(FALSE, FALSE, sizeof(gint64));
	if (vm->agent_handles->len < HANDLES_LEFT_MAX)
		g_array_append_val(vm->agent_handles, handle);
}

void guest_file_close_left(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	g_autoptr(GArray) left = g_steal_pointer(&vm->agent_handles);
	g_mutex_unlock(&vm->lock);
	gboolean answers = TRUE;
	for (guint i = 0; left && i < left->len; i++) {
		gint64 handle = g_array_index(left, gint64, i);
		if (answers && try_close(vm, handle))
			continue;
		answers = FALSE;
		g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
		if (!vm->agent_handles)
			vm->agent_handles = g_array_new(FALSE, FALSE, sizeof(gint64));
		g_array_append_val(vm->agent_handles, handle);
	}
}
