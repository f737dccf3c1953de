/* Where the state and the guests' disks are: whether it is there, has room, and is quick enough. */
#include <string.h>

#include "base/json.h"
#include "base/units.h"
#include "doctor/check.h"
#include "doctor/database.h"
#include "doctor/measure.h"

enum {
	SPACE_TIME_MS = 4000,
	SPEED_TIME_MS = 10000,
	FREE_NOTE = 10, /* per cent */
	FREE_BAD = 3,
	SYNC_NOTE_US = 10000,
	SYNC_BAD_US = 50000,
	PLACES_MAX = 64,
};

#define FULL "guests that write there are paused, no guest can be made, and a change of configuration may be refused"
#define FULL_JA "書き込むゲストは一時停止し、ゲストを作成できず、設定の変更も拒否されることがあります"
#define ROOM "delete images and volumes that nobody needs (yado image list, yado storage volumes NAME), or give the file system more room"
#define ROOM_JA "不要なイメージやボリュームを削除する（yado image list、yado storage volumes NAME）か、ファイルシステムを拡張してください"

FINDING_OK(room, "space.room", "{place}: {free} of {total} are free", "{place}: {total} のうち空き {free}");
FINDING(little, "space.little", STATE_WARNING,
	"{place}: only {free} of {total} are free", "{place}: {total} のうち空きは {free} だけです",
	"when it is full, " FULL, "満杯になると、" FULL_JA, ROOM, ROOM_JA);
FINDING(full, "space.full", STATE_PROBLEM,
	"{place}: {free} of {total} are free", "{place}: {total} のうち空きは {free} です", FULL, FULL_JA, ROOM, ROOM_JA);
FINDING(no_inodes, "space.inodes", STATE_WARNING,
	"{place}: {free} of {total} inodes are free", "{place}: inode {total} 個のうち空きは {free} 個です",
	"no file can be made when they are used up, whatever room there is", "使い切ると、容量が残っていてもファイルを作れません",
	"delete small files in masses, or make the file system anew with more inodes",
	"大量の小さなファイルを削除するか、inodeを増やしてファイルシステムを作り直してください");
FINDING(read_only, "space.read-only", STATE_PROBLEM,
	"{place}: the file system is read-only", "{place}: ファイルシステムが読み取り専用です",
	"nothing can be changed there and guests stop at their next write; the kernel does that by itself after a disk error",
	"何も変更できず、ゲストは次の書き込みで止まります。ディスクの異常後にカーネルが自動で行うことがあります",
	"look for the error: journalctl -k -p err; replace the disk or check the file system, then mount it again",
	"journalctl -k -p err で原因を調べ、ディスクの交換かファイルシステムの検査の後、マウントし直してください");
FINDING(missing, "space.missing", STATE_PROBLEM,
	"{place}: {reason}", "{place}: {reason}",
	"guests with disks there do not start", "そこにディスクがあるゲストは起動できません",
	"mount or repair it; 'yado storage list' says which storages are usable",
	"マウントまたは修復してください。'yado storage list' で使用可否が分かります");
FINDING(hangs, "space.hangs", STATE_PROBLEM,
	"{place}: does not answer", "{place}: 応答がありません",
	"guests with disks there stand still", "そこにディスクがあるゲストは止まっています",
	"look for a disk or a server that does not answer: journalctl -k -b; a network storage: is its server reachable?",
	"応答しないディスクやサーバーを journalctl -k -b で確認し、ネットワークストレージならサーバーに届くか調べてください");
static const Finding *const space_findings[] = {&room, &little, &full, &no_inodes, &read_only, &missing, &hangs, NULL};

FINDING_OK(quick, "disk-speed.quick", "{place}: a durable write takes {sync}; written at {write}, read at {read}", "{place}: 確実な書き込みに {sync}。書き込み {write}、読み出し {read}");
FINDING(slow, "disk-speed.slow", STATE_NOTE,
	"{place}: a durable write takes {sync}; written at {write}, read at {read}", "{place}: 確実な書き込みに {sync}。書き込み {write}、読み出し {read}",
	"each change of configuration waits so long, and so do databases in guests", "設定変更のたび、またゲスト内のデータベースもこれだけ待ちます",
	"normal for a spinning disk; an SSD with power-loss protection takes a fraction of it",
	"HDDなら普通です。電源断保護付きSSDなら大幅に短くなります");
FINDING(crawling, "disk-speed.crawling", STATE_WARNING,
	"{place}: a durable write takes {sync}; written at {write}, read at {read}", "{place}: 確実な書き込みに {sync}。書き込み {write}、読み出し {read}",
	"everything on it waits: changes of configuration, installations in guests, databases",
	"設定変更、ゲスト内のインストール、データベースなど、すべてが待たされます",
	"look what else writes to it (iostat -x 1), whether the disk is failing (smartctl -a), or a RAID rebuilds (cat /proc/mdstat)",
	"他に何が書き込んでいるか（iostat -x 1）、ディスクの故障（smartctl -a）、RAIDの再構築（cat /proc/mdstat）を確認してください");
FINDING(untried, "disk-speed.failed", STATE_PROBLEM,
	"{place}: a trial file cannot be written: {reason}", "{place}: 試験ファイルを書けません: {reason}",
	"guests cannot write there either", "ゲストもそこに書き込めません",
	"look for the error: journalctl -k -p err", "原因を確認してください: journalctl -k -p err");
FINDING(no_trial, "disk-speed.no-trial", STATE_UNKNOWN,
	"{place}: not tried: {reason}", "{place}: 測定していません: {reason}",
	"how quick it is stays open", "速さは分かりません",
	"run 'yado doctor' again when that is no longer so", "解消した後に 'yado doctor' を再実行してください");
static const Finding *const speed_findings[] = {&quick, &slow, &crawling, &untried, &no_trial, NULL};

/* {"/var/lib/yado": "/var/lib/yado", "local: /srv": "/srv"…}: the state directory and each storage. */
static json_object *list_places(const Host *host)
{
	json_object *places = json_object_new_object();
	json_set_str(places, host->state, host->state);
	json_auto json_object *storages = database_documents(host, "storage/", NULL);
	guint count = 1;
	if (!storages)
		return places;
	json_object_object_foreach(storages, path, body) {
		const char *dir = json_get_str(body, "path", NULL);
		g_autofree char *name = g_strdup_printf("%s: %s", path + strlen("storage/"), dir ? dir : "");
		if (dir && count++ < PLACES_MAX)
			json_set_str(places, name, dir);
	}
	return places;
}

static void judge_space(const char *place, json_object *seen, Report *to)
{
	gint64 total = json_get_int(seen, "total", 0), left = json_get_int(seen, "free", 0);
	gint64 inodes = json_get_int(seen, "inodes", 0), inodes_left = json_get_int(seen, "inodes_free", 0);
	g_autofree char *total_text = units_format_size((guint64)total), *free_text = units_format_size((guint64)left);
	const Finding *said = left < total / 100 * FREE_BAD ? &full : left < total / 100 * FREE_NOTE ? &little : &room;
	report(to, said, "place", place, "free", free_text, "total", total_text, NULL);
	if (json_get_bool(seen, "read_only", FALSE))
		report(to, &read_only, "place", place, NULL);
	if (inodes > 0 && inodes_left < inodes / 100 * FREE_BAD) {
		g_autofree char *all = g_strdup_printf("%" G_GINT64_FORMAT, inodes);
		g_autofree char *rest = g_strdup_printf("%" G_GINT64_FORMAT, inodes_left);
		report(to, &no_inodes, "place", place, "free", rest, "total", all, NULL);
	}
}

static void look_at_space(const Host *host, Report *to)
{
	json_auto json_object *places = list_places(host);
	json_object_object_foreach(places, place, path) {
		json_auto json_object *seen =
			measure_directory(host, json_object_get_string(path), FALSE, SPACE_TIME_MS);
		const char *error = json_get_str(seen, "error", NULL);
		if (!seen)
			report(to, &hangs, "place", place, NULL);
		else if (error)
			report(to, &missing, "place", place, "reason", error, NULL);
		else
			judge_space(place, seen, to);
	}
}

/* "116 MiB/s"; "?" where it could not be measured (a file system in memory). */
static char *format_rate(json_object *seen, const char *name)
{
	gint64 rate = json_get_int(seen, name, 0);
	g_autofree char *text = units_format_size((guint64)MAX(rate, 0));
	return rate > 0 ? g_strconcat(text, "/s", NULL) : g_strdup("?");
}

static void judge_speed(const char *place, json_object *seen, Report *to)
{
	gint64 sync_us = json_get_int(seen, "sync_us", -1);
	const char *error = json_get_str(seen, "error", NULL);
	if (!seen) {
		report(to, &no_trial, "place", place, "reason", "it did not come to an end in time", NULL);
	} else if (error) {
		report(to, &untried, "place", place, "reason", error, NULL);
	} else if (sync_us < 0) {
		report(to, &no_trial, "place", place, "reason", "it is read-only or has less than 256 MiB", NULL);
	} else {
		g_autofree char *sync = g_strdup_printf("%.3g ms", (double)sync_us / 1000);
		g_autofree char *written = format_rate(seen, "write_bps"), *read = format_rate(seen, "read_bps");
		report(to, sync_us >= SYNC_BAD_US ? &crawling : sync_us >= SYNC_NOTE_US ? &slow : &quick, "place", place,
		       "sync", sync, "write", written, "read", read, NULL);
	}
}

/* A file system is tried once, whatever lies on it. */
static void look_at_speed(const Host *host, Report *to)
{
	json_auto json_object *places = list_places(host);
	g_autoptr(GHashTable) tried = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	json_object_object_foreach(places, place, path) {
		const char *dir = json_object_get_string(path);
		json_auto json_object *space = measure_directory(host, dir, FALSE, SPACE_TIME_MS);
		gint64 device = json_get_int(space, "device", 0);
		if (!space || json_get(space, "error") || g_hash_table_contains(tried, &device))
			continue; /* the check of space says so */
		g_hash_table_add(tried, g_memdup2(&device, sizeof device));
		if (!host->measure) {
			report(to, &no_trial, "place", place, "reason", "it was not asked for", NULL);
			continue;
		}
		json_auto json_object *seen = measure_directory(host, dir, TRUE, SPEED_TIME_MS);
		judge_speed(place, seen, to);
	}
	if (g_hash_table_size(tried) == 0)
		report_unknown(to, "neither the state nor a storage can be reached");
}

const Check storage_checks[] = {
	{"space", {"room on disks", "ディスクの空き"}, 12000, look_at_space, space_findings},
	{"disk-speed", {"speed of disks", "ディスクの速さ"}, 20000, look_at_speed, speed_findings},
	{0}};
