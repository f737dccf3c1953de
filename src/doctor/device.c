/* The IOMMU, which a device needs to be handed to a guest. */
#include <string.h>

#include "doctor/check.h"

FINDING_OK(on, "iommu.on", "the IOMMU is on: {groups} groups of devices", "IOMMUは有効です（デバイスグループ: {groups}）");
FINDING(off_kernel, "iommu.off", STATE_NOTE,
	"the firmware describes an IOMMU ({table}), but the kernel does not use it",
	"ファームウェアはIOMMU（{table}）を提供していますが、カーネルが使っていません",
	"no device of the host (GPU, network card, HBA) can be handed to a guest; all that Yado does by itself works without",
	"ホストのデバイス（GPU、NIC、HBA）をゲストに渡せません。Yadoの通常の機能には影響ありません",
	"add '{parameter}' to GRUB_CMDLINE_LINUX in /etc/default/grub, run update-grub, and boot again",
	"/etc/default/grub の GRUB_CMDLINE_LINUX に '{parameter}' を加え、update-grub を実行して再起動してください");
FINDING(absent, "iommu.absent", STATE_NOTE,
	"there is no IOMMU, or the firmware does not tell of one", "IOMMUがないか、ファームウェアで無効です",
	"no device of the host (GPU, network card, HBA) can be handed to a guest; all that Yado does by itself works without",
	"ホストのデバイス（GPU、NIC、HBA）をゲストに渡せません。Yadoの通常の機能には影響ありません",
	"turn on 'VT-d' or 'AMD-Vi / IOMMU' in the firmware's set-up, if the board has it; a virtual machine gets one from the host below",
	"対応していれば、ファームウェア設定で 'VT-d' または 'AMD-Vi / IOMMU' を有効にしてください。仮想マシンなら下のホストで追加します");
static const Finding *const findings[] = {&on, &off_kernel, &absent, NULL};

static void look(const Host *host, Report *to)
{
	guint groups = host_count(host, "/sys/kernel/iommu_groups");
	gboolean intel = host_exists(host, "/sys/firmware/acpi/tables/DMAR");
	gboolean amd = host_exists(host, "/sys/firmware/acpi/tables/IVRS");
	g_autofree char *number = g_strdup_printf("%u", groups);
	if (groups > 0)
		report(to, &on, "groups", number, NULL);
	else if (intel || amd)
		report(to, &off_kernel, "table", intel ? "VT-d" : "AMD-Vi", "parameter",
		       intel ? "intel_iommu=on iommu=pt" : "amd_iommu=on iommu=pt", NULL);
	else
		report(to, &absent, NULL);
}

const Check device_checks[] = {{"iommu", {"IOMMU", "IOMMU"}, 0, look, findings}, {0}};
