/* Memory of this node, and what is set for it.
 *
 * The setting is a document. KSM is the kernel's own switch, which others may have set before: unless somebody has said
 * here whether it is on, it is left as it is. */
#include "guest/resources/node-memory.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/resources/ksm.h"
#include "guest/resources/memory.h"
#include "schema/schema.h"

static const char path[] = "setting/memory";

/* --- What there is --- */

static gboolean read_meminfo(const char *text, const char *name, gint64 *ret_bytes)
{
	const char *line = strstr(text, name);
	if (line)
		*ret_bytes = g_ascii_strtoll(line + strlen(name), NULL, 10) * 1024;
	return line != NULL;
}

gboolean node_memory_read(const char *root, NodeMemory *ret_memory)
{
	g_autofree char *file = g_strconcat(root, "/proc/meminfo", NULL), *text = NULL;
	return file_read(file, 65536, &text, NULL, NULL) &&
	       read_meminfo(text, "MemTotal:", &ret_memory->total) &&
	       read_meminfo(text, "MemAvailable:", &ret_memory->available);
}

static void describe_pages(const char *root, json_object *memory, const char *field, gint64 page)
{
	HugePages pages;
	if (!memory_read_pages(root, page, &pages))
		return;
	json_object *json = json_object_new_object();
	json_set_int(json, "total", pages.total);
	json_set_int(json, "free", pages.free);
	json_set(memory, field, json);
}

void node_memory_describe_host(const char *root, json_object *memory)
{
	ksm_describe(root, memory);
	describe_pages(root, memory, "hugepages_2m", G_GINT64_CONSTANT(2) << 20);
	describe_pages(root, memory, "hugepages_1g", G_GINT64_CONSTANT(1) << 30);
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
	node_memory_describe_host("", memory);
	return memory;
}

json_object *node_memory_plan(Services *services, json_object *patch, GError **error)
{
	json_auto json_object *present = read_setting(services, NULL, error);
	json_auto json_object *setting = present ? schema_change(&node_memory_table, present, patch, error) : NULL;
	if (!setting)
		return NULL;
	if (!ksm_check("", services->node, json_get_str(setting, "ksm", "leave"), error))
		return NULL;
	return g_steal_pointer(&setting);
}

gint64 node_memory_change(Services *services, json_object *setting, gint64 expected_rev, const char *user,
			  GError **error)
{
	g_autoptr(Batch) batch = batch_new(user, 0);
	gint64 before;
	if (!ksm_apply("", json_get_str(setting, "ksm", "leave"), &before, error))
		return 0;
	batch_put(batch, path, expected_rev, setting);
	gint64 rev = store_commit(services->store, batch, error);
	if (rev <= 0)
		ksm_restore("", before);
	return rev;
}

void node_memory_apply(Services *services)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *setting = read_setting(services, NULL, &error);
	gint64 before;
	if (!setting || !ksm_apply("", json_get_str(setting, "ksm", "leave"), &before, &error))
		g_warning("the setting of memory is not in effect: %s", error->message);
}

guint node_memory_balloon_at(Services *services)
{
	json_auto json_object *setting = read_setting(services, NULL, NULL);
	return (guint)json_get_int(setting, "balloon_at", 80);
}
