/* Settings that do nothing in the guest as it is.
 *
 * What can never mean anything is refused (prepare/check.c and others). These do mean something once another setting,
 * or the node, is another one, and are kept for that. */
#include "guest/no-effect.h"

#include "base/json.h"
#include "guest/resources/memory.h"
#include "qemu/cpu-features.h"
#include "qemu/processors.h"
#include "qemu/vcpus.h"

/* The sentence, and the same in Japanese, which the caller frees; FALSE: it has an effect. */
typedef gboolean (*Why)(Services *services, json_object *document, char **ret_text, char **ret_text_ja);

static gboolean starts_kernel(json_object *document)
{
	return json_get(document, "kernel") != NULL;
}

static gboolean why_boot(Services *services, json_object *document, char **ret_text, char **ret_text_ja)
{
	(void)services;
	if (!starts_kernel(document) || json_get_count(json_get(document, "boot")) == 0)
		return FALSE;
	*ret_text = g_strdup("boot has no effect while the guest starts a kernel directly (kernel)");
	*ret_text_ja = g_strdup("boot は、カーネルを直接起動する間（kernel）は効果がない");
	return TRUE;
}

/* OVMF starts a kernel that it is given before it waits for keys; SeaBIOS shows its menu first. */
static gboolean why_boot_menu(Services *services, json_object *document, char **ret_text, char **ret_text_ja)
{
	(void)services;
	if (!starts_kernel(document) || json_get_int(document, "boot_menu", 0) == 0 ||
	    !g_str_equal(json_get_str(document, "firmware", ""), "uefi"))
		return FALSE;
	*ret_text = g_strdup("boot_menu has no effect while the guest starts a kernel directly from UEFI (kernel)");
	*ret_text_ja = g_strdup("boot_menu は、UEFIからカーネルを直接起動する間（kernel）は効果がない");
	return TRUE;
}

static gboolean why_hyperv(Services *services, json_object *document, char **ret_text, char **ret_text_ja)
{
	if (services->host->kvm || !json_get_bool(json_get(document, "cpu"), "hyperv", FALSE))
		return FALSE;
	*ret_text = g_strdup_printf("cpu.hyperv has no effect while node %s has no KVM: "
				    "QEMU's translator knows no enlightenments",
				    services->node);
	*ret_text_ja = g_strdup_printf("cpu.hyperv は、ノード %s でKVMが使えない間は効果がない", services->node);
	return TRUE;
}

/* Systems look for SVM on processors of AMD and Hygon alone. KVM gives every model the maker of the node's processor,
 * QEMU's translator that of the model. */
static gboolean why_nested(Services *services, json_object *document, char **ret_text, char **ret_text_ja)
{
	json_object *cpu = json_get(document, "cpu");
	const char *model = json_get_str(cpu, "model", "host");
	if (services->host->kvm || !json_get_bool(cpu, "nested", FALSE) || g_str_equal(model, "host"))
		return FALSE;
	const Features *features = features_get(services->host, NULL);
	if (g_strcmp0(features ? g_hash_table_lookup(features->maker, model) : NULL, "GenuineIntel") != 0)
		return FALSE;
	*ret_text = g_strdup_printf("cpu.nested has no effect with the model '%s' while node %s has no KVM: "
				    "QEMU's translator offers AMD's SVM, which systems look for on no processor "
				    "of Intel; cpu.model 'host' has it",
				    model, services->node);
	*ret_text_ja = g_strdup_printf("cpu.nested は、モデル '%s' では、ノード %s でKVMが使えない間は効果がない"
				       "（使えるのはAMDのSVMのみで、IntelのCPUでは認識されない）。cpu.model 'host' なら使える",
				       model, services->node);
	return TRUE;
}

/* More than all that there is: of the node, or of the guest. */
static gboolean why_cpu_limit(Services *services, json_object *document, char **ret_text, char **ret_text_ja)
{
	json_object *cpu = json_get(document, "cpu");
	gint64 limit = json_get_int(cpu, "limit", 0), cpus = qemu_vcpus(cpu), own = (gint64)g_get_num_processors();
	if (limit > own * 100) {
		*ret_text = g_strdup_printf("cpu.limit has no effect: %" G_GINT64_FORMAT "%% is never reached, as the %"
					    G_GINT64_FORMAT " CPU(s) of node %s give %" G_GINT64_FORMAT "%%", limit,
					    own, services->node, own * 100);
		*ret_text_ja = g_strdup_printf("cpu.limit は効果がない（ノード %s のCPU %" G_GINT64_FORMAT
					       "個の合計は %" G_GINT64_FORMAT "%% で、%" G_GINT64_FORMAT
					       "%% に達しない）", services->node, own, own * 100, limit);
		return TRUE;
	}
	if (limit <= cpus * 100)
		return FALSE;
	*ret_text = g_strdup_printf("cpu.limit has hardly an effect: %" G_GINT64_FORMAT "%% is more than the guest's %"
				    G_GINT64_FORMAT " CPU(s) can use, so it holds back only what QEMU does beside "
				    "them (disks, network cards)", limit, cpus);
	*ret_text_ja = g_strdup_printf("cpu.limit はほとんど効果がない（%" G_GINT64_FORMAT "%% はゲストのCPU %"
				       G_GINT64_FORMAT "個が使える量より多く、抑えられるのはディスクやネットワークカードの処理のみ）",
				       limit, cpus);
	return TRUE;
}

static gboolean why_memory_min(Services *services, json_object *document, char **ret_text, char **ret_text_ja)
{
	const char *hindrance = json_get(document, "memory_min") ? memory_balloon_hindrance(document) : NULL;
	(void)services;
	if (!hindrance)
		return FALSE;
	*ret_text = g_strdup_printf("memory_min has no effect, as a balloon would give the node nothing: %s", hindrance);
	*ret_text_ja = g_strdup("memory_min は効果がない（ホストのPCIデバイスやヒュージページがあると、メモリは固定されてノードに戻らない）");
	return TRUE;
}

static gboolean why_cloud_init(Services *services, json_object *document, char **ret_text, char **ret_text_ja)
{
	json_object *cloud = json_get(document, "cloud_init");
	(void)services;
	if (!cloud || json_get_bool(cloud, "enabled", TRUE))
		return FALSE;
	*ret_text = g_strdup("cloud_init has no effect while cloud_init.enabled is off: it is kept, and not handed over");
	*ret_text_ja = g_strdup("cloud_init は、cloud_init.enabled が無効の間は効果がない（保存されるが渡されない）");
	return TRUE;
}

static const struct {
	Why why;
	const char *fields[6]; /* on which it depends */
} rules[] = {
	{why_boot, {"boot", "kernel"}},
	{why_boot_menu, {"boot_menu", "kernel"}},
	{why_hyperv, {"cpu.hyperv"}},
	{why_nested, {"cpu.nested", "cpu.model"}},
	{why_cpu_limit, {"cpu.limit", "cpu.online", "cpu.cores", "cpu.sockets", "cpu.threads"}},
	{why_memory_min, {"memory_min", "hugepages", "pci"}},
	{why_cloud_init, {"cloud_init"}},
};

static json_object *find(Services *services, json_object *before, json_object *document)
{
	json_object *found = NULL;
	for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
		gboolean same = before != NULL;
		for (const char *const *field = rules[i].fields; *field && same; field++)
			same = json_equal(json_get_path(before, *field), json_get_path(document, *field));
		g_autofree char *text = NULL, *text_ja = NULL;
		if (same || !rules[i].why(services, document, &text, &text_ja))
			continue;
		json_object *one = json_object_new_object();
		json_set_str(one, "field", rules[i].fields[0]);
		json_set_str(one, "why", text);
		json_set_str(one, "why_ja", text_ja);
		found = found ? found : json_object_new_array();
		json_object_array_add(found, one);
	}
	return found;
}

gboolean no_effect_is_known(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return vm->no_effect_rev == vm->rev;
}

json_object *no_effect_describe(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	gboolean known = vm->no_effect_rev == vm->rev;
	GRefString *text = known && vm->no_effect ? g_ref_string_acquire(vm->no_effect) : NULL;
	g_mutex_unlock(&vm->lock);
	json_object *found = text ? json_parse(text, g_ref_string_length(text), NULL) : NULL;
	g_clear_pointer(&text, g_ref_string_release);
	if (known)
		return found;

	gint64 rev;
	json_auto json_object *document = vm_dup_document(vm, &rev);
	found = find(vm->services, NULL, document);
	g_autofree char *plain = found ? json_dup_text(found) : NULL;
	g_mutex_lock(&vm->lock);
	g_clear_pointer(&vm->no_effect, g_ref_string_release);
	vm->no_effect = plain ? g_ref_string_new(plain) : NULL;
	vm->no_effect_rev = rev;
	g_mutex_unlock(&vm->lock);
	return found;
}

void no_effect_tell(Services *services, json_object *before, json_object *document, json_object *effects,
		    json_object *effects_ja)
{
	json_auto json_object *found = find(services, before, document);
	for (gsize i = 0; i < json_get_count(found); i++) {
		json_object *one = json_object_array_get_idx(found, i);
		json_object_array_add(effects, json_object_get(json_get(one, "why")));
		json_object_array_add(effects_ja, json_object_get(json_get(one, "why_ja")));
	}
}
