/* Shutting down all guests of the node.
 *
 * In the reverse of the order in which a boot starts them: autostart.order from the highest to the lowest, guests of
 * the same order at the same time. Each is a task vm.shutdown of its own, with the guest's own time; one that has not
 * ended by then is turned off, whatever its setting says, since the machine would do it next. What hinders one guest is
 * told and does not hold up the others. Meanwhile no guest can be started (guests_hold_starts()), and those that were
 * being started are shut down when that is done.
 *
 * The task can be run again from its beginning, so that a yadod that is restarted goes on with it; but not after a boot
 * of the machine, where it would stop what has just been started. */
#include "guest/run/node-shutdown.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/guests.h"
#include "guest/run/autostart.h"
#include "guest/run/power.h"
#include "guest/vm.h"

enum {
	POLL_MS = 200,
	/* Beyond a guest's own time: for its claim, and for turning it off. */
	MARGIN_S = 60,
	/* As many shutdowns as work at once (power.c): a guest's time must not go by in a queue. */
	TOGETHER_MAX = 64,
};

static const TaskPool node_pool = {"node", 2};

typedef struct Leaving {
	Vm *vm;
	char *label;
	gint64 order, timeout_s, task;
	gint64 asked_us, deadline_us; /* monotonic */
	gboolean ended;
} Leaving;

static void leaving_clear(gpointer data)
{
	Leaving *leaving = data;
	vm_unref(leaving->vm);
	g_free(leaving->label);
}

/* The reverse of what boot.c does. */
static int compare_leaving(gconstpointer a, gconstpointer b)
{
	const Leaving *left = a, *right = b;
	return left->order != right->order ? (left->order > right->order ? -1 : 1)
					   : (left->vm->id > right->vm->id ? -1 : left->vm->id < right->vm->id);
}

/* Guests that live and are not among those that were tried, in their order. */
static GArray *list_leaving(Services *services, GHashTable *tried, gint64 max_s)
{
	GArray *array = g_array_new(FALSE, FALSE, sizeof(Leaving));
	g_array_set_clear_func(array, leaving_clear);
	g_autoptr(GPtrArray) list = guests_list(services->guests, 0, 0);
	for (guint i = 0; i < list->len; i++) {
		Vm *vm = g_ptr_array_index(list, i);
		if (!vm_state_is_alive(vm_get_state(vm)) || (tried && g_hash_table_contains(tried, &vm->id)))
			continue;
		json_auto json_object *document = vm_dup_document(vm, NULL);
		gint64 timeout_s = json_get_int(json_get(document, "shutdown"), "timeout", 90);
		Leaving leaving = {
			.vm = vm_ref(vm),
			.label = vm_label(vm),
			.order = json_get_int(json_get(document, "autostart"), "order", 100),
			.timeout_s = max_s ? MIN(max_s, timeout_s) : timeout_s,
		};
		g_array_append_val(array, leaving);
	}
	g_array_sort(array, compare_leaving);
	return array;
}

static Leaving *leaving_at(GArray *array, guint index)
{
	return &g_array_index(array, Leaving, index);
}

/* How many of the first ones have the same order. */
static guint count_same(GArray *array)
{
	guint count = 0;
	while (count < array->len && leaving_at(array, count)->order == leaving_at(array, 0)->order)
		count++;
	return count;
}

typedef struct Progress {
	Services *services;
	Task *task;
	guint done, total;
	GString *failed; /* labels */
	guint failures;
} Progress;

static void tell_failure(Progress *progress, const Leaving *leaving, const char *why)
{
	task_step(progress->task, "%s is not shut down: %s", leaving->label, why);
	g_string_append_printf(progress->failed, "%s%s", progress->failed->len ? ", " : "", leaving->label);
	progress->failures++;
}

static void tell_end(Progress *progress, const Leaving *leaving)
{
	json_auto json_object *task = tasks_describe(progress->services->tasks, leaving->task, NULL);
	if (!g_str_equal(json_get_str(task, "state", ""), "done")) {
		tell_failure(progress, leaving,
			     json_get_str(json_get(task, "error"), "message", "it is not known why"));
		return;
	}
	g_mutex_lock(&leaving->vm->lock);
	g_autofree char *reason = g_strdup(leaving->vm->reason);
	g_mutex_unlock(&leaving->vm->lock);
	task_step(progress->task, "%s has stopped after %.1f s: %s", leaving->label,
		  (double)(g_get_monotonic_time() - leaving->asked_us) / G_USEC_PER_SEC, reason);
}

static void ask(Progress *progress, Leaving *leaving)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *args = json_object_new_object();
	json_set_bool(args, "node", TRUE);
	json_set_str(args, "action", "stop");
	json_set_int(args, "timeout", leaving->timeout_s);
	leaving->asked_us = g_get_monotonic_time();
	leaving->deadline_us = leaving->asked_us + (leaving->timeout_s + MARGIN_S) * G_USEC_PER_SEC;
	leaving->task = vm_submit(leaving->vm, &vm_shutdown_kind, task_user(progress->task), args, &error);
	if (leaving->task) {
		task_step(progress->task,
			  "%s (order %" G_GINT64_FORMAT ") is shut down within %" G_GINT64_FORMAT " s, task %"
			  G_GINT64_FORMAT, leaving->label, leaving->order, leaving->timeout_s, leaving->task);
		return;
	}
	leaving->ended = TRUE;
	tell_failure(progress, leaving, error->message);
}

/* Whether it has ended, or nobody waits for it any longer. */
static gboolean look_after(Progress *progress, Leaving *leaving)
{
	if (tasks_wait(progress->services->tasks, leaving->task, 0)) {
		tell_end(progress, leaving);
		return TRUE;
	}
	if (g_get_monotonic_time() < leaving->deadline_us)
		return FALSE;
	/* It never had its turn, or its QEMU does not die. */
	tasks_cancel(progress->services->tasks, leaving->task, NULL);
	tell_failure(progress, leaving, "other work on it, or its process, has not come to an end in time");
	return TRUE;
}

/* Guests of one order, until the last has ended. FALSE if the task is to stop. */
static gboolean shut_down_together(Progress *progress, GArray *array, guint count, GError **error)
{
	guint left = 0;
	for (guint i = 0; i < count; i++) {
		ask(progress, leaving_at(array, i));
		left += !leaving_at(array, i)->ended;
	}
	progress->done += count - left;
	while (left > 0) {
		const Leaving *first = NULL;
		for (guint i = 0; i < count; i++) {
			Leaving *leaving = leaving_at(array, i);
			if (leaving->ended)
				continue;
			leaving->ended = look_after(progress, leaving);
			left -= leaving->ended;
			progress->done += leaving->ended;
			if (!leaving->ended && !first)
				first = leaving;
		}
		task_progress(progress->task, progress->done, progress->total, "guests");
		if (task_check_cancelled(progress->task, error)) {
			for (guint i = 0; i < count; i++)
				if (!leaving_at(array, i)->ended)
					tasks_cancel(progress->services->tasks, leaving_at(array, i)->task, NULL);
			return FALSE;
		}
		if (first)
			tasks_wait(progress->services->tasks, first->task, POLL_MS);
	}
	return TRUE;
}

static gboolean shut_down_all(Progress *progress, gint64 max_s, GError **error)
{
	g_autoptr(GHashTable) tried = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	for (;;) {
		g_autoptr(GArray) array = list_leaving(progress->services, tried, max_s);
		guint count = MIN(count_same(array), TOGETHER_MAX);
		if (count == 0)
			return TRUE;
		progress->total = progress->done + array->len;
		task_progress(progress->task, progress->done, progress->total, "guests");
		for (guint i = 0; i < count; i++)
			g_hash_table_add(tried, g_memdup2(&leaving_at(array, i)->vm->id, sizeof(gint64)));
		if (!shut_down_together(progress, array, count, error))
			return FALSE;
	}
}

static gboolean run(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	/* Also one that was still in the queue then. */
	if (!g_str_equal(json_get_str(task_args(task), "boot", ""), process_boot_id())) {
		error_set(error, ERROR_FAILED, NULL, "the node was restarted before all its guests were shut down");
		return FALSE;
	}
	Progress progress = {.services = services, .task = task, .failed = g_string_new(NULL)};
	guests_hold_starts(services->guests, task_id(task));
	autostart_abandon(g_atomic_pointer_get(&services->autostart));
	gboolean ok = shut_down_all(&progress, json_get_int(task_args(task), "timeout", 0), error);
	/* Again: this task may have been here before that began. */
	autostart_abandon(g_atomic_pointer_get(&services->autostart));
	guests_hold_starts(services->guests, 0);
	if (ok && progress.failures > 0) {
		error_set(error, ERROR_FAILED, "see the log of their tasks; 'yado vm stop' takes a guest's power",
			  "%u of %u guests %s not shut down: %s", progress.failures, progress.done,
			  progress.failures == 1 ? "is" : "are", progress.failed->str);
		ok = FALSE;
	} else if (ok) {
		task_step(task, progress.done ? "all guests have stopped" : "no guest ran");
	}
	g_string_free(progress.failed, TRUE);
	return ok;
}

static gboolean recover(Task *task, json_object *steps, gpointer data, GError **error)
{
	(void)steps;
	return run(task, data, error);
}

const TaskKind node_shutdown_kind = {"node.shutdown-guests", &node_pool, .cancellable = TRUE, .queue = TRUE,
				     .resumes = TRUE, .run = run, .recover = recover};

gint64 node_shutdown_submit(Services *services, const char *user, gint64 timeout_s, GError **error)
{
	g_autofree char *object = g_strconcat("node/", services->node, NULL);
	json_auto json_object *args = json_object_new_object();
	json_set_str(args, "boot", process_boot_id());
	if (timeout_s)
		json_set_int(args, "timeout", timeout_s);
	return tasks_submit(services->tasks, &node_shutdown_kind, object, user, args, NULL, error);
}

json_object *node_shutdown_describe(Services *services, gint64 timeout_s)
{
	json_object *sentences = json_object_new_array();
	g_autoptr(GArray) array = list_leaving(services, NULL, timeout_s);
	for (guint i = 0; i < array->len; i++) {
		const Leaving *leaving = leaving_at(array, i);
		gboolean with = i > 0 && leaving_at(array, i - 1)->order == leaving->order;
		g_autofree char *text =
			g_strdup_printf("%s (order %" G_GINT64_FORMAT ") is shut down%s; after %" G_GINT64_FORMAT
					" s its power is turned off",
					leaving->label, leaving->order,
					i == 0 ? ""
					: with ? " at the same time"
					       : " next",
					leaving->timeout_s);
		json_object_array_add(sentences, json_object_new_string(text));
	}
	if (array->len == 0)
		json_object_array_add(sentences, json_object_new_string("nothing: no guest runs"));
	return sentences;
}
