/* Devices that a guest has at most one of, or that have a fixed place. Their addresses are those of the layout
 * (command.c): what is not there leaves its place empty. */
#include "qemu/peripherals.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

#define MIB (1024LL * 1024)

const char *const qemu_optional_drivers[] = {
	"VGA", "virtio-vga", "qxl-vga", "vmware-svga", "cirrus-vga", "bochs-display",
	"i6300esb", "ich9-intel-hda", "hda-duplex", "AC97", "vhost-vsock-pci", NULL};

static const struct {
	const char *name, *driver;
	const char *memory; /* the property that sets its memory… */
	gint64 unit;        /* …in units of so many bytes */
	gint64 min, max;    /* MiB */
} displays[] = {
	{"vga", "VGA", "vgamem_mb", MIB, 1, 512},
	{"virtio", "virtio-vga", "max_hostmem", 1, 16, 1024},
	{"qxl", "qxl-vga", "vgamem_mb", MIB, 8, 256},
	{"vmware", "vmware-svga", "vgamem_mb", MIB, 4, 512},
	{"cirrus", "cirrus-vga", "vgamem_mb", MIB, 4, 16},
	{"bochs", "bochs-display", "vgamem", 1, 4, 256},
};

/* The document's word, and `-action watchdog=`. */
static const struct {
	const char *name, *qemu;
} watchdog_actions[] = {
	{"reset", "reset"}, {"poweroff", "poweroff"}, {"shutdown", "shutdown"},
	{"pause", "pause"}, {"nmi", "inject-nmi"},    {"none", "none"},
};

json_object *qemu_fixed_device(const char *driver, const char *id, const char *addr)
{
	json_object *json = json_object_new_object();
	json_set_str(json, "driver", driver);
	json_set_str(json, "id", id);
	json_set_str(json, "bus", "pcie.0");
	json_set_str(json, "addr", addr);
	return json;
}

/* The index in `displays`; the number of them: none. */
static guint display_of(json_object *vm)
{
	const char *name = json_get_str(vm, "display", "vga");
	guint i = 0;
	while (i < G_N_ELEMENTS(displays) && !g_str_equal(displays[i].name, name))
		i++;
	return i;
}

json_object *qemu_display_device(json_object *vm)
{
	guint i = display_of(vm);
	gint64 memory = json_get_int(vm, "display_memory", 0);
	if (i == G_N_ELEMENTS(displays))
		return NULL;
	json_object *json = qemu_fixed_device(displays[i].driver, "display", "1.0");
	if (memory > 0)
		json_set_int(json, displays[i].memory, memory / displays[i].unit);
	return json;
}

static const char *watchdog_model(json_object *vm)
{
	return json_get_str(json_get(vm, "watchdog"), "model", "none");
}

json_object *qemu_watchdog_device(json_object *vm)
{
	return g_str_equal(watchdog_model(vm), "none") ? NULL : qemu_fixed_device("i6300esb", "watchdog", "9.0");
}

const char *qemu_watchdog_action(json_object *vm)
{
	const char *name = json_get_str(json_get(vm, "watchdog"), "action", "reset");
	for (guint i = 0; i < G_N_ELEMENTS(watchdog_actions); i++)
		if (g_str_equal(watchdog_actions[i].name, name))
			return watchdog_actions[i].qemu;
	return "reset";
}

json_object *qemu_rng_device(json_object *vm)
{
	json_object *rng = json_get(vm, "rng");
	gint64 limit = json_get_int(rng, "limit", 0);
	if (g_str_equal(json_get_str(rng, "model", "virtio"), "none"))
		return NULL;
	json_object *json = qemu_fixed_device("virtio-rng-pci", "rng", "5.0");
	json_set_str(json, "rng", "random");
	if (limit > 0) {
		json_set_int(json, "max-bytes", limit);
		json_set_int(json, "period", 1000); /* ms */
	}
	return json;
}

/* The context id is the guest's number: unique on the node, and never used again. */
json_object *qemu_vsock_device(json_object *vm, int fd)
{
	json_object *json = qemu_fixed_device("vhost-vsock-pci", "vsock", "b.0");
	g_autofree char *number = g_strdup_printf("%d", fd);
	json_set_int(json, "guest-cid", json_get_int(vm, "id", 0));
	json_set_str(json, "vhostfd", number);
	return json;
}

json_object *qemu_sound_device(json_object *vm)
{
	const char *sound = json_get_str(vm, "sound", "none");
	if (g_str_equal(sound, "none"))
		return NULL;
	gboolean hda = g_str_equal(sound, "hda");
	json_object *json = qemu_fixed_device(hda ? "ich9-intel-hda" : "AC97", "sound", "a.0");
	if (!hda)
		json_set_str(json, "audiodev", "audio");
	return json;
}

json_object *qemu_sound_codec(json_object *vm)
{
	if (!g_str_equal(json_get_str(vm, "sound", "none"), "hda"))
		return NULL;
	json_object *json = json_object_new_object();
	json_set_str(json, "driver", "hda-duplex");
	json_set_str(json, "id", "codec");
	json_set_str(json, "bus", "sound.0");
	json_set_int(json, "cad", 0);
	json_set_str(json, "audiodev", "audio");
	return json;
}

guint qemu_serial_count(json_object *vm)
{
	return json_get_bool(vm, "serial", TRUE)
		       ? (guint)CLAMP(json_get_int(vm, "serial_ports", 1), 1, QEMU_SERIAL_PORTS)
		       : 0;
}

char *qemu_serial_name(guint port)
{
	return port == 1 ? g_strdup("serial") : g_strdup_printf("serial%u", port);
}

json_object *qemu_serial_device(guint port)
{
	json_object *json = json_object_new_object();
	g_autofree char *id = g_strdup_printf("serial%u", port - 1), *chardev = qemu_serial_name(port);
	json_set_str(json, "driver", "isa-serial");
	json_set_str(json, "id", id);
	json_set_str(json, "chardev", chardev);
	json_set_int(json, "index", (gint64)port - 1);
	/* The customary interrupts of the third and fourth are those of the first two. Such are not shared on this bus:
	 * with both in use the guest's console was seen to stand still. 7 and 6 were the printer's and the floppy
	 * drive's; ACPI tells the guest. */
	if (port > 2)
		json_set_int(json, "irq", port == 3 ? 7 : 6);
	return json;
}

static gboolean check_display_memory(json_object *vm, GError **error)
{
	gint64 memory = json_get_int(vm, "display_memory", 0), mib = memory / MIB;
	guint i = display_of(vm);
	if (memory == 0)
		return TRUE;
	if (i == G_N_ELEMENTS(displays)) {
		error_set_field(error, ERROR_INVALID, "display_memory", "leave it out, or choose a display",
				"display_memory has no meaning with display 'none'");
		return FALSE;
	}
	if (memory % MIB == 0 && mib >= displays[i].min && mib <= displays[i].max && (mib & (mib - 1)) == 0)
		return TRUE;
	error_set_field(error, ERROR_INVALID, "display_memory", "leave it out for the card's own default",
			"display_memory of '%s' must be a power of two from %d to %d MiB", displays[i].name,
			(int)displays[i].min, (int)displays[i].max);
	return FALSE;
}

gboolean qemu_check_peripherals(json_object *vm, GError **error)
{
	json_object *rng = json_get(vm, "rng");
	if (!check_display_memory(vm, error))
		return FALSE;
	if (json_get(rng, "limit") && g_str_equal(json_get_str(rng, "model", ""), "none")) {
		error_set_field(error, ERROR_INVALID, "rng.limit", "unset it, or use model 'virtio'",
				"rng.limit has no meaning without the device");
		return FALSE;
	}
	if (!json_get_bool(vm, "serial", TRUE) && json_get_int(vm, "serial_ports", 1) > 1) {
		error_set_field(error, ERROR_INVALID, "serial_ports", "set it to 1 too, or leave the serial port",
				"serial_ports: there cannot be more ports without the first");
		return FALSE;
	}
	return TRUE;
}

static gboolean has_driver(const char *const *drivers, const char *driver, const char *field, const char *name,
			   const char *hint, GError **error)
{
	if (g_strv_contains(drivers, driver))
		return TRUE;
	error_set_field(error, ERROR_INVALID, field, hint, "%s: this node's QEMU has no '%s' (device %s)", field, name,
			driver);
	return FALSE;
}

static gboolean check_display_driver(json_object *vm, const char *const *drivers, GError **error)
{
	guint wanted = display_of(vm);
	g_autoptr(GString) hint = g_string_new("it has ");
	if (wanted == G_N_ELEMENTS(displays))
		return TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(displays); i++)
		if (g_strv_contains(drivers, displays[i].driver))
			g_string_append_printf(hint, "%s, ", displays[i].name);
	g_string_append(hint, "none");
	return has_driver(drivers, displays[wanted].driver, "display", displays[wanted].name, hint->str, error);
}

gboolean qemu_check_drivers(json_object *vm, const char *const *drivers, GError **error)
{
	const char *sound = json_get_str(vm, "sound", "none");
	gboolean hda = g_str_equal(sound, "hda");
	if (!check_display_driver(vm, drivers, error))
		return FALSE;
	if (!g_str_equal(watchdog_model(vm), "none") &&
	    !has_driver(drivers, "i6300esb", "watchdog.model", watchdog_model(vm), "use model 'none'", error))
		return FALSE;
	if (!g_str_equal(sound, "none") &&
	    (!has_driver(drivers, hda ? "ich9-intel-hda" : "AC97", "sound", sound, "use 'none'", error) ||
	     (hda && !has_driver(drivers, "hda-duplex", "sound", sound, "use 'ac97' or 'none'", error))))
		return FALSE;
	return !json_get_bool(vm, "vsock", FALSE) ||
	       has_driver(drivers, "vhost-vsock-pci", "vsock", "vsock", "leave it off", error);
}
