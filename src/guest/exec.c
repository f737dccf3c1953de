/* Commands in a guest.
 *
 * The agent tells the output of a command only when that has ended, and at most 16 MiB of it. So in a guest with a shell
 * the output goes into two files there, which the agent has opened for us and which have no name any more when the command
 * begins: they are read while it runs, nothing of them stays, and what nobody reads stays where it is. How large they may
 * become is bounded by ending the command. A guest without a shell (Windows) gives the output at the end.
 *
 * The agent does one thing at a time, and each question here is a short one: several commands share it, and what yadod
 * itself asks comes between. */
#include "guest/exec.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/file.h"
#include "guest/tools.h"

enum {
	POLL_FIRST_MS = 10,
	POLL_LAST_MS = 250,
	GRACE_MS = 5000,       /* between asking it to end and taking its life */
	SILENCE_MS = 60000,    /* an agent that does not answer for so long is given up */
	SHORT_OUTPUT_MAX = 64 << 10,
	PREPARE_TIMEOUT_MS = 10000,
	FOLDER_LENGTH = 255,
};

struct GuestExec {
	Vm *vm;
	gint64 pid;
	gint64 handles[2]; /* of its output and its errors; -1: it has none */
	gint64 offsets[2];
	gboolean streamed, shell;
	gint64 timeout_us, output_limit;
	gboolean leave;
};

/* Where its output goes. */
static const char prepare_script[] =
	"umask 077; d=$(mktemp -d \"${TMPDIR:-/tmp}/yado-XXXXXX\") && : >\"$d/out\" && : >\"$d/err\" && echo \"$d\"";
/* With a session of its own all its children can be ended. */
static const char run_script[] =
	"exec >>\"$1/out\" 2>>\"$1/err\" || exit 126; rm -rf \"$1\"; shift; "
	"if command -v setsid >/dev/null 2>&1; then exec setsid \"$@\"; else exec \"$@\"; fi";
static const char end_script[] = "kill -\"$1\" -- \"-$2\" 2>/dev/null || kill -\"$1\" \"$2\"";

/* --- Asking --- */

static json_object *list_of(const char *const *words)
{
	json_object *list = json_object_new_array();
	for (; *words; words++)
		json_object_array_add(list, json_object_new_string(*words));
	return list;
}

/* arguments is taken over. The process, or -1. */
static gint64 begin(Vm *vm, const char *path, json_object *arguments, const char *input, gboolean capture, GError **error)
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

static json_object *ask_status(Vm *vm, gint64 pid, GError **error)
{
	json_object *arguments = json_object_new_object();
	json_set_int(arguments, "pid", pid);
	return tools_ask(vm, "guest-exec-status", arguments, TOOLS_TIMEOUT_MS, error);
}

/* Base64 of at most that many bytes; what is none is nothing. */
static GByteArray *decode(json_object *json, const char *key, gsize most)
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
	gint64 pid = begin(vm, words[0], list_of(words + 1), NULL, TRUE, error);
	guint wait_ms = POLL_FIRST_MS;
	if (pid < 0)
		return NULL;
	for (;;) {
		json_auto json_object *status = ask_status(vm, pid, error);
		if (!status)
			return NULL;
		if (json_get_bool(status, "exited", FALSE)) {
			gboolean good = json_get_int(status, "exitcode", -1) == 0;
			g_autoptr(GByteArray) output = decode(status, good ? "out-data" : "err-data", SHORT_OUTPUT_MAX);
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
		wait_ms = MIN(wait_ms * 2, POLL_LAST_MS);
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
	json_object *list = list_of(words);
	add_command(list, json_get(wish, "command"), 0);
	return begin(exec->vm, "/bin/sh", list, json_get_str(wish, "input", NULL), FALSE, error);
}

static gint64 begin_plain(GuestExec *exec, json_object *wish, GError **error)
{
	json_object *command = json_get(wish, "command"), *list = json_object_new_array();
	add_command(list, command, 1);
	return begin(exec->vm, json_object_get_string(json_object_array_get_idx(command, 0)), list,
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
	exec->streamed = exec->shell = folder != NULL;
	if (folder)
		exec->pid = begin_streamed(exec, wish, folder, error);
	else if (error_code(reason) == ERROR_FAILED)
		exec->pid = begin_plain(exec, wish, error);
	else {
		g_propagate_error(error, g_steal_pointer(&reason));
		exec->pid = -1;
	}
	if (exec->pid > 0)
		return exec;
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
	vm_unref(exec->vm);
	g_free(exec);
}

/* --- End --- */

/* Nobody waits for what becomes of it: whether it has ended is asked of the agent anyhow. */
static void end_by(GuestExec *exec, const char *signal)
{
	g_autofree char *pid = g_strdup_printf("%" G_GINT64_FORMAT, exec->pid);
	const char *unix_words[] = {"-c", end_script, "yado", signal, pid, NULL};
	const char *windows_words[] = {"/T", "/F", "/PID", pid, NULL};
	g_autoptr(GError) error = NULL;
	gint64 done = exec->shell ? begin(exec->vm, "/bin/sh", list_of(unix_words), NULL, FALSE, &error)
				  : begin(exec->vm, "taskkill", list_of(windows_words), NULL, FALSE, &error);
	if (done < 0)
		g_info("VM %" G_GINT64_FORMAT ": process %s cannot be ended: %s", exec->vm->id, pid, error->message);
}

void guest_exec_end(GuestExec *exec)
{
	end_by(exec, "TERM");
}

/* --- Following --- */

typedef struct Following {
	GuestExec *exec;
	const GuestSink *sink;
	GuestEnd *end;
	gint64 began_us, asked_us; /* asked_us: to end; 0: not yet */
	gint64 heard_us;           /* when the agent answered last */
	gint64 taken;
	gboolean killed;
} Following;

static void ask_to_end(Following *following, const char *why)
{
	if (following->asked_us)
		return;
	following->end->why = why;
	following->asked_us = g_get_monotonic_time();
	end_by(following->exec, "TERM");
}

/* Decides whether it is time to end it. FALSE: it is left to itself. */
static gboolean judge(Following *following)
{
	const GuestExec *exec = following->exec;
	gint64 now = g_get_monotonic_time();
	const char *unwanted = following->sink->unwanted(following->sink->data);
	if (unwanted && exec->leave && !following->asked_us) {
		following->end->why = unwanted;
		return FALSE;
	}
	if (unwanted)
		ask_to_end(following, unwanted);
	else if (now - following->began_us > exec->timeout_us)
		ask_to_end(following, "timeout");
	else if (following->taken > exec->output_limit)
		ask_to_end(following, "limit");
	if (following->asked_us && !following->killed && now - following->asked_us > GRACE_MS * 1000) {
		following->killed = TRUE;
		end_by(following->exec, "KILL");
	}
	return TRUE;
}

/* An agent that is busy or slow may answer the next time. */
static gboolean is_passing(Following *following, GError **inout_failure, GError **error)
{
	gboolean again = error_code(*inout_failure) == ERROR_TIMEOUT &&
			 g_get_monotonic_time() - following->heard_us < SILENCE_MS * 1000;
	if (again)
		g_clear_error(inout_failure);
	else
		g_propagate_error(error, g_steal_pointer(inout_failure));
	return again;
}

/* Hands on what is there of one of the files. *inout_some: something was. */
static gboolean carry(Following *following, guint which, gboolean *inout_some, GError **error)
{
	GuestExec *exec = following->exec;
	const GuestSink *sink = following->sink;
	gsize room = sink->room(sink->data);
	gboolean end = FALSE;
	if (room == 0 || following->end->cut)
		return TRUE;
	g_autoptr(GByteArray) bytes =
		guest_file_read(exec->vm, exec->handles[which], MIN(room, GUEST_FILE_PIECE), &end, error);
	if (!bytes)
		return FALSE;
	following->heard_us = g_get_monotonic_time();
	exec->offsets[which] += bytes->len;
	following->taken += bytes->len;
	if (bytes->len == 0)
		return TRUE;
	*inout_some = TRUE;
	sink->take(which == 1, bytes->data, bytes->len, sink->data);
	if (following->taken > exec->output_limit) {
		following->end->cut = TRUE;
		return TRUE;
	}
	if (bytes->len < GUEST_FILE_PIECE)
		return TRUE;
	/* It writes faster than it is read: how much lies there already? */
	gint64 size = guest_file_measure(exec->vm, exec->handles[which], exec->offsets[which], error);
	if (size > exec->offsets[which] && size - exec->offsets[which] > exec->output_limit - following->taken)
		ask_to_end(following, "limit");
	return size >= 0;
}

/* Both files. *ret_some: there was something, or there is no room to see. */
static gboolean carry_both(Following *following, gboolean *ret_some, GError **error)
{
	*ret_some = FALSE;
	for (guint i = 0; i < 2; i++) {
		g_autoptr(GError) failure = NULL;
		if (!carry(following, i, ret_some, &failure) && !is_passing(following, &failure, error))
			return FALSE;
	}
	return TRUE;
}

/* Of a command whose output comes at its end. */
static void take_captured(Following *following, json_object *status)
{
	static const char *const keys[] = {"out-data", "err-data"};
	static const char *const cuts[] = {"out-truncated", "err-truncated"};
	gsize left = (gsize)following->exec->output_limit;
	for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autoptr(GByteArray) bytes = decode(status, keys[i], left);
		left -= bytes->len;
		following->end->cut |= json_get_bool(status, cuts[i], FALSE) || left == 0;
		/* Whoever reads slowly is waited for as long as it is wanted at all. */
		for (gsize at = 0, part; at < bytes->len && !following->sink->unwanted(following->sink->data); at += part) {
			part = MIN(following->sink->room(following->sink->data), bytes->len - at);
			if (part == 0)
				g_usleep(POLL_FIRST_MS * 1000);
			else
				following->sink->take(i == 1, bytes->data + at, part, following->sink->data);
		}
	}
}

/* TRUE when it has ended. */
static gboolean ask_ended(Following *following, json_object **ret_status, GError **error)
{
	GuestExec *exec = following->exec;
	g_autoptr(GError) failure = NULL;
	json_object *status = ask_status(exec->vm, exec->pid, &failure);
	if (!status) {
		is_passing(following, &failure, error);
		return FALSE;
	}
	following->heard_us = g_get_monotonic_time();
	if (json_get_bool(status, "exited", FALSE)) {
		*ret_status = status;
		return TRUE;
	}
	json_object_put(status);
	return FALSE;
}

static void read_end(GuestEnd *end, json_object *status)
{
	gint64 code = json_get_int(status, "exitcode", -1), number = json_get_int(status, "signal", 0);
	end->code = CLAMP(code, -1, G_MAXUINT32);
	end->signal = code < 0 ? CLAMP(number, 0, 127) : 0;
}

/* What it wrote last is still in the files. */
static gboolean drain(Following *following, GError **error)
{
	gboolean some = TRUE;
	while (!following->end->cut) {
		if (following->sink->unwanted(following->sink->data))
			return TRUE;
		if (following->sink->room(following->sink->data) == 0) {
			g_usleep(POLL_FIRST_MS * 1000);
			continue;
		}
		if (!carry_both(following, &some, error))
			return FALSE;
		if (!some)
			return TRUE;
	}
	return TRUE;
}

gboolean guest_exec_follow(GuestExec *exec, const GuestSink *sink, GuestEnd *ret_end, GError **error)
{
	gint64 now = g_get_monotonic_time();
	Following following = {.exec = exec, .sink = sink, .end = ret_end, .began_us = now, .heard_us = now};
	guint wait_ms = POLL_FIRST_MS;
	*ret_end = (GuestEnd){.code = -1};
	while (judge(&following)) {
		g_autoptr(GError) failure = NULL;
		gboolean some = FALSE;
		json_auto json_object *status = NULL;
		if (exec->streamed && !carry_both(&following, &some, error))
			return FALSE;
		if (ask_ended(&following, &status, &failure)) {
			read_end(ret_end, status);
			if (!exec->streamed)
				take_captured(&following, status);
			return !exec->streamed || drain(&following, error);
		}
		if (failure) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return FALSE;
		}
		wait_ms = some ? POLL_FIRST_MS : MIN(wait_ms * 2, POLL_LAST_MS);
		g_usleep(wait_ms * 1000);
	}
	return TRUE;
}
