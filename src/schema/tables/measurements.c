/* Measurements of guests and of nodes, as the API answers them. */
#include <glib.h>

#include "schema/schema.h"

const char *const measurement_spans[] = {"hour", "day", "week", "month", "year", NULL};

#define SERIES(field_name, unit_name, text, text_ja)                                                                  \
	{.name = field_name, .type = FIELD_NUMBERS, .flags = FIELD_READONLY, .unit = unit_name, .help = text,         \
	 .help_ja = text_ja}

#define FIELDS(series_table)                                                                                          \
	{.name = "span", .type = FIELD_ENUM, .flags = FIELD_READONLY, .values = measurement_spans,                    \
	 .help = "how much is told", .help_ja = "期間"},                                                              \
	{.name = "step_s", .type = FIELD_INT, .flags = FIELD_READONLY, .min = 1, .max = G_MAXINT32, .unit = "s",      \
	 .help = "length of an interval", .help_ja = "間隔"},                                                         \
	{.name = "start_s", .type = FIELD_INT, .flags = FIELD_READONLY, .max = G_MAXINT64, .unit = "s",               \
	 .help = "end of the first interval (since 1970)", .help_ja = "最初の間隔の終わり（1970年から）"},            \
	{.name = "series", .type = FIELD_OBJECT, .flags = FIELD_READONLY, .table = series_table,                      \
	 .help = "values of each interval, the oldest first", .help_ja = "各間隔の値（古い順）"},                     \
	{0}

static const Field vm_series_fields[] = {
	SERIES("cpu", NULL, "processors, as a fraction of the guest's (0 to 1)", "CPU（ゲストのCPUに対する割合、0〜1）"),
	SERIES("memory", "B", "memory that it takes on the node", "ノード上のメモリ使用量"),
	SERIES("disk_read", "B/s", "read from its disks", "ディスクの読み取り"),
	SERIES("disk_write", "B/s", "written to its disks", "ディスクへの書き込み"),
	SERIES("disk_reads", "1/s", "read requests to its disks", "ディスクの読み取り回数"),
	SERIES("disk_writes", "1/s", "write requests to its disks", "ディスクの書き込み回数"),
	SERIES("net_receive", "B/s", "received by its network cards", "ネットワークの受信"),
	SERIES("net_send", "B/s", "sent by its network cards", "ネットワークの送信"),
	SERIES("memory_guest", "B", "memory that the guest itself uses, as it says", "ゲスト自身が使用中のメモリ（ゲストの報告）"),
	{0}};
static const Table vm_series_table = {.name = "vm-series", .title = "Series of a guest", .title_ja = "ゲストの系列",
				      .fields = vm_series_fields};
static const Field vm_measurements_fields[] = {FIELDS(&vm_series_table)};
const Table vm_measurements_table = {.name = "vm-measurements", .title = "Measurements of a guest",
				     .title_ja = "ゲストの測定値", .fields = vm_measurements_fields};

static const Field node_series_fields[] = {
	SERIES("cpu", NULL, "processors, as a fraction of all (0 to 1)", "CPU（全CPUに対する割合、0〜1）"),
	SERIES("load", NULL, "load average of one minute", "ロードアベレージ（1分）"),
	SERIES("memory", "B", "memory in use", "メモリ使用量"),
	SERIES("disk_read", "B/s", "read from whole disks", "ディスク全体の読み取り"),
	SERIES("disk_write", "B/s", "written to whole disks", "ディスク全体への書き込み"),
	SERIES("net_receive", "B/s", "received by physical network cards", "物理ネットワークカードの受信"),
	SERIES("net_send", "B/s", "sent by physical network cards", "物理ネットワークカードの送信"),
	{0}};
static const Table node_series_table = {.name = "node-series", .title = "Series of a node", .title_ja = "ノードの系列",
					.fields = node_series_fields};
static const Field node_measurements_fields[] = {FIELDS(&node_series_table)};
const Table node_measurements_table = {.name = "node-measurements", .title = "Measurements of a node",
				       .title_ja = "ノードの測定値", .fields = node_measurements_fields};
