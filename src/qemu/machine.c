/* The machine itself, of a VM's command line: names, board, processors, and what it does at its limits. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "qemu/command-internal.h"
#include "qemu/memory.h"
#include "qemu/peripherals.h"
#include "qemu/processors.h"
#include "qemu/vcpus.h"

enum { APIC_ID_MAX = 254 };

static const gint64 mib = 1024 * 1024;

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
		g_autofree char *escaped = value ? command_dup_escaped(value) : NULL;
		if (escaped)
			g_string_append_printf(text, ",%s=%s", system[i].option, escaped);
	}
	if (strchr(text->str, ','))
		command_add(command, "-smbios", text->str);
	const char *asset = json_get_str(smbios, "asset_tag", NULL);
	g_autofree char *escaped = asset ? command_dup_escaped(asset) : NULL;
	for (guint type = 2; escaped && type <= 3; type++)
		command_addf(command, "-smbios", "type=%u,asset=%s", type, escaped);
}

static guint bits_for(gint64 count)
{
	return count > 1 ? (guint)g_bit_storage((gulong)count - 1) : 0;
}

/* What Windows asks of a hypervisor (docs/system/i386/hyperv.rst of QEMU). KVM does the work: QEMU's translator
 * cannot. */
static const char hyperv_flags[] =
	"hv-relaxed,hv-vapic,hv-spinlocks=0x1fff,hv-vpindex,hv-runtime,hv-synic,hv-stimer,hv-time,hv-frequencies,"
	"hv-reset,hv-tlbflush,hv-ipi";

/* The model with what is added to it and taken from it; whoever said nothing of a feature gets the model's. TCG has
 * AMD's virtualization, KVM the one of the host's processor. Without SVM QEMU's translator also ends the list of
 * CPUID's extended leaves before the one with the sizes of addresses, and guests go astray: so its end is stated. */
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

/* The first CPU starts the guest, and stays. */
static void add_topology(QemuCommand *command, json_object *cpu, gboolean kvm)
{
	gboolean varies = json_get(cpu, "online") != NULL;
	g_autofree char *max =
		varies ? g_strdup_printf("maxcpus=%" G_GINT64_FORMAT ",", qemu_vcpus_max(cpu)) : g_strdup("");
	command_addf(command, "-smp",
		     "cpus=%" G_GINT64_FORMAT ",%ssockets=%" G_GINT64_FORMAT ",cores=%" G_GINT64_FORMAT
		     ",threads=%" G_GINT64_FORMAT,
		     varies ? 1 : qemu_vcpus_max(cpu), max, json_get_int(cpu, "sockets", 1),
		     json_get_int(cpu, "cores", 1), json_get_int(cpu, "threads", 1));
	for (gint64 index = 1; varies && index < qemu_vcpus(cpu); index++) {
		json_auto json_object *device = qemu_vcpu_device(cpu, kvm, index);
		g_autofree char *text = json_dup_text(device);
		command_add(command, "-device", text);
	}
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
	if (qemu_vcpus(cpu) > qemu_vcpus_max(cpu)) {
		error_set_field(error, ERROR_INVALID, "cpu.online",
				"give it more sockets, cores or threads, or fewer CPUs online",
				"cpu.online: %" G_GINT64_FORMAT " CPUs are more than the %" G_GINT64_FORMAT
				" that its sockets, cores and threads make",
				qemu_vcpus(cpu), qemu_vcpus_max(cpu));
		return FALSE;
	}
	guint nodes = qemu_memory_nodes(vm);
	if (sockets % nodes != 0) {
		error_set_field(error, ERROR_INVALID, "cpu.numa", "make cpu.sockets a multiple of it",
				"%u NUMA nodes cannot share %" G_GINT64_FORMAT " socket(s): a socket is in one of them",
				nodes, sockets);
		return FALSE;
	}
	if (json_get_int(vm, "memory", 0) / nodes < MAX(qemu_memory_page(vm), mib)) {
		error_set_field(error, ERROR_INVALID, "cpu.numa", "give it more memory, or smaller pages",
				"%u NUMA nodes cannot share the memory: each needs a page of it", nodes);
		return FALSE;
	}
	/* With a thread for each of several CPUs, QEMU's translator loses races when the host is busy: of 90 boots with
	 * four CPUs under QEMU 7.2 one ended in a segmentation fault of QEMU and one in a kernel that met an old
	 * breakpoint for ever, of 120 with one thread none. A single CPU keeps its own way: "thread=single" only then
	 * lacks the clock that kicks the thread, and guests were seen to stall (also when a second CPU came later). */
	command_add(command, "-accel", kvm ? "kvm" : qemu_vcpus(cpu) > 1 ? "tcg,thread=single" : "tcg");
	g_autofree char *whole = describe_model(cpu, qemu_vcpu_model(cpu, kvm), kvm);
	command_add(command, "-cpu", whole);
	add_topology(command, cpu, kvm);
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
	g_autofree char *escaped = command_dup_escaped(json_get_str(vm, "name", ""));
	const char *hostname = json_get_str(vm, "hostname", NULL);
	command_addf(command, "-name", "guest=%s,debug-threads=on", escaped);
	/* systemd.system-credentials(7): newer systems take their name from it by themselves. */
	if (hostname)
		command_addf(command, "-smbios", "type=11,value=io.systemd.credential:system.hostname=%s", hostname);
	add_smbios(command, vm);
}

static void add_board(QemuCommand *command, json_object *vm)
{
	gboolean uefi = g_str_equal(json_get_str(vm, "firmware", "bios"), "uefi");
	gboolean secure_boot = json_get_bool(vm, "secure_boot", FALSE);
	gboolean sleep = json_get_bool(vm, "sleep", TRUE);
	g_autofree char *memory_options = qemu_memory_machine(vm);
	command_addf(command, "-machine", "%s,dump-guest-core=off%s%s%s%s", json_get_str(vm, "machine", ""),
		     uefi ? ",pflash0=firmware-code,pflash1=firmware-vars" : "", secure_boot ? ",smm=on" : "",
		     json_get_bool(vm, "hpet", TRUE) ? "" : ",hpet=off", memory_options);
	/* Only the firmware, in system management mode, can write its variables (OVMF's README, "SMM support"), which a
	 * suspend to memory would undo. */
	if (secure_boot)
		command_add(command, "-global", "driver=cfi.pflash01,property=secure,value=on");
	if (secure_boot || !sleep)
		command_add(command, "-global", "ICH9-LPC.disable_s3=1");
	if (!sleep)
		command_add(command, "-global", "ICH9-LPC.disable_s4=1");
}

static void add_ways(QemuCommand *command, json_object *vm)
{
	gboolean watched = !g_str_equal(json_get_str(json_get(vm, "watchdog"), "model", "none"), "none");
	gboolean local = g_str_equal(json_get_str(vm, "clock", "utc"), "local");
	gint64 menu_s = json_get_int(vm, "boot_menu", 0);
	command_addf(command, "-rtc", "base=%s,driftfix=slew", local ? "localtime" : "utc");
	if (menu_s > 0)
		command_addf(command, "-boot", "strict=on,menu=on,splash-time=%" G_GINT64_FORMAT, menu_s * 1000);
	else
		command_add(command, "-boot", "strict=on");
	/* The machine stays, paused, after power-off and panic: so both can still be read after a restart of yadod. */
	command_addf(command, "-action", "reboot=reset,shutdown=pause,panic=pause%s%s", watched ? ",watchdog=" : "",
		     watched ? qemu_watchdog_action(vm) : "");
	command_add(command, "-display", "none");
}

gboolean command_add_machine(QemuCommand *command, json_object *vm, gboolean kvm, GError **error)
{
	if (!check_machine(vm, error))
		return FALSE;
	command_add(command, "-nodefaults", NULL);
	command_add(command, "-no-user-config", NULL);
	command_add(command, "-S", NULL);
	add_names(command, vm);
	/* Not -runas, which elevateprivileges=deny would end at the start (the launcher has set the uid), and no
	 * command that makes QEMU run a program ("exec:"), which spawn=deny answers with its end. */
	command_add(command, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	command_add(command, "-msg", "timestamp=on");
	add_board(command, vm);
	if (!add_cpus(command, vm, kvm, error))
		return FALSE;
	qemu_memory_add(command->argv, vm);
	command_add(command, "-uuid", json_get_str(vm, "uuid", ""));
	add_ways(command, vm);
	return TRUE;
}
