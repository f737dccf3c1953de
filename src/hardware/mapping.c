/* What a mapping says, and whether it can be kept now. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "hardware/hardware.h"

/* What each kind of mapping must have and may have. */
static const struct {
	const char *kind, *required, *optional[3];
} kinds[] = {
	{"pci", "address", {"device"}},
	{"usb", "device", {"port", "serial"}},
	{"directory", "path", {NULL}},
};
static const char *const members[] = {"address", "device", "port", "serial", "path"};

/* The host's own: who could write there would be the host. */
static const char *const forbidden[] = {"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc",
					"/root", "/run", "/sbin", "/sys", "/usr", "/var/cache", "/var/lib/apt",
					"/var/lib/dpkg", "/var/lib/systemd", "/var/spool"};

gboolean directory_is_below(const char *path, const char *dir)
{
	size_t length = strlen(dir);
	return strncmp(path, dir, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static gboolean check_directory(const char *path, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(forbidden); i++)
		if (directory_is_below(path, forbidden[i]) || directory_is_below(forbidden[i], path))
			return error_refuse(error, ERROR_INVALID, "path",
					    "share a directory of data, such as /srv/media",
					    "path: what is below %s is the host's own and cannot be shared",
					    forbidden[i]);
	return TRUE;
}

gboolean mapping_complete(const char *sysfs, json_object *mapping, GError **error)
{
	const char *kind = json_get_str(mapping, "kind", ""), *path = json_get_str(mapping, "path", NULL);
	guint k = 0;
	while (k + 1 < G_N_ELEMENTS(kinds) && !g_str_equal(kinds[k].kind, kind))
		k++;
	if (!json_get(mapping, kinds[k].required)) {
		error_set_field(error, ERROR_INVALID, kinds[k].required, "'yado node devices' shows what the host has",
				"%s is missing: a mapping of kind '%s' needs it", kinds[k].required, kind);
		return FALSE;
	}
	for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
		gboolean known = g_str_equal(members[i], kinds[k].required);
		for (guint j = 0; j < G_N_ELEMENTS(kinds[k].optional) && kinds[k].optional[j]; j++)
			known |= g_str_equal(members[i], kinds[k].optional[j]);
		if (known || !json_get(mapping, members[i]))
			continue;
		error_set_field(error, ERROR_INVALID, members[i], NULL, "%s has no meaning for a mapping of kind '%s'",
				members[i], kind);
		return FALSE;
	}
	if (json_get_bool(mapping, "read_only", FALSE) && !g_str_equal(kind, "directory")) {
		error_set_field(error, ERROR_INVALID, "read_only", NULL,
				"read_only has no meaning for a mapping of kind '%s'", kind);
		return FALSE;
	}
	if (path && !check_directory(path, error))
		return FALSE;
	if (!g_str_equal(kind, "pci") || json_get(mapping, "device"))
		return TRUE;
	json_auto json_object *list = pci_list(sysfs);
	for (size_t i = 0; i < json_get_count(list); i++) {
		json_object *device = json_object_array_get_idx(list, i);
		if (!g_str_equal(json_get_str(device, "name", ""), json_get_str(mapping, "address", "")))
			continue;
		json_set_str(mapping, "device", json_get_str(device, "device", ""));
		return TRUE;
	}
	error_set_field(error, ERROR_INVALID, "address",
			"'yado node devices' shows what there is; of a device that will come, "
			"give its numbers as well (device)",
			"there is no PCI device at %s", json_get_str(mapping, "address", ""));
	return FALSE;
}

int directory_open(const char *path, GError **error)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
	if (fd < 0 && errno == ELOOP)
		error_set_field(error, ERROR_INVALID, "path",
				"name the directory itself ('realpath' shows it): a link could be turned elsewhere",
				"the path '%s' leads over a symbolic link", path);
	else if (fd < 0)
		error_set_field(error, ERROR_INVALID, "path", "name a directory that is there",
				"cannot open the directory '%s': %s", path, g_strerror(errno));
	return fd;
}

gboolean mapping_check(const char *sysfs, json_object *mapping, GError **error)
{
	const char *kind = json_get_str(mapping, "kind", "");
	if (g_str_equal(kind, "pci"))
		return pci_check(sysfs, mapping, NULL, NULL, error);
	if (g_str_equal(kind, "usb")) {
		g_autofree char *node = usb_find(sysfs, mapping, error);
		return node != NULL;
	}
	fd_auto int fd = directory_open(json_get_str(mapping, "path", ""), error);
	return fd >= 0;
}

gboolean mapping_names(json_object *mapping, json_object *device)
{
	const char *bus = json_get_str(device, "bus", ""), *name = json_get_str(device, "name", "");
	const char *port = json_get_str(mapping, "port", NULL), *serial = json_get_str(mapping, "serial", NULL);
	if (!g_str_equal(json_get_str(mapping, "kind", ""), bus))
		return FALSE;
	if (g_str_equal(bus, "pci"))
		return g_str_equal(json_get_str(mapping, "address", ""), name);
	return g_str_equal(json_get_str(mapping, "device", ""), json_get_str(device, "device", "")) &&
	       (!port || g_str_equal(port, name)) &&
	       (!serial || g_str_equal(serial, json_get_str(device, "serial", "")));
}
