/* /vms/{id}/guest/exec: commands in a guest. POST begins one, GET follows it: a stream of events {"out"} and {"err"}
 * with base64, at last {"end"} or {"error"}. It is followed once, by who began it; one that nobody follows is ended. */
#include <string.h>

#include "api/guest-work.h"
#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/tools/ask.h"
#include "guest/tools/exec.h"

enum {
	FOLLOW_WITHIN_S = 30,
	PIECE_MAX = 96 << 10,
	EVENT_ROOM = 16 << 10, /* stays free for what is not output */
};

typedef struct Running {
	char *id;
	GuestWork *work;
	GuestExec *exec;
	GCond followed; /* work->stream is set */
} Running;

static GMutex lock;
static GList *all; /* Running that wait to be followed */

/* --- Output --- */

static const char *unwanted(gpointer data)
{
	Running *running = data;
	return guest_work_unwanted(running->work);
}

static gsize room(gpointer data)
{
	Running *running = data;
	gsize free_bytes = stream_room(running->work->stream);
	return free_bytes > EVENT_ROOM ? MIN((free_bytes - EVENT_ROOM) / 4 * 3, PIECE_MAX) : 0;
}

static void take(gboolean is_error, const void *bytes, gsize length, gpointer data)
{
	Running *running = data;
	g_autofree char *coded = g_base64_encode(bytes, length);
	json_auto json_object *event = json_object_new_object();
	json_set_str(event, is_error ? "err" : "out", coded);
	stream_send_event(running->work->stream, event);
}

static void tell_end(Running *running, const GuestEnd *end)
{
	json_auto json_object *event = json_object_new_object();
	json_object *body = json_object_new_object();
	json_set(event, "end", body);
	json_set(body, "code", end->code >= 0 ? json_object_new_int64(end->code) : NULL);
	json_set(body, "signal", end->signal > 0 ? json_object_new_int64(end->signal) : NULL);
	json_set_str(body, "why", end->why);
	json_set_bool(body, "cut", end->cut);
	stream_send_event(running->work->stream, event);
}

static void tell_error(Running *running, const GError *error)
{
	json_auto json_object *event = json_object_new_object();
	json_set(event, "error", error_to_json(error));
	stream_send_event(running->work->stream, event);
}

/* TRUE once somebody follows it. */
static gboolean wait_for_follower(Running *running)
{
	gint64 deadline = g_get_monotonic_time() + FOLLOW_WITHIN_S * G_USEC_PER_SEC;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	while (!running->work->stream && guest_work_is_wanted(running->work) && g_get_monotonic_time() < deadline)
		g_cond_wait_until(&running->followed, &lock, MIN(deadline, g_get_monotonic_time() + G_USEC_PER_SEC));
	all = g_list_remove(all, running);
	return running->work->stream != NULL;
}

static void running_free(Running *running)
{
	guest_exec_free(running->exec);
	guest_work_free(running->work);
	g_cond_clear(&running->followed);
	g_free(running->id);
	g_free(running);
}

static gpointer run(gpointer data)
{
	Running *running = data;
	g_autoptr(GError) error = NULL;
	GuestEnd end;
	if (!wait_for_follower(running)) {
		guest_exec_end(running->exec);
	} else {
		GuestSink sink = {unwanted, room, take, running};
		if (guest_exec_follow(running->exec, &sink, &end, &error))
			tell_end(running, &end);
		else
			tell_error(running, error);
		stream_close(running->work->stream);
	}
	running_free(running);
	return NULL;
}

/* --- Routes --- */

static Running *begin(Call *call, Vm *vm, json_object *wish, GError **error)
{
	GuestWork *work = guest_work_new(call, vm, NULL, error);
	GuestExec *exec = work ? guest_exec_start(vm, wish, error) : NULL;
	if (!exec) {
		guest_work_free(work);
		return NULL;
	}
	Running *running = g_new0(Running, 1);
	running->id = g_strdup_printf("%08x%08x", g_random_int(), g_random_int());
	running->work = work;
	running->exec = exec;
	g_cond_init(&running->followed);
	return running;
}

static json_object *describe(const Running *running)
{
	json_object *json = json_object_new_object();
	json_set_str(json, "id", running->id);
	json_set_int(json, "pid", guest_exec_pid(running->exec));
	json_set_bool(json, "streamed", guest_exec_is_streamed(running->exec));
	return json;
}

static gboolean exec_in_guest(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	if (!vm)
		return FALSE;
	json_auto json_object *wish = call_document(call, &refusal);
	if (call->plan) {
		if (wish)
			tools_check(vm, &refusal);
		g_autofree char *label = vm_label(vm);
		const char *program =
			wish ? json_object_get_string(json_object_array_get_idx(json_get(wish, "command"), 0)) : "";
		return answer_action_plan(call, g_steal_pointer(&refusal), "%s runs '%s'", label, program);
	}
	if (refusal) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	Running *running = begin(call, vm, wish, error);
	if (!running)
		return FALSE;
	json_object *answer = describe(running);
	g_mutex_lock(&lock);
	all = g_list_prepend(all, running);
	g_mutex_unlock(&lock);
	if (guest_work_run(run, running, error))
		return answer_json(call, 201, answer);
	g_mutex_lock(&lock);
	all = g_list_remove(all, running);
	g_mutex_unlock(&lock);
	json_object_put(answer);
	guest_exec_end(running->exec);
	running_free(running);
	return FALSE;
}

/* Another's looks as if it were not there. */
static Running *find_locked(Call *call, const Vm *vm)
{
	for (GList *item = all; item; item = item->next) {
		Running *running = item->data;
		if (g_str_equal(running->id, call->args[1]) && running->work->vm == vm && !running->work->stream &&
		    g_str_equal(running->work->principal->user, call->principal->user))
			return running;
	}
	return NULL;
}

static gboolean follow(Call *call, GError **error)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	if (!vm)
		return FALSE;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	Running *running = find_locked(call, vm);
	if (!running) {
		error_set(error, ERROR_NOT_FOUND, "POST to /vms/ID/guest/exec begins one, which is then followed once",
			  "there is no command '%s' that waits to be followed", call->args[1]);
		return FALSE;
	}
	running->work->stream = stream_ref(call->request->stream);
	g_cond_signal(&running->followed);
	call->response->keep_stream = TRUE;
	return answer_json(call, 200, json_object_new_object());
}

const Route guest_exec_routes[] = {
	{"POST", "/vms/{}/guest/exec", exec_in_guest, "run a command in a guest", PRIVILEGE_VM_GUEST, SCOPE_VM,
	 .plannable = TRUE, .body = &guest_exec_table, .answer = ANSWER_CREATED, .result = &guest_command_table,
	 .unkept = TRUE, .summary_ja = "ゲスト内でのコマンドの実行"},
	{"GET", "/vms/{}/guest/exec/{}/follow", follow, "follow the output of a command in a guest", PRIVILEGE_VM_GUEST,
	 SCOPE_VM, .answer = ANSWER_EVENTS, .summary_ja = "ゲスト内のコマンドの出力を追う"},
	{NULL},
};
