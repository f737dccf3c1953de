/* All guests of this node.
 *
 * The table is keyed by id and sorted by it (a GTree). The store's watch keeps it true: whoever commits a "vm/ID"
 * document, here it appears, changes or goes. What guests do by themselves (power off, panic, die) arrives on the
 * monitor thread, which only queues a reaction; a few threads run these, since they talk to QEMU and to the disk. What
 * talks to guests' agents, which may take seconds to give no answer, has threads of its own. */
#include "guest/devices/firmware-setup.h"
#include "guest/guests.h"

#include <malloc.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/run/adopt.h"
#include "guest/run/watch.h"
#include "guest/tools/freeze.h"
#include "guest/unique.h"
#include "guest/vm.h"

enum {
	ADOPTION_THREADS = 16,
	REACTION_THREADS = 4,
	/* An agent that hangs takes one for 5 s out of 15 (agent.c). */
	SLOW_THREADS = 8,
};

struct Guests {
	Services *services;
	GMutex lock;
	GTree *by_id;        /* gint64* -> Vm* */
	GHashTable *by_name; /* name -> Vm* (borrowed from by_id) */
	Unique *unique;      /* what must be one of its kind */
	guint watch_id;
	GuestsWatch watch;
	gpointer watch_data;
	GHashTable *queued; /* of Reaction: those that no thread has begun with */
	GThreadPool *reactions, *slow_reactions;
	gint64 holder; /* the task for which no guest is started; 0: none */
};

typedef struct Reaction {
	Vm *vm;
	GuestReaction run;
	gpointer data;
} Reaction;

static int compare_ids(gconstpointer a, gconstpointer b, gpointer data)
{
	(void)data;
	gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;
	return left < right ? -1 : left > right;
}

static gint64 id_of_path(const char *path)
{
	return g_ascii_strtoll(path + strlen("vm/"), NULL, 10);
}

/* Who shares something with a guest that has changed may share it no longer, or may only now. */
static void tell_others(Guests *guests, GArray *ids)
{
	for (guint i = 0; i < ids->len; i++) {
		g_autoptr(Vm) other = guests_get(guests, g_array_index(ids, gint64, i));
		if (other)
			vm_set_shared(other, unique_is_shared(guests->unique, other->id));
	}
}

static void follow(const char *path, gint64 rev, json_object *body, gpointer data)
{
	Guests *guests = data;
	gint64 id = id_of_path(path);
	g_autoptr(GArray) others = unique_follow(guests->unique, id, body);

	g_mutex_lock(&guests->lock);
	Vm *vm = g_tree_lookup(guests->by_id, &id);
	Vm *held = NULL;
	gboolean fresh = body && !vm;
	if (fresh) {
		vm = vm_new(guests->services, id);
		vm_load_document(vm, body, rev);
		g_tree_insert(guests->by_id, &vm->id, vm);
	}
	if (vm) {
		held = vm_ref(vm);
		if (vm->name && g_hash_table_lookup(guests->by_name, vm->name) == vm)
			g_hash_table_remove(guests->by_name, vm->name);
		if (body)
			g_hash_table_insert(guests->by_name, g_strdup(json_get_str(body, "name", "")), vm);
		else
			g_tree_remove(guests->by_id, &id);
	}
	GuestsWatch watch = guests->watch;
	gpointer watch_data = guests->watch_data;
	g_mutex_unlock(&guests->lock);

	if (fresh)
		guests_notify(guests, held);
	else if (held && body)
		vm_set_document(held, body, rev);
	else if (held && watch)
		watch(id, NULL, watch_data);
	if (held && body)
		vm_set_shared(held, unique_is_shared(guests->unique, id));
	tell_others(guests, others);
	if (held && !body) {
		g_mutex_lock(&held->lock);
		held->deleted = TRUE;
		g_mutex_unlock(&held->lock);
	}
	vm_unref(held);
}

static guint hash_reaction(gconstpointer item)
{
	const Reaction *reaction = item;
	return g_direct_hash(reaction->vm) ^ (guint)(guintptr)reaction->run ^ g_direct_hash(reaction->data);
}

static gboolean is_same_reaction(gconstpointer a, gconstpointer b)
{
	const Reaction *one = a, *other = b;
	return one->vm == other->vm && one->run == other->run && one->data == other->data;
}

static void react(gpointer item, gpointer data)
{
	Guests *guests = data;
	Reaction *reaction = item;
	g_mutex_lock(&guests->lock);
	g_hash_table_remove(guests->queued, reaction);
	g_mutex_unlock(&guests->lock);
	reaction->run(reaction->vm, reaction->data);
	vm_unref(reaction->vm);
	g_free(reaction);
}

Guests *guests_new(Services *services, GError **error)
{
	Guests *guests = g_new0(Guests, 1);
	guests->services = services;
	g_mutex_init(&guests->lock);
	guests->by_id = g_tree_new_full(compare_ids, NULL, NULL, (GDestroyNotify)vm_unref);
	guests->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	guests->unique = unique_new();
	guests->queued = g_hash_table_new(hash_reaction, is_same_reaction);
	guests->reactions = g_thread_pool_new(react, guests, REACTION_THREADS, FALSE, NULL);
	guests->slow_reactions = g_thread_pool_new(react, guests, SLOW_THREADS, FALSE, NULL);
	services->guests = guests;

	g_autoptr(GPtrArray) documents = store_list(services->store, "vm/", error);
	if (!documents) {
		guests_free(guests);
		return NULL;
	}
	for (guint i = 0; i < documents->len; i++) {
		Doc *doc = g_ptr_array_index(documents, i);
		follow(doc->path, doc->rev, doc->body, guests);
	}
	if (!firmware_setup_load(services, error)) {
		guests_free(guests);
		return NULL;
	}
	/* All documents as trees are ten times what is kept of them; malloc would not give that back by itself. */
	g_clear_pointer(&documents, g_ptr_array_unref);
	malloc_trim(0);
	guests->watch_id = store_watch(services->store, "vm/", follow, guests);
	return guests;
}

static gboolean release_process(gpointer key, gpointer value, gpointer data)
{
	(void)key;
	(void)data;
	/* While nobody is there to thaw it, no guest is left frozen. */
	freeze_end(value);
	vm_release_process(value);
	return FALSE;
}

typedef struct Barrier {
	GMutex lock;
	GCond changed;
	gboolean passed;
} Barrier;

static gboolean pass(gpointer data)
{
	Barrier *barrier = data;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&barrier->lock);
	barrier->passed = TRUE;
	g_cond_signal(&barrier->changed);
	return G_SOURCE_REMOVE;
}

/* Returns when the monitor thread has done with all callbacks that it had begun. */
static void wait_for_monitor_thread(void)
{
	static Barrier barrier; /* not on the stack: the thread's unlocking may come last */
	GSource *source = g_idle_source_new();
	barrier.passed = FALSE;
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, pass, &barrier, NULL);
	g_source_attach(source, qmp_monitor_context());
	g_source_unref(source);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&barrier.lock);
	while (!barrier.passed)
		g_cond_wait(&barrier.changed, &barrier.lock);
}

void guests_hold_starts(Guests *guests, gint64 task)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&guests->lock);
	guests->holder = task;
}

gboolean guests_check_starts(Guests *guests, GError **error)
{
	g_mutex_lock(&guests->lock);
	gint64 task = guests->holder;
	g_mutex_unlock(&guests->lock);
	if (!task)
		return TRUE;
	error_set(error, ERROR_CONFLICT, "start it when that task has ended, or once the machine is up again",
		  "all guests of this node are being shut down, by task %" G_GINT64_FORMAT, task);
	return FALSE;
}

void guests_free(Guests *guests)
{
	if (!guests)
		return;
	if (guests->watch_id)
		store_unwatch(guests->services->store, guests->watch_id);
	/* Without a process, nothing is left that queues a reaction: its monitor is closed, its timer and the watch on
	 * its end are gone, and a reaction that still runs makes no new timer (agent.c). Only a callback that had begun
	 * could still queue one. */
	g_tree_foreach(guests->by_id, release_process, NULL);
	wait_for_monitor_thread();
	g_thread_pool_free(guests->reactions, FALSE, TRUE);
	g_thread_pool_free(guests->slow_reactions, FALSE, TRUE);
	guests->services->guests = NULL; /* reactions found us there until now */
	g_hash_table_destroy(guests->queued);
	g_hash_table_destroy(guests->by_name);
	unique_free(guests->unique);
	g_tree_destroy(guests->by_id);
	g_mutex_clear(&guests->lock);
	g_free(guests);
}

Unique *guests_unique(Guests *guests)
{
	return guests->unique;
}

Vm *guests_get(Guests *guests, gint64 id)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&guests->lock);
	Vm *vm = g_tree_lookup(guests->by_id, &id);
	return vm ? vm_ref(vm) : NULL;
}

Vm *guests_find(Guests *guests, const char *id_or_name, GError **error)
{
	char *end = NULL;
	gint64 id = g_ascii_strtoll(id_or_name, &end, 10);
	Vm *vm = NULL;

	if (end != id_or_name && *end == '\0') {
		vm = guests_get(guests, id);
	} else {
		g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&guests->lock);
		vm = g_hash_table_lookup(guests->by_name, id_or_name);
		if (vm)
			vm_ref(vm);
	}
	if (!vm)
		error_set(error, ERROR_NOT_FOUND, "'yado vm list' shows what there is", "there is no VM '%s'",
			  id_or_name);
	return vm;
}

GPtrArray *guests_list(Guests *guests, gint64 after, guint limit)
{
	GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)vm_unref);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&guests->lock);
	for (GTreeNode *node = g_tree_upper_bound(guests->by_id, &after); node; node = g_tree_node_next(node)) {
		if (limit && list->len >= limit)
			break;
		g_ptr_array_add(list, vm_ref(g_tree_node_value(node)));
	}
	return list;
}

guint guests_count(Guests *guests)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&guests->lock);
	return (guint)g_tree_nnodes(guests->by_id);
}

guint guests_count_alive(Guests *guests)
{
	g_autoptr(GPtrArray) list = guests_list(guests, 0, 0);
	guint count = 0;
	for (guint i = 0; i < list->len; i++)
		count += vm_state_is_alive(vm_get_state(g_ptr_array_index(list, i)));
	return count;
}

void guests_set_watch(Guests *guests, GuestsWatch watch, gpointer data)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&guests->lock);
	guests->watch = watch;
	guests->watch_data = data;
}

void guests_notify(Guests *guests, Vm *vm)
{
	g_mutex_lock(&guests->lock);
	GuestsWatch watch = guests->watch;
	gpointer data = guests->watch_data;
	g_mutex_unlock(&guests->lock);
	if (!watch)
		return;
	GRefString *row = vm_ref_row(vm);
	if (row) {
		watch(vm->id, row, data);
		g_ref_string_release(row);
	}
}

/* One that waits already will see what this one would: a QEMU that floods us with events makes no more work than one
 * event, and keeps no other guest's waiting. */
static void push(Guests *guests, GThreadPool *pool, Vm *vm, GuestReaction reaction, gpointer data)
{
	Reaction *queued = g_new(Reaction, 1);
	*queued = (Reaction){.vm = vm, .run = reaction, .data = data};
	g_mutex_lock(&guests->lock);
	gboolean fresh = !g_hash_table_contains(guests->queued, queued) && g_hash_table_add(guests->queued, queued);
	g_mutex_unlock(&guests->lock);
	if (fresh) {
		g_thread_pool_push(pool, queued, NULL);
		return;
	}
	vm_unref(vm);
	g_free(queued);
}

void guests_react(Guests *guests, Vm *vm, GuestReaction reaction, gpointer data)
{
	push(guests, guests->reactions, vm, reaction, data);
}

void guests_react_slowly(Guests *guests, Vm *vm, GuestReaction reaction, gpointer data)
{
	push(guests, guests->slow_reactions, vm, reaction, data);
}

static void adopt(gpointer vm, gpointer data)
{
	(void)data;
	vm_adopt(vm);
}

void guests_adopt(Guests *guests)
{
	g_autoptr(GPtrArray) list = guests_list(guests, 0, 0);
	/* Each QEMU has some seconds for its answer: many that stand still must not add up. */
	GThreadPool *pool = g_thread_pool_new(adopt, NULL, ADOPTION_THREADS, FALSE, NULL);
	for (guint i = 0; i < list->len; i++)
		g_thread_pool_push(pool, g_ptr_array_index(list, i), NULL);
	g_thread_pool_free(pool, FALSE, TRUE);
	adopt_strays(guests->services);
}
