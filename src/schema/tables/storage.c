/* Storages and the volumes on them. */
#include "schema/checks.h"
#include "schema/schema.h"

static const char *const storage_kinds[] = {"dir", NULL};
static const char *const formats[] = {"qcow2", "raw", NULL};
static const char *const volume_roles[] = {"disk", "firmware", "tpm", NULL};

static const Field space_fields[] = {
	{.name = "total", .type = FIELD_SIZE, .flags = FIELD_READONLY, .max = G_MAXINT64, .unit = "B",
	 .help = "size of its file system", .help_ja = "ファイルシステムのサイズ"},
	{.name = "free", .type = FIELD_SIZE, .flags = FIELD_READONLY, .max = G_MAXINT64, .unit = "B",
	 .help = "what is free on it", .help_ja = "空き容量"},
	{0}};
static const Table space_table = {.name = "space", .title = "Space", .title_ja = "容量", .fields = space_fields};

static const Field storage_fields[] = {
	{.name = "name", .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_FIXED | FIELD_ROW, .min = 1, .max = 63,
	 .check = schema_check_key,
	 .title = "Name", .title_ja = "名前",
	 .help = "name of the storage", .help_ja = "ストレージ名"},
	{.name = "kind", .type = FIELD_ENUM, .flags = FIELD_FIXED | FIELD_ROW, .values = storage_kinds,
	 .fallback = "\"dir\"",
	 .title = "Kind", .title_ja = "種類",
	 .help = "what the storage is: 'dir', a directory of a mounted file system",
	 .help_ja = "種類。'dir' はマウント済みファイルシステムのディレクトリ"},
	{.name = "node", .type = FIELD_STRING, .flags = FIELD_READONLY, .min = 1, .max = 63,
	 .help = "node that the storage belongs to", .help_ja = "ストレージが属するノード"},
	{.name = "path", .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_FIXED | FIELD_ROW, .min = 2, .max = 1024,
	 .check = check_absolute_path,
	 .title = "Directory", .title_ja = "ディレクトリ",
	 .help = "directory on the node; made if it does not exist",
	 .help_ja = "ノード上のディレクトリ。なければ作成"},
	{.name = "description", .type = FIELD_STRING, .max = 8192, .fallback = "\"\"",
	 .title = "Description", .title_ja = "説明",
	 .help = "free text",
	 .help_ja = "説明"},
	{.name = "usable", .type = FIELD_BOOL, .flags = FIELD_READONLY, .help = "whether volumes can be reached on it",
	 .help_ja = "使用可能かどうか"},
	{.name = "space", .type = FIELD_OBJECT, .flags = FIELD_READONLY | FIELD_NULLABLE, .table = &space_table,
	 .help = "its space, if it is usable", .help_ja = "容量（使用可能な場合）"},
	{.name = "problem", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE,
	 .help = "why it is not usable", .help_ja = "使用できない理由"},
	{0}};
const Table storage_table = {.name = "storage", .title = "Storage", .title_ja = "ストレージ", .version = 1,
			     .fields = storage_fields};

static const Field volume_fields[] = {
	{.name = "storage", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = 63,
	 .help = "storage that holds the volume", .help_ja = "ボリュームがあるストレージ"},
	{.name = "name", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = 63,
	 .help = "name of the volume on its storage", .help_ja = "ストレージ上のボリューム名"},
	{.name = "format", .type = FIELD_ENUM, .flags = FIELD_READONLY | FIELD_ROW, .values = formats,
	 .help = "format, never probed", .help_ja = "形式（推測しない）"},
	{.name = "size", .type = FIELD_SIZE, .flags = FIELD_READONLY | FIELD_ROW, .min = 0, .max = G_MAXINT64,
	 .unit = "B", .help = "size that the guest sees", .help_ja = "ゲストから見えるサイズ"},
	{.name = "role", .type = FIELD_ENUM, .flags = FIELD_READONLY, .values = volume_roles,
	 .help = "what it is used for", .help_ja = "用途"},
	{.name = "vm", .type = FIELD_INT, .flags = FIELD_READONLY | FIELD_NULLABLE | FIELD_ROW, .min = 100,
	 .max = 999999999, .help = "guest that it belongs to", .help_ja = "所属するゲスト"},
	{.name = "attached", .type = FIELD_BOOL, .flags = FIELD_READONLY | FIELD_ROW,
	 .help = "whether the guest's document names it", .help_ja = "ゲストに接続されているか"},
	{.name = "deleting", .type = FIELD_BOOL, .flags = FIELD_READONLY | FIELD_NULLABLE,
	 .help = "it is about to go away", .help_ja = "削除中"},
	{0}};
const Table volume_table = {.name = "volume", .title = "Volume", .title_ja = "ボリューム", .version = 1,
			    .fields = volume_fields};
