/* Images: what guests are made from and what goes into CD drives. */
#include "schema/checks.h"
#include "schema/schema.h"

static const char *const image_kinds[] = {"system", "disk", "iso", NULL};
static const char *const import_formats[] = {"raw", "qcow2", "vmdk", "vdi", "vhdx", "iso", NULL};

/* What is said at an import and stays. */
#define NAME_FIELD                                                                                                    \
	{.name = "name", .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_FIXED | FIELD_ROW, .min = 1, .max = 63, \
	 .check = schema_check_key, \
	 .title = "Name", .title_ja = "名前", \
	 .help = "name of the image", .help_ja = "イメージ名"}
#define FORMAT_FIELD                                                                                                  \
	{.name = "format", .type = FIELD_ENUM, .flags = FIELD_REQUIRED | FIELD_FIXED, .values = import_formats,       \
	 .title = "Format", .title_ja = "形式", \
	 .help = "format of the imported file: stated, never probed", .help_ja = "取り込むファイルの形式（推測しない）"}
#define DESCRIPTION_FIELD                                                                                             \
	{.name = "description", .type = FIELD_STRING, .max = 8192, .fallback = "\"\"", \
	 .title = "Description", .title_ja = "説明", \
	 .help = "free text",           \
	 .help_ja = "説明"}

#define OS_FIELD                                                                                                      \
	{.name = "os", .type = FIELD_STRING, .flags = FIELD_NULLABLE | FIELD_ROW, .min = 1, .max = 63, \
	 .check = schema_check_key, .title = "Operating system", .title_ja = "OS", \
	 .help = "operating system in it, by the name of a preset ('yado preset list'), which guests made from " \
		 "it get; 'virtio-win': drivers for Windows", \
	 .help_ja = "中のOSのプリセット名（'yado preset list'）。これから作るゲストに使う。'virtio-win' はWindows用ドライバー"}

static const Field image_fields[] = {
	NAME_FIELD,
	FORMAT_FIELD,
	OS_FIELD,
	{.name = "kind", .type = FIELD_ENUM, .flags = FIELD_READONLY | FIELD_ROW, .values = image_kinds,
	 .help = "'disk' to copy disks from, 'iso' for CD drives, 'system' with a kernel of its own",
	 .help_ja = "'disk' ディスクの元、'iso' CD用、'system' カーネル付き"},
	{.name = "build", .type = FIELD_STRING, .flags = FIELD_READONLY, .min = 1, .max = 64,
	 .help = "identifies this content; guests keep the build that they were made with",
	 .help_ja = "内容の識別子。ゲストは作成時のビルドを使い続ける"},
	{.name = "size", .type = FIELD_SIZE, .flags = FIELD_READONLY | FIELD_ROW, .min = 0, .max = G_MAXINT64,
	 .unit = "B", .help = "size that a guest sees", .help_ja = "ゲストから見えるサイズ"},
	{.name = "digest", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .min = 64, .max = 64,
	 .help = "SHA-256 of the imported file", .help_ja = "取り込んだファイルのSHA-256"},
	{.name = "append", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = 2048,
	 .help = "kernel command line of a system image", .help_ja = "システムイメージのカーネルコマンドライン"},
	{.name = "memory", .type = FIELD_SIZE, .flags = FIELD_READONLY | FIELD_NULLABLE, .min = 0, .max = G_MAXINT64,
	 .unit = "B",
	 .help = "memory that a guest made from it gets by default", .help_ja = "このイメージの既定メモリ"},
	{.name = "recipe", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .min = 1, .max = 63,
	 .help = "recipe that it was built from", .help_ja = "作成に使ったレシピ"},
	{.name = "created", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = 40,
	 .help = "when it was made (UTC)", .help_ja = "作成日時（UTC）"},
	DESCRIPTION_FIELD,
	{0}};
const Table image_table = {.name = "image", .title = "Image", .title_ja = "イメージ", .version = 1,
			   .fields = image_fields};

static const Field import_fields[] = {
	NAME_FIELD,
	FORMAT_FIELD,
	OS_FIELD,
	DESCRIPTION_FIELD,
	{.name = "upload", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 63,
	 .title = "Upload", .title_ja = "アップロード",
	 .help = "the upload to make it of, which then goes; on the local socket a file's descriptor may come instead",
	 .help_ja = "元にするアップロード（取り込み後に削除）。ローカルソケットではファイル記述子も可"},
	{0}};
const Table image_import_table = {.name = "image-import", .title = "Image import", .title_ja = "イメージ取り込み",
				  .fields = import_fields};

/* All but the first two are parameters of recipes, each for those that take it. */
static const Field build_fields[] = {
	{.name = "recipe", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 63,
	 .check = schema_check_key, .title = "Recipe", .title_ja = "レシピ",
	 .help = "what to build: 'yado image recipes' shows what there is",
	 .help_ja = "作るもの。一覧は 'yado image recipes'"},
	{.name = "name", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = 63, .check = schema_check_key,
	 .title = "Name of the image", .title_ja = "イメージ名",
	 .help = "name of the image; that of the recipe if not given", .help_ja = "イメージ名。省略時はレシピ名"},
	{.name = "suite", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 2, .max = 32, .check = check_suite,
	 .title = "Release", .title_ja = "リリース",
	 .help = "release of Debian, such as 'bookworm'", .help_ja = "Debianのリリース（例: 'bookworm'）"},
	{.name = "packages", .type = FIELD_LIST, .flags = FIELD_NULLABLE, .max = 200, .check = check_package,
	 .title = "More packages", .title_ja = "追加のパッケージ",
	 .help = "packages to install beside the usual ones", .help_ja = "追加でインストールするパッケージ"},
	{.name = "size", .type = FIELD_SIZE, .flags = FIELD_NULLABLE, .min = 2LL << 30, .max = 64LL << 40, .unit = "B",
	 .title = "Disk size", .title_ja = "ディスクのサイズ",
	 .help = "size of the disk, which takes room only as it fills; a guest's may be larger",
	 .help_ja = "ディスクのサイズ（使った分だけ消費）。ゲストのディスクはより大きくできる"},
	{.name = "mirror", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 8, .max = 255, .check = check_mirror,
	 .title = "Mirror", .title_ja = "ミラー",
	 .help = "where the packages come from; the host's own mirror if not given",
	 .help_ja = "パッケージの取得元。省略時はホストと同じ"},
	{.name = "components", .type = FIELD_LIST, .flags = FIELD_NULLABLE, .min = 1, .max = 8,
	 .check = schema_check_key, .title = "Components", .title_ja = "構成要素",
	 .help = "parts of the archive; 'main' if not given", .help_ja = "アーカイブの構成要素。省略時は 'main'"},
	{0}};
const Table image_build_table = {.name = "image-build", .title = "Image build", .title_ja = "イメージ作成",
				 .fields = build_fields};

static const Field recipe_fields[] = {
	{.name = "name", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = 63,
	 .check = schema_check_key, .help = "name of the recipe", .help_ja = "レシピ名"},
	{.name = "description", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = 255,
	 .help = "what it makes", .help_ja = "作るもの（英語）"},
	{.name = "description_ja", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .min = 1, .max = 255,
	 .help = "what it makes, in Japanese", .help_ja = "作るもの"},
	{.name = "program", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .min = 1, .max = 63,
	 .check = schema_check_key, .help = "recipe whose program does it; its own if not given",
	 .help_ja = "実際に使うレシピのプログラム。省略時は自身"},
	{.name = "needs", .type = FIELD_LIST, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = 16,
	 .check = schema_check_key, .help = "parameters that have to be given", .help_ja = "必須のパラメーター"},
	{.name = "takes", .type = FIELD_LIST, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = 16,
	 .check = schema_check_key, .help = "parameters that may be given", .help_ja = "指定できるパラメーター"},
	{.name = "sets", .type = FIELD_ANY, .flags = FIELD_READONLY | FIELD_NULLABLE,
	 .help = "parameters that it gives to its program itself", .help_ja = "レシピが決めるパラメーター"},
	{0}};
const Table recipe_table = {.name = "recipe", .title = "Recipe", .title_ja = "レシピ", .fields = recipe_fields};
