/* What is behind a guest's network cards: a tap on a bridge, with its limits, or a passt. */
#include "guest/devices/nic.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/devices/helper.h"
#include "guest/identity.h"
#include "net/passt.h"
#include "net/shape.h"
#include "net/tap.h"

guint nic_index(json_object *document, const char *key)
{
	const char *address = json_get_str(json_get(json_get(document, "nics"), key), "address", "pci:10.0");
	guint device = 0x10, function = 0;
	if (sscanf(address, "pci:%x.%u", &device, &function) != 2)
		return 0;
	return (device - 0x10) * 8 + function;
}

static gboolean has_limits(json_object *nic)
{
	return json_get(nic, "limit_receive") || json_get(nic, "limit_send");
}

gboolean nic_limit(Vm *vm, json_object *document, const char *key, GError **error)
{
	json_object *nic = json_get(json_get(document, "nics"), key);
	Shape shape = {
		.receive = (guint64)json_get_int(nic, "limit_receive", 0),
		.receive_burst = (guint64)json_get_int(nic, "limit_receive_burst", 0),
		.send = (guint64)json_get_int(nic, "limit_send", 0),
		.send_burst = (guint64)json_get_int(nic, "limit_send_burst", 0),
	};
	return !g_str_equal(json_get_str(nic, "mode", "user"), "bridge") ||
	       shape_set(vm->services->run_dir, vm->id, nic_index(document, key), &shape, error);
}

int nic_prepare(Vm *vm, json_object *document, const char *key, int *ret_peer, GError **error)
{
	json_object *nic = json_get(json_get(document, "nics"), key);
	int pair[2] = {-1, -1};
	if (g_str_equal(json_get_str(nic, "mode", "user"), "bridge")) {
		pair[0] = tap_open(vm->id, nic_index(document, key), json_get_str(nic, "bridge", ""), error);
	} else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error_set_errno(error, errno, "cannot make a socket pair");
		return -1;
	}
	if (pair[0] >= 0 && has_limits(nic) && !nic_limit(vm, document, key, error)) {
		fd_close(pair[0]);
		return -1;
	}
	if (pair[0] >= 0)
		*ret_peer = pair[1];
	return pair[0];
}

gboolean nic_start(Vm *vm, const char *key, int peer, Launched *ret_launched, GError **error)
{
	g_autofree char *run_dir = g_strdup_printf("%s/nic-%s", vm->run_dir, key);
	uid_t uid = identity_nic_uid(vm, key, error);
	return uid && passt_start(run_dir, uid, vm->cgroup, peer, ret_launched, error);
}

int nic_open(Vm *vm, json_object *document, const char *key, GError **error)
{
	fd_auto int peer = -1;
	fd_auto int fd = nic_prepare(vm, document, key, &peer, error);
	Launched launched = {.pidfd = -1};
	if (fd < 0 || (peer >= 0 && !nic_start(vm, key, peer, &launched, error)))
		return -1;
	if (peer >= 0) {
		g_autofree char *name = g_strconcat("nic-", key, NULL);
		helper_watch(vm, name, launched.pidfd);
		fd_close(launched.pidfd);
	}
	return fd_steal(&fd);
}

gboolean nic_close(Vm *vm, const char *key, GError **error)
{
	g_autofree char *name = g_strconcat("nic-", key, NULL);
	return helper_end(vm, name, error);
}
