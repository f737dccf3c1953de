/* Plans: what a change would do, before it is done. */
#include "guest/plan.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "guest/devices/firmware.h"
#include "guest/guests.h"
#include "guest/handed/handed.h"
#include "guest/live/live.h"
#include "guest/live/vcpus.h"
#include "guest/no-effect.h"
#include "guest/prepare/prepare.h"
#include "guest/resources/numa.h"
#include "guest/unique.h"
#include "qemu/host.h"
#include "qemu/memory.h"
#include "qemu/vcpus.h"
#include "schema/schema.h"

void plan_free(Plan *plan)
{
	if (!plan)
		return;
	if (plan->document)
		json_object_put(plan->document);
	if (plan->changes)
		json_object_put(plan->changes);
	if (plan->effects)
		json_object_put(plan->effects);
	if (plan->effects_ja)
		json_object_put(plan->effects_ja);
	if (plan->chosen)
		json_object_put(plan->chosen);
	g_free(plan);
}

json_object *plan_describe(const Plan *plan)
{
	json_object *json = json_object_new_object();
	json_set_int(json, "rev", plan->rev);
	json_set(json, "changes", json_copy(plan->changes));
	json_set(json, "effects", json_copy(plan->effects));
	json_set(json, "effects_ja", json_copy(plan->effects_ja));
	json_set(json, "refused", json_object_new_array());
	if (json_get_count(plan->chosen))
		json_set(json, "chosen", json_copy(plan->chosen));
	return json;
}

static void begin_effects(Plan *plan)
{
	plan->effects = json_object_new_array();
	plan->effects_ja = json_object_new_array();
}

static void add_sentence(Plan *plan, const char *text, const char *text_ja)
{
	json_object_array_add(plan->effects, json_object_new_string(text));
	json_object_array_add(plan->effects_ja, json_object_new_string(text_ja));
}

/* In both languages, of the same arguments. */
static void add_effect(Plan *plan, const char *format, const char *format_ja, ...) G_GNUC_PRINTF(2, 4)
	G_GNUC_PRINTF(3, 4);
static void add_effect(Plan *plan, const char *format, const char *format_ja, ...)
{
	va_list args, args_ja;
	va_start(args, format_ja);
	va_copy(args_ja, args);
	g_autofree char *text = g_strdup_vprintf(format, args), *text_ja = g_strdup_vprintf(format_ja, args_ja);
	va_end(args_ja);
	va_end(args);
	add_sentence(plan, text, text_ja);
}

static void describe_new_disk(Services *services, Plan *plan, const char *key, json_object *disk)
{
	g_autofree char *size = units_format_size((guint64)json_get_int(disk, "size", 0));
	const char *image = json_get_str(disk, "image", NULL), *storage = json_get_str(disk, "storage", "");
	json_auto json_object *existing =
		volume_get(&services->storage, storage, json_get_str(disk, "volume", ""), NULL);
	if (existing && json_get_int(disk, "size", 0) > json_get_int(existing, "size", 0))
		add_effect(plan, "%s: volume '%s' on '%s' is attached again and grows to %s",
			   "%s: '%s'（ストレージ '%s'）を再び接続し、%s に拡大", key,
			   json_get_str(disk, "volume", ""), storage, size);
	else if (existing)
		add_effect(plan, "%s: volume '%s' on '%s' is attached again", "%s: '%s'（ストレージ '%s'）を再び接続", key,
			   json_get_str(disk, "volume", ""), storage);
	else if (image)
		add_effect(plan, "%s: a volume of %s is made on '%s' from image '%s'",
			   "%1$s: イメージ '%4$s' から %2$s のボリュームを '%3$s' に作成", key, size, storage, image);
	else
		add_effect(plan, "%s: an empty volume of %s is made on '%s'",
			   "%1$s: %2$s の空のボリュームを '%3$s' に作成", key, size, storage);
	if (existing && image)
		add_effect(plan, "%s: the volume keeps what is on it; nothing is copied from image '%s'",
			   "%s: ボリュームの内容は残り、イメージ '%s' からのコピーはない", key, image);
}

static void describe_disks(Services *services, Plan *plan, json_object *before, json_object *after)
{
	json_object *old_disks = json_get(before, "disks"), *disks = json_get(after, "disks");
	json_object_object_foreach (disks, key, disk) {
		json_object *old = json_get(old_disks, key);
		gint64 size = json_get_int(disk, "size", 0);
		plan->needs_task |= !old || size != json_get_int(old, "size", 0);
		if (!old) {
			describe_new_disk(services, plan, key, disk);
		} else if (size != json_get_int(old, "size", 0)) {
			g_autofree char *text = units_format_size((guint64)size);
			add_effect(plan, "%s: its volume grows to %s", "%s: ボリュームを %s に拡大", key, text);
		}
	}
	if (!old_disks)
		return;
	json_object_object_foreach (old_disks, old_key, old_disk)
		if (!json_get(disks, old_key))
			add_effect(plan,
				   "%s: volume '%s' on '%s' is detached and kept; 'yado storage volumes %s' shows it",
				   "%s: ボリューム '%s'（ストレージ '%s'）を切り離して残す（'yado storage volumes %s' で一覧）",
				   old_key, json_get_str(old_disk, "volume", ""),
				   json_get_str(old_disk, "storage", ""), json_get_str(old_disk, "storage", ""));
}

static void describe_firmware(Services *services, Plan *plan)
{
	g_autofree const char **missing = firmware_missing(services, plan->document);
	for (const char **role = missing; *role; role++) {
		if (g_str_equal(*role, "tpm"))
			add_effect(plan, "a volume for the TPM's state is made", "TPMの状態を保存するボリュームを作成");
		else
			add_effect(plan, "a volume for the firmware's variables is made", "ファームウェアの変数を保存するボリュームを作成");
		plan->needs_task = TRUE;
	}
}

/* Why one that is added does not come at once. */
static void describe_shares(Plan *plan, json_object *before)
{
	for (gsize i = 0; i < json_get_count(plan->changes); i++) {
		json_object *change = json_object_array_get_idx(plan->changes, i);
		const char *path = json_get_str(change, "path", "");
		g_auto(GStrv) steps = g_strsplit(path, ".", 3);
		if (g_strv_length(steps) < 2 || !g_str_equal(steps[0], "shares") ||
		    json_get(json_get(before, "shares"), steps[1]) ||
		    !g_str_equal(json_get_str(change, "when", ""), "restart"))
			continue;
		add_effect(plan,
			   "the guest was started without a share, so its memory is not in the form that virtiofsd "
			   "works in: its first share comes with its next start, further ones at once",
			   "共有なしで起動したゲストのため、最初の共有は次回起動時から使える（2つ目以降はすぐに使える）");
		return;
	}
}

/* Its CPUs are threads, which may be more than what runs them. */
static void describe_cpus(Services *services, Plan *plan, json_object *before)
{
	gint64 cpus = qemu_vcpus(json_get(plan->document, "cpu")), own = (gint64)g_get_num_processors();
	if (cpus > own && (!before || cpus != qemu_vcpus(json_get(before, "cpu"))))
		add_effect(plan,
			   "%" G_GINT64_FORMAT " CPUs are more than the %" G_GINT64_FORMAT
			   " of node %s: they take turns, which slows the guest down",
			   "CPU %1$" G_GINT64_FORMAT "個は、ノード %3$s のCPU %2$" G_GINT64_FORMAT
			   "個より多い。交代で動くためゲストが遅くなる",
			   cpus, own, services->node);
}

/* Why the guest has another number of CPUs only when it starts anew, or what has to be done that it uses them. */
static void describe_vcpus(Vm *vm, Plan *plan)
{
	json_auto json_object *applied = vm_dup_applied(vm);
	gint64 had = qemu_vcpus(json_get(applied, "cpu")), has = qemu_vcpus(json_get(plan->document, "cpu"));
	const Hindrance *hindrance = live_vcpus_hindrance(vm, applied, plan->document);
	if (hindrance) {
		g_autofree char *text = g_strconcat("cpu.online: the running guest keeps the CPUs that it has: ",
						    hindrance->text, NULL);
		g_autofree char *text_ja =
			g_strconcat("cpu.online: 次回起動まで変わらない（", hindrance->text_ja, "）", NULL);
		add_sentence(plan, text, text_ja);
	} else if (has > had)
		add_effect(plan,
			   "cpu.online: the guest gets %" G_GINT64_FORMAT
			   " CPU(s) more, which its system has to switch on; its agent is asked to",
			   "cpu.online: CPUを %" G_GINT64_FORMAT
			   " 個追加し、有効化をゲストエージェントに依頼する（有効化はゲストのOSが行う）",
			   has - had);
}

/* Where a guest comes to be on the host, when that changes. */
static void describe_numa(Plan *plan, json_object *before)
{
	static const char *const fields[] = {"numa", "memory"}, *const cpu_fields[] = {"pin", "kind", "numa",
										       "sockets"};
	json_object *numa = json_get(plan->document, "numa");
	gboolean same = before != NULL;
	if (!numa || json_object_object_length(numa) == 0)
		return;
	for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
		same &= json_equal(json_get(before, fields[i]), json_get(plan->document, fields[i]));
	for (guint i = 0; i < G_N_ELEMENTS(cpu_fields); i++)
		same &= json_equal(json_get(json_get(before, "cpu"), cpu_fields[i]),
				   json_get(json_get(plan->document, "cpu"), cpu_fields[i]));
	g_autoptr(Processors) processors = same ? NULL : processors_read("");
	for (guint node = 0; !same && node < qemu_memory_nodes(plan->document); node++) {
		g_autofree char *text_ja = NULL, *text = numa_explain(processors, plan->document, node, &text_ja);
		if (text)
			add_sentence(plan, text, text_ja);
	}
}

Plan *plan_create(Services *services, json_object *input, MayUseImage may_use, gconstpointer who, GError **error)
{
	g_autoptr(Plan) plan = g_new0(Plan, 1);
	plan->chosen = json_object_new_array();
	plan->document = prepare_create(services, input, &(Asker){may_use, who}, plan->chosen, error);
	if (!plan->document)
		return NULL;
	plan->needs_task = TRUE;
	begin_effects(plan);
	plan->changes = json_diff(NULL, plan->document);
	for (size_t i = 0; i < json_object_array_length(plan->changes); i++)
		json_set_str(json_object_array_get_idx(plan->changes, i), "when", "now");
	describe_disks(services, plan, NULL, plan->document);
	describe_firmware(services, plan);
	no_effect_tell(services, NULL, plan->document, plan->effects, plan->effects_ja);
	describe_cpus(services, plan, NULL);
	describe_numa(plan, NULL);
	return g_steal_pointer(&plan);
}

void plan_explain_stale(Vm *vm, gint64 seen, GError **error)
{
	gint64 present = vm_get_rev(vm);
	g_autofree char *path = g_strdup_printf("vm/%" G_GINT64_FORMAT, vm->id);
	g_autofree char *label = vm_label(vm);
	g_autoptr(GString) what = g_string_new(NULL);
	g_autoptr(GPtrArray) history = store_history(vm->services->store, path, 0, 20, NULL);
	for (guint i = 0; history && i < history->len; i++) {
		Change *change = g_ptr_array_index(history, i);
		if (change->rev <= seen || !g_str_equal(change->path, path))
			continue;
		json_auto json_object *diff = json_diff(change->before, change->after);
		for (size_t j = 0; j < json_object_array_length(diff) && what->len < 400; j++) {
			json_object *entry = json_object_array_get_idx(diff, j);
			json_object *after = json_get(entry, "after");
			g_string_append_printf(what, "%s%s -> %s (by %s)", what->len ? ", " : "",
					       json_get_str(entry, "path", ""),
					       after ? json_object_to_json_string(after) : "removed", change->author);
		}
	}
	g_autofree char *hint =
		g_strdup_printf("look at it again and repeat the change with revision %" G_GINT64_FORMAT, present);
	if (what->len)
		error_set(error, ERROR_STALE, hint, "%s was changed meanwhile: %s", label, what->str);
	else
		error_set(error, ERROR_STALE, hint, "%s has revision %" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT,
			  label, present, seen);
}

static Plan *compare(Services *services, Vm *vm, json_object *present, gint64 rev, json_object *wanted)
{
	Plan *plan = g_new0(Plan, 1);
	plan->rev = rev;
	plan->document = json_object_get(wanted);
	begin_effects(plan);
	plan->changes = json_diff(present, wanted);
	gboolean alive = vm && vm_state_is_alive(vm_get_state(vm));
	for (size_t i = 0; i < json_object_array_length(plan->changes); i++) {
		json_object *change = json_object_array_get_idx(plan->changes, i);
		const char *path = json_get_str(change, "path", "");
		const char *when = alive ? live_when(vm, path, present, wanted) : "now";
		json_set_str(change, "when", when);
		if (alive && g_str_equal(path, "cpu.online"))
			describe_vcpus(vm, plan);
		/* An image is claimed while it is put to use, so that nobody deletes it at that moment. */
		plan->needs_task |= g_str_has_prefix(path, "cdroms.") || g_str_has_prefix(path, "kernel") ||
				    (alive && live_touches(path) && g_str_equal(when, "now"));
	}
	describe_disks(services, plan, present, wanted);
	if (handed_starts_over(present, wanted))
		add_effect(plan,
			   "cloud-init takes the guest for a new one at the next boot: it does its work again and makes "
			   "new SSH host keys",
			   "次回起動時、cloud-initは新しいゲストとみなして初期設定をやり直し、SSHホスト鍵も作り直す");
	describe_shares(plan, present);
	describe_firmware(services, plan);
	no_effect_tell(services, present, wanted, plan->effects, plan->effects_ja);
	describe_cpus(services, plan, present);
	describe_numa(plan, present);
	if (json_get_bool(present, "tpm", FALSE) && !json_get_bool(wanted, "tpm", FALSE))
		add_effect(plan, "the TPM's volume is kept; a TPM that is added again goes on with it",
			   "TPMのボリュームは残り、TPMを再び追加すると引き継がれる");
	return plan;
}

Plan *plan_compare(Vm *vm, json_object *present, gint64 rev, json_object *wanted)
{
	return compare(vm->services, vm, present, rev, wanted);
}

Plan *plan_upgrade(Vm *vm, const char *machine, gint64 if_match, GError **error)
{
	gint64 rev = 0;
	json_auto json_object *present = vm_dup_document(vm, &rev);
	json_auto json_object *wanted = json_copy(present);
	if (if_match != REV_ANY && if_match != rev) {
		plan_explain_stale(vm, if_match, error);
		return NULL;
	}
	json_set_str(wanted, "machine", machine ? machine : vm->services->host->newest_machine);
	if (!prepare_check(vm->services, present, wanted, error))
		return NULL;
	Plan *plan = compare(vm->services, vm, present, rev, wanted);
	const char *former = json_get_str(present, "machine", "");
	if (qemu_machine_is_older(json_get_str(wanted, "machine", ""), former))
		add_effect(plan,
			   "this is a step back: what newer boards than %s have is gone from the guest's next start "
			   "on, and a system that was installed on %s has not been tried on it by anybody; go back "
			   "to it with --machine %s",
			   "古い版に戻す変更: 次回の起動から、%s より新しいボードの機能はなくなる。%s に"
			   "インストールしたOSでの動作は誰も確かめていない。元に戻すには --machine %s を使う",
			   json_get_str(wanted, "machine", ""), former, former);
	if (json_get_count(plan->changes) > 0)
		add_effect(plan,
			   "the guest's system finds a board of another version: Linux does not mind, Windows looks for "
			   "drivers once and may ask to be activated again",
			   "ゲストのOSからはマザーボードの版が変わって見える。Linuxには影響なし。Windowsはドライバーを"
			   "探し直し、ライセンス認証を求めることがある");
	else
		add_effect(plan, "the guest has machine version %s already", "マシンバージョンは既に %s", former);
	return plan;
}

Plan *plan_change(Vm *vm, json_object *patch, gint64 if_match, GError **error)
{
	gint64 rev = 0;
	json_auto json_object *present = vm_dup_document(vm, &rev);
	if (if_match != REV_ANY && if_match != rev) {
		plan_explain_stale(vm, if_match, error);
		return NULL;
	}
	json_auto json_object *wanted = prepare_change(vm->services, present, patch, error);
	if (!wanted)
		return NULL;
	prepare_name_volumes(vm->services, wanted, vm->id);
	return compare(vm->services, vm, present, rev, wanted);
}

/* A build goes with the last guest that names it. */
static gboolean build_exists(Services *services, json_object *document, GError **error)
{
	json_object *kernel = json_get(document, "kernel");
	const char *image = json_get_str(kernel, "image", ""), *build = json_get_str(kernel, "build", "");
	if (!kernel)
		return TRUE;
	fd_auto int fd = image_open(&services->image, image, build, "kernel", NULL);
	if (fd >= 0)
		return TRUE;
	error_set_field(error, ERROR_CONFLICT, "kernel.build", "make a new guest from the image as it is now",
			"build %s of image '%s' is gone", build, image);
	return FALSE;
}

static gboolean volumes_exist(Services *services, json_object *document, GError **error)
{
	json_object *disks = json_get(document, "disks");
	g_autofree const char **missing = firmware_missing(services, document);
	if (*missing) {
		g_free(firmware_find_volume(services, json_get_int(document, "id", 0), *missing, error));
		return FALSE;
	}
	json_object_object_foreach (disks, key, disk) {
		json_auto json_object *volume =
			volume_get(&services->storage, json_get_str(disk, "storage", ""),
				   json_get_str(disk, "volume", ""), NULL);
		if (!volume) {
			g_autofree char *field = g_strdup_printf("disks.%s.volume", key);
			error_set_field(error, ERROR_CONFLICT, field,
					"what was deleted with its volumes comes back only from a backup",
					"the volume '%s' of %s is gone", json_get_str(disk, "volume", ""), key);
			return FALSE;
		}
		/* A volume never shrinks; the document follows what is there. */
		json_set_int(disk, "size", json_get_int(volume, "size", 0));
	}
	return TRUE;
}

/* What the guest's system may make of it. */
static void describe_renewal(Plan *plan)
{
	for (size_t i = 0; i < json_object_array_length(plan->changes); i++) {
		const char *path = json_get_str(json_object_array_get_idx(plan->changes, i), "path", "");
		if (g_str_equal(path, "uuid"))
			add_effect(plan, "a system that is licensed to the UUID may want to be activated again",
				   "UUIDに結び付いたライセンスは再認証を求められることがある");
		else if (g_str_has_prefix(path, "nics."))
			add_effect(plan, "%s: a DHCP server may give it another IP address",
				   "%s: DHCPで割り当てられるIPアドレスが変わることがある", path);
	}
}

Plan *plan_renew(Vm *vm, json_object *choice, GError **error)
{
	gint64 rev = 0;
	json_auto json_object *present = vm_dup_document(vm, &rev);
	if (vm_state_is_alive(vm_get_state(vm))) {
		g_autofree char *label = vm_label(vm);
		error_set(error, ERROR_CONFLICT, "stop it first",
			  "%s is %s: its identity can be renewed while it is stopped", label,
			  vm_state_name(vm_get_state(vm)));
		return NULL;
	}
	json_auto json_object *wanted = unique_renew(vm->services, present, choice, error);
	if (!wanted || !prepare_check(vm->services, present, wanted, error))
		return NULL;
	Plan *plan = compare(vm->services, vm, present, rev, wanted);
	describe_renewal(plan);
	return plan;
}

Plan *plan_restore(Services *services, gint64 id, json_object *document, GError **error)
{
	gint64 rev = REV_ABSENT;
	g_autoptr(Vm) vm = guests_get(services->guests, id);
	json_auto json_object *present = vm ? vm_dup_document(vm, &rev) : NULL;
	json_auto json_object *wanted = json_copy(document);
	schema_fill(&vm_table, wanted);
	handed_keep(present, wanted);
	if (!schema_check(&vm_table, wanted, error) || !volumes_exist(services, wanted, error) ||
	    !build_exists(services, wanted, error) ||
	    !prepare_check(services, present, wanted, error))
		return NULL;
	Plan *plan = compare(services, vm, present, rev, wanted);
	json_auto json_object *conflicts = unique_conflicts(guests_unique(services->guests), id, wanted);
	for (size_t i = 0; i < json_get_count(conflicts); i++) {
		json_object *conflict = json_object_array_get_idx(conflicts, i);
		add_effect(plan, "VM %" G_GINT64_FORMAT ": its %s is that of VM %" G_GINT64_FORMAT
			   " by now; 'yado vm renew-identity' mends that",
			   "VM %" G_GINT64_FORMAT ": %s は、現在のVM %" G_GINT64_FORMAT " と重複（'yado vm renew-identity' で解消）", id, json_get_str(conflict, "path", ""),
			   json_get_int(conflict, "vm", 0));
	}
	return plan;
}
