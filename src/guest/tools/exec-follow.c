/* Following a command in a guest: what it puts out, and its end. */
#include "base/error.h"
#include "base/json.h"
#include "guest/tools/exec-internal.h"
#include "guest/tools/file.h"

enum {
	GRACE_MS = 5000,    /* between asking it to end and taking its life */
	SILENCE_MS = 60000, /* an agent that does not answer for so long is given up */
};

static const char end_script[] = "kill -\"$1\" -- \"-$2\" 2>/dev/null || kill -\"$1\" \"$2\"";

/* --- End --- */

/* With what there is in the guest: the shell ends children too, and so does Windows' taskkill; a system of a few
 * programs may still have kill(1). Nobody waits for what becomes of it: whether the process has ended is asked of the
 * agent anyhow. */
static gboolean end_by(GuestExec *exec, const char *signal, GError **error)
{
	g_autofree char *pid = g_strdup_printf("%" G_GINT64_FORMAT, exec->pid);
	g_autofree char *option = g_strconcat("-", signal, NULL);
	const char *const ways[][7] = {{"/bin/sh", "-c", end_script, "yado", signal, pid},
				       {"taskkill", "/T", "/F", "/PID", pid}, {"kill", option, pid}};
	g_autoptr(GError) local = NULL;
	for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
		g_clear_error(&local);
		if (exec_begin(exec->vm, ways[i][0], exec_list_of(ways[i] + 1), NULL, FALSE, &local) >= 0)
			return TRUE;
		if (error_code(local) != ERROR_FAILED) /* the agent is not there, or may not */
			break;
	}
	g_info("VM %" G_GINT64_FORMAT ": process %s cannot be ended: %s", exec->vm->id, pid, local->message);
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

void guest_exec_end(GuestExec *exec)
{
	end_by(exec, "TERM", NULL);
}

gboolean guest_exec_end_left(Vm *vm, gint64 pid, GError **error)
{
	GuestExec exec = {.vm = vm, .pid = pid};
	static const char *const signals[] = {"TERM", "KILL"};
	for (guint tries = 0; tries < G_N_ELEMENTS(signals) * GRACE_MS / EXEC_POLL_LAST_MS; tries++) {
		json_auto json_object *status = exec_ask_status(vm, pid, error);
		if (!status || json_get_bool(status, "exited", FALSE))
			return status != NULL;
		if (tries % (GRACE_MS / EXEC_POLL_LAST_MS) == 0 &&
		    !end_by(&exec, signals[tries / (GRACE_MS / EXEC_POLL_LAST_MS)], error))
			return FALSE;
		g_usleep(EXEC_POLL_LAST_MS * 1000);
	}
	error_set(error, ERROR_FAILED, NULL, "process %" G_GINT64_FORMAT " does not end", pid);
	return FALSE;
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
	end_by(following->exec, "TERM", NULL);
}

/* Decides whether it is time to end it. FALSE: it is left to itself, at last also if it does not end (or the guest says
 * so). */
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
		end_by(following->exec, "KILL", NULL);
	}
	return !following->asked_us || now - following->asked_us <= 2 * GRACE_MS * 1000;
}

/* An agent that is busy or slow may answer the next time; it is not waited for long if nobody wants the answer. */
static gboolean is_passing(Following *following, GError **inout_failure, GError **error)
{
	gint64 patience_ms = following->asked_us ? GRACE_MS : SILENCE_MS;
	gboolean again = error_code(*inout_failure) == ERROR_TIMEOUT &&
			 g_get_monotonic_time() - following->heard_us < patience_ms * 1000;
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
		g_autoptr(GByteArray) bytes = exec_decode(status, keys[i], left);
		left -= bytes->len;
		following->end->cut |= json_get_bool(status, cuts[i], FALSE) || left == 0;
		/* Whoever reads slowly is waited for as long as it is wanted at all. */
		for (gsize at = 0, part; at < bytes->len && !following->sink->unwanted(following->sink->data);
		     at += part) {
			part = MIN(following->sink->room(following->sink->data), bytes->len - at);
			if (part == 0)
				g_usleep(EXEC_POLL_FIRST_MS * 1000);
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
	json_object *status = exec_ask_status(exec->vm, exec->pid, &failure);
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
			g_usleep(EXEC_POLL_FIRST_MS * 1000);
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
	guint wait_ms = EXEC_POLL_FIRST_MS;
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
		wait_ms = some ? EXEC_POLL_FIRST_MS : MIN(wait_ms * 2, EXEC_POLL_LAST_MS);
		g_usleep(wait_ms * 1000);
	}
	return TRUE;
}
