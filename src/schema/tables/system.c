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
	{.name = "step", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 255,
	 .help = "what it is doing now", .help_ja = "現在の処理"},
	{.name = "created", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 40,
	 .help = "when it was asked for (UTC)", .help_ja = "要求日時（UTC）"},
	{.name = "started", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 40,
	 .help = "when it began (UTC)", .help_ja = "開始日時（UTC）"},
	{.name = "ended", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 40,
	 .help = "when it ended (UTC)", .help_ja = "終了日時（UTC）"},
	{0}};
const Table task_table = {.name = "task", .title = "Task", .title_ja = "タスク", .fields = task_fields};

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
	{.name = "memory", .type = FIELD_SIZE, .flags = FIELD_READONLY | FIELD_ROW, .min = 0, .max = G_MAXINT64,
	 .unit = "B", .help = "memory of the node", .help_ja = "メモリ"},
	{.name = "memory_free", .type = FIELD_SIZE, .flags = FIELD_READONLY, .min = 0, .max = G_MAXINT64,
	 .unit = "B", .help = "memory that could be used by new guests", .help_ja = "使用可能なメモリ"},
	{.name = "uptime", .type = FIELD_INT, .flags = FIELD_READONLY, .min = 0, .max = G_MAXINT64, .unit = "s",
	 .help = "time since the node was booted", .help_ja = "起動からの時間"},
	{.name = "running", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_ROW, .min = 0, .max = G_MAXINT32,
	 .help = "guests that run", .help_ja = "稼働中のゲスト数"},
	{0}};
const Table node_table = {.name = "node", .title = "Node", .title_ja = "ノード", .fields = node_fields};

const Table *const schema_tables[] = {&vm_table,   &storage_table, &volume_table, &image_table,
				      &image_build_table, &task_table, &node_table,   NULL};
