/* The virtual machine: every field of its document. */
#include "schema/checks.h"
#include "schema/schema.h"
#include "schema/tables/limits.h"

#define MIB (1024LL * 1024)
#define GIB (1024LL * MIB)

static const char *const cpu_kinds[] = {"any", "performance", "efficiency", NULL};
static const char *const numa_policies[] = {"bind", "preferred", "interleave", NULL};
static const char *const firmwares[] = {"bios", "uefi", NULL};
static const char *const disk_buses[] = {"virtio-scsi", "virtio-blk", "sata", "ide", NULL};
static const char *const cdrom_buses[] = {"sata", "ide", "virtio-scsi", NULL};
static const char *const formats[] = {"qcow2", "raw", NULL};
static const char *const caches[] = {"none", "writeback", "writethrough", NULL};
static const char *const nic_modes[] = {"user", "bridge", NULL};
static const char *const nic_models[] = {"virtio", "e1000", "e1000e", "rtl8139", "vmxnet3", NULL};
static const char *const displays[] = {"vga", "virtio", "qxl", "vmware", "cirrus", "bochs", "none", NULL};
static const char *const sounds[] = {"none", "hda", "ac97", NULL};
static const char *const watchdogs[] = {"none", "i6300esb", NULL};
static const char *const watchdog_actions[] = {"reset", "poweroff", "shutdown", "pause", "nmi", "none", NULL};
static const char *const rngs[] = {"virtio", "none", NULL};
static const char *const clocks[] = {"utc", "local", NULL};
static const char *const usb_types[] = {"mapping", "tablet", "mouse", "keyboard", NULL};
static const char *const restart_policies[] = {"never", "on-crash", NULL};
static const char *const page_sizes[] = {"none", "2M", "1G", NULL};
static const char *const shutdown_actions[] = {"stop", "leave", NULL};

/* What most guests do without is folded up in forms, under these titles. */
static const FieldGroup cpu_details = {"cpu-details", "CPU model and features", "CPUのモデルと機能"};
static const FieldGroup cpu_share = {"cpu-share", "Share of the node's CPUs", "ノードのCPUの割り当て"};
static const FieldGroup memory_details = {"memory-details", "Memory and NUMA details", "メモリとNUMAの詳細"};
static const FieldGroup firmware_group = {"firmware", "Firmware and boot", "ファームウェアと起動"};
static const FieldGroup console_group = {"console", "Display, sound and ports", "画面・サウンド・ポート"};
static const FieldGroup other_devices = {"devices", "Other devices", "その他のデバイス"};
static const FieldGroup start_and_stop = {"start-and-stop", "Starting and stopping", "起動と停止"};
static const FieldGroup identity_group = {"identity", "Identity", "識別情報"};
static const FieldGroup first_boot = {"first-boot", "For the first boot", "初回起動時の設定"};
static const FieldGroup disk_details = {"disk-details", "Disk details", "ディスクの詳細"};
static const FieldGroup *const cpu_groups[] = {&cpu_details, &cpu_share, NULL};
static const FieldGroup *const disk_groups[] = {&disk_details, &limits_group, NULL};
static const FieldGroup *const nic_groups[] = {&limits_group, NULL};
static const FieldGroup *const vm_groups[] = {&firmware_group, &memory_details, &console_group, &other_devices,
					      &start_and_stop, &first_boot, &identity_group, NULL};

static const Field cpu_fields[] = {
	{.name = "sockets", .type = FIELD_INT, .min = 1, .max = 8, .fallback = "1",
	 .title = "Sockets", .title_ja = "ソケット数",
	 .help = "CPU sockets", .help_ja = "CPUソケット数"},
	{.name = "cores", .type = FIELD_INT, .flags = FIELD_ROW, .min = 1, .max = 128, .fallback = "1",
	 .title = "Cores per socket", .title_ja = "ソケットあたりのコア数",
	 .help = "cores per socket", .help_ja = "ソケットあたりのコア数"},
	{.name = "threads", .type = FIELD_INT, .min = 1, .max = 8, .fallback = "1",
	 .title = "Threads per core", .title_ja = "コアあたりのスレッド数",
	 .help = "threads per core", .help_ja = "コアあたりのスレッド数"},
	{.name = "online", .type = FIELD_INT, .flags = FIELD_LIVE | FIELD_NULLABLE, .min = 1, .max = 255,
	 .title = "CPUs online", .title_ja = "使用するCPU数",
	 .help = "how many of the CPUs that sockets, cores and threads make the guest has now; more can be added while "
		 "it runs; all if not given",
	 .help_ja = "ソケット・コア・スレッドで決まるCPUのうち、ゲストが今持つ数。稼働中に追加できる。省略時はすべて"},
	{.name = "model", .type = FIELD_STRING, .min = 1, .max = 64, .fallback = "\"host\"", .check = check_cpu_model,
	 .group = &cpu_details, .title = "CPU model", .title_ja = "CPUモデル",
	 .help = "CPU model that the guest sees; 'host' passes on all that the node's CPU and acceleration offer",
	 .help_ja = "ゲストに見えるCPUモデル。'host' はノードのCPUとアクセラレーションの全機能を渡す"},
	{.name = "hyperv", .type = FIELD_BOOL, .fallback = "false",
	 .group = &cpu_details, .title = "Hyper-V enlightenments", .title_ja = "Hyper-V互換機能",
	 .help = "tell Windows that it is virtual, in the way of Hyper-V: less load, an exact clock; with KVM only",
	 .help_ja = "Hyper-Vの方式で仮想環境であることをWindowsに伝える。負荷が減り時計が正確になる（KVM使用時のみ有効）"},
	{.name = "flags", .type = FIELD_LIST, .flags = FIELD_NULLABLE, .max = 64, .check = check_cpu_flag,
	 .group = &cpu_details, .title = "CPU features", .title_ja = "CPU機能",
	 .help = "features added to the model or taken from it, such as +aes,-pcid; "
		 "'yado node cpu-features' lists them",
	 .help_ja = "モデルに追加・除外する機能（例: +aes,-pcid）。一覧は 'yado node cpu-features'"},
	{.name = "nested", .type = FIELD_BOOL, .flags = FIELD_NULLABLE,
	 .group = &cpu_details, .title = "Virtual machines inside the guest", .title_ja = "ゲスト内の仮想化（ネスト）",
	 .help = "nested virtualization: whether the guest can run virtual machines of its own (vmx, svm); "
		 "off in new guests",
	 .help_ja = "ネストされた仮想化（vmx、svm）。ゲスト内で仮想マシンを動かせるか。新しいゲストでは無効"},
	{.name = "numa", .type = FIELD_INT, .flags = FIELD_NULLABLE, .min = 1, .max = 8,
	 .group = &cpu_details, .title = "NUMA nodes", .title_ja = "NUMAノード数",
	 .help = "NUMA nodes that the guest sees, each with as many of its sockets and as much of its memory; "
		 "one if not given",
	 .help_ja = "ゲストに見えるNUMAノード数。ソケットとメモリを等分する。省略時は1"},
	{.name = "pin", .type = FIELD_STRING, .flags = FIELD_LIVE | FIELD_NULLABLE, .min = 1, .max = 1024,
	 .check = check_cpus,
	 .group = &cpu_share, .title = "Runs only on these CPUs", .title_ja = "使用するCPUの固定",
	 .help = "CPUs of the node that the guest's processors may run on, such as 0-3,8",
	 .help_ja = "ゲストのプロセッサを実行するノードのCPU（例: 0-3,8）"},
	{.name = "kind", .type = FIELD_ENUM, .flags = FIELD_LIVE | FIELD_NULLABLE, .values = cpu_kinds,
	 .group = &cpu_share, .title = "Kind of core", .title_ja = "コアの種類",
	 .help = "on a hybrid processor: performance cores (P) or efficiency cores (E) only; any if not given",
	 .help_ja = "ハイブリッドCPUで、高性能コア（P）または高効率コア（E）だけを使う。省略時は任意"},
	{.name = "shares", .type = FIELD_INT, .flags = FIELD_LIVE | FIELD_NULLABLE, .min = 1, .max = 10000,
	 .group = &cpu_share, .title = "Shares", .title_ja = "配分の重み",
	 .help = "weight against other guests while the node's CPUs are all busy; 100 if not given",
	 .help_ja = "ノードのCPUが足りないときの他のゲストに対する重み。省略時は100"},
	{.name = "limit", .type = FIELD_INT, .flags = FIELD_LIVE | FIELD_NULLABLE, .min = 5, .max = 819200, .unit = "%",
	 .group = &cpu_share, .title = "Limit", .title_ja = "上限",
	 .help = "most that it may use, in percent of one CPU of the node: 150 is one and a half; "
		 "no limit if not given",
	 .help_ja = "使用できる上限。ノードのCPU1個に対する百分率（150は1.5個分）。省略時は無制限"},
	{0}};
static const Table cpu_table = {.name = "cpu", .title = "CPU", .title_ja = "CPU", .fields = cpu_fields,
	.groups = cpu_groups};

static const Field numa_fields[] = {
	{.name = "host_nodes", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 512,
	 .check = check_host_nodes, .title = "NUMA nodes of the host", .title_ja = "ホストのNUMAノード",
	 .help = "NUMA nodes of the host that its memory comes from, such as 0 or 0-1; its processors run on their "
		 "CPUs, unless cpu.pin names others",
	 .help_ja = "メモリを割り当てるホストのNUMAノード（例: 0、0-1）。cpu.pinの指定がなければ、プロセッサもそのCPUで動く"},
	{.name = "policy", .type = FIELD_ENUM, .values = numa_policies, .fallback = "\"bind\"",
	 .title = "Policy", .title_ja = "割り当て方",
	 .help = "'bind' takes memory from these nodes only, 'preferred' from others when they are full, 'interleave' "
		 "from all of them in turn",
	 .help_ja = "'bind' は指定ノードだけから、'preferred' は不足時に他のノードからも、'interleave' は指定ノードから順番に割り当てる"},
	{0}};
static const Table numa_table = {.name = "numa", .title = "NUMA node", .title_ja = "NUMAノード", .fields = numa_fields};

static const Field kernel_fields[] = {
	{.name = "image", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 63, .check = schema_check_key,
	 .title = "System image", .title_ja = "システムイメージ",
	 .help = "system image whose kernel is started directly, without a boot loader",
	 .help_ja = "ブートローダーなしで直接起動するカーネルを持つシステムイメージ"},
	{.name = "build", .type = FIELD_STRING, .flags = FIELD_READONLY, .min = 1, .max = 64,
	 .title = "Build", .title_ja = "ビルド",
	 .help = "build of that image, fixed when it was chosen", .help_ja = "選択時に固定されたイメージのビルド"},
	{.name = "cmdline", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 2048, .check = check_one_line,
	 .title = "Command line", .title_ja = "コマンドライン",
	 .help = "kernel command line of that build", .help_ja = "そのビルドのカーネルコマンドライン"},
	{.name = "append", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .max = 2048, .check = check_one_line,
	 .title = "Added to the command line", .title_ja = "コマンドラインへの追加",
	 .help = "words added to the kernel's command line", .help_ja = "カーネルコマンドラインへの追加"},
	{0}};
static const Table kernel_table = {.name = "kernel", .title = "Direct kernel", .title_ja = "カーネル直接起動",
				   .fields = kernel_fields};

static const Field disk_fields[] = {
	{.name = "storage", .type = FIELD_STRING, .flags = FIELD_FIXED, .min = 1, .max = 63, .fallback = "\"local\"",
	 .check = schema_check_key,
	 .title = "Storage", .title_ja = "ストレージ",
	 .help = "storage that holds the volume", .help_ja = "ボリュームを置くストレージ"},
	{.name = "volume", .type = FIELD_STRING, .flags = FIELD_FIXED | FIELD_NULLABLE, .min = 1, .max = 63,
	 .check = schema_check_key,
	 .group = &disk_details, .title = "Volume", .title_ja = "ボリューム",
	 .help = "volume on that storage; made with the disk, or a detached one of this guest to attach again",
	 .help_ja = "ストレージ上のボリューム。ディスクと共に作成。取り外したボリュームの再接続にも使う"},
	{.name = "image", .type = FIELD_STRING, .flags = FIELD_FIXED | FIELD_NULLABLE, .min = 1, .max = 63,
	 .check = schema_check_key,
	 .title = "Copied from the image", .title_ja = "コピー元イメージ",
	 .help = "image that the disk is copied from; without it the disk is empty",
	 .help_ja = "ディスクのコピー元イメージ。なければ空"},
	{.name = "size", .type = FIELD_SIZE, .flags = FIELD_LIVE | FIELD_NULLABLE, .min = MIB, .max = 64 * 1024 * GIB,
	 .unit = "B",
	 .title = "Size", .title_ja = "サイズ",
	 .help = "size; can grow, also while the guest runs; without it that of the image, or 8 GiB",
	 .help_ja = "サイズ。稼働中も拡大可能。省略時はイメージのサイズ、または8 GiB"},
	{.name = "format", .type = FIELD_ENUM, .flags = FIELD_FIXED, .values = formats, .fallback = "\"qcow2\"",
	 .group = &disk_details, .title = "Format", .title_ja = "形式",
	 .help = "format of the volume", .help_ja = "ボリュームの形式"},
	{.name = "bus", .type = FIELD_ENUM, .flags = FIELD_FIXED, .values = disk_buses,
	 .fallback = "\"virtio-scsi\"",
	 .title = "Bus", .title_ja = "接続方式",
	 .help = "how the guest sees the disk; 'ide' with firmware 'bios' only",
	 .help_ja = "ゲストから見た接続方式。'ide' はファームウェア 'bios' のみ"},
	{.name = "serial", .type = FIELD_STRING, .flags = FIELD_FIXED | FIELD_NULLABLE, .min = 1, .max = 20,
	 .check = check_serial,
	 .group = &disk_details, .title = "Serial number", .title_ja = "シリアル番号",
	 .help = "serial number that the guest sees; made at creation if not given",
	 .help_ja = "ゲストに見えるシリアル番号。省略時は作成時に決まる"},
	{.name = "wwn", .type = FIELD_STRING, .flags = FIELD_FIXED | FIELD_NULLABLE, .min = 16, .max = 16,
	 .check = check_wwn, .group = &disk_details, .title = "World wide name", .title_ja = "WWN",
	 .help = "world wide name that the guest sees; made at creation if not given; not on virtio-blk, "
		 "which has none",
	 .help_ja = "ゲストに見えるWWN（16桁の16進数）。省略時は作成時に決まる。virtio-blkにはない"},
	{.name = "cache", .type = FIELD_ENUM, .values = caches, .fallback = "\"none\"",
	 .group = &disk_details, .title = "Cache", .title_ja = "キャッシュ",
	 .help = "use of the host's page cache: 'none' goes past it; 'writeback' uses it, and is safe where the "
		 "guest's system flushes; 'writethrough' waits for the storage at each write",
	 .help_ja = "ホストのページキャッシュの使い方。'none' は使わない。'writeback' は使う（OSのflushで保存）。"
		    "'writethrough' は書き込みのたびに保存を待つ"},
	{.name = "discard", .type = FIELD_BOOL, .fallback = "true",
	 .group = &disk_details, .title = "Give freed blocks back (discard)", .title_ja = "解放されたブロックを返却（discard）",
	 .help = "blocks that the guest frees are freed on the storage", .help_ja = "ゲストが解放したブロックを返却"},
	DISK_LIMITS,
	{.name = "address", .type = FIELD_STRING, .flags = FIELD_READONLY, .min = 1, .max = 32,
	 .title = "Place", .title_ja = "接続位置",
	 .help = "where the device sits in the guest's hardware", .help_ja = "ゲストのハードウェア上の位置"},
	{0}};
static const Table disk_table = {.name = "disk", .title = "Disk", .title_ja = "ディスク", .fields = disk_fields,
	.groups = disk_groups};

static const Field cdrom_fields[] = {
	{.name = "image", .type = FIELD_STRING, .flags = FIELD_LIVE | FIELD_NULLABLE, .min = 1, .max = 63,
	 .check = schema_check_key,
	 .title = "ISO image", .title_ja = "ISOイメージ",
	 .help = "ISO image in the drive; empty without it",
	 .help_ja = "ドライブに入れるISOイメージ。なければ空"},
	{.name = "bus", .type = FIELD_ENUM, .flags = FIELD_FIXED, .values = cdrom_buses, .fallback = "\"sata\"",
	 .title = "Bus", .title_ja = "接続方式",
	 .help = "how the guest sees the drive", .help_ja = "ゲストから見た接続方式"},
	{.name = "address", .type = FIELD_STRING, .flags = FIELD_READONLY, .min = 1, .max = 32,
	 .title = "Place", .title_ja = "接続位置",
	 .help = "where the device sits in the guest's hardware", .help_ja = "ゲストのハードウェア上の位置"},
	{0}};
static const Table cdrom_table = {.name = "cdrom", .title = "CD drive", .title_ja = "CDドライブ",
				  .fields = cdrom_fields};

static const Field nic_fields[] = {
	{.name = "mode", .type = FIELD_ENUM, .flags = FIELD_FIXED, .values = nic_modes, .fallback = "\"user\"",
	 .title = "Network", .title_ja = "接続先",
	 .help = "'user' reaches out through the host and needs nothing; 'bridge' joins a bridge of the host",
	 .help_ja = "'user' はホスト経由で外に出る（準備不要）。'bridge' はホストのブリッジに接続"},
	{.name = "bridge", .type = FIELD_STRING, .flags = FIELD_LIVE | FIELD_NULLABLE, .min = 1, .max = 15,
	 .when = "mode=bridge",
	 .check = check_interface,
	 .title = "Bridge", .title_ja = "ブリッジ",
	 .help = "bridge of the host, for mode 'bridge'",
	 .help_ja = "mode 'bridge' で使うホストのブリッジ"},
	{.name = "model", .type = FIELD_ENUM, .flags = FIELD_FIXED, .values = nic_models, .fallback = "\"virtio\"",
	 .title = "Card model", .title_ja = "カードの種類",
	 .help = "network card that the guest sees", .help_ja = "ゲストに見えるネットワークカード"},
	{.name = "mac", .type = FIELD_STRING, .flags = FIELD_FIXED | FIELD_NULLABLE, .min = 17, .max = 17,
	 .check = check_mac,
	 .title = "MAC address", .title_ja = "MACアドレス",
	 .help = "MAC address; made at creation if not given",
	 .help_ja = "MACアドレス。省略時は作成時に決まる"},
	{.name = "link", .type = FIELD_BOOL, .flags = FIELD_LIVE, .fallback = "true",
	 .title = "Cable plugged in", .title_ja = "ケーブル接続",
	 .help = "whether the cable is plugged in", .help_ja = "ケーブルが接続されているか"},
	NIC_LIMITS,
	{.name = "address", .type = FIELD_STRING, .flags = FIELD_READONLY, .min = 1, .max = 32,
	 .title = "Place", .title_ja = "接続位置",
	 .help = "where the device sits in the guest's hardware", .help_ja = "ゲストのハードウェア上の位置"},
	{0}};
static const Table nic_table = {.name = "nic", .title = "Network card", .title_ja = "ネットワークカード",
				.fields = nic_fields, .groups = nic_groups};

static const Field usb_fields[] = {
	{.name = "type", .type = FIELD_ENUM, .flags = FIELD_FIXED, .values = usb_types, .fallback = "\"mapping\"",
	 .title = "Device", .title_ja = "デバイス",
	 .help = "a device of the host by its mapping, or an emulated one; "
		 "a keyboard takes the keys of the console for itself",
	 .help_ja = "マッピングで指定するホストのデバイス、または仮想デバイス。'keyboard' はコンソールのキー入力を引き受ける"},
	{.name = "mapping", .type = FIELD_STRING, .flags = FIELD_FIXED | FIELD_NULLABLE, .min = 1, .max = 63,
	 .when = "type=mapping",
	 .check = schema_check_key,
	 .title = "Mapping", .title_ja = "マッピング",
	 .help = "mapping of kind 'usb' that names the host's device", .help_ja = "ホストのデバイスを表す種類 'usb' のマッピング"},
	{.name = "address", .type = FIELD_STRING, .flags = FIELD_READONLY, .min = 1, .max = 32,
	 .title = "Place", .title_ja = "接続位置",
	 .help = "where the device sits in the guest's hardware", .help_ja = "ゲストのハードウェア上の位置"},
	{0}};
static const Table usb_table = {.name = "usb", .title = "USB device", .title_ja = "USBデバイス", .fields = usb_fields};

static const Field pci_fields[] = {
	{.name = "mapping", .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_FIXED, .min = 1, .max = 63,
	 .check = schema_check_key,
	 .title = "Mapping", .title_ja = "マッピング",
	 .help = "mapping of kind 'pci' that names the host's device", .help_ja = "ホストのデバイスを表す種類 'pci' のマッピング"},
	{.name = "address", .type = FIELD_STRING, .flags = FIELD_READONLY, .min = 1, .max = 32,
	 .title = "Place", .title_ja = "接続位置",
	 .help = "where the device sits in the guest's hardware", .help_ja = "ゲストのハードウェア上の位置"},
	{0}};
static const Table pci_table = {.name = "pci", .title = "PCI device of the host", .title_ja = "ホストのPCIデバイス",
				.fields = pci_fields};

static const Field share_fields[] = {
	{.name = "mapping", .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_FIXED, .min = 1, .max = 63,
	 .check = schema_check_key,
	 .title = "Mapping", .title_ja = "マッピング",
	 .help = "mapping of kind 'directory' that names the host's directory",
	 .help_ja = "ホストのディレクトリを表す種類 'directory' のマッピング"},
	{.name = "tag", .type = FIELD_STRING, .flags = FIELD_FIXED | FIELD_NULLABLE, .min = 1, .max = 36,
	 .check = schema_check_key,
	 .title = "Tag", .title_ja = "タグ",
	 .help = "name by which the guest mounts it: mount -t virtiofs TAG /mnt; the share's key if not given",
	 .help_ja = "ゲストがマウントに使う名前（mount -t virtiofs TAG /mnt）。省略時は共有のキー"},
	{.name = "read_only", .type = FIELD_BOOL, .fallback = "false",
	 .title = "Read-only", .title_ja = "読み取り専用",
	 .help = "the guest can only read; also where the mapping says so", .help_ja = "ゲストは読み取りのみ。マッピングの指定でも同じ"},
	{.name = "address", .type = FIELD_STRING, .flags = FIELD_READONLY, .min = 1, .max = 32,
	 .title = "Place", .title_ja = "接続位置",
	 .help = "where the device sits in the guest's hardware", .help_ja = "ゲストのハードウェア上の位置"},
	{0}};
static const Table share_table = {.name = "share", .title = "Shared directory", .title_ja = "共有ディレクトリ",
				  .fields = share_fields};

static const Field autostart_fields[] = {
	{.name = "enabled", .type = FIELD_BOOL, .flags = FIELD_LIVE, .fallback = "false",
	 .title = "Start with the node", .title_ja = "ノードと共に起動",
	 .help = "start when the node starts", .help_ja = "ノード起動時に起動する"},
	{.name = "order", .type = FIELD_INT, .flags = FIELD_LIVE, .min = 0, .max = 9999, .fallback = "100",
	 .title = "Order", .title_ja = "順番",
	 .help = "lower numbers start first", .help_ja = "小さい番号ほど先に起動"},
	{.name = "delay", .type = FIELD_INT, .flags = FIELD_LIVE, .min = 0, .max = 3600, .fallback = "0", .unit = "s",
	 .title = "Pause after it", .title_ja = "起動後の待ち時間",
	 .help = "wait after this guest's start before the next one", .help_ja = "次のゲストを起動するまでの待ち時間"},
	{0}};
static const Table autostart_table = {.name = "autostart", .title = "Start at boot", .title_ja = "自動起動",
				      .fields = autostart_fields};

static const Field restart_fields[] = {
	{.name = "policy", .type = FIELD_ENUM, .flags = FIELD_LIVE, .values = restart_policies,
	 .fallback = "\"on-crash\"",
	 .title = "After a crash", .title_ja = "異常終了時",
	 .help = "what follows when QEMU dies or the guest panics",
	 .help_ja = "QEMUの異常終了やゲストのパニック時の動作"},
	{.name = "max", .type = FIELD_INT, .flags = FIELD_LIVE, .min = 1, .max = 100, .fallback = "3",
	 .title = "Restarts at most", .title_ja = "再起動回数の上限",
	 .help = "restarts within 10 minutes, after which it stays down", .help_ja = "10分間の再起動回数の上限"},
	{0}};
static const Table restart_table = {.name = "restart", .title = "Restart after a crash", .title_ja = "異常時の再起動",
				    .fields = restart_fields};

static const Field shutdown_fields[] = {
	{.name = "timeout", .type = FIELD_INT, .flags = FIELD_LIVE, .min = 1, .max = 3600, .fallback = "90",
	 .unit = "s",
	 .title = "Time to shut down", .title_ja = "シャットダウンの制限時間",
	 .help = "how long a shutdown may take", .help_ja = "シャットダウンの制限時間"},
	{.name = "action", .type = FIELD_ENUM, .flags = FIELD_LIVE, .values = shutdown_actions,
	 .fallback = "\"stop\"",
	 .title = "After that time", .title_ja = "時間切れ後",
	 .help = "after that time: 'stop' turns the power off, 'leave' lets it run",
	 .help_ja = "時間切れ後。'stop' は電源断、'leave' は稼働継続"},
	{0}};
static const Table shutdown_table = {.name = "shutdown", .title = "Shutdown", .title_ja = "シャットダウン",
				     .fields = shutdown_fields};

static const Field watchdog_fields[] = {
	{.name = "model", .type = FIELD_ENUM, .values = watchdogs, .fallback = "\"none\"",
	 .title = "Device", .title_ja = "デバイス",
	 .help = "watchdog timer that the guest sees; its system must use it (Linux: the module i6300esb)",
	 .help_ja = "ゲストに見えるウォッチドッグタイマー。ゲストのOSが使う必要がある（Linuxではモジュールi6300esb）"},
	{.name = "action", .type = FIELD_ENUM, .flags = FIELD_LIVE, .values = watchdog_actions, .fallback = "\"reset\"",
	 .title = "When it runs out", .title_ja = "時間切れのとき",
	 .help = "what happens when the guest has not reset the timer in time; 'shutdown' asks its system, 'nmi' "
		 "interrupts it, 'none' only tells",
	 .help_ja = "ゲストが時間内にタイマーを戻さないときの動作。'shutdown' はOSに要求、'nmi' は割り込み、'none' は通知のみ"},
	{0}};
static const Table watchdog_table = {.name = "watchdog", .title = "Watchdog", .title_ja = "ウォッチドッグ",
				     .fields = watchdog_fields};

static const Field rng_fields[] = {
	{.name = "model", .type = FIELD_ENUM, .values = rngs, .fallback = "\"virtio\"",
	 .title = "Device", .title_ja = "デバイス",
	 .help = "source of random numbers that the guest sees, fed by the host's /dev/urandom",
	 .help_ja = "ゲストに見える乱数源。ホストの /dev/urandom から供給"},
	{.name = "limit", .type = FIELD_SIZE, .flags = FIELD_NULLABLE, .min = 1, .max = GIB, .unit = "B",
	 .title = "Limit per second", .title_ja = "毎秒の上限",
	 .help = "bytes that the guest may take in a second; without it as many as it wants",
	 .help_ja = "ゲストが毎秒取得できるバイト数。省略時は無制限"},
	{0}};
static const Table rng_table = {.name = "rng", .title = "Random numbers", .title_ja = "乱数", .fields = rng_fields};

static const Field vm_fields[] = {
	{.name = "id", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_ROW, .min = 100, .max = 999999999,
	 .title = "Number", .title_ja = "番号",
	 .help = "number of the guest, never used again", .help_ja = "ゲスト番号（再利用されない）"},
	{.name = "name", .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_LIVE | FIELD_ROW, .min = 1, .max = 63,
	 .check = check_guest_name,
	 .title = "Name", .title_ja = "名前",
	 .help = "unique name", .help_ja = "一意な名前"},
	{.name = "hostname", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 64,
	 .check = check_host_name, .group = &first_boot, .title = "Host name", .title_ja = "ホスト名",
	 .help = "host name that is handed to the guest's system, for its first boot (SMBIOS); the name if not given",
	 .help_ja = "初回起動時にゲストのOSへ渡すホスト名（SMBIOS）。省略時は名前と同じ"},
	{.name = "description", .type = FIELD_STRING, .flags = FIELD_LIVE, .max = 8192, .fallback = "\"\"",
	 .title = "Description", .title_ja = "説明",
	 .help = "free text", .help_ja = "説明"},
	{.name = "tags", .type = FIELD_LIST, .flags = FIELD_LIVE | FIELD_ROW, .max = 32, .check = schema_check_key,
	 .fallback = "[]",
	 .title = "Tags", .title_ja = "タグ",
	 .help = "labels to find and group guests by", .help_ja = "検索と分類のためのラベル"},
	{.name = "node", .type = FIELD_STRING, .flags = FIELD_READONLY, .min = 1, .max = 63,
	 .title = "Node", .title_ja = "ノード",
	 .help = "node that the guest belongs to", .help_ja = "ゲストが属するノード"},
	{.name = "uuid", .type = FIELD_STRING, .flags = FIELD_FIXED | FIELD_NULLABLE, .min = 36, .max = 36,
	 .check = check_uuid,
	 .group = &identity_group, .title = "UUID", .title_ja = "UUID",
	 .help = "SMBIOS UUID; made at creation if not given",
	 .help_ja = "SMBIOS UUID。省略時は作成時に決まる"},
	{.name = "image", .type = FIELD_STRING, .flags = FIELD_FIXED | FIELD_NULLABLE, .min = 1, .max = 63,
	 .check = schema_check_key,
	 .title = "Image", .title_ja = "イメージ",
	 .help = "image that the guest was made from: fills disk0 and the kernel",
	 .help_ja = "作成元イメージ。disk0 とカーネルを設定する"},
	{.name = "os", .type = FIELD_STRING, .flags = FIELD_LIVE | FIELD_NULLABLE, .min = 1, .max = 63,
	 .check = schema_check_key,
	 .title = "Operating system", .title_ja = "OS",
	 .help = "operating system, by the name of a preset ('yado preset list'): when the guest is made, the preset "
		 "decides what is left open; that of the image if not given; afterwards only information",
	 .help_ja = "OSのプリセット名（'yado preset list'）。作成時に未指定の項目をプリセットが決める。省略時はイメージのOS。"
		    "作成後は情報としてのみ使う"},
	{.name = "machine", .type = FIELD_STRING, .flags = FIELD_FIXED | FIELD_NULLABLE, .min = 1, .max = 63,
	 .check = check_machine,
	 .group = &firmware_group, .title = "Machine version", .title_ja = "マシンバージョン",
	 .help = "machine version, such as pc-q35-7.2, pinned at creation; the node's newest if not given; 'yado vm "
		 "upgrade-hardware' gives another one",
	 .help_ja = "マシンバージョン（例: pc-q35-7.2。作成時に固定）。省略時はノードの最新。変更は 'yado vm upgrade-hardware'"},
	{.name = "firmware", .type = FIELD_ENUM, .flags = FIELD_FIXED, .values = firmwares, .fallback = "\"bios\"",
	 .group = &firmware_group, .title = "Firmware", .title_ja = "ファームウェア",
	 .help = "what starts the guest's system: BIOS (SeaBIOS), or UEFI (OVMF), "
		 "whose variables are kept with the guest",
	 .help_ja = "OSを起動するファームウェア。BIOS（SeaBIOS）、またはUEFI（OVMF。変数はゲストごとに保存）"},
	{.name = "secure_boot", .type = FIELD_BOOL, .flags = FIELD_FIXED, .fallback = "false",
	 .when = "firmware=uefi",
	 .group = &firmware_group, .title = "Secure Boot", .title_ja = "セキュアブート",
	 .help = "the firmware starts only boot loaders signed with Microsoft's keys; needs firmware 'uefi'",
	 .help_ja = "Microsoftの鍵で署名されたブートローダーだけを起動する。ファームウェア 'uefi' が必要"},
	{.name = "tpm", .type = FIELD_BOOL, .fallback = "false",
	 .group = &firmware_group, .title = "TPM 2.0", .title_ja = "TPM 2.0",
	 .help = "a TPM 2.0, whose state is kept in a volume of the guest",
	 .help_ja = "TPM 2.0。状態はゲストのボリュームに保存される"},
	{.name = "cpu", .type = FIELD_OBJECT, .flags = FIELD_ROW, .table = &cpu_table,
	 .help = "processors", .help_ja = "プロセッサ"},
	{.name = "memory", .type = FIELD_SIZE, .flags = FIELD_ROW, .min = 16 * MIB, .max = 4096 * GIB,
	 .fallback = "1073741824", .unit = "B",
	 .title = "Memory", .title_ja = "メモリ",
	 .help = "memory, in whole MiB", .help_ja = "メモリ（MiB単位）"},
	{.name = "memory_max", .type = FIELD_SIZE, .flags = FIELD_NULLABLE, .min = 16 * MIB, .max = 4096 * GIB,
	 .unit = "B", .group = &memory_details, .title = "Memory at most", .title_ja = "メモリの上限",
	 .help = "how far memory can grow while the guest runs (virtio-mem, in steps of 4 MiB); "
		 "without it a change of memory waits",
	 .help_ja = "稼働中にメモリを増やせる上限（virtio-mem、4 MiB単位）。省略時、メモリの変更は次の起動から"},
	{.name = "memory_min", .type = FIELD_SIZE, .flags = FIELD_NULLABLE | FIELD_LIVE, .min = 16 * MIB,
	 .max = 4096 * GIB, .unit = "B",
	 .group = &memory_details, .title = "Memory at least", .title_ja = "メモリの下限",
	 .help = "what is left to the guest when the node is short of memory and takes some back (balloon); nothing is "
		 "taken without it",
	 .help_ja = "ノードのメモリ不足時に回収（バルーン）してもゲストに残す量。省略時は回収しない"},
	{.name = "hugepages", .type = FIELD_ENUM, .values = page_sizes, .fallback = "\"none\"",
	 .group = &memory_details, .title = "Huge pages", .title_ja = "ヒュージページ",
	 .help = "size of the huge pages that its memory is made of; the node must have enough of them set aside",
	 .help_ja = "メモリに使うヒュージページのサイズ。ノードに必要数の確保が必要"},
	{.name = "ksm", .type = FIELD_BOOL, .fallback = "true",
	 .group = &memory_details, .title = "Share equal pages (KSM)", .title_ja = "同一ページの共有（KSM）",
	 .help = "whether the node may merge pages that are the same in several guests, if it does that (KSM)",
	 .help_ja = "複数ゲストの同一ページをノードがまとめてよいか（KSM有効時）"},
	{.name = "numa", .type = FIELD_MAP, .max = 8, .table = &numa_table, .singular = "numa", .key = "node",
	 .fallback = "{}", .group = &memory_details, .title = "NUMA placement", .title_ja = "NUMA配置",
	 .help = "where the guest's NUMA nodes are on the host: node0, node1… of cpu.numa; node0 is all of a guest "
		 "that has one node",
	 .help_ja = "ゲストのNUMAノード（cpu.numaのnode0、node1…）のホスト上の配置。ノードが1つのゲストではnode0が全体を表す"},
	{.name = "kernel", .type = FIELD_OBJECT, .flags = FIELD_NULLABLE, .table = &kernel_table,
	 .group = &firmware_group, .help = "start a kernel directly", .help_ja = "カーネルを直接起動する"},
	{.name = "disks", .type = FIELD_MAP, .flags = FIELD_LIVE, .max = 32, .table = &disk_table, .singular = "disk",
	 .fallback = "{}",
	 .title = "Disks", .title_ja = "ディスク",
	 .help = "disks", .help_ja = "ディスク"},
	{.name = "cdroms", .type = FIELD_MAP, .max = 4, .table = &cdrom_table, .singular = "cdrom", .fallback = "{}",
	 .title = "CD drives", .title_ja = "CDドライブ",
	 .help = "CD drives", .help_ja = "CDドライブ"},
	{.name = "nics", .type = FIELD_MAP, .flags = FIELD_LIVE, .max = 10, .table = &nic_table, .singular = "nic",
	 .fallback = "{}",
	 .title = "Network cards", .title_ja = "ネットワークカード",
	 .help = "network cards", .help_ja = "ネットワークカード"},
	{.name = "usb", .type = FIELD_MAP, .flags = FIELD_LIVE, .max = 14, .table = &usb_table, .singular = "usb",
	 .fallback = "{}",
	 .group = &other_devices, .title = "USB devices", .title_ja = "USBデバイス",
	 .help = "USB devices; a running guest gets them if it was started with a USB controller: "
		 "with a display, or once it has had a USB device",
	 .help_ja = "USBデバイス。稼働中の追加はUSBコントローラーがある場合のみ（ディスプレイ付きか、USBデバイスを一度でも付けて起動したとき）"},
	{.name = "usb_ports", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_NULLABLE, .min = 4, .max = 15,
	 .title = "USB ports", .title_ja = "USBポート数",
	 .help = "ports of the USB controller, fixed with the first USB device; 4 if it does not say",
	 .help_ja = "USBコントローラーのポート数（最初のUSBデバイスの追加時に固定）。なければ4"},
	{.name = "pci", .type = FIELD_MAP, .max = 8, .table = &pci_table, .singular = "pci", .fallback = "{}",
	 .group = &other_devices, .title = "PCI devices of the host", .title_ja = "ホストのPCIデバイス",
	 .help = "PCI devices of the host that the guest has to itself", .help_ja = "ゲストが占有するホストのPCIデバイス"},
	{.name = "shares", .type = FIELD_MAP, .flags = FIELD_LIVE, .max = 8, .table = &share_table, .singular = "share",
	 .fallback = "{}",
	 .group = &other_devices, .title = "Shared directories", .title_ja = "共有ディレクトリ",
	 .help = "directories of the host inside the guest (virtio-fs); "
		 "a running guest gets them if it was started with one",
	 .help_ja = "ゲスト内で使うホストのディレクトリ（virtio-fs）。稼働中の追加は、共有付きで起動した場合のみ"},
	{.name = "serial", .type = FIELD_BOOL, .fallback = "true",
	 .group = &console_group, .title = "Serial port", .title_ja = "シリアルポート",
	 .help = "serial port, the text console", .help_ja = "シリアルポート（テキストコンソール）"},
	{.name = "serial_ports", .type = FIELD_INT, .min = 1, .max = 4, .fallback = "1",
	 .group = &console_group, .title = "Number of serial ports", .title_ja = "シリアルポートの数",
	 .help = "serial ports in all (COM1 to COM4), each with a console of its own",
	 .help_ja = "シリアルポートの総数（COM1～COM4）。それぞれにコンソールがある"},
	{.name = "display", .type = FIELD_ENUM, .values = displays, .fallback = "\"vga\"",
	 .group = &console_group, .title = "Display", .title_ja = "ディスプレイ",
	 .help = "graphics card, shown over VNC", .help_ja = "グラフィックカード（VNCで表示）"},
	{.name = "display_memory", .type = FIELD_SIZE, .flags = FIELD_NULLABLE, .min = MIB, .max = GIB, .unit = "B",
	 .group = &console_group, .title = "Display memory", .title_ja = "ディスプレイのメモリ",
	 .help = "memory of the graphics card, a power of two; more for higher resolutions; "
		 "the card's own default if not given",
	 .help_ja = "グラフィックカードのメモリ（2の累乗）。高解像度では大きくする。省略時はカードの既定値"},
	{.name = "sound", .type = FIELD_ENUM, .values = sounds, .fallback = "\"none\"",
	 .group = &console_group, .title = "Sound card", .title_ja = "サウンドカード",
	 .help = "sound card that the guest sees; what it plays is heard nowhere",
	 .help_ja = "ゲストに見えるサウンドカード。再生した音はどこにも出ない"},
	{.name = "watchdog", .type = FIELD_OBJECT, .table = &watchdog_table,
	 .group = &other_devices, .help = "watchdog timer", .help_ja = "ウォッチドッグタイマー"},
	{.name = "rng", .type = FIELD_OBJECT, .table = &rng_table,
	 .group = &other_devices, .help = "source of random numbers", .help_ja = "乱数源"},
	{.name = "vsock", .type = FIELD_BOOL, .fallback = "false",
	 .group = &other_devices, .title = "Sockets to the host (vsock)", .title_ja = "ホストとのソケット（vsock）",
	 .help = "sockets between guest and host without a network; the guest's context id (CID) is its number",
	 .help_ja = "ネットワークなしのゲスト・ホスト間ソケット。ゲストのコンテキストID（CID）はゲスト番号"},
	{.name = "clock", .type = FIELD_ENUM, .values = clocks, .fallback = "\"utc\"",
	 .group = &other_devices, .title = "Hardware clock", .title_ja = "ハードウェア時計",
	 .help = "what the hardware's clock shows at the start: UTC, or the node's local time, as Windows expects",
	 .help_ja = "起動時にハードウェア時計が示す時刻。UTC、またはノードのローカル時刻（Windows向け）"},
	{.name = "hpet", .type = FIELD_BOOL, .flags = FIELD_NULLABLE,
	 .group = &other_devices, .title = "HPET timer", .title_ja = "HPETタイマー",
	 .help = "a high precision event timer, which is there if not given; Windows is better off without",
	 .help_ja = "高精度イベントタイマー。省略時はあり。Windowsではない方がよい"},
	{.name = "sleep", .type = FIELD_BOOL, .flags = FIELD_NULLABLE,
	 .group = &other_devices, .title = "Sleep", .title_ja = "スリープ",
	 .help = "whether the guest can go to sleep (ACPI S3 and S4), as Windows does by itself after a while without "
		 "a user; off in new guests",
	 .help_ja = "ゲストがスリープや休止状態（ACPI S3・S4）に入れるか。Windowsは放置されると自動で入る。新しいゲストでは無効"},
	{.name = "agent", .type = FIELD_BOOL, .fallback = "true",
	 .group = &console_group, .title = "Guest agent", .title_ja = "ゲストエージェント",
	 .help = "port for the QEMU guest agent", .help_ja = "QEMUゲストエージェント用ポート"},
	{.name = "boot", .type = FIELD_LIST, .max = 16, .check = schema_check_key, .fallback = "[]",
	 .group = &firmware_group, .title = "Boot order", .title_ja = "起動順",
	 .help = "what to boot from, in order: keys of disks, CD drives and network cards, as in cd0,disk0; disks, "
		 "then CD drives if empty",
	 .help_ja = "起動順。ディスク、CDドライブ、ネットワークカードのキー（例: cd0,disk0）。空ならディスク、CDの順"},
	{.name = "boot_menu", .type = FIELD_INT, .min = 0, .max = 60, .fallback = "0", .unit = "s",
	 .group = &firmware_group, .title = "Boot menu", .title_ja = "起動メニューの待ち時間",
	 .help = "how long the firmware waits at each start for the Esc key, which opens its menu",
	 .help_ja = "起動のたびに、メニューを開くEscキーを待つ時間"},
	{.name = "autostart", .type = FIELD_OBJECT, .flags = FIELD_LIVE, .table = &autostart_table,
	 .group = &start_and_stop, .help = "start at boot", .help_ja = "自動起動"},
	{.name = "restart", .type = FIELD_OBJECT, .flags = FIELD_LIVE, .table = &restart_table,
	 .group = &start_and_stop, .help = "restart after a crash", .help_ja = "異常時の再起動"},
	{.name = "shutdown", .type = FIELD_OBJECT, .flags = FIELD_LIVE, .table = &shutdown_table,
	 .group = &start_and_stop, .help = "how the guest is shut down", .help_ja = "シャットダウンの仕方"},
	{.name = "smbios", .type = FIELD_OBJECT, .flags = FIELD_NULLABLE, .table = &smbios_table,
	 .group = &identity_group, .help = "what the guest reads about its maker", .help_ja = "ゲストから読めるメーカー情報"},
	{.name = "guestinfo", .type = FIELD_MAP, .max = 16, .table = &guestinfo_table, .singular = "guestinfo",
	 .fallback = "{}", .group = &first_boot, .title = "Guest info", .title_ja = "ゲスト情報",
	 .help = "values that the guest reads (fw_cfg), not for secrets",
	 .help_ja = "ゲストが読める値（fw_cfg）。秘密には使わない"},
	{.name = "cloud_init", .type = FIELD_OBJECT, .flags = FIELD_NULLABLE, .table = &cloud_init_table,
	 .group = &first_boot, .help = "what cloud-init does at the first boot", .help_ja = "初回起動時にcloud-initが行うこと"},
	{.name = "answers", .type = FIELD_OBJECT, .flags = FIELD_READONLY | FIELD_NULLABLE, .table = &answers_table,
	 .help = "answers for an unattended installation, on a drive; kept encrypted",
	 .help_ja = "無人インストールの応答ファイル（ドライブで渡す。暗号化して保管）"},
	{.name = "status", .type = FIELD_OBJECT, .flags = FIELD_READONLY, .table = &vm_status_table,
	 .help = "what the guest does now; in no stored document", .help_ja = "現在の状態（保存されない）"},
	{0}};

const Table vm_table = {.name = "vm", .title = "Virtual machine", .title_ja = "仮想マシン", .version = 1,
			.fields = vm_fields, .groups = vm_groups};
