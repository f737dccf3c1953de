/* What a guest has taken of the host's devices, and giving it back. */
#include "hardware/taken.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "hardware/hardware.h"

enum { BYTES_MAX = 1 << 16 };

static char *path_of(const char *run_dir)
{
	return g_build_filename(run_dir, "taken.json", NULL);
}

json_object *taken_read(const char *run_dir)
{
	g_autofree char *path = path_of(run_dir), *text = NULL;
	gsize length = 0;
	json_object *taken = file_read(path, BYTES_MAX, &text, &length, NULL) ? json_parse(text, length, NULL) : NULL;
	return taken ? taken : json_object_new_object();
}

static gboolean is_empty(json_object *taken)
{
	json_object_object_foreach (taken, part, map) {
		(void)part;
		if (json_object_object_length(map) > 0)
			return FALSE;
	}
	return TRUE;
}

gboolean taken_write(const char *run_dir, json_object *taken, GError **error)
{
	g_autofree char *path = path_of(run_dir);
	if (is_empty(taken)) {
		unlink(path);
		return TRUE;
	}
	const char *text = json_object_to_json_string_ext(taken, JSON_C_TO_STRING_PLAIN);
	return file_replace(path, text, strlen(text), 0600, error);
}

json_object *taken_describe_pci(const char *sysfs, const char *address, int group)
{
	json_object *entry = json_object_new_object();
	json_set_str(entry, "address", address);
	json_set_int(entry, "group", group);
	json_set_bool(entry, "bound", !pci_is_free(sysfs, address));
	return entry;
}

json_object *taken_describe_usb(const char *sysfs, json_object *mapping, GError **error)
{
	g_autofree char *port = usb_find(sysfs, mapping, error);
	if (!port)
		return NULL;
	g_autofree char *node = usb_node(sysfs, port);
	json_object *entry = json_object_new_object();
	json_set_str(entry, "port", port);
	json_set_str(entry, "node", node);
	return entry;
}

gboolean taken_overlaps(const char *part, json_object *one, json_object *other)
{
	if (g_str_equal(part, "pci"))
		return json_get_int(one, "group", -1) == json_get_int(other, "group", -2);
	/* One that was plugged in anew has another node. */
	return g_strcmp0(json_get_str(one, "node", NULL), json_get_str(other, "node", "")) == 0;
}

static gboolean return_pci(const char *sysfs, json_object *entry, GError **error)
{
	g_autofree char *node = pci_group_node((int)json_get_int(entry, "group", -1));
	if (chown(node, 0, (gid_t)-1) < 0 && errno != ENOENT) {
		error_set_errno(error, errno, "cannot take '%s' back", node);
		return FALSE;
	}
	return !json_get_bool(entry, "bound", FALSE) || pci_release(sysfs, json_get_str(entry, "address", ""), error);
}

static gboolean return_usb(const char *sysfs, json_object *entry, GError **error)
{
	const char *port = json_get_str(entry, "port", "");
	g_autofree char *node = usb_node(sysfs, port);
	/* It was pulled out: the host's drivers have seen, or will see, what is in the port now. */
	return g_strcmp0(node, json_get_str(entry, "node", "")) != 0 || usb_release(sysfs, port, error);
}

gboolean taken_return(const char *sysfs, const char *part, json_object *entry, GError **error)
{
	return g_str_equal(part, "pci") ? return_pci(sysfs, entry, error) : return_usb(sysfs, entry, error);
}
