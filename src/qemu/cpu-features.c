/* CPU features.
 *
 * QEMU is asked for the model that has all that the node offers ("host" under KVM, "max" under TCG), fully expanded: a
 * true or false for each feature that it knows. x86 has no query for a baseline (query-cpu-model-baseline is for other
 * machines), so that is made here: the features in all lists, and of the models that all nodes offer whole the one with
 * the most features. What is common beyond that model can be added to it (`cpu.flags`). */
#include "qemu/cpu-features.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

enum { QUESTION_TIMEOUT_MS = 20000 };

static GMutex lock;
static Features *found; /* below the lock until it is there, then for good */

/* Switches of QEMU's own among the features, which say nothing about a CPU. */
static gboolean is_switch(const char *name)
{
	static const char *const switches[] = {
		"check", "cpuid-0xb", "enforce", "fill-mtrr-mask", "full-cpuid-auto-level", "full-width-write",
		"host-cache-info", "host-phys-bits", "hotpluggable", "hotplugged", "intel-pt-lip", "kvm",
		"kvm-no-smi-migration", "kvm-pv-enforce-cpuid", "l3-cache", "legacy-cache", "migratable", "realized",
		"start-powered-off", "tcg-cpuid", "vmware-cpuid-freq", NULL};
	return g_strv_contains(switches, name) || g_str_has_prefix(name, "x-") || g_str_has_prefix(name, "hv-") ||
	       g_str_has_prefix(name, "vmx-");
}

/* Second names (QEMU's target/i386/cpu.c, x86_cpu_initfn); those with '_' have one with '-'. */
static gboolean is_alias(const char *name)
{
	static const char *const aliases[] = {"ffxsr", "i64", "pclmuldq", "sse3", "sse4-1", "sse4-2", "xd", NULL};
	return strchr(name, '_') || g_strv_contains(aliases, name);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char **take_sorted(GPtrArray *names)
{
	g_ptr_array_sort(names, compare_names);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

/* The expanded model's properties; new reference. */
static json_object *expand(Qmp *qmp, const char *model, GError **error)
{
	json_object *arguments = json_object_new_object(), *named = json_object_new_object();
	json_set_str(named, "name", model);
	json_set_str(arguments, "type", "full");
	json_set(arguments, "model", named);
	json_auto json_object *answer =
		qmp_command(qmp, "query-cpu-model-expansion", arguments, QUESTION_TIMEOUT_MS, error);
	if (!answer)
		return NULL;
	json_object *properties = json_get_path(answer, "model.props");
	if (json_object_is_type(properties, json_type_object))
		return json_object_get(properties);
	error_set(error, ERROR_FAILED, NULL, "QEMU does not say what the CPU model '%s' has", model);
	return NULL;
}

static char **features_of(json_object *properties)
{
	GPtrArray *names = g_ptr_array_new();
	json_object_object_foreach (properties, name, value)
		if (json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value) &&
		    !is_switch(name) && !is_alias(name))
			g_ptr_array_add(names, g_strdup(name));
	return take_sorted(names);
}

static char **dup_names(json_object *list)
{
	GPtrArray *names = g_ptr_array_new();
	for (gsize i = 0; i < json_get_count(list); i++)
		g_ptr_array_add(names, g_strdup(json_object_get_string(json_object_array_get_idx(list, i))));
	return take_sorted(names);
}

typedef struct Asked {
	Features *features;
	gboolean kvm;
} Asked;

static gboolean ask_node(Qmp *qmp, const Asked *asked, GError **error)
{
	json_auto json_object *properties = expand(qmp, asked->kvm ? "host" : "max", error);
	if (!properties)
		return FALSE;
	json_object_object_foreach (properties, name, value)
		if (json_object_is_type(value, json_type_boolean) && !is_switch(name))
			g_hash_table_insert(asked->features->known, g_strdup(name),
					    GINT_TO_POINTER(json_object_get_boolean(value)));
	asked->features->offered = features_of(properties);
	return TRUE;
}

/* "max", "host" and "base" are other CPUs on another node. */
static gboolean is_fixed_model(const char *name)
{
	static const char *const others[] = {"base", "host", "max", NULL};
	return !g_strv_contains(others, name);
}

static gboolean ask(Qmp *qmp, gpointer data, GError **error)
{
	Asked *asked = data;
	GPtrArray *usable = g_ptr_array_new();
	gboolean ok = ask_node(qmp, asked, error);
	json_auto json_object *models =
		ok ? qmp_command(qmp, "query-cpu-definitions", NULL, QUESTION_TIMEOUT_MS, error) : NULL;
	ok = models != NULL;
	for (gsize i = 0; ok && i < json_get_count(models); i++) {
		json_object *model = json_object_array_get_idx(models, i);
		const char *name = json_get_str(model, "name", "");
		if (!is_fixed_model(name))
			continue;
		json_auto json_object *properties = expand(qmp, name, error);
		ok = properties != NULL;
		if (!ok)
			break;
		g_hash_table_insert(asked->features->of_model, g_strdup(name), features_of(properties));
		g_hash_table_insert(asked->features->maker, g_strdup(name),
				    g_strdup(json_get_str(properties, "vendor", "")));
		json_object *missing = json_get(model, "unavailable-features");
		g_hash_table_insert(asked->features->lacking, g_strdup(name), dup_names(missing));
		if (json_object_is_type(missing, json_type_array) && json_get_count(missing) == 0)
			g_ptr_array_add(usable, g_strdup(name));
	}
	asked->features->models = take_sorted(usable);
	return ok;
}

static void features_free(Features *features)
{
	g_hash_table_unref(features->known);
	g_hash_table_unref(features->of_model);
	g_hash_table_unref(features->maker);
	g_hash_table_unref(features->lacking);
	g_strfreev(features->offered);
	g_strfreev(features->models);
	g_free(features);
}

const Features *features_get(const QemuHost *host, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	if (found)
		return found;
	Features *features = g_new0(Features, 1);
	features->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	features->of_model = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev);
	features->maker = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	features->lacking = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev);
	Asked asked = {features, host->kvm};
	if (qemu_host_ask(host->program, host->kvm, ask, &asked, error))
		return found = features;
	g_prefix_error(error, "QEMU cannot be asked for its CPU features: ");
	features_free(features);
	return NULL;
}

/* ---- what a model lacks ---- */

/* Means nothing without SVM or VMX (QEMU's target/i386/cpu.c, feature_dependencies). */
static gboolean is_of_nested(const char *name)
{
	static const char *const names[] = {"avic", "decodeassists", "flushbyasid", "lbrv", "npt", "nrip-save",
					    "pause-filter", "pfthreshold", "svm", "svm-lock", "svme-addr-chk",
					    "tsc-scale", "v-vmsave-vmload", "vgif", "vmcb-clean", "vmx", "vnmi", NULL};
	return g_strv_contains(names, name) || g_str_has_prefix(name, "vmx-");
}

static gboolean takes_away(json_object *flags, const char *name)
{
	for (gsize i = 0; i < json_get_count(flags); i++) {
		const char *flag = json_object_get_string(json_object_array_get_idx(flags, i));
		if (*flag == '-' && g_str_equal(flag + 1, name))
			return TRUE;
	}
	return FALSE;
}

GPtrArray *features_lacking(const Features *features, const char *model, json_object *flags)
{
	GPtrArray *lacking = g_ptr_array_new();
	for (char **name = g_hash_table_lookup(features->lacking, model); name && *name; name++)
		if (!is_of_nested(*name) && !takes_away(flags, *name) &&
		    (lacking->len == 0 || !g_str_equal(lacking->pdata[lacking->len - 1], *name)))
			g_ptr_array_add(lacking, *name);
	return lacking;
}

/* ---- the baseline ---- */

static gboolean has_string(json_object *list, const char *text)
{
	for (gsize i = 0; i < json_get_count(list); i++)
		if (g_strcmp0(json_object_get_string(json_object_array_get_idx(list, i)), text) == 0)
			return TRUE;
	return FALSE;
}

/* Whether every node has `text` in its list `member`. */
static gboolean is_common(json_object *lists, const char *member, const char *text)
{
	json_object_object_foreach (lists, name, list) {
		(void)name;
		if (!has_string(json_get(list, member), text))
			return FALSE;
	}
	return TRUE;
}

/* Those of the first node that all others have too; new reference. */
static json_object *intersect(json_object *lists, const char *member)
{
	json_object *common = json_object_new_array();
	json_object_object_foreach (lists, name, list) {
		json_object *first = json_get(list, member);
		(void)name;
		for (gsize i = 0; i < json_get_count(first); i++) {
			json_object *text = json_object_array_get_idx(first, i);
			if (is_common(lists, member, json_object_get_string(text)))
				json_object_array_add(common, json_object_get(text));
		}
		break;
	}
	return common;
}

/* The most features; of equals ("Nehalem" and "Nehalem-v1") the one that says its version, and of those the latest. */
static const char *choose_model(const Features *features, json_object *models)
{
	const char *best = NULL;
	guint most = 0;
	for (gsize i = 0; i < json_get_count(models); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(models, i));
		char **own = g_hash_table_lookup(features->of_model, name);
		guint count = own ? g_strv_length(own) : 0;
		if (own && (!best || count > most || (count == most && strverscmp(name, best) > 0))) {
			best = name;
			most = count;
		}
	}
	return best;
}

/* What a node has that not all have. */
static json_object *describe_rest(json_object *lists, json_object *common)
{
	json_object *rest = json_object_new_array();
	json_object_object_foreach (lists, name, list) {
		json_object *item = json_object_new_object(), *beyond = json_object_new_array();
		json_object *own = json_get(list, "features");
		for (gsize i = 0; i < json_get_count(own); i++) {
			json_object *feature = json_object_array_get_idx(own, i);
			if (!has_string(common, json_object_get_string(feature)))
				json_object_array_add(beyond, json_object_get(feature));
		}
		json_set_str(item, "node", name);
		json_set(item, "unused", beyond);
		json_object_array_add(rest, item);
	}
	return rest;
}

json_object *features_baseline(const Features *features, json_object *lists, GError **error)
{
	json_auto json_object *common = intersect(lists, "features");
	json_auto json_object *models = intersect(lists, "models");
	const char *model = choose_model(features, models);
	if (!model) {
		error_set(error, ERROR_UNSUPPORTED, "see 'models' of each node's list",
			  "these nodes offer no CPU model in common that this node's QEMU knows");
		return NULL;
	}
	char **own = g_hash_table_lookup(features->of_model, model);
	json_object *flags = json_object_new_array();
	for (gsize i = 0; i < json_get_count(common); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(common, i));
		/* Nested virtualization is a switch of its own. */
		if (g_strv_contains((const char *const *)own, name) || g_str_equal(name, "svm") ||
		    g_str_equal(name, "vmx") || !g_hash_table_contains(features->known, name))
			continue;
		g_autofree char *flag = g_strconcat("+", name, NULL);
		json_object_array_add(flags, json_object_new_string(flag));
	}
	json_object *baseline = json_object_new_object();
	json_set_str(baseline, "model", model);
	json_set(baseline, "flags", flags);
	json_set(baseline, "features", json_object_get(common));
	json_set(baseline, "nodes", describe_rest(lists, common));
	return baseline;
}
