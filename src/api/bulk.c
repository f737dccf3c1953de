/* Files on their way. Each is in a list with who asked and what for; a change of rights goes through the list. */
#include "api/bulk.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"

struct Bulk {
	gatomicrefcount refs;
	Services *services;
	Principal *principal;
	Privilege privilege;
	char *path;
	gboolean some;
	Transfer *transfer; /* these two under the lock */
	gboolean revoked;
};

static GMutex lock;
static GList *all;

static void check_locked(Bulk *bulk)
{
	Access *access = bulk->services->access;
	if (bulk->principal->kind == PRINCIPAL_ROOT)
		return;
	g_autoptr(Rights) rights = access_rights(access, bulk->principal);
	gboolean allowed = access_is_valid(access, bulk->principal) &&
			   (bulk->some ? rights_allow_some(rights, bulk->privilege, bulk->path)
				       : rights_allow(rights, bulk->privilege, bulk->path, NULL));
	if (allowed)
		return;
	bulk->revoked = TRUE;
	if (bulk->transfer)
		transfer_cancel(bulk->transfer);
}

static void on_change(gpointer data)
{
	(void)data;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	for (GList *item = all; item; item = item->next)
		check_locked(item->data);
}

void bulk_start(Services *services)
{
	access_add_watch(services->access, on_change, NULL);
}

static gboolean check_share_locked(const Principal *principal, GError **error)
{
	guint mine = 0;
	if (principal->kind == PRINCIPAL_ROOT)
		return TRUE;
	for (GList *item = all; item; item = item->next) {
		const Bulk *bulk = item->data;
		mine += g_str_equal(bulk->principal->user, principal->user);
	}
	if (mine < BULK_USER_MAX)
		return TRUE;
	error_set(error, ERROR_TOO_MANY, "wait until one of them has ended", "%u files of yours are on their way already",
		  mine);
	return FALSE;
}

Bulk *bulk_new(Call *call, Privilege privilege, const char *path, gboolean some, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	if (!check_share_locked(call->principal, error))
		return NULL;
	Bulk *bulk = g_new0(Bulk, 1);
	g_atomic_ref_count_init(&bulk->refs);
	bulk->services = call->services;
	bulk->principal = principal_ref(call->principal);
	bulk->privilege = privilege;
	bulk->path = g_strdup(path);
	bulk->some = some;
	all = g_list_prepend(all, bulk);
	return bulk;
}

void bulk_set_transfer(Bulk *bulk, Transfer *transfer)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	bulk->transfer = transfer_ref(transfer);
	/* What changed since the request was let in has found nothing to cut. */
	check_locked(bulk);
}

Bulk *bulk_ref(Bulk *bulk)
{
	g_atomic_ref_count_inc(&bulk->refs);
	return bulk;
}

void bulk_unref(Bulk *bulk)
{
	if (!g_atomic_ref_count_dec(&bulk->refs))
		return;
	transfer_unref(bulk->transfer);
	principal_unref(bulk->principal);
	g_free(bulk->path);
	g_free(bulk);
}

gboolean bulk_end(Bulk *bulk)
{
	g_mutex_lock(&lock);
	all = g_list_remove(all, bulk);
	gboolean revoked = bulk->revoked;
	g_mutex_unlock(&lock);
	bulk_unref(bulk);
	return revoked;
}

static void on_sent(guint64 bytes, const GError *error, gpointer data)
{
	if (error)
		g_debug("a download ended after %" G_GUINT64_FORMAT " bytes: %s", bytes, error->message);
	bulk_end(data);
}

int bulk_send(Call *call, int file, guint64 length, Privilege privilege, const char *path, GError **error)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		error_set_errno(error, errno, "cannot send the file");
		return -1;
	}
	fd_auto int ours = ends[0], theirs = ends[1];
	Bulk *bulk = bulk_new(call, privilege, path, FALSE, error);
	if (!bulk)
		return -1;
	bulk_ref(bulk); /* it may end before this function */
	TransferOptions options = {.source = file, .target = ours, .limit = length, .ended = on_sent, .data = bulk};
	Transfer *transfer = transfer_start(call->services->run_dir, &options, error);
	if (transfer)
		bulk_set_transfer(bulk, transfer);
	else
		bulk_end(bulk);
	bulk_unref(bulk);
	transfer_unref(transfer);
	return transfer ? fd_steal(&theirs) : -1;
}
