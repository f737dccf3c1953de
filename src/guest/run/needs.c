/* Opening what a guest's QEMU is given. QEMU itself can open nothing: it gets each thing as a descriptor. */
#include "guest/run/needs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/devices/firmware.h"
#include "guest/devices/nic.h"
#include "guest/devices/passthrough.h"
#include "guest/handed/handed.h"

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
		return image_open(&services->image, json_get_str(kernel, "image", ""),
				  json_get_str(kernel, "build", NULL),
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
		return nic_open(vm, document, key + 1, error);
	error_set(error, ERROR_FAILED, NULL, "QEMU's command line needs '%s', which is unknown", need);
	return -1;
}
