/* Fields of a disk and of a network card that bound what a guest may move. They are flat, not objects in an object, so
 * that a flag of the command can say them: --disk disk0:limit_iops=500,limit_iops_burst=2000. */
#pragma once
#include "schema/schema.h"

static const FieldGroup limits_group = {"limits", "Limits", "速度の上限"};

#define LIMIT_MAX (1LL << 40) /* QEMU's own bound is 10^15 */

#define DISK_LIMIT(name_, type_, min_, unit_, title_, title_ja_, help_, help_ja_) \
	{.name = name_, .type = type_, .flags = FIELD_LIVE | FIELD_NULLABLE, .min = min_, .max = LIMIT_MAX, \
	 .unit = unit_, .group = &limits_group, .title = title_, .title_ja = title_ja_, \
	 .help = help_ "; no limit if not given", .help_ja = help_ja_ "。省略時は無制限"}, \
	{.name = name_ "_burst", .type = type_, .flags = FIELD_LIVE | FIELD_NULLABLE, .min = min_, .max = LIMIT_MAX, \
	 .unit = unit_, .group = &limits_group, .title = title_ ", burst", .title_ja = title_ja_ "（バースト）", \
	 .help = help_ " during a burst", .help_ja = help_ja_ "（バースト中）"}

#define DISK_IOPS(way_, title_, title_ja_, what_, what_ja_) \
	DISK_LIMIT("limit_" way_ "iops", FIELD_INT, 1, NULL, title_ " per second", title_ja_ "/秒", \
		   what_ " per second", "毎秒の" what_ja_)
#define DISK_BANDWIDTH(way_, title_, title_ja_, what_, what_ja_) \
	DISK_LIMIT("limit_" way_ "bandwidth", FIELD_SIZE, 4096, "B", title_ " per second", title_ja_ "/秒", \
		   what_ " per second", "毎秒の" what_ja_)

#define DISK_LIMITS \
	DISK_IOPS("", "Requests", "I/O要求", "requests, read or write,", "読み書き要求数"), \
	DISK_IOPS("read_", "Read requests", "読み取り要求", "read requests", "読み取り要求数"), \
	DISK_IOPS("write_", "Write requests", "書き込み要求", "write requests", "書き込み要求数"), \
	DISK_BANDWIDTH("", "Bytes", "転送量", "bytes, read or written,", "読み書きバイト数"), \
	DISK_BANDWIDTH("read_", "Bytes read", "読み取り量", "bytes read", "読み取りバイト数"), \
	DISK_BANDWIDTH("write_", "Bytes written", "書き込み量", "bytes written", "書き込みバイト数"), \
	{.name = "limit_burst_seconds", .type = FIELD_INT, .flags = FIELD_LIVE | FIELD_NULLABLE, .min = 1, \
	 .max = 3600, .unit = "s", .group = &limits_group, .title = "Length of a burst", .title_ja = "バーストの長さ", \
	 .help = "how long the disk may run at the limits for a burst, then below the others for a " \
		 "while; 1 if not given", \
	 .help_ja = "バースト上限で動作できる秒数。省略時は1"}

#define NIC_LIMIT(name_, title_, title_ja_, what_, what_ja_) \
	{.name = name_, .type = FIELD_SIZE, .flags = FIELD_LIVE | FIELD_NULLABLE, .min = 4096, \
	 .max = 100LL << 30, .unit = "B", .when = "mode=bridge", .group = &limits_group, \
	 .title = title_ " per second", .title_ja = title_ja_ "/秒", \
	 .help = "bytes that the guest may " what_ " in a second, in mode 'bridge'; no limit if not given", \
	 .help_ja = "ゲストが毎秒" what_ja_ "できるバイト数（mode 'bridge' のみ）。省略時は無制限"}, \
	{.name = name_ "_burst", .type = FIELD_SIZE, .flags = FIELD_LIVE | FIELD_NULLABLE, .min = 2048, \
	 .max = 1LL << 30, .unit = "B", .when = "mode=bridge", .group = &limits_group, \
	 .title = title_ " at once", .title_ja = title_ja_ "（バースト）", \
	 .help = "bytes that the guest may " what_ " at full speed after a pause; " \
		 "a twentieth of a second's limit if not given", \
	 .help_ja = "休止後に全速で" what_ja_ "できるバイト数。省略時は毎秒の上限の20分の1"}

#define NIC_LIMITS \
	NIC_LIMIT("limit_receive", "Received", "受信", "receive", "受信"), \
	NIC_LIMIT("limit_send", "Sent", "送信", "send", "送信")
