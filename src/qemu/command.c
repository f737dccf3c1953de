/* The command line of one VM.
 *
 * The machine is a q35 with a fixed layout, whatever the document has: adding or removing one device moves no other.
 *
 *   pcie.0 01.0  graphics card (if any)        05.0  virtio-rng
 *          02.0  virtio-scsi                   06.0  pvpanic
 *          03.0  virtio-serial (guest agent)   07.0  USB (with a graphics card, which brings a tablet, or USB devices)
 *          04.0  virtio-balloon                08.0  PATA controller (with IDE devices)
 *          09.0  watchdog (if any)             0a.0  sound card (if any)
 *          0b.0  vsock (if any)                0f.0  virtio-mem (with memory_max)
 *          10.0 to 11.7  sixteen root ports, each for one virtio-blk disk, network card, device or share of the host:
 *                        there from the beginning, since pcie.0 itself takes nothing under a running machine
 *          1f.2  q35's own SATA controller, six ports
 *
 * Drives that are made for the guest (cloud-init's, an installer's answers) take the highest SCSI target or SATA port
 * that is free, far from where disks come.
 *
 * No disk has an I/O thread: QEMU 7.2 dies when a client leaves an export of such a disk, or when it is copied before a
 * write, and backups will do both.
 *
 * Every file comes as a descriptor; those that QEMU's block layer opens are descriptor sets with the same number.
 * Whatever the document says goes into JSON arguments, or is escaped, or is checked: it cannot become an option. */
#include "qemu/command-internal.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "qemu/addresses.h"
#include "qemu/devices.h"
#include "qemu/host-devices.h"
#include "qemu/memory.h"
#include "qemu/peripherals.h"
#include "qemu/qmp.h"
#include "qemu/throttle.h"

enum { FIRST_FD = 10 };

static const char program[] = "qemu-system-x86_64";

static void clear_need(gpointer data)
{
	g_free(((QemuNeed *)data)->name);
}

static QemuCommand *command_new(void)
{
	QemuCommand *command = g_new0(QemuCommand, 1);
	command->argv = g_ptr_array_new_with_free_func(g_free);
	command->needs = g_array_new(FALSE, TRUE, sizeof(QemuNeed));
	g_array_set_clear_func(command->needs, clear_need);
	return command;
}

void qemu_command_free(QemuCommand *command)
{
	if (!command)
		return;
	g_ptr_array_unref(command->argv);
	g_array_unref(command->needs);
	g_free(command);
}

void command_add(QemuCommand *command, const char *option, const char *value)
{
	g_ptr_array_add(command->argv, g_strdup(option));
	if (value)
		g_ptr_array_add(command->argv, g_strdup(value));
}

void command_addf(QemuCommand *command, const char *option, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_ptr_array_add(command->argv, g_strdup(option));
	g_ptr_array_add(command->argv, g_strdup_vprintf(format, args));
	va_end(args);
}

/* Takes over the reference. */
static void add_json(QemuCommand *command, const char *option, json_object *value)
{
	g_ptr_array_add(command->argv, g_strdup(option));
	g_ptr_array_add(command->argv, json_dup_text(value));
	json_object_put(value);
}

char *command_dup_escaped(const char *value)
{
	g_auto(GStrv) parts = g_strsplit(value, ",", -1);
	return g_strjoinv(",,", parts);
}

static int need(QemuCommand *command, gboolean writable, const char *name, const char *key)
{
	QemuNeed item = {
		.name = key ? g_strdup_printf("%s:%s", name, key) : g_strdup(name),
		.fd = FIRST_FD + (int)command->needs->len,
		.writable = writable,
	};
	g_array_append_val(command->needs, item);
	return item.fd;
}

/* A file for the block layer: the descriptor becomes the only member of the set with its number. */
static int need_set(QemuCommand *command, gboolean writable, const char *name, const char *key)
{
	int fd = need(command, writable, name, key);
	g_autofree char *opaque =
		command_dup_escaped(g_array_index(command->needs, QemuNeed, command->needs->len - 1).name);
	command_addf(command, "-add-fd", "fd=%d,set=%d,opaque=%s", fd, fd, opaque);
	return fd;
}

/* As the guest finds them: /sys/firmware/qemu_fw_cfg/by_name/opt/org.yado/guestinfo/KEY/raw. The values come in files,
 * since whoever sees the process sees its arguments. */
static gboolean add_guestinfo(QemuCommand *command, json_object *vm, GError **error)
{
	json_object *guestinfo = json_get(vm, "guestinfo");
	g_autoptr(GPtrArray) keys = qemu_sorted_keys(guestinfo);
	for (guint i = 0; i < keys->len; i++) {
		const char *key = keys->pdata[i];
		if (strlen(key) > QEMU_GUESTINFO_KEY_MAX) {
			g_autofree char *field = g_strdup_printf("guestinfo.%s", key);
			error_set_field(error, ERROR_INVALID, field, NULL,
					"the name '%s' must have at most %d characters", key, QEMU_GUESTINFO_KEY_MAX);
			return FALSE;
		}
		command_addf(command, "-fw_cfg", "name=opt/org.yado/guestinfo/%s,file=/proc/self/fd/%d", key,
			     need(command, FALSE, "guestinfo", key));
	}
	return TRUE;
}

static void add_chardev(QemuCommand *command, const char *id, const char *options)
{
	int fd = need(command, TRUE, id, NULL);
	command_addf(command, "-chardev", "socket,id=%s,fd=%d,%s", id, fd, options);
}

static void add_sockets(QemuCommand *command, json_object *vm)
{
	static const char later[] = "server=on,wait=off";
	add_chardev(command, "qmp", QMP_CHARDEV);
	command_add(command, "-mon", "chardev=qmp,mode=control");
	/* A second monitor only writes events, to the launcher's log: there they wait for a yadod that was not running.
	 * The command that lets it begin is its input (start.c). */
	command_add(command, "-chardev", "stdio,id=events,signal=off");
	command_add(command, "-mon", "chardev=events,mode=control");
	for (guint port = 1; port <= qemu_serial_count(vm); port++) {
		g_autofree char *name = qemu_serial_name(port);
		add_chardev(command, name, later);
		add_json(command, "-device", qemu_serial_device(port));
	}
	if (json_get_bool(vm, "agent", TRUE))
		add_chardev(command, "agent", later);
}

static void add_firmware(QemuCommand *command, json_object *vm, const char *kernel_append)
{
	if (g_str_equal(json_get_str(vm, "firmware", "bios"), "uefi")) {
		int code = need_set(command, FALSE, "firmware-code", NULL);
		int vars = need_set(command, TRUE, "firmware-vars", NULL);
		add_json(command, "-blockdev",
			 qemu_file_blockdev("raw", "firmware-code", "firmware-code-file", code, TRUE));
		add_json(command, "-blockdev",
			 qemu_file_blockdev("raw", "firmware-vars", "firmware-vars-file", vars, FALSE));
	}
	/* A connected socket whose other end is swtpm. */
	if (json_get_bool(vm, "tpm", FALSE)) {
		command_addf(command, "-chardev", "socket,id=tpm,fd=%d", need(command, TRUE, "tpm", NULL));
		command_add(command, "-tpmdev", "emulator,id=tpm0,chardev=tpm");
		command_add(command, "-device", "{\"driver\":\"tpm-crb\",\"id\":\"tpm\",\"tpmdev\":\"tpm0\"}");
	}
	if (json_get(vm, "kernel")) {
		const char *own = json_get_str(json_get(vm, "kernel"), "append", "");
		const char *base = kernel_append ? kernel_append : "";
		command_addf(command, "-kernel", "/proc/self/fd/%d", need(command, FALSE, "kernel", NULL));
		command_addf(command, "-initrd", "/proc/self/fd/%d", need(command, FALSE, "initrd", NULL));
		command_addf(command, "-append", "%s%s%s", base, *base && *own ? " " : "", own);
	}
}

static gboolean has_ide(json_object *vm)
{
	const char *const maps[] = {"disks", "cdroms"};
	for (guint i = 0; i < G_N_ELEMENTS(maps); i++) {
		json_object *map = json_get(vm, maps[i]);
		if (!json_object_is_type(map, json_type_object))
			continue;
		json_object_object_foreach (map, key, device) {
			(void)key;
			if (g_str_equal(json_get_str(device, "bus", ""), "ide"))
				return TRUE;
		}
	}
	return FALSE;
}

static void add_display(QemuCommand *command, json_object *vm)
{
	json_object *display = qemu_display_device(vm);
	if (!display) {
		if (qemu_has_usb(vm))
			add_json(command, "-device", qemu_usb_controller(vm));
		return;
	}
	/* Makes the VNC server without listening: clients come by add_client. */
	command_add(command, "-vnc", "none");
	add_json(command, "-device", display);
	/* The keyboard is q35's own: with a USB keyboard QEMU gives all keys to that, and a guest without its driver is
	 * deaf. */
	add_json(command, "-device", qemu_usb_controller(vm));
	command_add(command, "-device",
		    "{\"driver\":\"usb-tablet\",\"id\":\"tablet\",\"bus\":\"usb.0\",\"port\":\"1\"}");
}

/* What comes out of the card goes nowhere: no client of the console hears it. */
static void add_sound(QemuCommand *command, json_object *vm)
{
	json_object *sound = qemu_sound_device(vm), *codec = qemu_sound_codec(vm);
	if (!sound)
		return;
	command_add(command, "-audiodev", "{\"driver\":\"none\",\"id\":\"audio\"}");
	add_json(command, "-device", sound);
	if (codec)
		add_json(command, "-device", codec);
}

static void add_layout(QemuCommand *command, json_object *vm)
{
	add_display(command, vm);
	add_json(command, "-device", qemu_fixed_device("virtio-scsi-pci", "scsi", "2.0"));
	add_json(command, "-device", qemu_fixed_device("virtio-serial-pci", "vserial", "3.0"));
	if (json_get_bool(vm, "agent", TRUE))
		command_add(command, "-device",
			    "{\"driver\":\"virtserialport\",\"id\":\"agent0\",\"bus\":\"vserial.0\",\"nr\":1,"
			    "\"chardev\":\"agent\",\"name\":\"org.qemu.guest_agent.0\"}");
	add_json(command, "-device", qemu_fixed_device("virtio-balloon-pci", QEMU_BALLOON, "4.0"));
	qemu_memory_add_device(command->argv, vm);
	json_object *rng = qemu_rng_device(vm), *watchdog = qemu_watchdog_device(vm);
	if (rng) {
		command_add(command, "-object",
			    "{\"qom-type\":\"rng-random\",\"id\":\"random\",\"filename\":\"/dev/urandom\"}");
		add_json(command, "-device", rng);
	}
	add_json(command, "-device", qemu_fixed_device("pvpanic-pci", "pvpanic", "6.0"));
	if (has_ide(vm))
		add_json(command, "-device", qemu_fixed_device("piix3-ide", "pata", "8.0"));
	if (watchdog)
		add_json(command, "-device", watchdog);
	add_sound(command, vm);
	if (json_get_bool(vm, "vsock", FALSE))
		add_json(command, "-device", qemu_vsock_device(vm, need(command, TRUE, "vsock", NULL)));
	for (guint i = 0; i < QEMU_PORTS; i++) {
		g_autofree char *id = g_strdup_printf("port%u", i);
		g_autofree char *addr = g_strdup_printf("%x.%u", 0x10 + i / 8, i % 8);
		json_object *port = qemu_fixed_device("pcie-root-port", id, addr);
		if (i % 8 == 0)
			json_set_bool(port, "multifunction", TRUE);
		json_set_int(port, "chassis", (gint64)i + 1);
		json_set_int(port, "port", i);
		add_json(command, "-device", port);
	}
}

/* Gives the field and the error for a member that a complete document has. */
static gboolean check_member(json_object *device, const char *map, const char *key, const char *member, GError **error)
{
	if (*json_get_str(device, member, ""))
		return TRUE;
	g_autofree char *field = g_strdup_printf("%s.%s.%s", map, key, member);
	error_set_field(error, ERROR_INVALID, field, NULL, "'%s' has no %s", key, member);
	return FALSE;
}

static gboolean add_disks(QemuCommand *command, json_object *vm, GError **error)
{
	json_object *disks = json_get(vm, "disks"), *cdroms = json_get(vm, "cdroms");
	g_autoptr(GPtrArray) disk_keys = qemu_sorted_keys(disks);
	g_autoptr(GPtrArray) cdrom_keys = qemu_sorted_keys(cdroms);
	for (guint i = 0; i < disk_keys->len; i++) {
		const char *key = disk_keys->pdata[i];
		if (!check_member(json_get(disks, key), "disks", key, "serial", error))
			return FALSE;
		if (!qemu_check_throttle(key, json_get(disks, key), error))
			return FALSE;
		int set = need_set(command, TRUE, "disk", key);
		add_json(command, "-blockdev", qemu_disk_blockdev(vm, key, set));
		add_json(command, "-device", qemu_disk_device(vm, key));
	}
	for (guint i = 0; i < cdrom_keys->len; i++) {
		const char *key = cdrom_keys->pdata[i];
		if (json_get_str(json_get(cdroms, key), "image", NULL)) {
			int set = need_set(command, FALSE, "cdrom", key);
			add_json(command, "-blockdev", qemu_cdrom_blockdev(vm, key, set));
		}
		add_json(command, "-device", qemu_cdrom_device(vm, key));
	}
	return TRUE;
}

gboolean qemu_has_handed(json_object *vm, const char *name)
{
	json_object *drive = json_get(vm, name);
	return drive && json_get_bool(drive, "enabled", TRUE);
}

/* Drives that are made for the guest at its start. */
static void add_handed(QemuCommand *command, json_object *vm)
{
	static const char *const names[] = {"cloud_init", "answers"};
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		if (!qemu_has_handed(vm, names[i]))
			continue;
		int set = need_set(command, FALSE, "handed", names[i]);
		add_json(command, "-blockdev", qemu_handed_blockdev(names[i], set));
		add_json(command, "-device", qemu_handed_device(vm, names[i]));
	}
}

static gboolean add_nics(QemuCommand *command, json_object *vm, GError **error)
{
	json_object *nics = json_get(vm, "nics");
	g_autoptr(GPtrArray) keys = qemu_sorted_keys(nics);
	for (guint i = 0; i < keys->len; i++) {
		const char *key = keys->pdata[i];
		if (!check_member(json_get(nics, key), "nics", key, "mac", error))
			return FALSE;
		g_autofree char *fd = g_strdup_printf("%d", need(command, TRUE, "nic", key));
		add_json(command, "-netdev", qemu_nic_netdev(vm, key, fd));
		add_json(command, "-device", qemu_nic_device(vm, key));
	}
	return TRUE;
}

static void add_host_devices(QemuCommand *command, json_object *vm)
{
	g_autoptr(GPtrArray) usb_keys = qemu_sorted_keys(json_get(vm, "usb"));
	g_autoptr(GPtrArray) pci_keys = qemu_sorted_keys(json_get(vm, "pci"));
	g_autoptr(GPtrArray) share_keys = qemu_sorted_keys(json_get(vm, "shares"));
	for (guint i = 0; i < usb_keys->len; i++) {
		const char *key = usb_keys->pdata[i];
		int set = qemu_usb_is_mapped(vm, key) ? need_set(command, TRUE, "usb", key) : -1;
		add_json(command, "-device", qemu_usb_device(vm, key, set));
	}
	for (guint i = 0; i < pci_keys->len; i++)
		add_json(command, "-device", qemu_pci_device(vm, pci_keys->pdata[i]));
	for (guint i = 0; i < share_keys->len; i++) {
		const char *key = share_keys->pdata[i];
		command_addf(command, "-chardev", "socket,id=share-%s,fd=%d", key, need(command, TRUE, "share", key));
		add_json(command, "-device", qemu_share_device(vm, key));
	}
}

static const char *const boot_maps[] = {"disks", "cdroms", "nics"};

static gboolean has_boot_device(json_object *vm, const char *name)
{
	gboolean has = FALSE;
	for (guint i = 0; name && i < G_N_ELEMENTS(boot_maps); i++)
		has |= json_get(json_get(vm, boot_maps[i]), name) != NULL;
	return has;
}

/* "disk0, cd0, nic0"; caller frees. */
static char *list_boot_devices(json_object *vm)
{
	g_autoptr(GString) list = g_string_new(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(boot_maps); i++) {
		g_autoptr(GPtrArray) keys = qemu_sorted_keys(json_get(vm, boot_maps[i]));
		for (guint j = 0; j < keys->len; j++)
			g_string_append_printf(list, "%s%s", list->len ? ", " : "", (const char *)keys->pdata[j]);
	}
	return g_strdup(list->len ? list->str : "no disk, CD drive or network card");
}

static gboolean check_boot(json_object *vm, GError **error)
{
	json_object *boot = json_get(vm, "boot");
	gsize count = json_object_is_type(boot, json_type_array) ? json_object_array_length(boot) : 0;
	for (gsize i = 0; i < count; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(boot, i));
		if (has_boot_device(vm, name))
			continue;
		g_autofree char *devices = list_boot_devices(vm), *hint = g_strconcat("it has ", devices, NULL);
		error_set_field(error, ERROR_INVALID, "boot", hint, "the guest has no device '%s' to boot from",
				name ? name : "null");
		return FALSE;
	}
	return TRUE;
}

QemuCommand *qemu_command_build(json_object *vm, gboolean kvm, const char *kernel_append, GError **error)
{
	g_autoptr(QemuCommand) command = command_new();
	g_ptr_array_add(command->argv, g_strdup(program));
	if (!check_boot(vm, error) || !qemu_check_peripherals(vm, error) || !qemu_check_addresses(vm, error) ||
	    !command_add_machine(command, vm, kvm, error))
		return NULL;
	add_sockets(command, vm);
	add_firmware(command, vm, kernel_append);
	if (!add_guestinfo(command, vm, error))
		return NULL;
	add_layout(command, vm);
	if (!add_disks(command, vm, error))
		return NULL;
	add_handed(command, vm);
	if (!add_nics(command, vm, error))
		return NULL;
	add_host_devices(command, vm);
	return g_steal_pointer(&command);
}
