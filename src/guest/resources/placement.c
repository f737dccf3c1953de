/* Where a guest's processors run.
 *
 * Pinning is sched_setaffinity(2) on QEMU's vCPU threads alone: what QEMU does beside them (disks, migration) keeps all
 * CPUs. QEMU says which threads these are; as a guest may have taken its QEMU over, a number that is no thread of that
 * process is refused. QEMU's seccomp filter keeps it from undoing what is set here (resourcecontrol=deny). Shares and
 * limit are of the guest's control group, and so hold for all that belongs to it. */
#include "guest/resources/placement.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/resources/numa.h"
#include "qemu/cpu-features.h"
#include "qemu/processors.h"

enum { COMMAND_TIMEOUT_MS = 10000, USUAL_WEIGHT = 100 };

CpuBounds placement_bounds(json_object *cpu)
{
	return (CpuBounds){.weight = (guint)json_get_int(cpu, "shares", USUAL_WEIGHT),
			   .limit = (guint)json_get_int(cpu, "limit", 0)};
}

static gboolean check_flags(const Features *features, json_object *flags, GError **error)
{
	for (gsize i = 0; i < json_get_count(flags); i++) {
		const char *flag = json_object_get_string(json_object_array_get_idx(flags, i)), *name = flag + 1;
		gpointer offered;
		if (g_str_equal(name, "svm") || g_str_equal(name, "vmx"))
			return error_refuse(error, ERROR_UNSUPPORTED, "cpu.flags", "use cpu.nested",
					    "cpu.flags: '%s' has a switch of its own", name);
		if (!g_hash_table_lookup_extended(features->known, name, NULL, &offered))
			return error_refuse(error, ERROR_UNSUPPORTED, "cpu.flags",
					    "'yado node cpu-features' lists what there is",
					    "cpu.flags: this node's QEMU knows no CPU feature '%s'", name);
		if (*flag == '+' && !offered)
			return error_refuse(error, ERROR_UNSUPPORTED, "cpu.flags",
					    "'yado node cpu-features' lists what it offers",
					    "cpu.flags: this node does not offer the CPU feature '%s'", name);
	}
	return TRUE;
}

/* "a, b, c and 9 more"; caller frees. */
static char *format_some(const GPtrArray *names)
{
	enum { SHOWN = 8 };
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < MIN(names->len, SHOWN); i++)
		g_string_append_printf(text, "%s%s", i ? ", " : "", (const char *)names->pdata[i]);
	if (names->len > SHOWN)
		g_string_append_printf(text, " and %u more", names->len - SHOWN);
	return g_strdup(text->str);
}

/* QEMU itself would only warn, and start the guest without what is lacking: it would have other hardware than its
 * document says, and than on the node that it may go to. */
static gboolean check_model(const Features *features, json_object *cpu, GError **error)
{
	const char *model = json_get_str(cpu, "model", "host");
	g_autoptr(GPtrArray) lacking = features_lacking(features, model, json_get(cpu, "flags"));
	if (lacking->len == 0)
		return TRUE;
	g_autofree char *some = format_some(lacking);
	g_autoptr(GString) flags = g_string_new(NULL);
	for (gsize i = 0; i < json_get_count(json_get(cpu, "flags")); i++)
		g_string_append_printf(flags, "%s,",
				       json_object_get_string(json_object_array_get_idx(json_get(cpu, "flags"), i)));
	for (guint i = 0; i < lacking->len; i++)
		g_string_append_printf(flags, "%s-%s", i ? "," : "", (const char *)lacking->pdata[i]);
	g_autofree char *hint = g_strdup_printf("'yado node cpu-features' lists the models that it offers whole; or do "
						"without these features: --cpu-flags=%s", flags->str);
	return error_refuse(error, ERROR_UNSUPPORTED, "cpu.model", hint,
			    "cpu.model: this node does not offer all of '%s': %s", model, some);
}

static gboolean check_nested(const Features *features, const QemuHost *host, GError **error)
{
	const char *flag = host->kvm && processors_have_vmx() ? "vmx" : "svm";
	if (g_hash_table_lookup(features->known, flag))
		return TRUE;
	return error_refuse(error, ERROR_UNSUPPORTED, "cpu.nested",
			    "allow it in the node's kernel (options kvm_intel nested=1, or kvm_amd nested=1)",
			    "cpu.nested: this node does not offer nested virtualization ('%s')", flag);
}

static gboolean differs(json_object *present, json_object *cpu, const char *field)
{
	return !json_equal(json_get(present, field), json_get(cpu, field));
}

gboolean placement_check(Services *services, json_object *before, json_object *document, GError **error)
{
	json_object *present = json_get(before, "cpu"), *cpu = json_get(document, "cpu"),
		    *numa = json_get(document, "numa");
	gboolean placed = differs(present, cpu, "pin") || differs(present, cpu, "kind");
	gboolean on_nodes = numa && json_object_object_length(numa) > 0;
	g_autoptr(Processors) processors = placed || on_nodes ? processors_read("") : NULL;
	if (placed) {
		Cpus cpus;
		if (!processors_choose(processors, json_get_str(cpu, "pin", NULL), json_get_str(cpu, "kind", NULL),
				       &cpus, error))
			return FALSE;
	}
	if (on_nodes && !numa_check(processors, before, document, error))
		return FALSE;
	for (const char *const *field = (const char *const[]){"shares", "limit", NULL}; *field; field++) {
		g_autofree char *path = g_strconcat("cpu.", *field, NULL);
		if (json_get(cpu, *field) && differs(present, cpu, *field) && !groups_bound_cpu())
			return error_refuse(error, ERROR_UNSUPPORTED, path, "see 'cgroup' of 'yado node show'",
					    "%s: this node's kernel offers no control groups for CPUs", path);
	}
	gboolean flags = json_get_count(json_get(cpu, "flags")) > 0 && differs(present, cpu, "flags");
	gboolean nested = json_get_bool(cpu, "nested", FALSE) && differs(present, cpu, "nested");
	const char *name = json_get_str(cpu, "model", "host");
	/* What is taken away may be what it lacks. */
	gboolean model =
		!g_str_equal(name, "host") && (differs(present, cpu, "model") || differs(present, cpu, "flags"));
	if (model && !g_strv_contains((const char *const *)services->host->cpu_models, name))
		return error_refuse(error, ERROR_UNSUPPORTED, "cpu.model",
				    "use 'host', or a model that 'yado node cpu-features' lists",
				    "cpu.model: this node's QEMU knows no CPU model '%s'", name);
	const Features *features =
		flags || nested || model ? features_get(services->host, error) : NULL;
	if ((flags || nested || model) && !features)
		return FALSE;
	return (!flags || check_flags(features, json_get(cpu, "flags"), error)) &&
	       (!nested || check_nested(features, services->host, error)) &&
	       (!model || check_model(features, cpu, error));
}

/* The number that the process's own namespace has for one of its threads (proc(5), NSpid); 0 if it has ended. */
static gint64 number_inside(pid_t pid, const char *thread)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/task/%s/status", (int)pid, thread);
	g_autofree char *text = NULL;
	if (!file_read(path, 65536, &text, NULL, NULL))
		return 0;
	const char *line = strstr(text, "\nNSpid:");
	g_autofree char *numbers = line ? g_strndup(line + 1, strcspn(line + 1, "\n")) : NULL;
	const char *last = numbers ? strrchr(numbers, '\t') : NULL;
	return last ? g_ascii_strtoll(last + 1, NULL, 10) : 0;
}

/* QEMU lives in a namespace of its own and calls its threads by the numbers there. 0: it has no such thread. */
static pid_t find_thread(pid_t pid, gint64 inside)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/task", (int)pid);
	g_autoptr(GDir) threads = g_dir_open(path, 0, NULL);
	for (const char *name; threads && (name = g_dir_read_name(threads));)
		if (number_inside(pid, name) == inside)
			return (pid_t)g_ascii_strtoll(name, NULL, 10);
	return 0;
}

static gboolean set_affinity(pid_t pid, gint64 inside, const Cpus *cpus, GError **error)
{
	pid_t thread = inside > 0 ? find_thread(pid, inside) : 0;
	if (!thread) {
		error_set(error, ERROR_FAILED, NULL, "QEMU names a thread (%" G_GINT64_FORMAT ") that it does not have",
			  inside);
		return FALSE;
	}
	if (sched_setaffinity(thread, sizeof *cpus, (const cpu_set_t *)cpus) == 0)
		return TRUE;
	g_autofree char *list = cpus_format(cpus);
	error_set_errno(error, errno, "cannot pin QEMU's thread %d to CPU %s", (int)thread, list);
	return FALSE;
}

gboolean placement_is_wanted(json_object *document)
{
	json_object *cpu = json_get(document, "cpu"), *numa = json_get(document, "numa");
	return json_get(cpu, "pin") || json_get(cpu, "kind") || (numa && json_object_object_length(numa) > 0);
}

/* QEMU's translator may have one thread for all CPUs: that runs where any of them may. */
typedef struct Place {
	gint64 thread;
	Cpus cpus;
} Place;

static void add_place(GArray *places, gint64 thread, const Cpus *cpus)
{
	for (guint i = 0; i < places->len; i++) {
		Place *place = &g_array_index(places, Place, i);
		if (place->thread != thread)
			continue;
		place->cpus = cpus_or(&place->cpus, cpus);
		return;
	}
	Place place = {thread, *cpus};
	g_array_append_val(places, place);
}

gboolean placement_pin(Vm *vm, Qmp *qmp, json_object *document, GError **error)
{
	g_autoptr(Processors) processors = processors_read("");
	g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(Place));
	json_auto json_object *list = qmp_command(qmp, "query-cpus-fast", NULL, COMMAND_TIMEOUT_MS, error);
	if (!list)
		return FALSE;
	for (gsize i = 0; i < json_get_count(list); i++) {
		json_object *item = json_object_array_get_idx(list, i);
		Cpus cpus;
		if (!numa_choose_cpus(processors, document,
				      numa_node_of_cpu(document, json_get_int(item, "cpu-index", 0)), &cpus, error))
			return FALSE;
		add_place(places, json_get_int(item, "thread-id", 0), &cpus);
	}
	g_mutex_lock(&vm->lock);
	pid_t pid = vm->pid;
	g_mutex_unlock(&vm->lock);
	for (guint i = 0; i < places->len; i++) {
		const Place *place = &g_array_index(places, Place, i);
		if (!set_affinity(pid, place->thread, &place->cpus, error))
			return FALSE;
	}
	return TRUE;
}
