/* Tasks and nodes: resources that only Yado writes. */
#include <glib.h>

#include "schema/schema.h"

static const char *const task_states[] = {"queued", "running", "done", "failed", "cancelled", NULL};
static const char *const accelerations[] = {"kvm", "tcg", NULL};

static const Field task_fields[] = {
	{.name = "id", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = G_MAXINT64,
	 .help = "number of the task", .help_ja = "タスク番号"},
	{.name = "kind", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = 63,
	 .help = "what it does, as in 'vm.start'", .help_ja = "種類（例: 'vm.start'）"},
	{.name = "object", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = 255,
	 .help = "what it works on, as in 'vm/100'", .help_ja = "対象（例: 'vm/100'）"},
	{.name = "user", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = 255,
	 .help = "who asked for it", .help_ja = "要求した人"},
	{.name = "state", .type = FIELD_ENUM, .flags = FIELD_READONLY | FIELD_ROW, .values = task_states,
	 .help = "state", .help_ja = "状態"},
	{.name = "progress", .type = FIELD_INT, .flags = FIELD_READONLY, .min = 0, .max = 1000, .unit = "‰",
	 .help = "how far it is, in thousandths", .help_ja = "進み具合（千分率）"},
	{.name = "done", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = G_MAXINT64,
	 .help = "how much is done, in its unit", .help_ja = "完了した量"},
	{.name = "total", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = G_MAXINT64,
	 .help = "how much there is to do", .help_ja = "全体の量"},
	{.name = "unit", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = 63,
	 .help = "what done and total count", .help_ja = "量の単位"},
	{.name = "eta_s", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = G_MAXINT64, .unit = "s",
	 .help = "how long it will probably take from now", .help_ja = "残り時間の見込み"},
	{.name = "step", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = 255,
	 .help = "what it is doing now", .help_ja = "現在の処理"},
	{.name = "created", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 40,
	 .help = "when it was asked for (UTC)", .help_ja = "要求日時（UTC）"},
	{.name = "started", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = 40,
	 .help = "when it began (UTC)", .help_ja = "開始日時（UTC）"},
	{.name = "ended", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = 40,
	 .help = "when it ended (UTC)", .help_ja = "終了日時（UTC）"},
	{.name = "interrupted", .type = FIELD_BOOL, .flags = FIELD_READONLY | FIELD_NULLABLE,
	 .help = "the daemon ended while it ran", .help_ja = "実行中にデーモンが終了した"},
	{.name = "cancelling", .type = FIELD_BOOL, .flags = FIELD_READONLY | FIELD_NULLABLE,
	 .help = "it was asked to stop", .help_ja = "中止を要求された"},
	{.name = "result", .type = FIELD_ANY, .flags = FIELD_READONLY | FIELD_NULLABLE,
	 .help = "what it has to say at its end", .help_ja = "結果"},
	{.name = "error", .type = FIELD_OBJECT, .flags = FIELD_READONLY | FIELD_NULLABLE, .table = &error_table,
	 .help = "why it failed", .help_ja = "失敗の理由"},
	{0}};
const Table task_table = {.name = "task", .title = "Task", .title_ja = "タスク", .fields = task_fields};

static const char *const core_kinds[] = {"performance", "efficiency", NULL};

static const Field core_kind_fields[] = {
	{.name = "kind", .type = FIELD_ENUM, .flags = FIELD_READONLY, .values = core_kinds,
	 .help = "performance cores (P) or efficiency cores (E)", .help_ja = "高性能コア（P）または高効率コア（E）"},
	{.name = "cpus", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 32768,
	 .help = "CPUs of that kind", .help_ja = "その種類のCPU"},
	{.name = "count", .type = FIELD_INT, .flags = FIELD_READONLY, .max = 65536,
	 .help = "how many those are", .help_ja = "その数"},
	{0}};
static const Table core_kind_table = {.name = "core-kind", .title = "Kind of core", .title_ja = "コアの種類",
				      .fields = core_kind_fields};

static const Field numa_node_fields[] = {
	{.name = "node", .type = FIELD_INT, .flags = FIELD_READONLY, .max = 65536,
	 .help = "number of the NUMA node", .help_ja = "NUMAノードの番号"},
	{.name = "cpus", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 32768,
	 .help = "its CPUs; empty if it has memory alone", .help_ja = "そのCPU（メモリだけなら空）"},
	{.name = "memory", .type = FIELD_SIZE, .flags = FIELD_READONLY, .max = G_MAXINT64, .unit = "B",
	 .help = "its memory", .help_ja = "メモリ"},
	{0}};
static const Table numa_node_table = {.name = "numa-node", .title = "NUMA node", .title_ja = "NUMAノード",
				      .fields = numa_node_fields};

static const Field processors_fields[] = {
	{.name = "model", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 255,
	 .help = "what the processor calls itself", .help_ja = "プロセッサの名称"},
	{.name = "vendor", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 63,
	 .help = "its vendor", .help_ja = "製造元"},
	{.name = "sockets", .type = FIELD_INT, .flags = FIELD_READONLY, .max = 65536, .help = "sockets",
	 .help_ja = "ソケット数"},
	{.name = "cores", .type = FIELD_INT, .flags = FIELD_READONLY, .max = 65536, .help = "cores, of all sockets",
	 .help_ja = "コア数（全ソケット）"},
	{.name = "threads", .type = FIELD_INT, .flags = FIELD_READONLY, .max = 65536,
	 .help = "threads, of all cores: the CPUs that are online", .help_ja = "スレッド数（全コア）。オンラインのCPU数"},
	{.name = "cpus", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 32768,
	 .help = "numbers of the CPUs that are online", .help_ja = "オンラインのCPUの番号"},
	{.name = "kinds", .type = FIELD_ITEMS, .flags = FIELD_READONLY, .table = &core_kind_table,
	 .help = "of a hybrid processor, its kinds of cores; else empty",
	 .help_ja = "ハイブリッドCPUのコアの種類。それ以外は空"},
	{.name = "numa", .type = FIELD_ITEMS, .flags = FIELD_READONLY, .table = &numa_node_table,
	 .help = "NUMA nodes: memory and the CPUs that are near to it", .help_ja = "NUMAノード（メモリとそれに近いCPU）"},
	{0}};
static const Table processors_table = {.name = "processors", .title = "Processors", .title_ja = "プロセッサ",
				       .fields = processors_fields};

static const Field node_fields[] = {
	{.name = "name", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = 63,
	 .help = "name of the node", .help_ja = "ノード名"},
	{.name = "version", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 63,
	 .help = "version of Yado", .help_ja = "Yadoのバージョン"},
	{.name = "qemu", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 63,
	 .help = "version of QEMU", .help_ja = "QEMUのバージョン"},
	{.name = "acceleration", .type = FIELD_ENUM, .flags = FIELD_READONLY | FIELD_ROW, .values = accelerations,
	 .help = "how guests' CPUs run: 'kvm' in hardware, 'tcg' in software", .help_ja = "'kvm' ハードウェア、'tcg' ソフトウェア"},
	{.name = "acceleration_reason", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 1024,
	 .help = "what the probe of the acceleration saw", .help_ja = "アクセラレーション検査の結果"},
	{.name = "cpus", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = 65536,
	 .help = "logical processors", .help_ja = "論理プロセッサ数"},
	{.name = "processors", .type = FIELD_OBJECT, .flags = FIELD_READONLY, .table = &processors_table,
	 .help = "how they are arranged", .help_ja = "プロセッサの構成"},
	{.name = "memory", .type = FIELD_SIZE, .flags = FIELD_READONLY | FIELD_ROW, .min = 0, .max = G_MAXINT64,
	 .unit = "B", .help = "memory of the node", .help_ja = "メモリ"},
	{.name = "memory_free", .type = FIELD_SIZE, .flags = FIELD_READONLY, .min = 0, .max = G_MAXINT64,
	 .unit = "B", .help = "memory that could be used by new guests", .help_ja = "使用可能なメモリ"},
	{.name = "uptime", .type = FIELD_INT, .flags = FIELD_READONLY, .min = 0, .max = G_MAXINT64, .unit = "s",
	 .help = "time since the node was booted", .help_ja = "起動からの時間"},
	{.name = "running", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_ROW, .min = 0, .max = G_MAXINT32,
	 .help = "guests that run", .help_ja = "稼働中のゲスト数"},
	{.name = "cgroup", .type = FIELD_STRING, .flags = FIELD_READONLY,
	 .help = "which resources of guests can be bounded and counted", .help_ja = "制限と計測ができる資源"},
	{.name = "guest_groups", .type = FIELD_STRING, .flags = FIELD_READONLY,
	 .help = "how guests are grouped: in scopes of systemd, or in control groups of Yado's own",
	 .help_ja = "ゲストのまとめ方。systemdのスコープ、またはYado独自のコントロールグループ"},
	{.name = "machine", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = 63,
	 .help = "newest machine version, which new guests get", .help_ja = "最新のマシンバージョン（新しいゲスト用）"},
	{0}};
const Table node_table = {.name = "node", .title = "Node", .title_ja = "ノード", .fields = node_fields};

static const char *const ksm_choices[] = {"leave", "off", "on", NULL};
static const char *const ksm_states[] = {"absent", "off", "on", NULL};

static const Field pages_fields[] = {
	{.name = "total", .type = FIELD_INT, .flags = FIELD_READONLY, .max = G_MAXINT64,
	 .help = "pages that are set aside", .help_ja = "確保済みのページ数"},
	{.name = "free", .type = FIELD_INT, .flags = FIELD_READONLY, .max = G_MAXINT64,
	 .help = "those that nobody uses", .help_ja = "未使用のページ数"},
	{0}};
static const Table pages_table = {.name = "huge-pages", .title = "Huge pages", .title_ja = "ヒュージページ",
				  .fields = pages_fields};

static const Field node_memory_fields[] = {
	{.name = "balloon_at", .type = FIELD_INT, .min = 1, .max = 99, .fallback = "80", .unit = "%",
	 .title = "Take memory back above a use of", .title_ja = "メモリ回収を始める使用率",
	 .help = "use of the node's memory above which guests with memory_min are asked to give some back",
	 .help_ja = "memory_min のあるゲストからメモリを回収し始める、ノードのメモリ使用率"},
	{.name = "ksm", .type = FIELD_ENUM, .values = ksm_choices, .fallback = "\"leave\"",
	 .title = "Merge equal pages (KSM)", .title_ja = "同一ページの統合（KSM）",
	 .help = "whether the kernel merges pages that are the same in several guests; 'leave': "
		 "as it was set by others",
	 .help_ja = "複数ゲストの同一ページをカーネルがまとめるか。'leave' は現在の設定のまま"},
	{.name = "ksm_state", .type = FIELD_ENUM, .flags = FIELD_READONLY, .values = ksm_states,
	 .help = "whether it does so now; 'absent': it cannot", .help_ja = "現在の状態。'absent' は非対応"},
	{.name = "ksm_saved", .type = FIELD_SIZE, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = G_MAXINT64,
	 .unit = "B", .help = "memory that merging saves", .help_ja = "統合で節約しているメモリ"},
	{.name = "hugepages_2m", .type = FIELD_OBJECT, .flags = FIELD_READONLY | FIELD_NULLABLE, .table = &pages_table,
	 .help = "huge pages of 2 MiB", .help_ja = "2 MiBのヒュージページ"},
	{.name = "hugepages_1g", .type = FIELD_OBJECT, .flags = FIELD_READONLY | FIELD_NULLABLE, .table = &pages_table,
	 .help = "huge pages of 1 GiB", .help_ja = "1 GiBのヒュージページ"},
	{0}};
const Table node_memory_table = {.name = "node-memory", .title = "Memory of the node", .title_ja = "ノードのメモリ",
				 .version = 1, .fields = node_memory_fields};

static const char *const audit_outcomes[] = {"done", "refused", "failed", NULL};

static const Field audit_fields[] = {
	{.name = "seq", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = G_MAXINT64,
	 .help = "number of the entry; none is ever missing", .help_ja = "通し番号（欠番なし）"},
	{.name = "at", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 40, .help = "when (UTC)",
	 .help_ja = "日時（UTC）"},
	{.name = "user", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 63,
	 .help = "who, as far as it is known", .help_ja = "ユーザー（分かる範囲）"},
	{.name = "via", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 80,
	 .help = "'socket', 'session:ID' or 'token:ID'", .help_ja = "'socket'、'session:ID'、'token:ID' のいずれか"},
	{.name = "address", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 63,
	 .help = "where from; empty for the local socket", .help_ja = "接続元（ローカルソケットは空）"},
	{.name = "action", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 255,
	 .help = "what was asked, as in 'POST /vms/{}/start', or 'commit'", .help_ja = "要求、または 'commit'"},
	{.name = "object", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 255,
	 .help = "what it was about, as in 'vm/100'", .help_ja = "対象（例: 'vm/100'）"},
	{.name = "outcome", .type = FIELD_ENUM, .flags = FIELD_READONLY | FIELD_ROW, .values = audit_outcomes,
	 .help = "how it went", .help_ja = "結果"},
	{.name = "status", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_NULLABLE, .min = 100, .max = 599,
	 .help = "status of the answer", .help_ja = "応答の状態"},
	{.name = "message", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE | FIELD_ROW, .max = 1024,
	 .help = "why it was refused or failed", .help_ja = "拒否または失敗の理由"},
	{.name = "task", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_NULLABLE, .min = 1, .max = G_MAXINT64,
	 .help = "task that it began, or that committed it", .help_ja = "関連するタスク"},
	{.name = "rev", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_NULLABLE, .min = 1, .max = G_MAXINT64,
	 .help = "revision of the commit", .help_ja = "コミットのリビジョン"},
	{.name = "repeated", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_NULLABLE, .min = 1, .max = G_MAXINT64,
	 .help = "how many more of the same came within a minute", .help_ja = "1分以内に繰り返された回数"},
	{.name = "changes", .type = FIELD_ITEMS, .flags = FIELD_READONLY | FIELD_NULLABLE, .table = &change_table,
	 .help = "what a commit changed", .help_ja = "コミットの変更内容"},
	{.name = "hash", .type = FIELD_STRING, .flags = FIELD_READONLY, .min = 64, .max = 64,
	 .help = "SHA-256 over this entry and the hash of the one before", .help_ja = "前のハッシュを含むSHA-256"},
	{0}};
const Table audit_table = {.name = "audit", .title = "Audit entry", .title_ja = "監査ログ", .fields = audit_fields};

static const char *const known_words[] = {"kept", "changed", "gone", "dropped", NULL};

static const Field audit_verify_fields[] = {
	{.name = "intact", .type = FIELD_BOOL, .flags = FIELD_READONLY,
	 .help = "whether every entry is as it was written", .help_ja = "すべてのエントリーが書かれたままか"},
	{.name = "entries", .type = FIELD_INT, .flags = FIELD_READONLY, .max = G_MAXINT64,
	 .help = "how many entries were read", .help_ja = "検査したエントリー数"},
	{.name = "first", .type = FIELD_INT, .flags = FIELD_READONLY, .max = G_MAXINT64,
	 .help = "number of the first entry", .help_ja = "最初のエントリーの番号"},
	{.name = "last", .type = FIELD_INT, .flags = FIELD_READONLY, .max = G_MAXINT64,
	 .help = "number of the last entry", .help_ja = "最後のエントリーの番号"},
	{.name = "hash", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 64,
	 .help = "hash of the last entry: kept elsewhere, it shows later whether the log is still the same",
	 .help_ja = "最後のエントリーのハッシュ。別の場所に控えれば後の検査に使える"},
	{.name = "broken_at", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = G_MAXINT64,
	 .help = "number of the first entry that is not", .help_ja = "最初の不正なエントリーの番号"},
	{.name = "problem", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE,
	 .help = "what is wrong there", .help_ja = "その内容"},
	{.name = "known", .type = FIELD_ENUM, .flags = FIELD_READONLY | FIELD_NULLABLE, .values = known_words,
	 .help = "what became of the entry that was asked about; 'dropped': it was too old to keep",
	 .help_ja = "指定したエントリーの状態。'dropped' は保存期間切れ"},
	{0}};
const Table audit_verify_table = {.name = "audit-verify", .title = "Check of the audit log",
				  .title_ja = "監査ログの検査", .fields = audit_verify_fields};

const Table *const schema_tables[] = {
	&vm_table, &storage_table, &volume_table, &mapping_table, &device_table, &image_table, &image_import_table,
	&image_build_table, &recipe_table, &upload_table, &task_table, &node_table, &node_memory_table, &user_table,
	&role_table, &token_table, &session_table, &access_settings_table, &audit_table, &audit_verify_table,
	&login_table, &password_table, &shutdown_request_table, &firmware_setup_request_table,
	&upgrade_hardware_request_table, &answer_request_table, &node_shutdown_request_table, &restore_request_table,
	&console_request_table, &user_data_request_table, &guest_password_table, &answers_request_table, &handed_table,
	&agent_password_table, &guest_exec_table, &guest_freeze_table, &guest_info_table, &guest_filesystem_table,
	&guest_time_table, &guest_command_table, &guest_file_table, &vm_row_table, &vm_status_table, &vm_stats_table,
	&vm_question_table, &vm_measurements_table, &node_measurements_table, &plan_table, &error_table, &commit_table,
	&restore_table, &preset_table, &task_log_table, &schema_row_table, &login_answer_table, &self_table,
	&privilege_table, &ticket_table, &doctor_table, &cpu_features_table, &baseline_request_table, &baseline_table,
	&renew_request_table, NULL};
