/* Commands in a guest.
 *
 * The agent tells the output of a command only when that has ended, and at most 16 MiB of it. So in a guest with a
 * shell the output goes into two files there, which the agent has opened for us and which have no name any more when
 * the command begins: they are read while it runs, nothing of them stays, and what nobody reads stays where it is. How
 * large they may become is bounded by ending the command. A guest without a shell (Windows) gives the output at the
 * end.
 *
 * The agent does one thing at a time, and each question here is a short one: several commands share it, and what yadod
 * itself asks comes between. */
#include "guest/tools/exec-internal.h"

#include "base/error.h"
#include "base/json.h"
#include "guest/tools/ask.h"
#include "guest/tools/file.h"
#include "guest/tools/leftover.h"

enum { SHORT_OUTPUT_MAX = 64 << 10, PREPARE_TIMEOUT_MS = 10000, FOLDER_LENGTH = 255 };

/* Where its output goes. */
static const char prepare_script[] =
	"umask 077; d=$(mktemp -d \"${TMPDIR:-/tmp}/yado-XXXXXX\") && : >\"$d/out\" && : >\"$d/err\" && echo \"$d\"";
/* With a session of its own all its children can be ended. */
static const char run_script[] =
	"exec >>\"$1/out\" 2>>\"$1/err\" || exit 126; rm -rf \"$1\"; shift; "
	"if command -v setsid >/dev/null 2>&1; then exec setsid \"$@\"; else exec \"$@\"; fi";

/* --- Asking --- */

json_object *exec_list_of(const char *const *words)
{
	json_object *list = json_object_new_array();
	for (; *words; words++)
		json_object_array_add(list, json_object_new_string(*words));
	return list;
}

gint64 exec_begin(Vm *vm, const char *path, json_object *arguments, const char *input, gboolean capture,
		  GError **error)
{
	json_object *request = json_object_new_object();
	json_set_str(request, "path", path);
	json_set(request, "arg", arguments);
	if (input)
		json_set_str(request, "input-data", input);
	json_set_bool(request, "capture-output", capture);
	json_auto json_object *answer = tools_ask(vm, "guest-exec", request, TOOLS_TIMEOUT_MS, error);
	gint64 pid = json_get_int(answer, "pid", -1);
	if (answer && pid <= 0)
		error_set(error, ERROR_FAILED, NULL, "the guest agent began a process and does not say which");
	return answer && pid > 0 ? pid : -1;
}

json_object *exec_ask_status(Vm *vm, gint64 pid, GError **error)
{
	json_object *arguments = json_object_new_object();
	json_set_int(arguments, "pid", pid);
	return tools_ask(vm, "guest-exec-status", arguments, TOOLS_TIMEOUT_MS, error);
}

GByteArray *exec_decode(json_object *json, const char *key, gsize most)
{
	gsize length = 0;
	g_autofree guchar *bytes = g_base64_decode(json_get_str(json, key, ""), &length);
	GByteArray *array = g_byte_array_new();
	g_byte_array_append(array, bytes, (guint)MIN(length, most));
	return array;
}

/* --- Short ones of our own --- */

char *guest_exec_run(Vm *vm, const char *const *words, guint timeout_ms, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	gint64 pid = exec_begin(vm, words[0], exec_list_of(words + 1), NULL, TRUE, error);
	guint wait_ms = EXEC_POLL_FIRST_MS;
	if (pid < 0)
		return NULL;
	for (;;) {
		json_auto json_object *status = exec_ask_status(vm, pid, error);
		if (!status)
			return NULL;
		if (json_get_bool(status, "exited", FALSE)) {
			gboolean good = json_get_int(status, "exitcode", -1) == 0;
			g_autoptr(GByteArray) output =
				exec_decode(status, good ? "out-data" : "err-data", SHORT_OUTPUT_MAX);
			char *text = g_strndup(output->data ? (const char *)output->data : "", output->len);
			if (good)
				return text;
			g_autofree char *why = tools_clean(g_strstrip(text), 400);
			g_free(text);
			error_set(error, ERROR_FAILED, NULL, "in the guest: %s", *why ? why : "the command failed");
			return NULL;
		}
		if (g_get_monotonic_time() > deadline) {
			error_set(error, ERROR_TIMEOUT, NULL, "a command in the guest does not end");
			return NULL;
		}
		g_usleep(wait_ms * 1000);
		wait_ms = MIN(wait_ms * 2, EXEC_POLL_LAST_MS);
	}
}

/* --- Start --- */

static gboolean is_folder(const char *text)
{
	g_autofree char *clean = tools_clean(text, FOLDER_LENGTH);
	return text[0] == '/' && g_str_equal(text, clean);
}

static void close_files(GuestExec *exec)
{
	for (guint i = 0; i < G_N_ELEMENTS(exec->handles); i++) {
		if (exec->handles[i] >= 0)
			guest_file_close(exec->vm, exec->handles[i]);
		exec->handles[i] = -1;
	}
}

/* The folder that the command's output goes to, with both files open; NULL: this guest cannot do that. */
static char *prepare(GuestExec *exec, GError **error)
{
	static const char *const names[] = {"out", "err"};
	const char *words[] = {"/bin/sh", "-c", prepare_script, NULL};
	char *folder = guest_exec_run(exec->vm, words, PREPARE_TIMEOUT_MS, error);
	if (!folder)
		return NULL;
	g_strchomp(folder);
	if (!is_folder(folder)) {
		error_set(error, ERROR_FAILED, NULL, "the guest has no place for the output");
		g_free(folder);
		return NULL;
	}
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_strconcat(folder, "/", names[i], NULL);
		exec->handles[i] = guest_file_open(exec->vm, path, "r", error);
		if (exec->handles[i] < 0) {
			close_files(exec);
			g_free(folder);
			return NULL;
		}
	}
	return folder;
}

static void add_command(json_object *list, json_object *command, gsize from)
{
	for (gsize i = from; i < json_get_count(command); i++)
		json_object_array_add(list, json_object_get(json_object_array_get_idx(command, i)));
}

static gint64 begin_streamed(GuestExec *exec, json_object *wish, const char *folder, GError **error)
{
	const char *words[] = {"-c", run_script, "yado", folder, NULL};
	json_object *list = exec_list_of(words);
	add_command(list, json_get(wish, "command"), 0);
	return exec_begin(exec->vm, "/bin/sh", list, json_get_str(wish, "input", NULL), FALSE, error);
}

static gint64 begin_plain(GuestExec *exec, json_object *wish, GError **error)
{
	json_object *command = json_get(wish, "command"), *list = json_object_new_array();
	add_command(list, command, 1);
	return exec_begin(exec->vm, json_object_get_string(json_object_array_get_idx(command, 0)), list,
		     json_get_str(wish, "input", NULL), TRUE, error);
}

GuestExec *guest_exec_start(Vm *vm, json_object *wish, GError **error)
{
	GuestExec *exec = g_new0(GuestExec, 1);
	g_autoptr(GError) reason = NULL;
	exec->vm = vm_ref(vm);
	exec->handles[0] = exec->handles[1] = -1;
	exec->timeout_us = json_get_int(wish, "timeout", 3600) * G_USEC_PER_SEC;
	exec->output_limit = json_get_int(wish, "output_limit", 64 << 20);
	exec->leave = json_get_bool(wish, "leave", FALSE);
	g_autofree char *folder = prepare(exec, &reason);
	exec->streamed = folder != NULL;
	if (folder)
		exec->pid = begin_streamed(exec, wish, folder, error);
	else if (error_code(reason) == ERROR_FAILED)
		exec->pid = begin_plain(exec, wish, error);
	else {
		g_propagate_error(error, g_steal_pointer(&reason));
		exec->pid = -1;
	}
	if (exec->pid > 0) {
		if (!exec->leave)
			leftover_note_number(vm, LEFTOVER_PROCESS, exec->pid);
		return exec;
	}
	guest_exec_free(exec);
	return NULL;
}

gint64 guest_exec_pid(const GuestExec *exec)
{
	return exec->pid;
}

gboolean guest_exec_is_streamed(const GuestExec *exec)
{
	return exec->streamed;
}

void guest_exec_free(GuestExec *exec)
{
	if (!exec)
		return;
	close_files(exec);
	if (exec->pid > 0 && !exec->leave)
		leftover_forget_number(exec->vm, LEFTOVER_PROCESS, exec->pid);
	vm_unref(exec->vm);
	g_free(exec);
}
