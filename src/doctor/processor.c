/* The CPU: whether guests run in hardware, whether they can have guests of their own, and what of its known faults is open.
 *
 * What decides about KVM is the probe that yadod made with guest code (RUN/qemu.json); flags and modules only say why. */
#include <string.h>

#include "base/json.h"
#include "base/process.h"
#include "doctor/check.h"

enum { CPUINFO_MAX = 16 << 20 };

#define SLOW \
	"guests run in software (TCG), many times slower, each on one of the host's processors, and only a few at a " \
	"time are usable"
#define SLOW_JA \
	"ゲストはソフトウェア（TCG）で動き、何倍も遅く、それぞれホストのプロセッサーを1つしか使えず、実用になるのは同時に数台だけです"

FINDING_OK(works, "kvm.works", "guests run in hardware: {reason}", "ゲストはハードウェアで動きます: {reason}");
FINDING(no_flags, "kvm.no-flags", STATE_PROBLEM,
	"the CPU offers neither VT-x (vmx) nor AMD-V (svm)", "CPUに VT-x（vmx）も AMD-V（svm）もありません",
	SLOW, SLOW_JA,
	"turn on 'Intel Virtualization Technology' or 'SVM Mode' in the firmware's set-up; a CPU without it cannot get it",
	"ファームウェア設定で 'Intel Virtualization Technology' または 'SVM Mode' を有効にしてください（非対応のCPUでは不可）");
FINDING(no_flags_guest, "kvm.no-flags-guest", STATE_WARNING,
	"this host is a virtual machine itself, and its CPU offers neither VT-x (vmx) nor AMD-V (svm)",
	"このホスト自体が仮想マシンで、CPUに VT-x（vmx）も AMD-V（svm）もありません",
	SLOW, SLOW_JA,
	"on the host below: allow nested virtualization (Linux: options kvm_intel nested=1 or kvm_amd nested=1) and give this machine the CPU model 'host'",
	"下のホストで入れ子の仮想化を許可し（Linux: options kvm_intel nested=1 または kvm_amd nested=1）、このマシンのCPUモデルを 'host' にしてください");
FINDING(no_device, "kvm.no-device", STATE_PROBLEM,
	"the CPU has {flag}, but there is no /dev/kvm: the module {module} is not loaded",
	"CPUには {flag} がありますが、モジュール {module} が読み込まれておらず /dev/kvm がありません",
	SLOW, SLOW_JA,
	"modprobe {module}; if it answers 'Operation not supported', virtualization is locked in the firmware's set-up. Then: systemctl restart yadod",
	"modprobe {module} を実行。'Operation not supported' ならファームウェアで仮想化が無効です。その後: systemctl restart yadod");
FINDING(broken, "kvm.broken", STATE_WARNING,
	"there is /dev/kvm, but guest code does not run: {reason}", "/dev/kvm はありますが、ゲストのコードが動きません: {reason}",
	SLOW, SLOW_JA,
	"if this host is a virtual machine: update the host below, allow nested virtualization there and give this machine the CPU model 'host'; else look at 'journalctl -k -g kvm'",
	"このホストが仮想マシンなら、下のホストを更新し、入れ子の仮想化を許可し、CPUモデルを 'host' にしてください。そうでなければ 'journalctl -k -g kvm' を確認");
FINDING(untried, "kvm.untried", STATE_UNKNOWN,
	"/dev/kvm is there; whether guest code runs under it is tried when yadod starts, which it has not since the host booted",
	"/dev/kvm はあります。実際に動くかは yadod の起動時に試しますが、ホストの起動後まだ起動していません",
	"whether guests run in hardware stays open", "ゲストがハードウェアで動くかどうかは分かりません",
	"systemctl start yadod", "systemctl start yadod");
static const Finding *const kvm_findings[] = {&works, &no_flags, &no_flags_guest, &no_device, &broken, &untried, NULL};

/* A word among those of the first line of cpuinfo that begins with "flags". */
static gboolean has_flag(const char *cpuinfo, const char *flag)
{
	const char *line = strstr(cpuinfo, "flags");
	g_autofree char *flags = line ? g_strndup(line, strcspn(line, "\n")) : NULL;
	g_auto(GStrv) words = g_strsplit_set(flags ? flags : "", " \t", -1);
	return g_strv_contains((const char *const *)words, flag);
}

/* What the probe of this boot saw; new reference or NULL. */
static json_object *read_probe(const Host *host)
{
	g_autofree char *path = g_build_filename(host->run, "qemu.json", NULL);
	g_autofree char *text = host_read(host, path, 1 << 20);
	g_autofree char *boot = host_read_line(host, "/proc/sys/kernel/random/boot_id");
	json_auto json_object *probe = text ? json_parse(text, strlen(text), NULL) : NULL;
	gboolean current = g_strcmp0(json_get_str(json_get(probe, "stamp"), "boot", NULL), boot) == 0;
	return probe && current ? json_object_get(probe) : NULL;
}

static void look_at_kvm(const Host *host, Report *to)
{
	g_autofree char *cpuinfo = host_read(host, "/proc/cpuinfo", CPUINFO_MAX);
	json_auto json_object *probe = read_probe(host);
	const char *reason = json_get_str(probe, "acceleration_reason", "");
	if (!cpuinfo) {
		report_unknown(to, "/proc/cpuinfo cannot be read");
		return;
	}
	gboolean vmx = has_flag(cpuinfo, "vmx"), svm = has_flag(cpuinfo, "svm");
	if (json_get_bool(probe, "kvm", FALSE))
		report(to, &works, "reason", reason, NULL);
	else if (host_exists(host, "/dev/kvm"))
		report(to, probe ? &broken : &untried, "reason", reason, NULL);
	else if (vmx || svm)
		report(to, &no_device, "flag", vmx ? "VT-x" : "AMD-V", "module", vmx ? "kvm_intel" : "kvm_amd", NULL);
	else
		report(to, has_flag(cpuinfo, "hypervisor") ? &no_flags_guest : &no_flags, NULL);
}

FINDING_OK(nested_on, "nested.on", "guests can run guests of their own ({module})",
	   "ゲストの中でさらにゲストを動かせます（{module}）");
FINDING_OK(nested_no_kvm, "nested.no-kvm", "without KVM there is nothing to nest", "KVMがないため対象外です");
FINDING(nested_off, "nested.off", STATE_NOTE,
	"nested virtualization is off ({module})", "入れ子の仮想化が無効です（{module}）",
	"a guest cannot run guests of its own in hardware: a test cluster in guests, WSL 2, Android's emulator",
	"ゲストの中で仮想化（検証用クラスター、WSL 2、Androidエミュレーターなど）を使えません",
	"echo 'options {module} nested=1' > /etc/modprobe.d/yado-nested.conf, then boot the host again",
	"echo 'options {module} nested=1' > /etc/modprobe.d/yado-nested.conf を実行し、ホストを再起動してください");
static const Finding *const nested_findings[] = {&nested_on, &nested_no_kvm, &nested_off, NULL};

static void look_at_nested(const Host *host, Report *to)
{
	static const char *const modules[] = {"kvm_intel", "kvm_amd"};
	for (guint i = 0; i < G_N_ELEMENTS(modules); i++) {
		g_autofree char *path = g_strdup_printf("/sys/module/%s/parameters/nested", modules[i]);
		g_autofree char *value = host_read_line(host, path);
		if (!value)
			continue;
		gboolean on = strchr("Yy1", value[0]) != NULL && value[0];
		report(to, on ? &nested_on : &nested_off, "module", modules[i], NULL);
		return;
	}
	report(to, &nested_no_kvm, NULL);
}

FINDING_OK(covered, "cpu-faults.covered", "none of the CPU's known faults that the kernel lists is open",
	   "カーネルが把握しているCPUの脆弱性は、すべて対策済みです");
FINDING(open_faults, "cpu-faults.open", STATE_WARNING,
	"open by the kernel's own word: {faults}", "カーネルが未対策と報告: {faults}",
	"a guest may be able to read memory of the host or of other guests", "ゲストがホストや他のゲストのメモリを読める恐れがあります",
	"apt install intel-microcode or amd64-microcode (non-free-firmware), bring the kernel up to date, and boot again; in a virtual machine the host below has to; 'mitigations=off' in the kernel's command line turns the protection off",
	"intel-microcode または amd64-microcode（non-free-firmware）を apt install し、カーネルを更新して再起動してください。仮想マシンなら下のホストで行います。カーネル引数に 'mitigations=off' があれば外してください");
static const Finding *const fault_findings[] = {&covered, &open_faults, NULL};

static void look_at_faults(const Host *host, Report *to)
{
	static const char dir[] = "/sys/devices/system/cpu/vulnerabilities";
	g_auto(GStrv) names = host_list(host, dir);
	g_autoptr(GString) open = g_string_new(NULL);
	for (char **name = names; *name; name++) {
		g_autofree char *path = g_build_filename(dir, *name, NULL);
		g_autofree char *state = host_read_line(host, path);
		if (state && g_str_has_prefix(state, "Vulnerable"))
			g_string_append_printf(open, "%s%s", open->len ? ", " : "", *name);
	}
	if (!*names)
		report_unknown(to, "the kernel lists no faults in /sys/devices/system/cpu/vulnerabilities");
	else if (open->len)
		report(to, &open_faults, "faults", open->str, NULL);
	else
		report(to, &covered, NULL);
}

const Check processor_checks[] = {
	{"kvm", {"hardware virtualization", "ハードウェア仮想化"}, 0, look_at_kvm, kvm_findings},
	{"nested", {"nested virtualization", "入れ子の仮想化"}, 0, look_at_nested, nested_findings},
	{"cpu-faults", {"faults of the CPU", "CPUの脆弱性"}, 0, look_at_faults, fault_findings},
	{0}};
