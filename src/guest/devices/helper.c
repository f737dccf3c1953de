/* Helpers of a guest.
 *
 * Each is watched by its pidfd on the monitor thread, as QEMU is. It ends by itself when QEMU has, so its end is news
 * only if QEMU is still there a moment later. Then the part of the guest that it served is broken, which the guest's
 * row and status say.
 *
 * None is started anew under the guest, since QEMU 7.2 takes no second one: its TPM and vhost-user-fs devices cannot
 * begin anew, and neither can a netdev of type "stream" that has connected. (One that listens could, but it reads
 * through a NULL pointer what the guest sends before its first connection, and cannot be plugged in later by a
 * descriptor's name.) So a card comes back with being plugged in again, the others with the guest's next process. */
#include "guest/devices/helper.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/guests.h"
#include "guest/run/events.h"

enum {
	QEMU_TIMEOUT_MS = 500, /* from a helper's end to QEMU's, where that is the reason */
	TERM_TIMEOUT_MS = 2000,
	END_TIMEOUT_MS = 5000,
	LOG_MAX = 500,
};

struct Helper {
	int pidfd;       /* -1: it had ended before */
	GSource *source; /* on the monitor thread; NULL: none */
	gboolean broken;
};

/* What the names of their records begin with, and where the document has what they serve. */
static const struct {
	const char *kind, *prefix, *map, *program, *remedy;
} kinds[] = {
	{"tpm", "tpm", NULL, "swtpm", "stop and start the guest; until then its TPM does not answer"},
	{"share", "share-", "shares", "virtiofsd",
	 "stop and start the guest; until then what uses the directory in the guest waits"},
	{"nic", "nic-", "nics", "passt", "take the card off and plug it in again, or stop and start the guest"},
};

static guint kind_of(const char *name)
{
	guint kind = 0;
	while (!g_str_has_prefix(name, kinds[kind].prefix))
		kind++;
	return kind;
}

static char *part_of(const char *name)
{
	guint kind = kind_of(name);
	return kinds[kind].map ? g_strconcat(kinds[kind].map, ".", name + strlen(kinds[kind].prefix), NULL)
			       : g_strdup(kinds[kind].kind);
}

static void end_source(Helper *helper)
{
	if (helper->source)
		g_source_destroy(helper->source);
	g_clear_pointer(&helper->source, g_source_unref);
}

static void helper_free(gpointer data)
{
	Helper *helper = data;
	end_source(helper);
	fd_close(helper->pidfd);
	g_free(helper);
}

/* With the lock held. */
static Helper *find(Vm *vm, const char *name)
{
	return vm->helpers ? g_hash_table_lookup(vm->helpers, name) : NULL;
}

/* The names of those that are broken: NULL-terminated copies. */
static char **names_of_broken(Vm *vm)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	GHashTableIter iter;
	gpointer name, helper;
	if (vm->helpers) {
		g_hash_table_iter_init(&iter, vm->helpers);
		while (g_hash_table_iter_next(&iter, &name, &helper))
			if (((Helper *)helper)->broken)
				g_ptr_array_add(names, g_strdup(name));
	}
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

static void react_end(Vm *vm, gpointer data)
{
	g_autofree char *name = data, *how = NULL;
	g_mutex_lock(&vm->lock);
	fd_auto int qemu = vm->pidfd >= 0 ? dup(vm->pidfd) : -1;
	pid_t pid = vm->pid;
	g_mutex_unlock(&vm->lock);
	if (qemu < 0 || process_wait(qemu, QEMU_TIMEOUT_MS))
		return;
	/* QEMU may close its end of a helper's socket seconds before it has ended: when it was told to end, it gives the
	 * host's USB devices back in between; when it was killed, the kernel takes much memory out of the IOMMU. */
	if (vm_find_event(vm, "SHUTDOWN", NULL, 0, NULL) != 0 || process_is_ending(pid))
		return;
	g_mutex_lock(&vm->lock);
	Helper *helper = find(vm, name);
	gboolean news = helper && !helper->broken && (helper->pidfd < 0 || process_wait(helper->pidfd, 0));
	if (news)
		helper->broken = TRUE;
	g_mutex_unlock(&vm->lock);
	if (!news)
		return;
	helper_read_end(vm, name, &how);
	g_autofree char *part = part_of(name);
	g_warning("VM %" G_GINT64_FORMAT ": the %s of %s has ended: %s", vm->id, kinds[kind_of(name)].program, part,
		  how ? how : "nothing is known of why");
	vm_renew(vm);
}

typedef struct Watched {
	Vm *vm;
	char *name;
} Watched;

static void watched_free(gpointer data)
{
	Watched *watched = data;
	vm_unref(watched->vm);
	g_free(watched->name);
	g_free(watched);
}

static gboolean on_end(int fd, GIOCondition condition, gpointer data)
{
	Watched *watched = data;
	(void)fd, (void)condition;
	guests_react_slowly(watched->vm->services->guests, vm_ref(watched->vm), react_end, g_strdup(watched->name));
	return G_SOURCE_REMOVE;
}

void helper_watch(Vm *vm, const char *name, int pidfd)
{
	int own = pidfd >= 0 ? dup(pidfd) : -1;
	g_mutex_lock(&vm->lock);
	if (!vm->helpers)
		vm->helpers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, helper_free);
	Helper *helper = find(vm, name);
	if (!helper) {
		helper = g_new0(Helper, 1);
		helper->pidfd = -1;
		g_hash_table_insert(vm->helpers, g_strdup(name), helper);
	}
	gboolean was_broken = helper->broken;
	end_source(helper);
	fd_close(helper->pidfd);
	helper->pidfd = own;
	helper->broken = FALSE;
	if (own >= 0) {
		Watched *watched = g_new(Watched, 1);
		*watched = (Watched){vm_ref(vm), g_strdup(name)};
		helper->source = g_unix_fd_source_new(own, G_IO_IN);
		g_source_set_callback(helper->source, G_SOURCE_FUNC(on_end), watched, watched_free);
		g_source_attach(helper->source, qmp_monitor_context());
	}
	g_mutex_unlock(&vm->lock);
	if (own < 0)
		guests_react_slowly(vm->services->guests, vm_ref(vm), react_end, g_strdup(name));
	if (was_broken)
		vm_renew(vm);
}

void helper_forget(Vm *vm, const char *name)
{
	g_mutex_lock(&vm->lock);
	Helper *helper = find(vm, name);
	gboolean was_broken = helper && helper->broken;
	if (helper)
		g_hash_table_remove(vm->helpers, name);
	g_mutex_unlock(&vm->lock);
	if (was_broken)
		vm_renew(vm);
}

void helper_release(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	GHashTable *helpers = g_steal_pointer(&vm->helpers);
	g_mutex_unlock(&vm->lock);
	if (helpers)
		g_hash_table_unref(helpers);
}

gboolean helper_end(Vm *vm, const char *name, GError **error)
{
	g_autofree char *run_dir = g_build_filename(vm->run_dir, name, NULL);
	LaunchRecord record;
	helper_forget(vm, name);
	if (!launch_read_record(run_dir, &record, error))
		return FALSE;
	fd_auto int pidfd = record.running ? process_open(record.pid, record.start_time) : -1;
	if (pidfd >= 0) {
		process_signal(pidfd, SIGTERM);
		if (!process_wait(pidfd, TERM_TIMEOUT_MS) && process_signal(pidfd, SIGKILL))
			process_wait(pidfd, END_TIMEOUT_MS);
	}
	/* The directory must not go under its launcher's hands. */
	launch_await_exit(run_dir, END_TIMEOUT_MS, &record);
	return dir_remove(run_dir, error);
}

static void adopt(Vm *vm, const char *name)
{
	g_autofree char *run_dir = g_build_filename(vm->run_dir, name, NULL);
	LaunchRecord record;
	if (!launch_read_record(run_dir, &record, NULL) || !record.present)
		return;
	fd_auto int pidfd = record.running ? process_open(record.pid, record.start_time) : -1;
	helper_watch(vm, name, pidfd);
}

void helper_adopt(Vm *vm)
{
	json_auto json_object *applied = vm_dup_applied(vm);
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		json_object *map = kinds[i].map ? json_get(applied, kinds[i].map) : NULL;
		if (!kinds[i].map && json_get_bool(applied, kinds[i].kind, FALSE))
			adopt(vm, kinds[i].prefix);
		if (!map)
			continue;
		json_object_object_foreach (map, key, entry) {
			g_autofree char *name = g_strconcat(kinds[i].prefix, key, NULL);
			(void)entry;
			adopt(vm, name);
		}
	}
}

gboolean helper_read_end(Vm *vm, const char *name, char **ret_how)
{
	g_autofree char *run_dir = g_build_filename(vm->run_dir, name, NULL);
	LaunchRecord record;
	if (!launch_read_record(run_dir, &record, NULL) || !record.present || record.running)
		return FALSE;
	if (record.ended && record.exit_signal) {
		*ret_how =
			g_strdup_printf("killed by signal %d (%s)", record.exit_signal, strsignal(record.exit_signal));
		return TRUE;
	}
	g_autofree char *log = launch_read_log(run_dir, LOG_MAX);
	g_strstrip(g_strdelimit(log, "\n", ' '));
	*ret_how = *log || !record.ended ? g_steal_pointer(&log)
					 : g_strdup_printf("exit code %d, without a word", record.exit_code);
	return TRUE;
}

json_object *helper_describe(Vm *vm)
{
	g_auto(GStrv) names = names_of_broken(vm);
	json_object *list = NULL;
	for (char **name = names; *name; name++) {
		g_autofree char *part = part_of(*name), *how = NULL;
		guint kind = kind_of(*name);
		gboolean known = helper_read_end(vm, *name, &how) && *how;
		g_autofree char *problem = g_strdup_printf("its %s has ended%s%s", kinds[kind].program,
							   known ? ": " : "", known ? how : "");
		json_object *row = json_object_new_object();
		json_set_str(row, "part", part);
		json_set_str(row, "kind", kinds[kind].kind);
		json_set_str(row, "problem", problem);
		json_set_str(row, "remedy", kinds[kind].remedy);
		list = list ? list : json_object_new_array();
		json_object_array_add(list, row);
	}
	return list;
}

json_object *helper_list_broken(Vm *vm)
{
	json_object *list = NULL;
	GHashTableIter iter;
	gpointer name, helper;
	if (!vm->helpers)
		return NULL;
	g_hash_table_iter_init(&iter, vm->helpers);
	while (g_hash_table_iter_next(&iter, &name, &helper)) {
		if (!((Helper *)helper)->broken)
			continue;
		g_autofree char *part = part_of(name);
		list = list ? list : json_object_new_array();
		json_object_array_add(list, json_object_new_string(part));
	}
	return list;
}
