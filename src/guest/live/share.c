/* Shares of a running guest: plugged in and taken off.
 *
 * A virtiofsd works in the guest's memory, which must have been made for that: so a guest that was started without any
 * share gets its first one with its next start. */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/devices/helper.h"
#include "guest/devices/share.h"
#include "guest/live/part.h"
#include "qemu/host-devices.h"

/* One that is there stays as it is: the guest has mounted it. */
static gboolean is_share_live(const char *field, json_object *old, json_object *new)
{
	(void)field;
	return !old || !new;
}

static gboolean has_shared_memory(Vm *vm, json_object *applied, json_object *wanted)
{
	(void)applied, (void)wanted;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return vm->memory_shared;
}

static char *device_of(const char *key)
{
	return g_strconcat("share-", key, NULL);
}

/* With the connection goes the virtiofsd. An earlier run may have come this far. */
static gboolean remove_server(Live *live, const char *key, GError **error)
{
	g_autofree char *name = device_of(key);
	json_object *arguments = json_object_new_object();
	g_autoptr(GError) local = NULL;
	helper_forget(live->vm, name);
	json_set_str(arguments, "id", name);
	if (!qmp_do(live->qmp, "chardev-remove", arguments, LIVE_TIMEOUT_MS, &local) &&
	    !strstr(local->message, "not found")) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	return helper_end(live->vm, name, error);
}

static gboolean remove_share(Live *live, const char *key, json_object *old, json_object *wanted, GError **error)
{
	(void)old;
	if (wanted)
		return TRUE;
	if (!live_unplug(live, "share-", key, error) || !remove_server(live, key, error))
		return FALSE;
	live_record(live, "shares", key, NULL);
	return TRUE;
}

static gboolean add_connection(Live *live, const char *name, int fd, GError **error)
{
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "fdname", name);
	json_auto json_object *taken = qmp_command_fd(live->qmp, "getfd", arguments, fd, LIVE_TIMEOUT_MS, error);
	if (!taken)
		return FALSE;
	if (qmp_do(live->qmp, "chardev-add", qemu_share_chardev(name), LIVE_TIMEOUT_MS, error))
		return TRUE;
	json_object *undo = json_object_new_object();
	json_set_str(undo, "fdname", name);
	qmp_do(live->qmp, "closefd", undo, LIVE_TIMEOUT_MS, NULL);
	return FALSE;
}

/* The device asks its virtiofsd while it is made, so that runs before. */
static gboolean plug_share(Live *live, const char *key, GError **error)
{
	g_autofree char *name = device_of(key);
	fd_auto int peer = -1;
	fd_auto int fd = share_prepare(live->vm, key, &peer, error);
	Launched launched = {.pidfd = -1};
	if (fd < 0 || !share_start(live->vm, live->wanted, key, peer, &launched, error))
		return FALSE;
	fd_auto int pidfd = launched.pidfd;
	fd_close(fd_steal(&peer)); /* one that has died is to be seen by QEMU as the end of its connection */
	if (!add_connection(live, name, fd, error))
		return FALSE;
	fd_close(fd_steal(&fd));
	if (!qmp_do(live->qmp, "device_add", qemu_share_device(live->wanted, key), LIVE_TIMEOUT_MS, error))
		return FALSE;
	helper_watch(live->vm, name, pidfd);
	return TRUE;
}

static gboolean apply_share(Live *live, const char *key, json_object *old, json_object *wanted, GError **error)
{
	if (old || !has_shared_memory(live->vm, live->applied, live->wanted))
		return TRUE;
	if (!live_has_device(live, "share-", key, FALSE)) {
		if (!remove_server(live, key, error))
			return FALSE;
		task_step(live->task, "plugging %s in", key);
		if (!plug_share(live, key, error)) {
			g_autofree char *name = device_of(key);
			helper_end(live->vm, name, NULL); /* QEMU may stand still until it answers */
			remove_server(live, key, NULL);
			return FALSE;
		}
	}
	live_record(live, "shares", key, wanted);
	return TRUE;
}

const LivePart live_shares = {"shares",
			      .map = TRUE,
			      .is_live = is_share_live,
			      .can_hold = has_shared_memory,
			      .remove = remove_share,
			      .apply = apply_share};
