/* Opening what a guest's QEMU is given. QEMU itself can open nothing: it gets each thing as a descriptor. */
#include "guest/run/open.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/devices/firmware.h"
#include "guest/devices/helper.h"
#include "guest/devices/passthrough.h"
#include "guest/handed/handed.h"
#include "guest/identity.h"
#include "net/passt.h"
#include "net/shape.h"
#include "net/tap.h"
#include "sandbox/cgroup.h"

char *vm_socket_path(Vm *vm, const char *name)
{
	return g_strdup_printf("%s/%s.sock", vm->run_dir, name);
}

static int listen_socket(Vm *vm, const char *name, GError **error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_autofree char *path = vm_socket_path(vm, name);

	if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
		error_set(error, ERROR_FAILED, "start yadod with a shorter --run directory",
			  "the socket path '%s' is too long", path);
		return -1;
	}
	unlink(path);
	fd_auto int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* The directory is 0700 and root's, so nobody else gets near the socket between bind and chmod. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || chmod(path, 0600) < 0 ||
	    listen(fd, 4) < 0) {
		error_set_errno(error, errno, "cannot listen on '%s'", path);
		return -1;
	}
	return fd_steal(&fd);
}

static int open_file(const char *path, gboolean writable, GError **error)
{
	int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		error_set_errno(error, errno, "cannot open '%s'", path);
	return fd;
}

guint vm_nic_index(json_object *document, const char *key)
{
	const char *address = json_get_str(json_get(json_get(document, "nics"), key), "address", "pci:10.0");
	guint device = 0x10, function = 0;
	if (sscanf(address, "pci:%x.%u", &device, &function) != 2)
		return 0;
	return (device - 0x10) * 8 + function;
}

static char *nic_run_dir(Vm *vm, const char *key)
{
	return g_strdup_printf("%s/nic-%s", vm->run_dir, key);
}

static gboolean has_limits(json_object *nic)
{
	return json_get(nic, "limit_receive") || json_get(nic, "limit_send");
}

gboolean vm_limit_nic(Vm *vm, json_object *document, const char *key, GError **error)
{
	json_object *nic = json_get(json_get(document, "nics"), key);
	Shape shape = {
		.receive = (guint64)json_get_int(nic, "limit_receive", 0),
		.receive_burst = (guint64)json_get_int(nic, "limit_receive_burst", 0),
		.send = (guint64)json_get_int(nic, "limit_send", 0),
		.send_burst = (guint64)json_get_int(nic, "limit_send_burst", 0),
	};
	return !g_str_equal(json_get_str(nic, "mode", "user"), "bridge") ||
	       shape_set(vm->services->run_dir, vm->id, vm_nic_index(document, key), &shape, error);
}

int vm_prepare_nic(Vm *vm, json_object *document, const char *key, int *ret_peer, GError **error)
{
	json_object *nic = json_get(json_get(document, "nics"), key);
	int pair[2] = {-1, -1};
	if (g_str_equal(json_get_str(nic, "mode", "user"), "bridge")) {
		pair[0] = tap_open(vm->id, vm_nic_index(document, key), json_get_str(nic, "bridge", ""), error);
	} else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error_set_errno(error, errno, "cannot make a socket pair");
		return -1;
	}
	if (pair[0] >= 0 && has_limits(nic) && !vm_limit_nic(vm, document, key, error)) {
		fd_close(pair[0]);
		return -1;
	}
	if (pair[0] >= 0)
		*ret_peer = pair[1];
	return pair[0];
}

gboolean vm_start_nic(Vm *vm, const char *key, int peer, Launched *ret_launched, GError **error)
{
	g_autofree char *run_dir = nic_run_dir(vm, key);
	uid_t uid = identity_nic_uid(vm, key, error);
	return uid && passt_start(run_dir, uid, vm->cgroup, peer, ret_launched, error);
}

int vm_open_nic(Vm *vm, json_object *document, const char *key, GError **error)
{
	fd_auto int peer = -1;
	fd_auto int fd = vm_prepare_nic(vm, document, key, &peer, error);
	Launched launched = {.pidfd = -1};
	if (fd < 0 || (peer >= 0 && !vm_start_nic(vm, key, peer, &launched, error)))
		return -1;
	if (peer >= 0) {
		g_autofree char *name = g_strconcat("nic-", key, NULL);
		helper_watch(vm, name, launched.pidfd);
		fd_close(launched.pidfd);
	}
	return fd_steal(&fd);
}

gboolean vm_close_nic(Vm *vm, const char *key, GError **error)
{
	g_autofree char *name = g_strconcat("nic-", key, NULL);
	return helper_end(vm, name, error);
}

/* The kernel that starts fastest knows nothing of UEFI, shows nothing on a screen, and finds no TPM. */
static const char *kernel_file(json_object *document)
{
	gboolean plain = g_str_equal(json_get_str(document, "firmware", ""), "bios") &&
			 g_str_equal(json_get_str(document, "display", ""), "none") &&
			 !json_get_bool(document, "tpm", FALSE);
	return plain ? "kernel" : "kernel-efi";
}

int vm_open_need(Vm *vm, json_object *document, const char *need, gboolean writable, GError **error)
{
	Services *services = vm->services;
	json_object *kernel = json_get(document, "kernel");

	if (g_str_equal(need, "qmp") || g_str_has_prefix(need, "serial") || g_str_equal(need, "agent"))
		return listen_socket(vm, need, error);
	if (g_str_equal(need, "kernel") || g_str_equal(need, "initrd"))
		return image_open(&services->image, json_get_str(kernel, "image", ""), json_get_str(kernel, "build", NULL),
				  g_str_equal(need, "kernel") ? kernel_file(document) : need, error);
	if (g_str_equal(need, "vsock"))
		return open_file("/dev/vhost-vsock", writable, error);
	if (g_str_equal(need, "firmware-code"))
		return firmware_open_code(document, error);
	if (g_str_equal(need, "firmware-vars"))
		return firmware_open_volume(services, vm->id, "firmware", error);
	const char *key = strchr(need, ':');
	if (key && g_str_has_prefix(need, "guestinfo:"))
		return handed_open_guestinfo(document, key + 1, error);
	if (key && g_str_has_prefix(need, "handed:"))
		return handed_open_drive(services, document, key + 1, error);
	if (key && g_str_has_prefix(need, "disk:")) {
		json_object *disk = json_get(json_get(document, "disks"), key + 1);
		return volume_open(&services->storage, json_get_str(disk, "storage", ""),
				   json_get_str(disk, "volume", ""), writable, error);
	}
	if (key && g_str_has_prefix(need, "cdrom:")) {
		json_object *cdrom = json_get(json_get(document, "cdroms"), key + 1);
		return image_open(&services->image, json_get_str(cdrom, "image", ""), NULL, "disk", error);
	}
	if (key && g_str_has_prefix(need, "usb:"))
		return passthrough_open_usb(vm, document, key + 1, error);
	if (key && g_str_has_prefix(need, "nic:"))
		return vm_open_nic(vm, document, key + 1, error);
	error_set(error, ERROR_FAILED, NULL, "QEMU's command line needs '%s', which is unknown", need);
	return -1;
}
