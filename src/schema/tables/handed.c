/* What a guest is handed besides its devices: fields of its document (tables/vm.c). */
#include "schema/checks.h"
#include "schema/schema.h"

static const char *const drive_buses[] = {"virtio-scsi", "sata", NULL};
static const char *const answer_kinds[] = {"kickstart", "autounattend", "preseed", NULL};

static const Field smbios_fields[] = {
	{.name = "manufacturer", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 64,
	 .check = check_smbios, .title = "Manufacturer", .title_ja = "製造元",
	 .help = "manufacturer of the system that the guest reads", .help_ja = "ゲストから読めるシステムの製造元"},
	{.name = "product", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 64, .check = check_smbios,
	 .title = "Product", .title_ja = "製品名",
	 .help = "product name of the system", .help_ja = "システムの製品名"},
	{.name = "version", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 64, .check = check_smbios,
	 .title = "Version", .title_ja = "バージョン",
	 .help = "version of the system", .help_ja = "システムのバージョン"},
	{.name = "serial", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 64, .check = check_smbios,
	 .title = "Serial number", .title_ja = "シリアル番号",
	 .help = "serial number of the system; licences are sometimes bound to it",
	 .help_ja = "システムのシリアル番号。ライセンスの条件になることがある"},
	{.name = "sku", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 64, .check = check_smbios,
	 .title = "SKU", .title_ja = "SKU",
	 .help = "stock keeping unit of the system", .help_ja = "システムのSKU（型番）"},
	{.name = "family", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 64, .check = check_smbios,
	 .title = "Family", .title_ja = "ファミリー",
	 .help = "product family of the system", .help_ja = "システムの製品ファミリー"},
	{.name = "asset_tag", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 64, .check = check_smbios,
	 .title = "Asset tag", .title_ja = "資産タグ",
	 .help = "asset tag of the board and the chassis", .help_ja = "マザーボードと筐体の資産タグ"},
	{0}};
const Table smbios_table = {.name = "smbios", .title = "SMBIOS", .title_ja = "SMBIOS", .fields = smbios_fields};

static const Field guestinfo_fields[] = {
	{.name = "value", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .max = 4096,
	 .title = "Value", .title_ja = "値",
	 .help = "what the guest reads there", .help_ja = "ゲストが読む値"},
	{0}};
const Table guestinfo_table = {.name = "guestinfo", .title = "Guest info", .title_ja = "ゲスト情報",
	.fields = guestinfo_fields};

static const Field user_data_fields[] = {
	{.name = "size", .type = FIELD_INT, .flags = FIELD_READONLY, .min = 0, .max = HANDED_BYTES_MAX,
	 .help = "bytes that were given", .help_ja = "渡された内容のバイト数"},
	{.name = "sha256", .type = FIELD_STRING, .flags = FIELD_READONLY, .min = 64, .max = 64, .check = check_digest,
	 .help = "SHA-256 of what was given", .help_ja = "渡された内容のSHA-256"},
	{0}};
static const Table user_data_table = {.name = "user-data", .title = "User data", .title_ja = "ユーザーデータ",
				      .fields = user_data_fields};

static const Field cloud_nic_fields[] = {
	{.name = "address", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 18,
	 .check = check_ipv4_prefix, .title = "IPv4 address", .title_ja = "IPv4アドレス",
	 .help = "IPv4 address with its prefix, as in 192.0.2.10/24; by DHCP if not given",
	 .help_ja = "IPv4アドレスとプレフィックス（例: 192.0.2.10/24）。省略時はDHCP"},
	{.name = "gateway", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 15, .check = check_ipv4,
	 .title = "IPv4 gateway", .title_ja = "IPv4ゲートウェイ",
	 .help = "IPv4 gateway, with a fixed address", .help_ja = "固定アドレスで使うIPv4ゲートウェイ"},
	{.name = "address6", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 49,
	 .check = check_ipv6_prefix, .title = "IPv6 address", .title_ja = "IPv6アドレス",
	 .help = "IPv6 address with its prefix, as in 2001:db8::10/64; what routers announce if not given",
	 .help_ja = "IPv6アドレスとプレフィックス（例: 2001:db8::10/64）。省略時はルーター広告"},
	{.name = "gateway6", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 45, .check = check_ipv6,
	 .title = "IPv6 gateway", .title_ja = "IPv6ゲートウェイ",
	 .help = "IPv6 gateway, with a fixed address", .help_ja = "固定アドレスで使うIPv6ゲートウェイ"},
	{0}};
static const Table cloud_nic_table = {.name = "cloud-init-nic", .title = "Network settings", .title_ja = "ネットワーク設定",
				      .fields = cloud_nic_fields};

static const Field cloud_init_fields[] = {
	{.name = "enabled", .type = FIELD_BOOL, .fallback = "true",
	 .title = "cloud-init drive", .title_ja = "cloud-initドライブ",
	 .help = "give the guest a drive that cloud-init reads (NoCloud), as any other of these fields does too",
	 .help_ja = "cloud-initが読むドライブ（NoCloud）をゲストに渡す。他のcloud-initの項目を設定したときも渡される"},
	{.name = "user", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 32, .check = check_login,
	 .title = "User", .title_ja = "ユーザー",
	 .help = "user who is made, with sudo; that of the image if not given",
	 .help_ja = "作成されるユーザー（sudo可）。省略時はイメージの既定ユーザー"},
	{.name = "password_set", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = 40,
	 .help = "when the user's password was given (UTC); it is kept encrypted, as a hash",
	 .help_ja = "パスワードの設定日時（UTC）。ハッシュを暗号化して保管"},
	{.name = "keys", .type = FIELD_LIST, .max = 32, .check = check_ssh_key, .fallback = "[]",
	 .title = "SSH keys", .title_ja = "SSH公開鍵",
	 .help = "public keys with which the user may sign in over SSH", .help_ja = "SSHログインを許可する公開鍵"},
	{.name = "packages", .type = FIELD_LIST, .max = 128, .check = check_any_package, .fallback = "[]",
	 .title = "Packages", .title_ja = "パッケージ",
	 .help = "packages that are installed at the first boot", .help_ja = "初回起動時に入れるパッケージ"},
	{.name = "dns", .type = FIELD_LIST, .max = 8, .check = check_ip, .fallback = "[]",
	 .title = "Name servers", .title_ja = "DNSサーバー",
	 .help = "name servers, for cards with a fixed address", .help_ja = "固定アドレスのカードで使うDNSサーバー"},
	{.name = "search", .type = FIELD_LIST, .max = 8, .check = check_host_name, .fallback = "[]",
	 .title = "Search domains", .title_ja = "検索ドメイン",
	 .help = "domains in which short names are looked up, for cards with a fixed address",
	 .help_ja = "固定アドレスのカードで使う検索ドメイン"},
	{.name = "nics", .type = FIELD_MAP, .max = 16, .table = &cloud_nic_table, .singular = "nic", .fallback = "{}",
	 .title = "Addresses of network cards", .title_ja = "ネットワークカードのアドレス",
	 .help = "fixed addresses of network cards, by the card's name; all others by DHCP",
	 .help_ja = "カード名ごとの固定アドレス。ほかはDHCP"},
	{.name = "user_data", .type = FIELD_OBJECT, .flags = FIELD_READONLY | FIELD_NULLABLE, .table = &user_data_table,
	 .help = "user-data of one's own, kept encrypted", .help_ja = "独自のuser-data（暗号化して保管）"},
	{.name = "bus", .type = FIELD_ENUM, .values = drive_buses, .fallback = "\"virtio-scsi\"",
	 .title = "Bus", .title_ja = "接続方式",
	 .help = "how the guest sees the drive; cloud kernels know virtio-scsi only, Windows sata only",
	 .help_ja = "ドライブの接続方式。クラウド用カーネルはvirtio-scsiのみ、Windowsはsataのみ認識"},
	{.name = "address", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .min = 1, .max = 32,
	 .title = "Place", .title_ja = "接続位置",
	 .help = "where the drive sits in the guest's hardware", .help_ja = "ゲストのハードウェア上の位置"},
	{0}};
const Table cloud_init_table = {.name = "cloud-init", .title = "cloud-init", .title_ja = "cloud-init",
	.fields = cloud_init_fields};

static const Field answers_fields[] = {
	{.name = "kind", .type = FIELD_ENUM, .flags = FIELD_READONLY, .values = answer_kinds,
	 .help = "for which installer", .help_ja = "対象のインストーラー"},
	{.name = "size", .type = FIELD_INT, .flags = FIELD_READONLY, .min = 0, .max = HANDED_BYTES_MAX,
	 .help = "bytes that were given", .help_ja = "渡された内容のバイト数"},
	{.name = "sha256", .type = FIELD_STRING, .flags = FIELD_READONLY, .min = 64, .max = 64, .check = check_digest,
	 .help = "SHA-256 of what was given", .help_ja = "渡された内容のSHA-256"},
	{.name = "bus", .type = FIELD_ENUM, .flags = FIELD_READONLY, .values = drive_buses,
	 .help = "how the guest sees the drive", .help_ja = "ゲストから見た接続方式"},
	{.name = "address", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .min = 1, .max = 32,
	 .title = "Place", .title_ja = "接続位置",
	 .help = "where the drive sits in the guest's hardware", .help_ja = "ゲストのハードウェア上の位置"},
	{0}};
const Table answers_table = {.name = "answers", .title = "Installer's answers", .title_ja = "インストーラーの応答ファイル",
			     .fields = answers_fields};

/* ---- requests and answers of /vms/ID/… ---- */

static const Field user_data_request_fields[] = {
	{.name = "content", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = HANDED_BYTES_MAX,
	 .title = "Content", .title_ja = "内容",
	 .help = "user-data as cloud-init reads it, beginning with #cloud-config, #! or another of its marks",
	 .help_ja = "cloud-initのuser-data（#cloud-config や #! などで始まる）"},
	{0}};
const Table user_data_request_table = {.name = "user-data-request", .title = "User data", .title_ja = "ユーザーデータ",
				       .fields = user_data_request_fields};

static const Field guest_password_fields[] = {
	{.name = "password", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 120,
	 .check = check_one_line, .title = "Password", .title_ja = "パスワード",
	 .help = "password of the user that cloud-init makes", .help_ja = "cloud-initが作るユーザーのパスワード"},
	{0}};
const Table guest_password_table = {.name = "guest-password", .title = "Password for cloud-init",
				    .title_ja = "cloud-initのパスワード", .fields = guest_password_fields};

static const Field answers_request_fields[] = {
	{.name = "kind", .type = FIELD_ENUM, .flags = FIELD_REQUIRED, .values = answer_kinds,
	 .title = "Installer", .title_ja = "インストーラー",
	 .help = "for which installer: 'kickstart' (Red Hat, Fedora), 'autounattend' (Windows), 'preseed' (Debian)",
	 .help_ja = "対象のインストーラー。'kickstart'（Red Hat、Fedora）、'autounattend'（Windows）、'preseed'（Debian）"},
	{.name = "bus", .type = FIELD_ENUM, .values = drive_buses, .fallback = "\"sata\"",
	 .title = "Bus", .title_ja = "接続方式",
	 .help = "how the guest sees the drive", .help_ja = "ゲストから見た接続方式"},
	{.name = "content", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = HANDED_BYTES_MAX,
	 .title = "Content", .title_ja = "内容",
	 .help = "the answers, as that installer reads them", .help_ja = "インストーラーが読む応答の内容"},
	{0}};
const Table answers_request_table = {.name = "answers-request", .title = "Installer's answers",
				     .title_ja = "インストーラーの応答ファイル", .fields = answers_request_fields};

static const Field handed_file_fields[] = {
	{.name = "drive", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 32,
	 .help = "label of the drive it is on", .help_ja = "置かれるドライブのラベル"},
	{.name = "name", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 64,
	 .help = "name of the file", .help_ja = "ファイル名"},
	{.name = "size", .type = FIELD_INT, .flags = FIELD_READONLY, .min = 0, .max = G_MAXINT64,
	 .help = "its bytes", .help_ja = "バイト数"},
	{.name = "sha256", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = 64,
	 .help = "SHA-256 of what was uploaded", .help_ja = "アップロードされた内容のSHA-256"},
	{.name = "content", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = 0,
	 .help = "what is in it, with secrets left out; not of what was uploaded",
	 .help_ja = "内容（秘密は伏せる）。アップロードされたものは含まない"},
	{0}};
static const Table handed_file_table = {.name = "handed-file", .title = "File", .title_ja = "ファイル",
					.fields = handed_file_fields};

static const Field handed_fields[] = {
	{.name = "files", .type = FIELD_ITEMS, .flags = FIELD_READONLY, .table = &handed_file_table,
	 .help = "files on the drives that the guest's next start brings", .help_ja = "次回起動時にドライブに載るファイル"},
	{.name = "boot_line", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = 0,
	 .help = "what to add to the installer's boot line, so that it reads its answers",
	 .help_ja = "インストーラーに応答ファイルを読ませるため、起動メニューで追加する文字列"},
	{0}};
const Table handed_table = {.name = "handed", .title = "What the guest is handed", .title_ja = "ゲストに渡すもの",
			    .fields = handed_fields};
