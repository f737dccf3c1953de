/* CPU features of nodes, and what several nodes have in common. */
#include <glib.h>

#include "schema/checks.h"
#include "schema/schema.h"

static const char *const accelerations[] = {"kvm", "tcg", NULL};

/* A node's list as it is told, and as it comes back for a baseline. */
#define LIST_FIELDS(more, always)                                                                                      \
	{.name = "node", .type = FIELD_STRING, .flags = more, .min = 1, .max = 63, .check = schema_check_key,         \
	 .title = "Node", .title_ja = "ノード", .help = "node that it is of", .help_ja = "対象のノード"},             \
	{.name = "processor", .type = FIELD_STRING, .flags = more, .max = 255, .check = check_one_line,               \
	 .title = "Processor", .title_ja = "プロセッサ", .help = "its processor", .help_ja = "プロセッサ"},           \
	{.name = "qemu", .type = FIELD_STRING, .flags = more, .max = 63, .check = check_one_line, .title = "QEMU",    \
	 .title_ja = "QEMU", .help = "version of its QEMU", .help_ja = "QEMUのバージョン"},                           \
	{.name = "acceleration", .type = FIELD_ENUM, .flags = more, .values = accelerations, .title = "Acceleration", \
	 .title_ja = "アクセラレーション", .help = "how guests' CPUs run there", .help_ja = "CPUの実行方式"},         \
	{.name = "features", .type = FIELD_LIST, .flags = always, .max = 1024, .check = check_feature,                \
	 .title = "Features", .title_ja = "機能", .help = "CPU features that it offers to guests",                    \
	 .help_ja = "ゲストに提供できるCPU機能"},                                                                     \
	{.name = "models", .type = FIELD_LIST, .flags = always, .max = 512, .check = check_cpu_model,                 \
	 .title = "CPU models", .title_ja = "CPUモデル",                                                              \
	 .help = "CPU models of which it offers every feature", .help_ja = "全機能を提供できるCPUモデル"}

static const Field cpu_features_fields[] = {LIST_FIELDS(FIELD_READONLY, FIELD_READONLY), {0}};
const Table cpu_features_table = {.name = "cpu-features", .title = "CPU features of a node",
				  .title_ja = "ノードのCPU機能", .fields = cpu_features_fields};

static const Field feature_list_fields[] = {LIST_FIELDS(FIELD_NULLABLE, FIELD_REQUIRED), {0}};
static const Table feature_list_table = {.name = "feature-list", .title = "CPU features of a node",
					 .title_ja = "ノードのCPU機能", .fields = feature_list_fields};

static const Field baseline_request_fields[] = {
	{.name = "nodes", .type = FIELD_MAP, .flags = FIELD_REQUIRED, .max = 64, .table = &feature_list_table,
	 .singular = "node", .title = "Nodes", .title_ja = "ノード",
	 .help = "for each node what its GET /nodes/{}/cpu-features has answered",
	 .help_ja = "各ノードの GET /nodes/{}/cpu-features の応答"},
	{0}};
const Table baseline_request_table = {.name = "baseline-request", .title = "Baseline of nodes",
				      .title_ja = "ノード間の共通機能", .fields = baseline_request_fields};

static const Field unused_fields[] = {
	{.name = "node", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 63, .help = "node", .help_ja = "ノード"},
	{.name = "unused", .type = FIELD_LIST, .flags = FIELD_READONLY, .max = 1024,
	 .help = "features that it has, and another node has not", .help_ja = "他のノードにない機能"},
	{0}};
static const Table unused_table = {.name = "unused-features", .title = "Unused features", .title_ja = "使われない機能",
				   .fields = unused_fields};

static const Field baseline_fields[] = {
	{.name = "model", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 64,
	 .help = "richest CPU model that all the nodes offer whole, for a guest's cpu.model",
	 .help_ja = "全ノードが提供できる最も機能の多いCPUモデル（ゲストの cpu.model 用）"},
	{.name = "flags", .type = FIELD_LIST, .flags = FIELD_READONLY, .max = 1024,
	 .help = "what they have in common beyond that model, for a guest's cpu.flags",
	 .help_ja = "そのモデル以外の共通機能（ゲストの cpu.flags 用）"},
	{.name = "features", .type = FIELD_LIST, .flags = FIELD_READONLY, .max = 1024,
	 .help = "all features that they have in common", .help_ja = "すべての共通機能"},
	{.name = "nodes", .type = FIELD_ITEMS, .flags = FIELD_READONLY, .table = &unused_table,
	 .help = "what of each node stays unused", .help_ja = "各ノードで使われない機能"},
	{0}};
const Table baseline_table = {.name = "baseline", .title = "Baseline", .title_ja = "共通機能", .fields = baseline_fields};
