/* Starting guests after a boot of the node.
 *
 * By autostart.order from the lowest to the highest; those of one order follow each other at once, or after the delay
 * that one asks for. The next order comes when all starts of the one before have ended. What does not start is tried
 * again, later and later for some minutes: after a power cut a storage or a switch may come back after this machine.
 *
 * RUN/booted has the id of the boot and the numbers of the guests that are still to be started, so that a daemon that
 * is restarted starts none twice, and none that somebody has stopped since, but goes on with what is left. */
#include "guest/run/autostart.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/guests.h"
#include "guest/run/power.h"
#include "guest/vm.h"

enum {
	MARKER_MAX = 1 << 20,
	START_WAIT_S = 120, /* for the starts of one order, which have deadlines of their own */
	RETRY_FIRST_S = 5,
	RETRY_LAST_S = 320, /* each twice the one before: the last is 10 minutes after the first */
};

typedef struct Entry {
	gint64 id, order, delay_s;
	gint64 task; /* 0: none */
} Entry;

struct Autostart {
	Services *services;
	GThread *thread;
	GMutex lock;
	GCond changed;
	gboolean closing, abandoned;
	GArray *entries; /* Entry; the thread's own */
	GHashTable *left; /* id -> itself: not started yet; the thread's own */
};

static char *marker_path(Services *services)
{
	return g_build_filename(services->run_dir, "booted", NULL);
}

static int compare_entries(gconstpointer a, gconstpointer b)
{
	const Entry *left = a, *right = b;
	return left->order != right->order ? (left->order < right->order ? -1 : 1)
					   : (left->id < right->id ? -1 : left->id > right->id);
}

static gboolean is_over(Autostart *autostart)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&autostart->lock);
	return autostart->closing;
}

static gboolean is_abandoned(Autostart *autostart)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&autostart->lock);
	return autostart->abandoned;
}

static void write_marker(Autostart *autostart)
{
	g_autoptr(GString) text = g_string_new(process_boot_id());
	g_autofree char *path = marker_path(autostart->services);
	g_autoptr(GError) error = NULL;
	GHashTableIter iter;
	gpointer id;
	g_string_append_c(text, '\n');
	g_hash_table_iter_init(&iter, autostart->left);
	while (g_hash_table_iter_next(&iter, &id, NULL))
		g_string_append_printf(text, "%" G_GINT64_FORMAT "\n", *(gint64 *)id);
	if (!file_replace(path, text->str, text->len, 0600, &error))
		g_warning("cannot record which guests of this boot were started: %s", error->message);
}

/* The numbers that a former daemon of this boot had left; NULL: this is the first. */
static GHashTable *read_marker(Services *services)
{
	g_autofree char *path = marker_path(services), *text = NULL;
	if (!file_read(path, MARKER_MAX, &text, NULL, NULL))
		return NULL;
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	if (!lines[0] || !g_str_equal(lines[0], process_boot_id()))
		return NULL;
	GHashTable *left = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	for (char **line = lines + 1; *line; line++) {
		gint64 id = g_ascii_strtoll(*line, NULL, 10);
		if (id > 0)
			g_hash_table_add(left, g_memdup2(&id, sizeof id));
	}
	return left;
}

/* Whether the guest is (still) to be started, and how. */
static gboolean read_entry(Vm *vm, Entry *ret_entry)
{
	json_auto json_object *document = vm_dup_document(vm, NULL);
	json_object *autostart = json_get(document, "autostart");
	*ret_entry = (Entry){.id = vm->id, .order = json_get_int(autostart, "order", 100),
			     .delay_s = json_get_int(autostart, "delay", 0)};
	return json_get_bool(autostart, "enabled", FALSE) && vm_get_state(vm) == VM_STOPPED;
}

/* FALSE if no more guests are to be started. */
static gboolean pause_for(Autostart *autostart, gint64 seconds)
{
	gint64 end = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&autostart->lock);
	while (!autostart->closing && g_cond_wait_until(&autostart->changed, &autostart->lock, end))
		;
	return !autostart->closing;
}

static void submit(Autostart *autostart, Entry *entry)
{
	g_autoptr(GError) error = NULL;
	Entry present;
	g_autoptr(Vm) vm = guests_get(autostart->services->guests, entry->id);
	entry->task = 0;
	if (!vm || !read_entry(vm, &present)) {
		g_hash_table_remove(autostart->left, &entry->id);
		return;
	}
	entry->task = vm_submit(vm, &vm_start_kind, "yado", NULL, &error);
	if (!entry->task)
		g_warning("cannot start VM %" G_GINT64_FORMAT " at boot: %s", entry->id, error->message);
}

/* Those that have started are done with. */
static void await_starts(Autostart *autostart, guint from, guint end)
{
	Tasks *tasks = autostart->services->tasks;
	gint64 deadline = g_get_monotonic_time() + START_WAIT_S * G_USEC_PER_SEC;
	for (guint i = from; i < end; i++) {
		const Entry *entry = &g_array_index(autostart->entries, Entry, i);
		while (entry->task && !is_over(autostart) && g_get_monotonic_time() < deadline &&
		       !tasks_wait(tasks, entry->task, 500))
			;
		json_auto json_object *task = entry->task ? tasks_describe(tasks, entry->task, NULL) : NULL;
		if (g_str_equal(json_get_str(task, "state", ""), "done"))
			g_hash_table_remove(autostart->left, &entry->id);
	}
	write_marker(autostart);
}

static gboolean start_order(Autostart *autostart, guint from, guint end)
{
	gboolean go_on = TRUE;
	for (guint i = from; i < end && go_on; i++) {
		Entry *entry = &g_array_index(autostart->entries, Entry, i);
		submit(autostart, entry);
		if (i + 1 < autostart->entries->len && entry->task)
			go_on = pause_for(autostart, entry->delay_s);
	}
	await_starts(autostart, from, end);
	return go_on && !is_over(autostart);
}

static gboolean start_all(Autostart *autostart)
{
	for (guint i = 0, end; i < autostart->entries->len; i = end) {
		gint64 order = g_array_index(autostart->entries, Entry, i).order;
		for (end = i; end < autostart->entries->len; end++)
			if (g_array_index(autostart->entries, Entry, end).order != order)
				break;
		if (!start_order(autostart, i, end))
			return FALSE;
	}
	return TRUE;
}

/* Only what is left, which keeps its order. */
static void drop_started(Autostart *autostart)
{
	for (guint i = autostart->entries->len; i-- > 0;)
		if (!g_hash_table_contains(autostart->left, &g_array_index(autostart->entries, Entry, i).id))
			g_array_remove_index(autostart->entries, i);
}

static gpointer start_in_order(gpointer data)
{
	Autostart *autostart = data;
	for (gint64 wait_s = RETRY_FIRST_S; start_all(autostart) && wait_s <= RETRY_LAST_S; wait_s *= 2) {
		drop_started(autostart);
		if (autostart->entries->len == 0)
			return NULL;
		g_warning("%u of this boot's guests did not start; they are tried again in %" G_GINT64_FORMAT " s",
			  autostart->entries->len, wait_s);
		if (!pause_for(autostart, wait_s))
			break;
	}
	if (is_abandoned(autostart) || !is_over(autostart)) {
		g_hash_table_remove_all(autostart->left);
		write_marker(autostart);
	}
	return NULL;
}

Autostart *autostart_begin(Services *services)
{
	GHashTable *former = read_marker(services);
	Autostart *autostart = g_new0(Autostart, 1);
	g_mutex_init(&autostart->lock);
	g_cond_init(&autostart->changed);
	autostart->services = services;
	autostart->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
	autostart->left = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	g_autoptr(GPtrArray) list = guests_list(services->guests, 0, 0);
	for (guint i = 0; i < list->len; i++) {
		Entry entry;
		if (!read_entry(g_ptr_array_index(list, i), &entry) ||
		    (former && !g_hash_table_contains(former, &entry.id)))
			continue;
		g_array_append_val(autostart->entries, entry);
		g_hash_table_add(autostart->left, g_memdup2(&entry.id, sizeof entry.id));
	}
	g_clear_pointer(&former, g_hash_table_destroy);
	g_array_sort(autostart->entries, compare_entries);
	write_marker(autostart);
	if (autostart->entries->len == 0) {
		autostart_free(autostart);
		return NULL;
	}
	autostart->thread = g_thread_new("autostart", start_in_order, autostart);
	return autostart;
}

static void close_autostart(Autostart *autostart, gboolean abandoned)
{
	g_mutex_lock(&autostart->lock);
	autostart->closing = TRUE;
	autostart->abandoned |= abandoned;
	g_cond_broadcast(&autostart->changed);
	g_mutex_unlock(&autostart->lock);
}

void autostart_abandon(Autostart *autostart)
{
	if (autostart)
		close_autostart(autostart, TRUE);
}

void autostart_stop(Autostart *autostart)
{
	if (!autostart)
		return;
	close_autostart(autostart, FALSE);
	if (autostart->thread)
		g_thread_join(g_steal_pointer(&autostart->thread));
}

void autostart_free(Autostart *autostart)
{
	if (!autostart)
		return;
	g_array_unref(autostart->entries);
	g_hash_table_destroy(autostart->left);
	g_cond_clear(&autostart->changed);
	g_mutex_clear(&autostart->lock);
	g_free(autostart);
}
