/* What a guest says of itself: its system, who is logged in, its file systems and which of our disks they are on.
 *
 * A file system's disk is known by where it sits. The agent tells the PCI address of the controller (or, for
 * virtio-blk, of the disk), and target and unit below it. PCI buses are numbered by the guest's firmware: QEMU is asked
 * what is where. */
#include "guest/tools/info.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/tools/agent.h"
#include "guest/tools/ask.h"
#include "qemu/addresses.h"

enum {
	TEXT_MAX = 255,
	PATH_MAX_BYTES = 1024,
	FILESYSTEMS_MAX = 256,
	DISKS_MAX = 32,
	USERS_MAX = 64,
	COMMANDS_MAX = 512,
	BRIDGES_DEPTH = 8,
	DAY_S = 86400,
};

/* What a tool needs of the agent. */
static const struct {
	const char *tool, *command;
} needs[] = {
	{"exec", "guest-exec"},
	{"files", "guest-file-open"},
	{"filesystems", "guest-get-fsinfo"},
	{"freeze", "guest-fsfreeze-freeze"},
	{"password", "guest-set-user-password"},
	{"time", "guest-set-time"},
	{"trim", "guest-fstrim"},
};

static gboolean is_enabled(json_object *commands, const char *name)
{
	gsize count = MIN(json_get_count(commands), COMMANDS_MAX);
	for (gsize i = 0; i < count; i++) {
		json_object *command = json_object_array_get_idx(commands, i);
		if (g_str_equal(json_get_str(command, "name", ""), name))
			return json_get_bool(command, "enabled", FALSE);
	}
	return FALSE;
}

json_object *tools_disabled(json_object *guest_info)
{
	json_object *list = json_object_new_array();
	json_object *commands = json_get(guest_info, "supported_commands");
	for (guint i = 0; i < G_N_ELEMENTS(needs); i++)
		if (!is_enabled(commands, needs[i].command))
			json_object_array_add(list, json_object_new_string(needs[i].tool));
	return list;
}

/* --- Its system --- */

static void set_clean(json_object *json, const char *key, json_object *from, const char *member)
{
	g_autofree char *text = tools_clean(json_get_str(from, member, NULL), TEXT_MAX);
	json_set_str(json, key, text);
}

static json_object *read_os(json_object *os)
{
	json_object *json = json_object_new_object();
	set_clean(json, "id", os, "id");
	set_clean(json, "name", os, json_get(os, "pretty-name") ? "pretty-name" : "name");
	set_clean(json, "version", os, "version-id");
	set_clean(json, "kernel", os, "kernel-release");
	set_clean(json, "machine", os, "machine");
	return json;
}

/* Seconds with a fraction, since 1970. */
static void set_login(json_object *json, json_object *time)
{
	double seconds = json_object_is_type(time, json_type_double) || json_object_is_type(time, json_type_int)
				 ? json_object_get_double(time)
				 : -1;
	g_autoptr(GDateTime) at =
		seconds >= 0 && seconds < 1e11 ? g_date_time_new_from_unix_utc((gint64)seconds) : NULL;
	g_autofree char *text = at ? g_date_time_format_iso8601(at) : NULL;
	json_set_str(json, "since", text);
}

static json_object *read_users(json_object *users)
{
	json_object *list = json_object_new_array();
	gsize count = MIN(json_get_count(users), USERS_MAX);
	for (gsize i = 0; i < count; i++) {
		json_object *user = json_object_array_get_idx(users, i), *entry = json_object_new_object();
		g_autofree char *name = tools_clean(json_get_str(user, "user", "?"), TEXT_MAX);
		json_set_str(entry, "name", name);
		set_login(entry, json_get(user, "login-time"));
		json_object_array_add(list, entry);
	}
	return list;
}

static void set_clock(json_object *info, json_object *time, gint64 now_us)
{
	json_set(info, "clock_ahead_ms", NULL);
	if (json_object_is_type(time, json_type_int))
		json_set_int(info, "clock_ahead_ms", json_object_get_int64(time) / 1000000 - now_us / 1000);
}

json_object *tools_info(Vm *vm, GError **error)
{
	json_auto json_object *about = tools_ask(vm, "guest-info", NULL, TOOLS_TIMEOUT_MS, error);
	if (!about)
		return NULL;
	/* What one of these does not answer may be for many reasons; one that waits in vain is enough. */
	const char *const commands[] = {"guest-get-osinfo", "guest-get-host-name", "guest-get-timezone",
					"guest-get-users", "guest-fsfreeze-status", "guest-get-time"};
	json_object *answers[G_N_ELEMENTS(commands)] = {0};
	gint64 now_us = 0;
	gboolean alive = TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(commands) && alive; i++) {
		g_autoptr(GError) failure = NULL;
		answers[i] = tools_ask(vm, commands[i], NULL, TOOLS_TIMEOUT_MS, &failure);
		alive = !failure || error_code(failure) == ERROR_FAILED || error_code(failure) == ERROR_UNSUPPORTED;
		now_us = g_get_real_time();
	}
	json_object *info = json_object_new_object(), *zone = answers[2];
	gint64 offset = json_get_int(zone, "offset", G_MAXINT64);
	set_clean(info, "agent", about, "version");
	set_clean(info, "hostname", answers[1], "host-name");
	json_set(info, "os", read_os(answers[0]));
	set_clean(info, "timezone", zone, "zone");
	json_set(info, "utc_offset", offset >= -DAY_S && offset <= DAY_S ? json_object_new_int64(offset) : NULL);
	set_clock(info, answers[5], now_us);
	json_set(info, "users", read_users(answers[3]));
	json_set(info, "frozen", NULL);
	if (json_object_is_type(answers[4], json_type_string))
		json_set_bool(info, "frozen", g_str_equal(json_object_get_string(answers[4]), "frozen"));
	json_set(info, "disabled", tools_disabled(about));
	for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
		json_clear(&answers[i]);
	return info;
}

/* --- Its file systems --- */

/* The device's id at an address as the guest sees it; NULL if QEMU knows none there. */
static const char *find_pci(json_object *devices, json_object *address, guint depth)
{
	for (gsize i = 0; i < json_get_count(devices); i++) {
		json_object *device = json_object_array_get_idx(devices, i);
		gboolean here = json_get_int(device, "bus", -1) == json_get_int(address, "bus", -2) &&
				json_get_int(device, "slot", -1) == json_get_int(address, "slot", -2) &&
				json_get_int(device, "function", -1) == json_get_int(address, "function", -2);
		const char *id = here ? json_get_str(device, "qdev_id", NULL) : NULL;
		if (!id && depth > 0)
			id = find_pci(json_get_path(device, "pci_bridge.devices"), address, depth - 1);
		if (id)
			return id;
	}
	return NULL;
}

static const char *id_of_controller(json_object *pci, json_object *address)
{
	const char *id = NULL;
	for (gsize i = 0; i < json_get_count(pci) && !id; i++)
		id = find_pci(json_get(json_object_array_get_idx(pci, i), "devices"), address, BRIDGES_DEPTH);
	return id;
}

/* The number on the bus as the document counts it; -1: the agent tells another kind of bus. */
static gint64 slot_on_bus(json_object *disk, QemuBus bus)
{
	const char *type = json_get_str(disk, "bus-type", "");
	gint64 channel = json_get_int(disk, "bus", -1), target = json_get_int(disk, "target", -1);
	gint64 unit = json_get_int(disk, "unit", -1);
	if (bus == QEMU_BUS_SCSI && g_str_equal(type, "scsi"))
		return target;
	if (bus == QEMU_BUS_SATA && g_str_equal(type, "sata"))
		return unit;
	if (bus == QEMU_BUS_IDE && g_str_equal(type, "ide") && channel >= 0 && channel <= 1 && unit >= 0 && unit <= 1)
		return channel * 2 + unit;
	return -1;
}

/* The key of the document's disk that it is; NULL: none of ours. */
static const char *key_of_disk(json_object *hardware, json_object *pci, json_object *disk)
{
	json_object *disks = json_get(hardware, "disks");
	const char *controller = id_of_controller(pci, json_get(disk, "pci-controller"));
	if (!json_object_is_type(disks, json_type_object))
		return NULL;
	json_object_object_foreach (disks, key, entry) {
		QemuAddress address;
		const char *serial = json_get_str(entry, "serial", "");
		if (!qemu_device_address(hardware, "disks", key, &address, NULL))
			continue;
		if (address.bus == QEMU_BUS_PCI ? controller && g_str_has_prefix(controller, "disk-") &&
							  g_str_equal(controller + strlen("disk-"), key)
						: slot_on_bus(disk, address.bus) == (gint64)address.slot)
			return key;
		/* Some agents know the serial and not the place. */
		if (*serial && g_str_has_suffix(json_get_str(disk, "serial", ""), serial))
			return key;
	}
	return NULL;
}

static gboolean has_text(json_object *list, const char *text)
{
	for (gsize i = 0; i < json_get_count(list); i++)
		if (g_str_equal(json_object_get_string(json_object_array_get_idx(list, i)), text))
			return TRUE;
	return FALSE;
}

static json_object *read_disks(json_object *disks, json_object *hardware, json_object *pci)
{
	json_object *list = json_object_new_array();
	gsize count = MIN(json_get_count(disks), DISKS_MAX);
	for (gsize i = 0; i < count; i++) {
		const char *key = key_of_disk(hardware, pci, json_object_array_get_idx(disks, i));
		if (key && !has_text(list, key))
			json_object_array_add(list, json_object_new_string(key));
	}
	return list;
}

json_object *tools_read_filesystems(json_object *fsinfo, json_object *hardware, json_object *pci)
{
	json_object *list = json_object_new_array();
	gsize count = MIN(json_get_count(fsinfo), FILESYSTEMS_MAX);
	for (gsize i = 0; i < count; i++) {
		json_object *one = json_object_array_get_idx(fsinfo, i), *entry;
		g_autofree char *mountpoint = tools_clean(json_get_str(one, "mountpoint", NULL), PATH_MAX_BYTES);
		g_autofree char *device = tools_clean(json_get_str(one, "name", ""), TEXT_MAX);
		g_autofree char *type = tools_clean(json_get_str(one, "type", ""), TEXT_MAX);
		gint64 total = json_get_int(one, "total-bytes", -1), used = json_get_int(one, "used-bytes", -1);
		gboolean known = total >= 0 && used >= 0 && used <= total;
		if (!mountpoint)
			continue;
		entry = json_object_new_object();
		json_set_str(entry, "mountpoint", mountpoint);
		json_set_str(entry, "device", device);
		json_set_str(entry, "type", type);
		json_set(entry, "total", known ? json_object_new_int64(total) : NULL);
		json_set(entry, "used", known ? json_object_new_int64(used) : NULL);
		json_set(entry, "disks", read_disks(json_get(one, "disk"), hardware, pci));
		json_object_array_add(list, entry);
	}
	return list;
}

json_object *tools_filesystems(Vm *vm, GError **error)
{
	json_auto json_object *fsinfo = tools_ask(vm, "guest-get-fsinfo", NULL, TOOLS_TIMEOUT_MS, error);
	if (!fsinfo)
		return NULL;
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, NULL);
	json_auto json_object *pci = qmp ? qmp_command(qmp, "query-pci", NULL, TOOLS_TIMEOUT_MS, NULL) : NULL;
	json_auto json_object *hardware = vm_dup_applied(vm);
	return tools_read_filesystems(fsinfo, hardware, pci);
}
