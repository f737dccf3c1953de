/* What must be one of its kind: the host's ids and keys (which a cloned host shares with its original), the guests'
 * addresses and ids, and the daemon itself. */
#include <string.h>

#include "base/json.h"
#include "doctor/check.h"
#include "doctor/database.h"

#define CLONED "hosts with the same machine-id get the same address by DHCP and the same MAC addresses for bridges; with the same SSH keys each can pass for the other"
#define CLONED_JA "machine-id が同じホストにはDHCPで同じアドレスが、ブリッジに同じMACアドレスが割り当てられ、SSH鍵が同じなら互いになりすませます"

FINDING_OK(own, "host-id.own", "machine-id, D-Bus id and SSH host keys fit this host", "machine-id、D-Bus id、SSHホスト鍵はこのホストのものです");
FINDING(no_id, "host-id.none", STATE_WARNING,
	"/etc/machine-id holds no valid id", "/etc/machine-id に有効な値がありません",
	"programs that tell hosts apart by it fail or make one up at each boot", "これでホストを区別するプログラムが失敗するか、起動ごとに値が変わります",
	"systemd-machine-id-setup", "systemd-machine-id-setup");
FINDING(dbus_other, "host-id.dbus", STATE_WARNING,
	"/var/lib/dbus/machine-id is another one than /etc/machine-id", "/var/lib/dbus/machine-id と /etc/machine-id が異なります",
	"one of the two was copied from another host, or only one was renewed on a clone. " CLONED,
	"どちらかが他のホストの複製か、複製後に片方だけ更新されています。" CLONED_JA,
	"ln -sf /etc/machine-id /var/lib/dbus/machine-id; on a clone renew that first: rm /etc/machine-id && systemd-machine-id-setup, then boot again",
	"ln -sf /etc/machine-id /var/lib/dbus/machine-id。複製したホストなら先に rm /etc/machine-id && systemd-machine-id-setup を実行し、再起動してください");
FINDING(keys_other, "host-id.ssh-keys", STATE_WARNING,
	"the SSH host keys were made on '{made}', this host is '{name}': it was renamed, or cloned",
	"SSHホスト鍵は '{made}' で作られ、このホストは '{name}' です。改名または複製されています",
	"if it was cloned: " CLONED, "複製の場合: " CLONED_JA,
	"on a clone: rm /etc/ssh/ssh_host_* && dpkg-reconfigure openssh-server && rm /etc/machine-id && systemd-machine-id-setup && reboot; after a mere rename: ssh-keygen -c -C root@{name} -f KEY for each /etc/ssh/ssh_host_*_key",
	"複製なら: rm /etc/ssh/ssh_host_* && dpkg-reconfigure openssh-server && rm /etc/machine-id && systemd-machine-id-setup && reboot。改名だけなら、各 /etc/ssh/ssh_host_*_key に ssh-keygen -c -C root@{name} -f 鍵");
static const Finding *const host_findings[] = {&own, &no_id, &dbus_other, &keys_other, NULL};

static gboolean is_id(const char *text)
{
	return text && strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32 && strspn(text, "0") < 32;
}

static gboolean look_at_machine_id(const Host *host, Report *to)
{
	g_autofree char *id = host_read_line(host, "/etc/machine-id");
	g_autofree char *dbus = host_read_line(host, "/var/lib/dbus/machine-id");
	if (!is_id(id))
		report(to, &no_id, NULL);
	else if (dbus && strcmp(id, dbus) != 0)
		report(to, &dbus_other, NULL);
	else
		return TRUE;
	return FALSE;
}

/* ssh-keygen writes "root@HOST" behind a key that it makes; the host's name then. */
static char *made_on(const Host *host, const char *file)
{
	g_autofree char *path = g_build_filename("/etc/ssh", file, NULL);
	g_autofree char *line = host_read_line(host, path);
	const char *comment = line ? strrchr(line, ' ') : NULL;
	const char *at = comment ? strchr(comment, '@') : NULL;
	return at && at[1] ? g_strdup(at + 1) : NULL;
}

static void look_at_host(const Host *host, Report *to)
{
	g_autofree char *name = host_read_line(host, "/proc/sys/kernel/hostname");
	g_auto(GStrv) files = host_list(host, "/etc/ssh");
	gboolean good = look_at_machine_id(host, to);
	for (char **file = files; name && *file; file++) {
		if (!g_str_has_prefix(*file, "ssh_host_") || !g_str_has_suffix(*file, "_key.pub"))
			continue;
		g_autofree char *made = made_on(host, *file);
		gsize length = strcspn(name, ".");
		if (!made || (strncmp(made, name, length) == 0 && (!made[length] || made[length] == '.')))
			continue;
		report(to, &keys_other, "made", made, "name", name, NULL);
		good = FALSE;
		break;
	}
	if (good)
		report(to, &own, NULL);
}

FINDING_OK(unique, "guest-ids.unique", "no UUID, MAC address or serial number is used twice ({count} guests)", "UUID、MACアドレス、シリアル番号の重複はありません（ゲスト {count} 台）");
FINDING(same_mac, "guest-ids.mac", STATE_WARNING,
	"{who} have the MAC address {mac}", "{who} のMACアドレスが同じです: {mac}",
	"in one network neither can be reached reliably", "同じネットワークではどちらにも安定して接続できません",
	"give the newer one an address of its own: yado vm renew-identity ID", "新しい方に固有のアドレスを付けてください: yado vm renew-identity ID");
FINDING(same_uuid, "guest-ids.uuid", STATE_WARNING,
	"{who} have the UUID {uuid}", "{who} のUUIDが同じです: {uuid}",
	"software in them that is bound to the UUID (licences, backup, machine-id) takes them for one machine",
	"UUIDで機器を識別するソフトウェア（ライセンス、バックアップ、machine-id）が同一のマシンとみなします",
	"give the newer one a UUID of its own: yado vm renew-identity ID; 'yado history list vm/ID' shows where it came from",
	"新しい方に固有のUUIDを付けてください: yado vm renew-identity ID。経緯は 'yado history list vm/ID' で分かります");
FINDING(same_serial, "guest-ids.serial", STATE_WARNING,
	"{who} have the serial number {serial}", "{who} のシリアル番号が同じです: {serial}",
	"software that knows disks by their serial number takes them for one", "シリアル番号でディスクを識別するソフトウェアが同一とみなします",
	"give the newer one a number of its own: yado vm renew-identity ID", "新しい方に固有の番号を付けてください: yado vm renew-identity ID");
static const Finding *const guest_findings[] = {&unique, &same_mac, &same_uuid, &same_serial, NULL};

/* Remembers who has a value; the earlier one who had it, or NULL. */
static const char *remember(GHashTable *seen, const char *value, const char *who)
{
	g_autofree char *key = g_ascii_strdown(value, -1);
	const char *earlier = g_hash_table_lookup(seen, key);
	if (!earlier)
		g_hash_table_insert(seen, g_steal_pointer(&key), g_strdup(who));
	return earlier;
}

/* The field of each device of a map; reported as {field}. */
static gboolean look_at_devices(json_object *devices, const char *field, const char *who, GHashTable *seen,
				const Finding *finding, Report *to)
{
	gboolean good = TRUE;
	if (!json_object_is_type(devices, json_type_object))
		return TRUE;
	json_object_object_foreach(devices, key, device) {
		const char *value = json_get_str(device, field, NULL);
		g_autofree char *of = g_strdup_printf("%s %s", who, key);
		const char *earlier = value ? remember(seen, value, of) : NULL;
		if (!earlier)
			continue;
		g_autofree char *both = g_strdup_printf("%s, %s", earlier, of);
		report(to, finding, "who", both, field, value, NULL);
		good = FALSE;
	}
	return good;
}

static void look_at_guests(const Host *host, Report *to)
{
	g_autofree char *reason = NULL;
	json_auto json_object *vms = database_documents(host, "vm/", &reason);
	g_autoptr(GHashTable) uuids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(GHashTable) macs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(GHashTable) serials = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	gboolean good = TRUE;
	if (!vms) {
		report_unknown(to, reason);
		return;
	}
	json_object_object_foreach(vms, path, vm) {
		g_autofree char *who = g_strdup_printf("VM %s", path + strlen("vm/"));
		const char *uuid = json_get_str(vm, "uuid", NULL);
		const char *earlier = uuid ? remember(uuids, uuid, who) : NULL;
		good &= look_at_devices(json_get(vm, "nics"), "mac", who, macs, &same_mac, to);
		good &= look_at_devices(json_get(vm, "disks"), "serial", who, serials, &same_serial, to);
		if (!earlier)
			continue;
		g_autofree char *both = g_strdup_printf("%s, %s", earlier, who);
		report(to, &same_uuid, "who", both, "uuid", uuid, NULL);
		good = FALSE;
	}
	g_autofree char *count = g_strdup_printf("%d", json_object_object_length(vms));
	if (good)
		report(to, &unique, "count", count, NULL);
}

FINDING_OK(alone, "daemons.one", "at most one yadod runs on this host", "このホストで動く yadod は1つまでです");
FINDING(several, "daemons.several", STATE_WARNING,
	"{count} yadod run on this host: {who}", "このホストで {count} 個の yadod が動いています: {who}",
	"each counts user ids for its guests from the same number: a guest of one can be as good as the same user as a guest of another",
	"ゲスト用のユーザーIDを同じ番号から割り当てるため、別のデーモンのゲスト同士が同じユーザーになります",
	"stop those that were started for a trial (quickstart, tests): kill PID", "試用（quickstart、テスト）で起動したものを止めてください: kill PID");
static const Finding *const daemon_findings[] = {&alone, &several, NULL};

/* "--state DIR" of the arguments; the usual one without it. */
static char *state_of(const HostProcess *process)
{
	static const char option[] = "--state ";
	const char *found = strstr(process->arguments, option);
	const char *value = found ? found + strlen(option) : "/var/lib/yado";
	return g_strndup(value, strcspn(value, " "));
}

static void look_at_daemons(const Host *host, Report *to)
{
	static const char *const names[] = {"yadod", NULL};
	g_autoptr(GPtrArray) daemons = host_processes(host, names);
	g_autoptr(GString) who = g_string_new(NULL);
	for (guint i = 0; i < daemons->len; i++) {
		const HostProcess *process = daemons->pdata[i];
		g_autofree char *state = state_of(process);
		g_string_append_printf(who, "%s%d (%s)", i ? ", " : "", process->pid, state);
	}
	g_autofree char *count = g_strdup_printf("%u", daemons->len);
	if (daemons->len > 1)
		report(to, &several, "count", count, "who", who->str, NULL);
	else
		report(to, &alone, NULL);
}

const Check identity_checks[] = {
	{"host-id", {"identity of the host", "ホストの識別"}, 0, look_at_host, host_findings},
	{"guest-ids", {"identities of guests", "ゲストの識別"}, 25000, look_at_guests, guest_findings},
	{"daemons", {"daemons on this host", "このホストのデーモン"}, 0, look_at_daemons, daemon_findings},
	{0}};
