/* Answers of the API that are no resource of their own. All of it is set by Yado. */
#include <glib.h>

#include "schema/schema.h"

#define ALWAYS FIELD_READONLY
#define MAYBE (FIELD_READONLY | FIELD_NULLABLE)
#define COUNTER(field_name, text, text_ja)                                                                            \
	{.name = field_name, .type = FIELD_INT, .flags = ALWAYS, .max = G_MAXINT64, .help = text, .help_ja = text_ja}

/* As guest/run/state.c names them. */
static const char *const vm_states[] = {"stopped", "starting", "running", "paused", "stopping", "panicked", "unknown",
					NULL};
static const char *const accelerations[] = {"kvm", "tcg", NULL};
static const char *const agent_states[] = {"none", "waiting", "connected", NULL};
static const char *const times[] = {"now", "restart", NULL};
static const char *const actions[] = {"created", "changed", "deleted", NULL};

#define STATE_FIELDS                                                                                                  \
	{.name = "state", .type = FIELD_ENUM, .flags = ALWAYS | FIELD_ROW, .values = vm_states,                       \
	 .help = "what the guest does", .help_ja = "ゲストの状態"},                                                   \
	{.name = "reason", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .help = "why, in words",                \
	 .help_ja = "その理由"},                                                                                      \
	{.name = "reason_code", .type = FIELD_STRING, .flags = ALWAYS, .max = 63,                                     \
	 .help = "why, as a stable word", .help_ja = "理由のコード（変わらない語）"},                                 \
	{.name = "since", .type = FIELD_STRING, .flags = ALWAYS, .max = 40, .help = "since when (UTC)",               \
	 .help_ja = "その状態になった日時（UTC）"}

static const Field vm_row_fields[] = {
	{.name = "id", .type = FIELD_INT, .flags = ALWAYS | FIELD_ROW, .min = 100, .max = 999999999,
	 .help = "number of the guest", .help_ja = "ゲスト番号"},
	{.name = "name", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .min = 1, .max = 63, .help = "unique name",
	 .help_ja = "一意な名前"},
	STATE_FIELDS,
	{.name = "node", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .max = 63,
	 .help = "node that the guest belongs to", .help_ja = "ゲストが属するノード"},
	{.name = "tags", .type = FIELD_LIST, .flags = ALWAYS | FIELD_ROW, .max = 32, .help = "labels",
	 .help_ja = "ラベル"},
	{.name = "memory", .type = FIELD_SIZE, .flags = ALWAYS | FIELD_ROW, .max = G_MAXINT64, .unit = "B",
	 .help = "memory", .help_ja = "メモリ"},
	{.name = "cpus", .type = FIELD_INT, .flags = ALWAYS | FIELD_ROW, .min = 1, .max = 8192,
	 .help = "processors that it has", .help_ja = "プロセッサ数"},
	{.name = "pending", .type = FIELD_BOOL, .flags = ALWAYS | FIELD_ROW,
	 .help = "whether changes wait for the next start", .help_ja = "次の起動を待つ変更があるか"},
	{.name = "conflict", .type = FIELD_BOOL, .flags = MAYBE,
	 .help = "whether another guest has its UUID, a MAC address or a serial number of it as well",
	 .help_ja = "UUID、MACアドレス、シリアル番号が他のゲストと重複しているか"},
	{.name = "broken", .type = FIELD_LIST, .flags = MAYBE, .max = 64,
	 .help = "what of its hardware has failed, since the process beside QEMU that served it has ended, "
		 "as in 'shares.media'",
	 .help_ja = "故障中のハードウェア（QEMUとは別の担当プロセスが終了）。例: 'shares.media'"},
	{.name = "rev", .type = FIELD_INT, .flags = ALWAYS, .min = 1, .max = G_MAXINT64,
	 .help = "revision of its document", .help_ja = "文書のリビジョン"},
	{0}};
const Table vm_row_table = {.name = "vm-row", .title = "Row of a guest", .title_ja = "ゲストの行",
			    .fields = vm_row_fields};

static const Field agent_fields[] = {
	{.name = "state", .type = FIELD_ENUM, .flags = ALWAYS, .values = agent_states,
	 .help = "whether the guest agent answers", .help_ja = "ゲストエージェントの応答の有無"},
	{.name = "version", .type = FIELD_STRING, .flags = MAYBE, .help = "its version", .help_ja = "バージョン"},
	{.name = "frozen_until", .type = FIELD_STRING, .flags = MAYBE, .max = 40,
	 .help = "the guest's file systems are frozen; when it is thawed at the latest (UTC)",
	 .help_ja = "ファイルシステムが凍結中。遅くともこの日時に解凍（UTC）"},
	{0}};
static const Table agent_table = {.name = "agent", .title = "Guest agent", .title_ja = "ゲストエージェント",
				  .fields = agent_fields};

static const Field address_fields[] = {
	{.name = "nic", .type = FIELD_STRING, .flags = MAYBE, .max = 63, .help = "network card of the guest's document",
	 .help_ja = "文書のネットワークカード"},
	{.name = "mac", .type = FIELD_STRING, .flags = ALWAYS, .max = 17, .help = "MAC address", .help_ja = "MACアドレス"},
	{.name = "address", .type = FIELD_STRING, .flags = ALWAYS, .help = "IP address", .help_ja = "IPアドレス"},
	{0}};
static const Table address_table = {.name = "address", .title = "Address", .title_ja = "アドレス",
				    .fields = address_fields};

#define CHANGE_FIELDS                                                                                                 \
	{.name = "path", .type = FIELD_STRING, .flags = ALWAYS, .help = "dotted path of the field",                   \
	 .help_ja = "フィールドのパス"},                                                                              \
	{.name = "before", .type = FIELD_ANY, .flags = MAYBE, .help = "value before", .help_ja = "変更前の値"},       \
	{.name = "after", .type = FIELD_ANY, .flags = MAYBE, .help = "value after", .help_ja = "変更後の値"}

static const Field change_fields[] = {CHANGE_FIELDS, {0}};
const Table change_table = {.name = "change", .title = "Change", .title_ja = "変更", .fields = change_fields};

static const Field console_fields[] = {
	{.name = "writer", .type = FIELD_STRING, .flags = MAYBE, .help = "who writes to the serial console",
	 .help_ja = "シリアルコンソールの入力者"},
	{0}};
static const Table console_table = {.name = "console", .title = "Console", .title_ja = "コンソール",
				    .fields = console_fields};

static const Field conflict_fields[] = {
	{.name = "path", .type = FIELD_STRING, .flags = ALWAYS, .help = "what is used twice, as in 'nics.nic0.mac'",
	 .help_ja = "重複している項目（例: 'nics.nic0.mac'）"},
	{.name = "value", .type = FIELD_STRING, .flags = ALWAYS, .help = "its value", .help_ja = "その値"},
	{.name = "vm", .type = FIELD_INT, .flags = ALWAYS, .min = 1, .max = G_MAXINT64,
	 .help = "guest that has it as well", .help_ja = "同じ値を持つゲスト"},
	{0}};
static const Table conflict_table = {.name = "conflict", .title = "Conflict", .title_ja = "重複",
				     .fields = conflict_fields};

#define GUEST_MEMORY_FIELDS                                                                                     \
	{.name = "guest_total", .type = FIELD_SIZE, .flags = MAYBE, .max = G_MAXINT64, .unit = "B",                    \
	 .help = "memory that the guest sees, as its balloon's driver says", .help_ja = "ゲストから見えるメモリ（バルーンの報告）"},       \
	{.name = "guest_used", .type = FIELD_SIZE, .flags = MAYBE, .max = G_MAXINT64, .unit = "B",                     \
	 .help = "what the guest itself uses of that, without its caches", .help_ja = "そのうちゲスト自身の使用量（キャッシュを除く）"},      \
	{.name = "taken_back", .type = FIELD_SIZE, .flags = MAYBE, .max = G_MAXINT64, .unit = "B",                     \
	 .help = "what the node has taken back from it, being short of memory", .help_ja = "ノードのメモリ不足により回収した量"}

static const Field guest_memory_fields[] = {GUEST_MEMORY_FIELDS, {0}};
static const Table guest_memory_table = {.name = "guest-memory", .title = "Memory in the guest", .title_ja = "ゲスト内のメモリ",
					 .fields = guest_memory_fields};

static const Field share_status_fields[] = {
	{.name = "share", .type = FIELD_STRING, .flags = ALWAYS, .max = 63, .help = "key of the share in the document",
	 .help_ja = "文書内の共有のキー"},
	{.name = "tag", .type = FIELD_STRING, .flags = ALWAYS, .max = 36, .help = "name by which the guest mounts it",
	 .help_ja = "ゲストがマウントに使う名前"},
	{.name = "serving", .type = FIELD_BOOL, .flags = ALWAYS, .help = "whether its virtiofsd runs",
	 .help_ja = "virtiofsdが動いているか"},
	{.name = "problem", .type = FIELD_STRING, .flags = MAYBE, .help = "why not", .help_ja = "動いていない理由"},
	{0}};
static const Table share_status_table = {.name = "share-status", .title = "Share", .title_ja = "共有",
					 .fields = share_status_fields};

static const char *const helper_kinds[] = {"tpm", "share", "nic", NULL};
static const Field broken_fields[] = {
	{.name = "part", .type = FIELD_STRING, .flags = ALWAYS, .max = 80,
	 .help = "its place in the document, as in 'shares.media'", .help_ja = "文書内の場所（例: 'shares.media'）"},
	{.name = "kind", .type = FIELD_ENUM, .flags = ALWAYS, .values = helper_kinds, .help = "what it is",
	 .help_ja = "種類"},
	{.name = "problem", .type = FIELD_STRING, .flags = ALWAYS, .help = "what happened, in words",
	 .help_ja = "起きたこと"},
	{.name = "remedy", .type = FIELD_STRING, .flags = ALWAYS, .help = "what brings it back", .help_ja = "復旧の方法"},
	{0}};
static const Table broken_table = {.name = "broken", .title = "Broken part", .title_ja = "故障した部分",
	.fields = broken_fields};

static const Field no_effect_fields[] = {
	{.name = "field", .type = FIELD_STRING, .flags = ALWAYS, .max = 80, .help = "the setting, as in 'cpu.nested'",
	 .help_ja = "設定の名前（例: 'cpu.nested'）"},
	{.name = "why", .type = FIELD_STRING, .flags = ALWAYS, .help = "why it does nothing",
	 .help_ja = "効果がない理由（英語）"},
	{.name = "why_ja", .type = FIELD_STRING, .flags = ALWAYS, .help = "the same in Japanese",
	 .help_ja = "効果がない理由（日本語）"},
	{0}};
static const Table no_effect_table = {.name = "no-effect", .title = "Setting without effect", .title_ja = "効果のない設定",
				      .fields = no_effect_fields};

static const Field vm_status_fields[] = {
	STATE_FIELDS,
	{.name = "pid", .type = FIELD_INT, .flags = MAYBE, .min = 1, .max = G_MAXINT32, .help = "QEMU's process",
	 .help_ja = "QEMUのプロセス"},
	{.name = "acceleration", .type = FIELD_ENUM, .flags = ALWAYS, .values = accelerations,
	 .help = "how its CPUs run", .help_ja = "CPUの実行方式"},
	{.name = "agent", .type = FIELD_OBJECT, .flags = ALWAYS, .table = &agent_table, .help = "guest agent",
	 .help_ja = "ゲストエージェント"},
	{.name = "addresses", .type = FIELD_ITEMS, .flags = ALWAYS, .table = &address_table,
	 .help = "addresses that the agent told", .help_ja = "エージェントが報告したアドレス"},
	{.name = "memory", .type = FIELD_OBJECT, .flags = MAYBE, .table = &guest_memory_table,
	 .help = "its memory, as its balloon told last", .help_ja = "バルーンが最後に報告したメモリの状況"},
	{.name = "pending", .type = FIELD_ITEMS, .flags = ALWAYS, .table = &change_table,
	 .help = "changes that wait for the next start", .help_ja = "次の起動を待つ変更"},
	{.name = "firmware_setup", .type = FIELD_BOOL, .flags = ALWAYS,
	 .help = "whether its next start enters the firmware's set-up", .help_ja = "次の起動時にファームウェア設定に入るか"},
	{.name = "console", .type = FIELD_OBJECT, .flags = ALWAYS, .table = &console_table, .help = "serial console",
	 .help_ja = "シリアルコンソール"},
	{.name = "conflicts", .type = FIELD_ITEMS, .flags = MAYBE, .table = &conflict_table,
	 .help = "what of it must be one of its kind, and another guest has as well; "
		 "it is not started before it is renewed",
	 .help_ja = "他のゲストと重複している識別子。新しくするまで起動できない"},
	{.name = "shares", .type = FIELD_ITEMS, .flags = MAYBE, .table = &share_status_table,
	 .help = "shared directories of a running guest that has any", .help_ja = "稼働中のゲストの共有ディレクトリ（あれば）"},
	{.name = "broken", .type = FIELD_ITEMS, .flags = MAYBE, .table = &broken_table,
	 .help = "what of its hardware has failed, since the process beside QEMU that served it has ended",
	 .help_ja = "担当プロセスの終了により故障中のハードウェア"},
	{.name = "no_effect", .type = FIELD_ITEMS, .flags = MAYBE, .table = &no_effect_table,
	 .help = "settings that do nothing as long as others, or the node, are as they are",
	 .help_ja = "他の設定またはノードの現状では効果のない設定"},
	{.name = "rev", .type = FIELD_INT, .flags = ALWAYS, .min = 1, .max = G_MAXINT64,
	 .help = "revision of the document", .help_ja = "文書のリビジョン"},
	{0}};
const Table vm_status_table = {.name = "vm-status", .title = "Status", .title_ja = "状態",
			       .fields = vm_status_fields};

static const Field cpu_stats_fields[] = {
	{.name = "usec", .type = FIELD_INT, .flags = MAYBE, .max = G_MAXINT64, .unit = "µs",
	 .help = "processor time used", .help_ja = "使用したCPU時間"},
	{.name = "vcpus", .type = FIELD_INT, .flags = ALWAYS, .min = 1, .max = 8192, .help = "processors",
	 .help_ja = "プロセッサ数"},
	{0}};
static const Table cpu_stats_table = {.name = "cpu-stats", .title = "CPU", .title_ja = "CPU",
				      .fields = cpu_stats_fields};

static const Field memory_stats_fields[] = {
	{.name = "limit", .type = FIELD_SIZE, .flags = ALWAYS, .max = G_MAXINT64, .unit = "B",
	 .help = "memory of the guest", .help_ja = "ゲストのメモリ"},
	{.name = "used", .type = FIELD_SIZE, .flags = MAYBE, .max = G_MAXINT64, .unit = "B",
	 .help = "what it takes on the node", .help_ja = "ノード上の使用量"},
	GUEST_MEMORY_FIELDS,
	{0}};
static const Table memory_stats_table = {.name = "memory-stats", .title = "Memory", .title_ja = "メモリ",
					 .fields = memory_stats_fields};

static const Field disk_stats_fields[] = {
	COUNTER("read_bytes", "bytes read", "読み取りバイト数"), COUNTER("write_bytes", "bytes written", "書き込みバイト数"),
	COUNTER("reads", "read requests", "読み取り回数"), COUNTER("writes", "write requests", "書き込み回数"), {0}};
static const Table disk_stats_table = {.name = "disk-stats", .title = "Disk", .title_ja = "ディスク",
				       .fields = disk_stats_fields};

static const Field nic_stats_fields[] = {
	{.name = "rx_bytes", .type = FIELD_INT, .flags = MAYBE, .max = G_MAXINT64,
	 .help = "bytes received by the guest", .help_ja = "受信バイト数"},
	{.name = "tx_bytes", .type = FIELD_INT, .flags = MAYBE, .max = G_MAXINT64, .help = "bytes sent by the guest",
	 .help_ja = "送信バイト数"},
	{0}};
static const Table nic_stats_table = {.name = "nic-stats", .title = "Network card", .title_ja = "ネットワークカード",
				      .fields = nic_stats_fields};

static const Field vm_stats_fields[] = {
	{.name = "at_us", .type = FIELD_INT, .flags = ALWAYS, .min = 1, .max = G_MAXINT64, .unit = "µs",
	 .help = "when it was read (since 1970)", .help_ja = "読み取り時刻（1970年から）"},
	{.name = "cpu", .type = FIELD_OBJECT, .flags = ALWAYS, .table = &cpu_stats_table, .help = "processors",
	 .help_ja = "プロセッサ"},
	{.name = "memory", .type = FIELD_OBJECT, .flags = ALWAYS, .table = &memory_stats_table, .help = "memory",
	 .help_ja = "メモリ"},
	{.name = "disks", .type = FIELD_MAP, .flags = ALWAYS, .table = &disk_stats_table, .max = 32,
	 .help = "counters of each disk", .help_ja = "ディスクごとのカウンター"},
	{.name = "nics", .type = FIELD_MAP, .flags = ALWAYS, .table = &nic_stats_table, .max = 10,
	 .help = "counters of each network card", .help_ja = "ネットワークカードごとのカウンター"},
	{0}};
const Table vm_stats_table = {.name = "vm-stats", .title = "Statistics", .title_ja = "統計",
			      .fields = vm_stats_fields};

static const char *const problems[] = {"no-space", "io-error", NULL};

static const Field question_disk_fields[] = {
	{.name = "disk", .type = FIELD_STRING, .flags = ALWAYS, .max = 63, .help = "disk of the guest",
	 .help_ja = "ゲストのディスク"},
	{.name = "problem", .type = FIELD_ENUM, .flags = ALWAYS, .values = problems, .help = "what stood in the way",
	 .help_ja = "妨げになったもの"},
	{.name = "storage", .type = FIELD_STRING, .flags = ALWAYS, .max = 63, .help = "storage that its volume is on",
	 .help_ja = "ボリュームのあるストレージ"},
	{.name = "volume", .type = FIELD_STRING, .flags = ALWAYS, .max = 63, .help = "volume on that storage",
	 .help_ja = "そのボリューム"},
	{.name = "free", .type = FIELD_SIZE, .flags = MAYBE, .max = G_MAXINT64, .unit = "B",
	 .help = "what the storage has free now", .help_ja = "ストレージの現在の空き容量"},
	{.name = "remedy", .type = FIELD_STRING, .flags = ALWAYS, .help = "what to do before the answer",
	 .help_ja = "回答の前にすること"},
	{0}};
static const Table question_disk_table = {.name = "question-disk", .title = "Disk in question", .title_ja = "問題のディスク",
					  .fields = question_disk_fields};

static const Field question_fields[] = {
	{.name = "vm", .type = FIELD_INT, .flags = ALWAYS | FIELD_ROW, .min = 100, .max = 999999999,
	 .help = "guest that stands still", .help_ja = "停止しているゲスト"},
	{.name = "name", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .max = 63, .help = "its name",
	 .help_ja = "その名前"},
	{.name = "problem", .type = FIELD_ENUM, .flags = ALWAYS | FIELD_ROW, .values = problems,
	 .help = "what stood in the way", .help_ja = "妨げになったもの"},
	{.name = "text", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .help = "the same in words",
	 .help_ja = "その説明"},
	{.name = "since", .type = FIELD_STRING, .flags = ALWAYS, .max = 40, .help = "since when (UTC)",
	 .help_ja = "いつから（UTC）"},
	{.name = "disks", .type = FIELD_ITEMS, .flags = ALWAYS, .table = &question_disk_table,
	 .help = "the disks that it is about", .help_ja = "該当するディスク"},
	{0}};
const Table vm_question_table = {.name = "vm-question", .title = "Question", .title_ja = "質問",
	.fields = question_fields};

#define ERROR_FIELDS                                                                                                  \
	{.name = "code", .type = FIELD_STRING, .flags = ALWAYS, .max = 63, .help = "stable word",                     \
	 .help_ja = "変わらない語"},                                                                                  \
	{.name = "message", .type = FIELD_STRING, .flags = ALWAYS,                                                    \
	 .help = "what was asked and what stood in the way", .help_ja = "何が妨げになったか"},                        \
	{.name = "field", .type = FIELD_STRING, .flags = MAYBE, .help = "field or parameter at fault",                \
	 .help_ja = "原因のフィールドまたはパラメーター"},                                                            \
	{.name = "hint", .type = FIELD_STRING, .flags = MAYBE, .help = "what to do next", .help_ja = "次にすること"}

static const Field error_fields[] = {ERROR_FIELDS, {0}};
const Table error_table = {.name = "error", .title = "Error", .title_ja = "エラー", .fields = error_fields};

static const Field refusal_fields[] = {
	ERROR_FIELDS,
	{.name = "path", .type = FIELD_STRING, .flags = MAYBE,
	 .help = "object that is refused, where there are several",
	 .help_ja = "拒否された対象（複数の場合）"},
	{0}};
static const Table refusal_table = {.name = "refusal", .title = "Refusal", .title_ja = "拒否",
				    .fields = refusal_fields};

static const Field planned_fields[] = {
	CHANGE_FIELDS,
	{.name = "when", .type = FIELD_ENUM, .flags = ALWAYS, .values = times,
	 .help = "'now', or with the guest's next start", .help_ja = "'now' は即時、'restart' は次の起動時"},
	{0}};
static const Table planned_table = {.name = "planned", .title = "Planned change", .title_ja = "予定の変更",
				    .fields = planned_fields};

static const Field plan_fields[] = {
	{.name = "rev", .type = FIELD_INT, .flags = ALWAYS, .max = G_MAXINT64,
	 .help = "revision that it was made on, to be given back as if-match; 0: of nothing that there is yet",
	 .help_ja = "計画の元のリビジョン（if-match に使う）。0は対象がまだない"},
	{.name = "changes", .type = FIELD_ITEMS, .flags = ALWAYS, .table = &planned_table,
	 .help = "what would change in the document", .help_ja = "文書の変更"},
	{.name = "effects", .type = FIELD_LIST, .flags = ALWAYS, .help = "what else would happen, in words",
	 .help_ja = "その他に起こること"},
	{.name = "effects_ja", .type = FIELD_LIST, .flags = MAYBE, .help = "the same sentences in Japanese",
	 .help_ja = "effects の日本語"},
	{.name = "refused", .type = FIELD_ITEMS, .flags = ALWAYS, .table = &refusal_table,
	 .help = "why it would be refused; empty if it would not", .help_ja = "拒否の理由。空なら実行可能"},
	{.name = "chosen", .type = FIELD_ITEMS, .flags = MAYBE, .table = &preset_choice_table,
	 .help = "what the preset of the guest's operating system decided, and why",
	 .help_ja = "OSのプリセットが決めた値とその理由"},
	{0}};
const Table plan_table = {.name = "plan", .title = "Plan", .title_ja = "計画", .fields = plan_fields};

static const Field commit_fields[] = {
	{.name = "rev", .type = FIELD_INT, .flags = ALWAYS | FIELD_ROW, .min = 1, .max = G_MAXINT64,
	 .help = "revision of the commit", .help_ja = "コミットのリビジョン"},
	{.name = "at", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .max = 40, .help = "when (UTC)",
	 .help_ja = "日時（UTC）"},
	{.name = "author", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .help = "who", .help_ja = "変更者"},
	{.name = "task", .type = FIELD_INT, .flags = MAYBE, .min = 1, .max = G_MAXINT64,
	 .help = "task that committed it", .help_ja = "コミットしたタスク"},
	{.name = "path", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .help = "document, as in 'vm/100'",
	 .help_ja = "文書（例: 'vm/100'）"},
	{.name = "action", .type = FIELD_ENUM, .flags = ALWAYS | FIELD_ROW, .values = actions,
	 .help = "what happened to it", .help_ja = "操作"},
	{.name = "changes", .type = FIELD_ITEMS, .flags = ALWAYS, .table = &change_table, .help = "what changed in it",
	 .help_ja = "変更内容"},
	{0}};
const Table commit_table = {.name = "commit", .title = "Commit", .title_ja = "コミット", .fields = commit_fields};

static const Field restore_fields[] = {
	{.name = "tasks", .type = FIELD_ITEMS, .flags = ALWAYS, .help = "tasks that bring running guests along",
	 .help_ja = "稼働中のゲストに反映するタスク"},
	{.name = "plan", .type = FIELD_OBJECT, .flags = ALWAYS, .table = &plan_table, .help = "what was done",
	 .help_ja = "行ったこと"},
	{0}};
const Table restore_table = {.name = "restore", .title = "Restored", .title_ja = "復元の結果",
			     .fields = restore_fields};

static const Field log_line_fields[] = {
	{.name = "at", .type = FIELD_STRING, .flags = ALWAYS, .max = 40, .help = "when (UTC)", .help_ja = "日時（UTC）"},
	{.name = "text", .type = FIELD_STRING, .flags = ALWAYS, .help = "line", .help_ja = "行"},
	{0}};
static const Table log_line_table = {.name = "log-line", .title = "Line", .title_ja = "行",
				     .fields = log_line_fields};

static const Field task_log_fields[] = {
	{.name = "lines", .type = FIELD_ITEMS, .flags = ALWAYS, .table = &log_line_table, .help = "lines from there on",
	 .help_ja = "以降の行"},
	{.name = "next", .type = FIELD_INT, .flags = ALWAYS, .max = G_MAXINT64,
	 .help = "number of the line after them, to be given back as from", .help_ja = "次の行番号（from に使う）"},
	{0}};
const Table task_log_table = {.name = "task-log", .title = "Log of a task", .title_ja = "タスクのログ",
			      .fields = task_log_fields};

static const Field schema_row_fields[] = {
	{.name = "name", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .help = "name", .help_ja = "名前"},
	{.name = "title", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .help = "title in English",
	 .help_ja = "英語の題名"},
	{.name = "title_ja", .type = FIELD_STRING, .flags = ALWAYS, .help = "title in Japanese",
	 .help_ja = "日本語の題名"},
	{0}};
const Table schema_row_table = {.name = "schema-row", .title = "Table of fields", .title_ja = "フィールドの表",
				.fields = schema_row_fields};

static const Field login_answer_fields[] = {
	{.name = "user", .type = FIELD_STRING, .flags = ALWAYS, .max = 63, .help = "who is signed in now",
	 .help_ja = "ログインしたユーザー"},
	{.name = "csrf", .type = FIELD_STRING, .flags = ALWAYS, .max = 128,
	 .help = "goes as x-csrf-token with all that is no GET", .help_ja = "GET以外の要求で x-csrf-token に入れる値"},
	{.name = "expires", .type = FIELD_STRING, .flags = ALWAYS, .max = 40,
	 .help = "when the session ends at the latest (UTC)", .help_ja = "セッションの有効期限（UTC）"},
	{0}};
const Table login_answer_table = {.name = "signed-in", .title = "Signed in", .title_ja = "ログインの結果",
				  .fields = login_answer_fields};

static const Field right_fields[] = {
	{.name = "path", .type = FIELD_STRING, .flags = ALWAYS, .help = "on what, with all below it",
	 .help_ja = "対象（下位すべてを含む）"},
	{.name = "privileges", .type = FIELD_LIST, .flags = ALWAYS, .help = "what is allowed there",
	 .help_ja = "許可された操作"},
	{0}};
static const Table right_table = {.name = "right", .title = "Right", .title_ja = "権限", .fields = right_fields};

static const Field rules_fields[] = {
	{.name = "length", .type = FIELD_INT, .flags = ALWAYS, .max = 128, .help = "shortest password, in characters",
	 .help_ja = "最小文字数"},
	{.name = "lower", .type = FIELD_BOOL, .flags = ALWAYS, .help = "needs a lower-case letter",
	 .help_ja = "小文字が必要"},
	{.name = "upper", .type = FIELD_BOOL, .flags = ALWAYS, .help = "needs an upper-case letter",
	 .help_ja = "大文字が必要"},
	{.name = "digit", .type = FIELD_BOOL, .flags = ALWAYS, .help = "needs a digit", .help_ja = "数字が必要"},
	{.name = "special", .type = FIELD_BOOL, .flags = ALWAYS,
	 .help = "needs a character that is neither letter nor digit", .help_ja = "記号が必要"},
	{0}};
static const Table rules_table = {.name = "password-rules", .title = "Rules of passwords",
				  .title_ja = "パスワードの規則", .fields = rules_fields};

static const char *const principal_kinds[] = {"socket", "session", "token", NULL};
static const Field self_fields[] = {
	{.name = "user", .type = FIELD_STRING, .flags = ALWAYS, .max = 63, .help = "who asks", .help_ja = "要求した人"},
	{.name = "kind", .type = FIELD_ENUM, .flags = ALWAYS, .values = principal_kinds,
	 .help = "by what it is known", .help_ja = "認証の方法"},
	{.name = "id", .type = FIELD_STRING, .flags = ALWAYS, .max = 63, .help = "of the session or token",
	 .help_ja = "セッションまたはトークンの識別子"},
	{.name = "csrf", .type = FIELD_STRING, .flags = MAYBE, .max = 128,
	 .help = "of a session: goes as x-csrf-token with all that is no GET",
	 .help_ja = "セッションの場合、GET以外の要求で x-csrf-token に入れる値"},
	{.name = "rights", .type = FIELD_ITEMS, .flags = ALWAYS, .table = &right_table, .help = "what it may do",
	 .help_ja = "許可された操作"},
	{.name = "password_rules", .type = FIELD_OBJECT, .flags = ALWAYS, .table = &rules_table,
	 .help = "what a new password must have", .help_ja = "新しいパスワードの条件"},
	{0}};
const Table self_table = {.name = "self", .title = "Who asks", .title_ja = "要求した人", .fields = self_fields};

static const Field privilege_fields[] = {
	{.name = "name", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .max = 63, .help = "name",
	 .help_ja = "名前"},
	{.name = "help", .type = FIELD_STRING, .flags = ALWAYS, .help = "what it allows, in English",
	 .help_ja = "許可する操作（英語）"},
	{.name = "help_ja", .type = FIELD_STRING, .flags = ALWAYS, .help = "what it allows, in Japanese",
	 .help_ja = "許可する操作（日本語）"},
	{0}};
const Table privilege_table = {.name = "privilege", .title = "Privilege", .title_ja = "権限の種類",
			       .fields = privilege_fields};

static const Field ticket_fields[] = {
	{.name = "ticket", .type = FIELD_STRING, .flags = ALWAYS, .max = 128, .help = "opens the console once",
	 .help_ja = "コンソールを一度だけ開くための値"},
	{.name = "expires", .type = FIELD_STRING, .flags = ALWAYS, .max = 40,
	 .help = "when it ends, if it is not used (UTC)",
	 .help_ja = "未使用の場合の有効期限（UTC）"},
	{.name = "path", .type = FIELD_STRING, .flags = ALWAYS, .max = 255,
	 .help = "where to connect with a WebSocket, with ?ticket= after it",
	 .help_ja = "WebSocketで接続するパス（?ticket= を付ける）"},
	{0}};
const Table ticket_table = {.name = "ticket", .title = "Ticket of a console", .title_ja = "コンソールのチケット",
			    .fields = ticket_fields};
