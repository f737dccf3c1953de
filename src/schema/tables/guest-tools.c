/* What is asked of a guest's agent, and what it answers. */
#include "schema/checks.h"
#include "schema/schema.h"

#define ALWAYS FIELD_READONLY
#define MAYBE (FIELD_READONLY | FIELD_NULLABLE)
#define TEXT(field_name, text, text_ja)                                                                               \
	{.name = field_name, .type = FIELD_STRING, .flags = MAYBE, .max = 255, .help = text, .help_ja = text_ja}

/* --- Requests --- */

static const Field password_fields[] = {
	{.name = "user", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 64, .check = check_guest_user,
	 .title = "User", .title_ja = "ユーザー",
	 .help = "whose password, in the guest", .help_ja = "ゲスト内のユーザー名"},
	{.name = "password", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 256,
	 .check = check_one_line, .title = "Password", .title_ja = "パスワード",
	 .help = "the new password", .help_ja = "新しいパスワード"},
	{0}};
const Table agent_password_table = {.name = "agent-password", .title = "Password in a guest",
				    .title_ja = "ゲスト内のパスワード", .fields = password_fields};

static const Field exec_fields[] = {
	{.name = "command", .type = FIELD_LIST, .flags = FIELD_REQUIRED | FIELD_REPEATS, .min = 1, .max = 1024,
	 .title = "Command", .title_ja = "コマンド",
	 .help = "the program and its arguments, each as it is: no shell looks at them",
	 .help_ja = "プログラムと引数。シェルは解釈しない"},
	{.name = "input", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .max = 700 << 10, .check = check_base64,
	 .title = "Input", .title_ja = "入力",
	 .help = "its standard input, base64", .help_ja = "標準入力（base64）"},
	{.name = "timeout", .type = FIELD_INT, .min = 1, .max = 86400, .fallback = "3600", .unit = "s",
	 .title = "Time", .title_ja = "制限時間",
	 .help = "how long it may run; then it is ended", .help_ja = "実行時間の上限。超えると終了させる"},
	{.name = "output_limit", .type = FIELD_SIZE, .min = 4096, .max = 1 << 30, .fallback = "67108864", .unit = "B",
	 .title = "Output at most", .title_ja = "出力の上限",
	 .help = "how much it may write in all; then it is ended", .help_ja = "出力の合計の上限。超えると終了させる"},
	{.name = "leave", .type = FIELD_BOOL, .fallback = "false",
	 .title = "Leave running", .title_ja = "続行",
	 .help = "whether it runs on when nobody follows its output any more",
	 .help_ja = "出力を受け取る側がいなくなっても実行を続けるかどうか"},
	{0}};
const Table guest_exec_table = {.name = "guest-exec", .title = "Command for a guest",
				.title_ja = "ゲストで実行するコマンド", .fields = exec_fields};

static const Field freeze_fields[] = {
	{.name = "seconds", .type = FIELD_INT, .min = 1, .max = 600, .fallback = "60", .unit = "s",
	 .title = "Frozen at most", .title_ja = "凍結の上限",
	 .help = "after this time the guest is thawed in any case", .help_ja = "この時間が過ぎると必ず解凍する"},
	{0}};
const Table guest_freeze_table = {.name = "guest-freeze", .title = "Freezing", .title_ja = "凍結",
				  .fields = freeze_fields};

/* --- Answers --- */

static const Field os_fields[] = {
	TEXT("id", "short name, as in 'debian' or 'mswindows'", "短い名前（例: 'debian'、'mswindows'）"),
	TEXT("name", "name and version", "名前とバージョン"),
	TEXT("version", "version", "バージョン"),
	TEXT("kernel", "kernel's release", "カーネルのリリース"),
	TEXT("machine", "architecture", "アーキテクチャー"),
	{0}};
static const Table os_table = {.name = "guest-os", .title = "Operating system", .title_ja = "OS", .fields = os_fields};

static const Field user_fields[] = {
	{.name = "name", .type = FIELD_STRING, .flags = ALWAYS, .max = 255, .help = "who", .help_ja = "ユーザー名"},
	{.name = "since", .type = FIELD_STRING, .flags = MAYBE, .max = 40, .help = "since when (UTC)",
	 .help_ja = "ログイン日時（UTC）"},
	{0}};
static const Table user_table_of_guest = {.name = "guest-user", .title = "User who is logged in",
					  .title_ja = "ログイン中のユーザー", .fields = user_fields};

static const Field info_fields[] = {
	TEXT("agent", "version of the agent", "エージェントのバージョン"),
	TEXT("hostname", "host name", "ホスト名"),
	{.name = "os", .type = FIELD_OBJECT, .flags = ALWAYS, .table = &os_table, .help = "operating system",
	 .help_ja = "OS"},
	TEXT("timezone", "name of the time zone", "タイムゾーン"),
	{.name = "utc_offset", .type = FIELD_INT, .flags = MAYBE, .min = -86400, .max = 86400, .unit = "s",
	 .help = "its offset from UTC", .help_ja = "UTCとの差"},
	{.name = "clock_ahead_ms", .type = FIELD_INT, .flags = MAYBE, .min = G_MININT64, .max = G_MAXINT64,
	 .unit = "ms",
	 .help = "how far the guest's clock is ahead of this node's", .help_ja = "ノードの時計に対するゲストの時計の進み"},
	{.name = "users", .type = FIELD_ITEMS, .flags = ALWAYS, .table = &user_table_of_guest,
	 .help = "who is logged in", .help_ja = "ログイン中のユーザー"},
	{.name = "frozen", .type = FIELD_BOOL, .flags = MAYBE, .help = "whether its file systems are frozen",
	 .help_ja = "ファイルシステムが凍結中か"},
	{.name = "disabled", .type = FIELD_LIST, .flags = ALWAYS,
	 .help = "tools that this agent does not have or does not allow: exec, files, filesystems, freeze, password, "
		 "time, trim",
	 .help_ja = "このエージェントで使えない機能: exec、files、filesystems、freeze、password、time、trim"},
	{0}};
const Table guest_info_table = {.name = "guest-info", .title = "Inside of a guest", .title_ja = "ゲストの内部",
				.fields = info_fields};

static const Field filesystem_fields[] = {
	{.name = "mountpoint", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .help = "where it is mounted",
	 .help_ja = "マウント先"},
	{.name = "device", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .max = 255,
	 .help = "its device in the guest", .help_ja = "ゲスト内のデバイス"},
	{.name = "type", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .max = 255, .help = "kind of file system",
	 .help_ja = "種類"},
	{.name = "total", .type = FIELD_SIZE, .flags = MAYBE | FIELD_ROW, .max = G_MAXINT64, .unit = "B",
	 .help = "its size", .help_ja = "サイズ"},
	{.name = "used", .type = FIELD_SIZE, .flags = MAYBE | FIELD_ROW, .max = G_MAXINT64, .unit = "B",
	 .help = "of which is used", .help_ja = "使用量"},
	{.name = "disks", .type = FIELD_LIST, .flags = ALWAYS | FIELD_ROW,
	 .help = "disks of the guest's document that it is on", .help_ja = "載っているディスク（文書のキー）"},
	{0}};
const Table guest_filesystem_table = {.name = "guest-filesystem", .title = "File system of a guest",
				      .title_ja = "ゲストのファイルシステム", .fields = filesystem_fields};

static const Field time_fields[] = {
	{.name = "before_ms", .type = FIELD_INT, .flags = MAYBE, .min = G_MININT64, .max = G_MAXINT64, .unit = "ms",
	 .help = "how far the guest's clock was ahead", .help_ja = "設定前のゲストの時計の進み"},
	{.name = "after_ms", .type = FIELD_INT, .flags = MAYBE, .min = G_MININT64, .max = G_MAXINT64, .unit = "ms",
	 .help = "how far it is now", .help_ja = "設定後の進み"},
	{.name = "hardware_clock", .type = FIELD_BOOL, .flags = ALWAYS,
	 .help = "whether the guest also wrote its hardware clock", .help_ja = "ハードウェアクロックにも書き込んだか"},
	{0}};
const Table guest_time_table = {.name = "guest-time", .title = "Clock of a guest", .title_ja = "ゲストの時計",
				.fields = time_fields};

static const Field command_fields[] = {
	{.name = "id", .type = FIELD_STRING, .flags = ALWAYS, .max = 63, .help = "identifies it, to follow or end it",
	 .help_ja = "識別子"},
	{.name = "pid", .type = FIELD_INT, .flags = ALWAYS, .max = G_MAXINT64, .help = "its process in the guest",
	 .help_ja = "ゲスト内のプロセス番号"},
	{.name = "streamed", .type = FIELD_BOOL, .flags = ALWAYS,
	 .help = "whether its output comes while it runs, or only at its end", .help_ja = "出力が実行中に届くか（否なら終了時のみ）"},
	{0}};
const Table guest_command_table = {.name = "guest-command", .title = "Command in a guest",
				   .title_ja = "ゲストのコマンド", .fields = command_fields};

static const Field file_fields[] = {
	{.name = "path", .type = FIELD_STRING, .flags = ALWAYS, .help = "where it is, links followed",
	 .help_ja = "パス（リンク解決後）"},
	{.name = "size", .type = FIELD_SIZE, .flags = ALWAYS, .max = G_MAXINT64, .unit = "B", .help = "its size",
	 .help_ja = "サイズ"},
	{.name = "atomic", .type = FIELD_BOOL, .flags = ALWAYS,
	 .help = "whether it took the place of a former one all at once", .help_ja = "以前のファイルと一度に置き換わったか"},
	{0}};
const Table guest_file_table = {.name = "guest-file", .title = "File in a guest", .title_ja = "ゲストのファイル",
				.fields = file_fields};
