/* Bodies of requests that are no resource of their own, and uploads. */
#include "schema/checks.h"
#include "schema/schema.h"

static const char *const shutdown_actions[] = {"stop", "leave", NULL};
static const char *const console_modes[] = {"write", "read", NULL};

static const Field shutdown_fields[] = {
	{.name = "timeout", .type = FIELD_INT, .flags = FIELD_NULLABLE, .min = 1, .max = 3600, .unit = "s",
	 .title = "Time to shut down", .title_ja = "シャットダウンの制限時間",
	 .help = "how long the guest may take; its own setting if not given",
	 .help_ja = "ゲストに与える時間。省略時はゲストの設定"},
	{.name = "action", .type = FIELD_ENUM, .flags = FIELD_NULLABLE, .values = shutdown_actions,
	 .title = "After that time", .title_ja = "時間切れ後",
	 .help = "what happens then: 'stop' takes its power, 'leave' lets it run",
	 .help_ja = "時間切れ時の動作。'stop' 強制停止、'leave' 継続"},
	{0}};
const Table shutdown_request_table = {.name = "shutdown-request", .title = "Shutdown", .title_ja = "シャットダウン",
			      .fields = shutdown_fields};

static const char *const question_answers[] = {"retry", "stop", NULL};

static const Field answer_fields[] = {
	{.name = "answer", .type = FIELD_ENUM, .flags = FIELD_REQUIRED, .values = question_answers,
	 .title = "Answer", .title_ja = "回答",
	 .help = "'retry' tries again what was refused and lets the guest run on, 'stop' takes its power",
	 .help_ja = "'retry' は失敗した処理を再試行して続行、'stop' は電源断"},
	{0}};
const Table answer_request_table = {.name = "answer-request", .title = "Answer", .title_ja = "回答",
				    .fields = answer_fields};

static const Field firmware_setup_fields[] = {
	{.name = "cancel", .type = FIELD_BOOL, .fallback = "false",
	 .title = "Take it back", .title_ja = "取り消す",
	 .help = "take the request back", .help_ja = "要求を取り消す"},
	{0}};
const Table firmware_setup_request_table = {.name = "firmware-setup-request", .title = "Firmware set-up",
					    .title_ja = "ファームウェア設定", .fields = firmware_setup_fields};

static const Field upgrade_hardware_fields[] = {
	{.name = "machine", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 63, .check = check_machine,
	 .title = "Machine version", .title_ja = "マシンバージョン",
	 .help = "machine version; the node's newest if not given. The plan says what a step back costs",
	 .help_ja = "マシンバージョン。省略時はノードの最新。古くする場合の影響はプランに表示"},
	{0}};
const Table upgrade_hardware_request_table = {.name = "upgrade-hardware-request",
	.title = "Upgrade of the virtual hardware",
					      .title_ja = "仮想ハードウェアの更新", .fields = upgrade_hardware_fields};

static const Field node_shutdown_fields[] = {
	{.name = "timeout", .type = FIELD_INT, .flags = FIELD_NULLABLE, .min = 1, .max = 3600, .unit = "s",
	 .title = "Time for each guest at most", .title_ja = "各ゲストの制限時間",
	 .help = "how long a guest may take at most; each one's own setting if not given, or if that is less",
	 .help_ja = "各ゲストに与える時間の上限。省略時、またはゲストの設定の方が短いときはゲストの設定"},
	{0}};
const Table node_shutdown_request_table = {.name = "node-shutdown-request", .title = "Shutdown of a node's guests",
					   .title_ja = "ノードの全ゲストのシャットダウン", .fields = node_shutdown_fields};

static const Field renew_fields[] = {
	{.name = "uuid", .type = FIELD_BOOL, .fallback = "false", .title = "UUID", .title_ja = "UUID",
	 .help = "a new UUID", .help_ja = "新しいUUID"},
	{.name = "macs", .type = FIELD_BOOL, .fallback = "false", .title = "MAC addresses", .title_ja = "MACアドレス",
	 .help = "a new MAC address for each network card", .help_ja = "各ネットワークカードの新しいMACアドレス"},
	{.name = "serials", .type = FIELD_BOOL, .fallback = "false", .title = "Serial numbers", .title_ja = "シリアル番号",
	 .help = "a new serial number for each disk", .help_ja = "各ディスクの新しいシリアル番号"},
	{0}};
const Table renew_request_table = {.name = "renew-request", .title = "New identity", .title_ja = "識別子の更新",
				   .fields = renew_fields};

static const Field restore_fields[] = {
	{.name = "rev", .type = FIELD_INT, .flags = FIELD_REQUIRED, .min = 1, .max = G_MAXINT64,
	 .title = "Revision", .title_ja = "リビジョン",
	 .help = "revision to go back to", .help_ja = "戻す先のリビジョン"},
	{.name = "prefix", .type = FIELD_STRING, .max = 255, .fallback = "\"\"",
	 .title = "What", .title_ja = "対象",
	 .help = "what goes back: 'vm/100', 'vm/', 'storage/', or all", .help_ja = "対象。'vm/100'、'vm/'、'storage/'、空で全体"},
	{0}};
const Table restore_request_table = {.name = "restore-request", .title = "Restore", .title_ja = "復元",
	.fields = restore_fields};

static const Field console_fields[] = {
	{.name = "mode", .type = FIELD_ENUM, .values = console_modes, .fallback = "\"write\"",
	 .title = "Mode", .title_ja = "モード",
	 .help = "whether keys go to the guest", .help_ja = "入力の可否"},
	{.name = "port", .type = FIELD_INT, .min = 1, .max = 4, .fallback = "1",
	 .title = "Port", .title_ja = "ポート",
	 .help = "number of the serial port", .help_ja = "シリアルポートの番号"},
	{.name = "take_over", .type = FIELD_BOOL, .fallback = "false",
	 .title = "Take over", .title_ja = "引き継ぐ",
	 .help = "whether who writes now becomes a reader", .help_ja = "現在の入力者を閲覧のみにするかどうか"},
	{0}};
const Table console_request_table = {.name = "console-request", .title = "Console", .title_ja = "コンソール",
	.fields = console_fields};

static const Field upload_fields[] = {
	{.name = "id", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = 63,
	 .help = "identifies the upload", .help_ja = "アップロードの識別子"},
	{.name = "size", .type = FIELD_SIZE, .flags = FIELD_REQUIRED | FIELD_FIXED | FIELD_ROW, .min = 1,
	 .max = G_GINT64_CONSTANT(1) << 46, .unit = "B",
	 .title = "Size", .title_ja = "サイズ",
	 .help = "size of the whole file", .help_ja = "ファイル全体のサイズ"},
	{.name = "digest", .type = FIELD_STRING, .flags = FIELD_FIXED | FIELD_NULLABLE, .min = 64, .max = 64,
	 .check = check_digest,
	 .title = "SHA-256", .title_ja = "SHA-256",
	 .help = "SHA-256 of the whole file; it is checked before it is used",
	 .help_ja = "ファイル全体のSHA-256。使用前に検査"},
	{.name = "offset", .type = FIELD_SIZE, .flags = FIELD_READONLY | FIELD_ROW, .min = 0, .max = G_MAXINT64,
	 .unit = "B", .help = "how much has arrived; the next part begins here", .help_ja = "受信済みのサイズ"},
	{.name = "user", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 63, .help = "whose it is",
	 .help_ja = "所有者"},
	{.name = "created", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 40,
	 .help = "when it began (UTC)", .help_ja = "開始日時（UTC）"},
	{0}};
const Table upload_table = {.name = "upload", .title = "Upload", .title_ja = "アップロード", .fields = upload_fields};
