/* Memory of this node, and merging of equal pages (the kernel's Documentation/admin-guide/mm/ksm.rst).
 *
 * The setting is a document. KSM is the kernel's own switch, which others may have set before: unless somebody has said
 * here whether it is on, it is left as it is. */
#include "guest/resources/node-memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "schema/schema.h"

#define KSM "/sys/kernel/mm/ksm/"
#define HUGE "/sys/kernel/mm/hugepages/"

static const char path[] = "setting/memory";

/* --- What there is --- */

static gboolean read_number(const char *file, gint64 *ret_value)
{
	g_autofree char *text = NULL;
	if (!file_read(file, 64, &text, NULL, NULL))
		return FALSE;
	*ret_value = g_ascii_strtoll(text, NULL, 10);
	return TRUE;
}

static gboolean read_meminfo(const char *text, const char *name, gint64 *ret_bytes)
{
	const char *line = strstr(text, name);
	if (line)
		*ret_bytes = g_ascii_strtoll(line + strlen(name), NULL, 10) * 1024;
	return line != NULL;
}

gboolean node_memory_read(NodeMemory *ret_memory)
{
	g_autofree char *text = NULL;
	return file_read("/proc/meminfo", 65536, &text, NULL, NULL) &&
	       read_meminfo(text, "MemTotal:", &ret_memory->total) &&
	       read_meminfo(text, "MemAvailable:", &ret_memory->available);
}

/* The kernel's number: 0 off, 1 on, 2 off with all that was merged made separate again. */
static const char *ksm_state(void)
{
	gint64 run;
	return !read_number(KSM "run", &run) ? "absent" : run == 1 ? "on" : "off";
}

static void describe_ksm(json_object *memory)
{
	gint64 sharing;
	json_set_str(memory, "ksm_state", ksm_state());
	if (read_number(KSM "pages_sharing", &sharing))
		json_set_int(memory, "ksm_saved", sharing * sysconf(_SC_PAGESIZE));
}

static void describe_pages(json_object *memory, const char *field, const char *dir)
{
	g_autofree char *all_path = g_strconcat(HUGE, dir, "/nr_hugepages", NULL);
	g_autofree char *free_path = g_strconcat(HUGE, dir, "/free_hugepages", NULL);
	gint64 all, unused;
	if (!read_number(all_path, &all) || !read_number(free_path, &unused))
		return;
	json_object *pages = json_object_new_object();
	json_set_int(pages, "total", all);
	json_set_int(pages, "free", unused);
	json_set(memory, field, pages);
}

/* --- The setting --- */

static json_object *read_setting(Services *services, gint64 *ret_rev, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autoptr(Doc) doc = store_get(services->store, path, &local);
	if (local && error_code(local) != ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&local));
		return NULL;
	}
	if (ret_rev)
		*ret_rev = doc ? doc->rev : 0;
	json_auto json_object *empty = json_object_new_object();
	return doc ? json_copy(doc->body) : schema_create(&node_memory_table, empty, error);
}

json_object *node_memory_describe(Services *services, gint64 *ret_rev, GError **error)
{
	json_object *memory = read_setting(services, ret_rev, error);
	if (!memory)
		return NULL;
	describe_ksm(memory);
	describe_pages(memory, "hugepages_2m", "hugepages-2048kB");
	describe_pages(memory, "hugepages_1g", "hugepages-1048576kB");
	return memory;
}

json_object *node_memory_plan(Services *services, json_object *patch, GError **error)
{
	json_auto json_object *present = read_setting(services, NULL, error);
	json_auto json_object *setting = present ? schema_change(&node_memory_table, present, patch, error) : NULL;
	if (!setting)
		return NULL;
	if (g_str_equal(json_get_str(setting, "ksm", ""), "on") && g_str_equal(ksm_state(), "absent")) {
		error_set_field(error, ERROR_UNSUPPORTED, "ksm", "use a kernel with CONFIG_KSM",
				"ksm: the kernel of node %s cannot merge pages", services->node);
		return NULL;
	}
	return g_steal_pointer(&setting);
}

/* "leave" changes nothing. Off: what is merged is made separate again, since guests may be set apart for a reason. */
static gboolean apply_ksm(const char *wanted, GError **error)
{
	const char *state = ksm_state();
	if (g_str_equal(wanted, "leave") || g_str_equal(wanted, state) || g_str_equal(state, "absent"))
		return TRUE;
	const char *number = g_str_equal(wanted, "on") ? "1" : "2";
	fd_auto int fd = open(KSM "run", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && fd_write_all(fd, number, 1))
		return TRUE;
	error_set_errno(error, errno, "cannot switch the merging of pages %s", wanted);
	return FALSE;
}

gint64 node_memory_change(Services *services, json_object *setting, gint64 expected_rev, const char *user,
			  GError **error)
{
	g_autoptr(Batch) batch = batch_new(user, 0);
	const char *before = ksm_state();
	if (!apply_ksm(json_get_str(setting, "ksm", "leave"), error))
		return 0;
	batch_put(batch, path, expected_rev, setting);
	gint64 rev = store_commit(services->store, batch, error);
	if (rev <= 0)
		apply_ksm(before, NULL);
	return rev;
}

void node_memory_apply(Services *services)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *setting = read_setting(services, NULL, &error);
	if (!setting || !apply_ksm(json_get_str(setting, "ksm", "leave"), &error))
		g_warning("the setting of memory is not in effect: %s", error->message);
}

guint node_memory_balloon_at(Services *services)
{
	json_auto json_object *setting = read_setting(services, NULL, NULL);
	return (guint)json_get_int(setting, "balloon_at", 80);
}
