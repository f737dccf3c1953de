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
 *          10.0 to 11.7  sixteen root ports, each for one virtio-blk disk, network card, device or share of the host
 *          1f.2  q35's own SATA controller, six ports
 *
 * Drives that are made for the guest (cloud-init's, an installer's answers) take the highest SCSI target or SATA port that
 * is free, far from where disks come.
 *
 * Every file comes as a descriptor; those that QEMU's block layer opens are descriptor sets with the same number.
 * Whatever the document says goes into JSON arguments, or is escaped, or is checked: it cannot become an option. */
#include "qemu/command.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "qemu/addresses.h"
#include "qemu/devices.h"
#include "qemu/host-devices.h"
#include "qemu/memory.h"
#include "qemu/peripherals.h"
#include "qemu/processors.h"
#include "qemu/throttle.h"

enum { FIRST_FD = 10, APIC_ID_MAX = 254 };

static const char program[] = "qemu-system-x86_64";
static const gint64 mib = 1024 * 1024;

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

static void add(QemuCommand *command, const char *option, const char *value)
{
	g_ptr_array_add(command->argv, g_strdup(option));
	if (value)
		g_ptr_array_add(command->argv, g_strdup(value));
}

static void addf(QemuCommand *command, const char *option, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void addf(QemuCommand *command, const char *option, const char *format, ...)
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

/* In QEMU's comma lists a doubled comma stands for itself. */
static char *dup_escaped(const char *value)
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
	g_autofree char *opaque = dup_escaped(g_array_index(command->needs, QemuNeed, command->needs->len - 1).name);
	addf(command, "-add-fd", "fd=%d,set=%d,opaque=%s", fd, fd, opaque);
	return fd;
}

/* DMTF DSP0134: the system (type 1), its board (2) and its chassis (3). */
static void add_smbios(QemuCommand *command, json_object *vm)
{
	static const struct {
		const char *field, *option;
	} system[] = {{"manufacturer", "manufacturer"}, {"product", "product"}, {"version", "version"},
		      {"serial", "serial"},             {"sku", "sku"},         {"family", "family"}};
	json_object *smbios = json_get(vm, "smbios");
	g_autoptr(GString) text = g_string_new("type=1");
	for (guint i = 0; i < G_N_ELEMENTS(system); i++) {
		const char *value = json_get_str(smbios, system[i].field, NULL);
		g_autofree char *escaped = value ? dup_escaped(value) : NULL;
		if (escaped)
			g_string_append_printf(text, ",%s=%s", system[i].option, escaped);
	}
	if (strchr(text->str, ','))
		add(command, "-smbios", text->str);
	const char *asset = json_get_str(smbios, "asset_tag", NULL);
	g_autofree char *escaped = asset ? dup_escaped(asset) : NULL;
	for (guint type = 2; escaped && type <= 3; type++)
		addf(command, "-smbios", "type=%u,asset=%s", type, escaped);
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
			error_set_field(error, ERROR_INVALID, field, NULL, "the name '%s' must have at most %d characters", key,
					QEMU_GUESTINFO_KEY_MAX);
			return FALSE;
		}
		addf(command, "-fw_cfg", "name=opt/org.yado/guestinfo/%s,file=/proc/self/fd/%d", key,
		     need(command, FALSE, "guestinfo", key));
	}
	return TRUE;
}

static guint bits_for(gint64 count)
{
	return count > 1 ? (guint)g_bit_storage((gulong)count - 1) : 0;
}

/* What Windows asks of a hypervisor (docs/system/i386/hyperv.rst of QEMU). KVM does the work: QEMU's translator cannot. */
static const char hyperv_flags[] = "hv-relaxed,hv-vapic,hv-spinlocks=0x1fff,hv-vpindex,hv-runtime,hv-synic,hv-stimer,hv-time,"
				   "hv-frequencies,hv-reset,hv-tlbflush,hv-ipi";

/* The model with what is added to it and taken from it; whoever said nothing of a feature gets the model's. TCG has
 * AMD's virtualization, KVM the one of the host's processor. Without SVM QEMU's translator also ends the list of CPUID's
 * extended leaves before the one with the sizes of addresses, and guests go astray: so its end is stated. */
static char *describe_model(json_object *cpu, const char *model, gboolean kvm)
{
	GString *text = g_string_new(model);
	json_object *flags = json_get(cpu, "flags"), *nested = json_get(cpu, "nested");
	gboolean without_svm = nested && !json_object_get_boolean(nested);
	if (kvm && json_get_bool(cpu, "hyperv", FALSE))
		g_string_append_printf(text, ",%s", hyperv_flags);
	for (gsize i = 0; i < json_get_count(flags); i++) {
		const char *flag = json_object_get_string(json_object_array_get_idx(flags, i));
		g_string_append_printf(text, ",%s=%s", flag + 1, *flag == '+' ? "on" : "off");
		without_svm |= !nested && g_str_equal(flag, "-svm");
	}
	if (nested && json_object_get_boolean(nested))
		g_string_append(text, kvm && processors_have_vmx() ? ",vmx=on" : ",svm=on");
	else if (nested)
		g_string_append(text, ",vmx=off,svm=off");
	if (without_svm && !kvm)
		g_string_append(text, ",min-xlevel=0x8000000a");
	return g_string_free(text, FALSE);
}

static gboolean check_flags(json_object *cpu, GError **error)
{
	json_object *flags = json_get(cpu, "flags");
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	for (gsize i = 0; i < json_get_count(flags); i++) {
		const char *flag = json_object_get_string(json_object_array_get_idx(flags, i));
		gboolean named = (*flag == '+' || *flag == '-') && flag[1] &&
				 flag[1 + strspn(flag + 1, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
		if (!named || !g_hash_table_add(seen, (char *)flag + 1)) {
			error_set_field(error, ERROR_INVALID, "cpu.flags", "name each feature once, as +aes or -aes",
					"'%s' is not a CPU feature to add or take away, or contradicts another", flag);
			return FALSE;
		}
	}
	return TRUE;
}

static gboolean add_cpus(QemuCommand *command, json_object *vm, gboolean kvm, GError **error)
{
	json_object *cpu = json_get(vm, "cpu");
	const char *model = json_get_str(cpu, "model", "host");
	gint64 sockets = json_get_int(cpu, "sockets", 1), cores = json_get_int(cpu, "cores", 1);
	gint64 threads = json_get_int(cpu, "threads", 1);

	if (strchr(model, ',') || *model == '-') {
		error_set_field(error, ERROR_INVALID, "cpu.model", NULL, "'%s' is not a CPU model", model);
		return FALSE;
	}
	if (!check_flags(cpu, error))
		return FALSE;
	/* Cores and threads take whole bits of the APIC id, which without x2APIC ends at 254. */
	gint64 last = (sockets - 1) << (bits_for(cores) + bits_for(threads)) | (cores - 1) << bits_for(threads) |
		      (threads - 1);
	if (sockets < 1 || cores < 1 || threads < 1 || last > APIC_ID_MAX) {
		error_set_field(error, ERROR_INVALID, "cpu.cores", "use fewer sockets, cores or threads",
				"%" G_GINT64_FORMAT " sockets with %" G_GINT64_FORMAT " cores of %" G_GINT64_FORMAT
				" threads are more than a virtual machine can have (255 CPUs, counting gaps)",
				sockets, cores, threads);
		return FALSE;
	}
	guint nodes = qemu_memory_nodes(vm);
	if (sockets % nodes != 0) {
		error_set_field(error, ERROR_INVALID, "cpu.numa", "make cpu.sockets a multiple of it",
				"%u NUMA nodes cannot share %" G_GINT64_FORMAT " socket(s): a socket is in one of them", nodes,
				sockets);
		return FALSE;
	}
	if (json_get_int(vm, "memory", 0) / nodes < MAX(qemu_memory_page(vm), mib)) {
		error_set_field(error, ERROR_INVALID, "cpu.numa", "give it more memory, or smaller pages",
				"%u NUMA nodes cannot share the memory: each needs a page of it", nodes);
		return FALSE;
	}
	/* With a thread for each of several CPUs, QEMU's translator loses races when the host is busy: of 90 boots with four
	 * CPUs under QEMU 7.2 one ended in a segmentation fault of QEMU and one in a kernel that met an old breakpoint for
	 * ever, of 120 with one thread none. A single CPU keeps its own way: "thread=single" only then lacks the clock that
	 * kicks the thread, and guests were seen to stall. */
	add(command, "-accel", kvm ? "kvm" : sockets * cores * threads > 1 ? "tcg,thread=single" : "tcg");
	g_autofree char *whole = describe_model(cpu, g_str_equal(model, "host") && !kvm ? "max" : model, kvm);
	add(command, "-cpu", whole);
	addf(command, "-smp", "cpus=%" G_GINT64_FORMAT ",sockets=%" G_GINT64_FORMAT ",cores=%" G_GINT64_FORMAT
	     ",threads=%" G_GINT64_FORMAT, sockets * cores * threads, sockets, cores, threads);
	return TRUE;
}

/* Everything that has no device of its own; also checks what these options take. */
/* What would end an argument and begin another, or make no machine. */
static gboolean check_machine(json_object *vm, GError **error)
{
	const char *machine = json_get_str(vm, "machine", ""), *uuid = json_get_str(vm, "uuid", NULL);
	const char *hostname = json_get_str(vm, "hostname", "");
	gint64 memory = json_get_int(vm, "memory", 0);

	if (!g_str_has_prefix(machine, "pc-q35-") || strpbrk(machine, ",= "))
		return error_refuse(error, ERROR_INVALID, "machine", "use a pinned version such as pc-q35-7.2",
				    "'%s' is not a q35 machine", machine);
	if (memory <= 0 || memory % mib != 0)
		return error_refuse(error, ERROR_INVALID, "memory", "give it as 512M or 4G",
				    "%" G_GINT64_FORMAT " bytes of memory are not whole MiB", memory);
	if (!uuid || !g_uuid_string_is_valid(uuid))
		return error_refuse(error, ERROR_INVALID, "uuid", NULL, "'%s' is not a UUID", uuid ? uuid : "(none)");
	if (strpbrk(hostname, ",="))
		return error_refuse(error, ERROR_INVALID, "hostname", NULL, "'%s' is not a host name", hostname);
	if (json_get_bool(vm, "secure_boot", FALSE) && !g_str_equal(json_get_str(vm, "firmware", "bios"), "uefi"))
		return error_refuse(error, ERROR_INVALID, "secure_boot", "choose firmware 'uefi'",
				    "Secure Boot is a matter of UEFI firmware");
	return TRUE;
}

static void add_names(QemuCommand *command, json_object *vm)
{
	g_autofree char *escaped = dup_escaped(json_get_str(vm, "name", ""));
	const char *hostname = json_get_str(vm, "hostname", NULL);
	addf(command, "-name", "guest=%s,debug-threads=on", escaped);
	/* systemd.system-credentials(7): newer systems take their name from it by themselves. */
	if (hostname)
		addf(command, "-smbios", "type=11,value=io.systemd.credential:system.hostname=%s", hostname);
	add_smbios(command, vm);
}

static void add_board(QemuCommand *command, json_object *vm)
{
	gboolean uefi = g_str_equal(json_get_str(vm, "firmware", "bios"), "uefi");
	gboolean secure_boot = json_get_bool(vm, "secure_boot", FALSE);
	g_autofree char *memory_options = qemu_memory_machine(vm);
	addf(command, "-machine", "%s,dump-guest-core=off%s%s%s", json_get_str(vm, "machine", ""),
	     uefi ? ",pflash0=firmware-code,pflash1=firmware-vars" : "", secure_boot ? ",smm=on" : "", memory_options);
	/* Only the firmware, in system management mode, can write its variables (OVMF's README, "SMM support"), which a
	 * suspend to memory would undo. */
	if (secure_boot) {
		add(command, "-global", "driver=cfi.pflash01,property=secure,value=on");
		add(command, "-global", "ICH9-LPC.disable_s3=1");
	}
}

static void add_ways(QemuCommand *command, json_object *vm)
{
	gboolean watched = !g_str_equal(json_get_str(json_get(vm, "watchdog"), "model", "none"), "none");
	gboolean local = g_str_equal(json_get_str(vm, "clock", "utc"), "local");
	gint64 menu_s = json_get_int(vm, "boot_menu", 0);
	addf(command, "-rtc", "base=%s,driftfix=slew", local ? "localtime" : "utc");
	if (menu_s > 0)
		addf(command, "-boot", "strict=on,menu=on,splash-time=%" G_GINT64_FORMAT, menu_s * 1000);
	else
		add(command, "-boot", "strict=on");
	/* The machine stays, paused, after power-off and panic: so both can still be read after a restart of yadod. */
	addf(command, "-action", "reboot=reset,shutdown=pause,panic=pause%s%s", watched ? ",watchdog=" : "",
	     watched ? qemu_watchdog_action(vm) : "");
	add(command, "-display", "none");
}

static gboolean add_machine(QemuCommand *command, json_object *vm, gboolean kvm, GError **error)
{
	if (!check_machine(vm, error))
		return FALSE;
	add(command, "-nodefaults", NULL);
	add(command, "-no-user-config", NULL);
	add(command, "-S", NULL);
	add_names(command, vm);
	add(command, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	add(command, "-msg", "timestamp=on");
	add_board(command, vm);
	if (!add_cpus(command, vm, kvm, error))
		return FALSE;
	qemu_memory_add(command->argv, vm);
	add(command, "-uuid", json_get_str(vm, "uuid", ""));
	add_ways(command, vm);
	return TRUE;
}

static void add_chardev(QemuCommand *command, const char *id)
{
	int fd = need(command, TRUE, id, NULL);
	addf(command, "-chardev", "socket,id=%s,fd=%d,server=on,wait=off", id, fd);
}

static void add_sockets(QemuCommand *command, json_object *vm)
{
	add_chardev(command, "qmp");
	add(command, "-mon", "chardev=qmp,mode=control");
	/* A second monitor only writes events, to the launcher's log: there they wait for a yadod that was not running.
	 * The command that lets it begin is its input (start.c). */
	add(command, "-chardev", "stdio,id=events,signal=off");
	add(command, "-mon", "chardev=events,mode=control");
	for (guint port = 1; port <= qemu_serial_count(vm); port++) {
		g_autofree char *name = qemu_serial_name(port);
		add_chardev(command, name);
		add_json(command, "-device", qemu_serial_device(port));
	}
	if (json_get_bool(vm, "agent", TRUE))
		add_chardev(command, "agent");
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
		addf(command, "-chardev", "socket,id=tpm,fd=%d", need(command, TRUE, "tpm", NULL));
		add(command, "-tpmdev", "emulator,id=tpm0,chardev=tpm");
		add(command, "-device", "{\"driver\":\"tpm-crb\",\"id\":\"tpm\",\"tpmdev\":\"tpm0\"}");
	}
	if (json_get(vm, "kernel")) {
		const char *own = json_get_str(json_get(vm, "kernel"), "append", "");
		const char *base = kernel_append ? kernel_append : "";
		addf(command, "-kernel", "/proc/self/fd/%d", need(command, FALSE, "kernel", NULL));
		addf(command, "-initrd", "/proc/self/fd/%d", need(command, FALSE, "initrd", NULL));
		addf(command, "-append", "%s%s%s", base, *base && *own ? " " : "", own);
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
	add(command, "-vnc", "none");
	add_json(command, "-device", display);
	/* The keyboard is q35's own: with a USB keyboard QEMU gives all keys to that, and a guest without its driver is deaf. */
	add_json(command, "-device", qemu_usb_controller(vm));
	add(command, "-device", "{\"driver\":\"usb-tablet\",\"id\":\"tablet\",\"bus\":\"usb.0\",\"port\":\"1\"}");
}

/* What comes out of the card goes nowhere: no client of the console hears it. */
static void add_sound(QemuCommand *command, json_object *vm)
{
	json_object *sound = qemu_sound_device(vm), *codec = qemu_sound_codec(vm);
	if (!sound)
		return;
	add(command, "-audiodev", "{\"driver\":\"none\",\"id\":\"audio\"}");
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
		add(command, "-device",
		    "{\"driver\":\"virtserialport\",\"id\":\"agent0\",\"bus\":\"vserial.0\",\"nr\":1,"
		    "\"chardev\":\"agent\",\"name\":\"org.qemu.guest_agent.0\"}");
	add_json(command, "-device", qemu_fixed_device("virtio-balloon-pci", QEMU_BALLOON, "4.0"));
	qemu_memory_add_device(command->argv, vm);
	json_object *rng = qemu_rng_device(vm), *watchdog = qemu_watchdog_device(vm);
	if (rng) {
		add(command, "-object",
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
		addf(command, "-chardev", "socket,id=share-%s,fd=%d", key, need(command, TRUE, "share", key));
		add_json(command, "-device", qemu_share_device(vm, key));
	}
}

static gboolean check_boot(json_object *vm, GError **error)
{
	json_object *boot = json_get(vm, "boot");
	gsize count = json_object_is_type(boot, json_type_array) ? json_object_array_length(boot) : 0;
	for (gsize i = 0; i < count; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(boot, i));
		if (!name || (!json_get(json_get(vm, "disks"), name) && !json_get(json_get(vm, "cdroms"), name) &&
			      !json_get(json_get(vm, "nics"), name))) {
			error_set_field(error, ERROR_INVALID, "boot", "name a disk, CD drive or network card of the guest",
					"the guest has no device '%s' to boot from", name ? name : "null");
			return FALSE;
		}
	}
	return TRUE;
}

QemuCommand *qemu_command_build(json_object *vm, gboolean kvm, const char *kernel_append, GError **error)
{
	g_autoptr(QemuCommand) command = command_new();
	g_ptr_array_add(command->argv, g_strdup(program));
	if (!check_boot(vm, error) || !qemu_check_peripherals(vm, error) || !qemu_check_addresses(vm, error) ||
	    !add_machine(command, vm, kvm, error))
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
