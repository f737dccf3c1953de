/* Work in guests: how much of it there is, and whether it is still wanted. */
#include "api/guest-work.h"

#include "base/error.h"
#include "guest/guests.h"

enum { CHECK_US = 1000000 };

static GMutex lock;
static GCond changed;
static GList *all; /* GuestWork */
static gint stopping; /* atomic */

static gboolean check_share_locked(const Principal *principal, const Vm *vm, GError **error)
{
	guint mine = 0, mine_here = 0;
	if (principal->kind == PRINCIPAL_ROOT)
		return TRUE;
	for (GList *item = all; item; item = item->next) {
		const GuestWork *work = item->data;
		gboolean same = g_str_equal(work->principal->user, principal->user);
		mine += same;
		mine_here += same && work->vm == vm;
	}
	if (mine < GUEST_WORK_OF_USER && mine_here < GUEST_WORK_OF_USER_IN_ONE)
		return TRUE;
	error_set(error, ERROR_TOO_MANY, "wait until something of it has ended",
		  "%u commands and files of yours are on their way in this guest (at most %d), "
		  "%u in all (at most %d)", mine_here,
		  GUEST_WORK_OF_USER_IN_ONE, mine, GUEST_WORK_OF_USER);
	return FALSE;
}

GuestWork *guest_work_new(Call *call, Vm *vm, Stream *stream, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	guint count = 0, of_one = 0;
	for (GList *item = all; item; item = item->next) {
		count++;
		of_one += ((GuestWork *)item->data)->vm == vm;
	}
	if (count >= GUEST_WORK_MAX || of_one >= GUEST_WORK_OF_ONE || g_atomic_int_get(&stopping)) {
		error_set(error, ERROR_TOO_MANY, "wait until something of it has ended",
			  "%u commands and files are on their way in this guest (at most %d), %u in all (at most %d)",
			  of_one, GUEST_WORK_OF_ONE, count, GUEST_WORK_MAX);
		return NULL;
	}
	if (!check_share_locked(call->principal, vm, error))
		return NULL;
	GuestWork *work = g_new0(GuestWork, 1);
	work->services = call->services;
	work->principal = principal_ref(call->principal);
	work->vm = vm_ref(vm);
	work->stream = stream ? stream_ref(stream) : NULL;
	work->allowed = TRUE;
	work->checked_us = g_get_monotonic_time();
	all = g_list_prepend(all, work);
	return work;
}

void guest_work_free(GuestWork *work)
{
	if (!work)
		return;
	stream_unref(work->stream);
	vm_unref(work->vm);
	principal_unref(work->principal);
	g_mutex_lock(&lock);
	all = g_list_remove(all, work);
	g_cond_broadcast(&changed);
	g_mutex_unlock(&lock);
	g_free(work);
}

static gboolean is_allowed(GuestWork *work)
{
	gint64 now = g_get_monotonic_time();
	if (work->principal->kind == PRINCIPAL_ROOT || now - work->checked_us < CHECK_US)
		return work->allowed;
	work->checked_us = now;
	g_autoptr(Rights) rights = access_rights(work->services->access, work->principal);
	char **tags = vm_ref_tags(work->vm);
	work->allowed = access_is_valid(work->services->access, work->principal) &&
			rights_allow_vm(rights, PRIVILEGE_VM_GUEST, work->vm->path, (const char *const *)tags);
	vm_tags_unref(tags);
	return work->allowed;
}

const char *guest_work_unwanted(GuestWork *work)
{
	if (g_atomic_int_get(&stopping))
		return "stopped";
	if (work->stream && !stream_is_open(work->stream))
		return "left";
	return is_allowed(work) ? NULL : "withdrawn";
}

gboolean guest_work_is_wanted(gpointer work)
{
	return guest_work_unwanted(work) == NULL;
}

gboolean guest_work_run(GThreadFunc run, gpointer data, GError **error)
{
	g_autoptr(GError) reason = NULL;
	GThread *thread = g_thread_try_new("guest work", run, data, &reason);
	if (thread)
		g_thread_unref(thread);
	else
		error_set(error, ERROR_UNAVAILABLE, "try again", "there is no thread for it: %s", reason->message);
	return thread != NULL;
}

void guest_work_stop(void)
{
	g_atomic_int_set(&stopping, TRUE);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	while (all)
		g_cond_wait(&changed, &lock);
}
