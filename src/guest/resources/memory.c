/* Checks of memory: of a document, and before a start (the kernel's Documentation/admin-guide/mm/hugetlbpage.rst). */
#include "guest/resources/memory.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "qemu/memory.h"

#define MIB (G_GINT64_CONSTANT(1) << 20)
#define GIB (G_GINT64_CONSTANT(1) << 30)

static char *pages_dir(const char *root, gint64 page)
{
	return g_strdup_printf("%s/sys/kernel/mm/hugepages/hugepages-%" G_GINT64_FORMAT "kB", root, page / 1024);
}

static gint64 read_pages(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL), *text = NULL;
	return file_read(path, 64, &text, NULL, NULL) ? MAX(g_ascii_strtoll(text, NULL, 10), 0) : 0;
}

gboolean memory_read_pages(const char *root, gint64 page, HugePages *ret_pages)
{
	g_autofree char *dir = pages_dir(root, page);
	if (!g_file_test(dir, G_FILE_TEST_IS_DIR))
		return FALSE;
	/* What is reserved is not free, though the kernel still counts it as such. */
	gint64 unused = read_pages(dir, "free_hugepages") - read_pages(dir, "resv_hugepages");
	*ret_pages = (HugePages){.total = read_pages(dir, "nr_hugepages"), .free = MAX(unused, 0)};
	return TRUE;
}

static gboolean check_multiple(json_object *document, const char *field, gint64 unit, const char *why, GError **error)
{
	if (json_get_int(document, field, 0) % unit == 0)
		return TRUE;
	g_autofree char *text = units_format_size((guint64)unit);
	error_set_field(error, ERROR_INVALID, field, NULL, "%s must be a multiple of %s%s", field, text, why);
	return FALSE;
}

static gboolean check_sizes(json_object *document, GError **error)
{
	gint64 memory = json_get_int(document, "memory", 0), max = json_get_int(document, "memory_max", 0);
	gint64 min = json_get_int(document, "memory_min", 0), page = qemu_memory_page(document);
	g_autofree char *text = units_format_size((guint64)memory);
	if (max && max < memory) {
		error_set_field(error, ERROR_INVALID, "memory_max", "give it less memory, or a higher memory_max",
				"memory_max must not be less than memory, which is %s", text);
		return FALSE;
	}
	if (min > memory) {
		error_set_field(error, ERROR_INVALID, "memory_min", "give it more memory, or a lower memory_min",
				"memory_min must not be more than memory, which is %s", text);
		return FALSE;
	}
	const char *why = page ? ", the size of its pages" : max ? ", as memory_max is set" : "";
	gint64 unit = max ? qemu_memory_step(document) : MAX(page, MIB);
	return check_multiple(document, "memory", unit, why, error) &&
	       check_multiple(document, "memory_max", unit, why, error) &&
	       check_multiple(document, "memory_min", MIB, "", error);
}

/* QEMU's hw/virtio/virtio-balloon.c: what the guest gives up is not freed while memory must stay as it is, and of larger
 * pages only what happens to be a whole one, which the kernel then keeps for others who want such pages. */
const char *memory_balloon_hindrance(json_object *document)
{
	json_object *pci = json_get(document, "pci");
	if (pci && json_object_object_length(pci) > 0)
		return "the guest has a PCI device of the host, for which all of its memory is locked";
	return qemu_memory_page(document) ? "the guest has hugepages, which stay set aside" : NULL;
}

gboolean memory_check(const char *root, json_object *document, GError **error)
{
	gint64 page = qemu_memory_page(document);
	HugePages pages;
	if (!check_sizes(document, error))
		return FALSE;
	return !page || memory_read_pages(root, page, &pages) ||
	       error_refuse(error, ERROR_INVALID, "hugepages", "choose another size, or 'none'",
			    "hugepages: this node's kernel has no pages of %s",
			    json_get_str(document, "hugepages", ""));
}

/* Memory that has been in use for a while rarely has whole GiB in one piece left. */
static char *explain_how(const char *root, gint64 page, gint64 count)
{
	g_autofree char *dir = pages_dir(root, page);
	if (page < GIB)
		return g_strdup_printf("set more aside: echo %" G_GINT64_FORMAT " > %s/nr_hugepages", count, dir);
	return g_strdup_printf("set more aside when the node boots, on its kernel's command line: hugepagesz=1G "
			       "hugepages=%" G_GINT64_FORMAT "; or try: echo %" G_GINT64_FORMAT " > %s/nr_hugepages",
			       count, count, dir);
}

gboolean memory_check_start(const char *root, json_object *document, GError **error)
{
	gint64 page = qemu_memory_page(document), memory = json_get_int(document, "memory", 0);
	HugePages pages;
	if (!page)
		return TRUE;
	g_autofree char *size = units_format_size((guint64)page);
	if (!memory_read_pages(root, page, &pages))
		return error_refuse(error, ERROR_CONFLICT, "hugepages", "give the guest another size, or 'none'",
				    "this node's kernel has no huge pages of %s", size);
	gint64 wanted = (memory + page - 1) / page;
	if (pages.free >= wanted)
		return TRUE;
	g_autofree char *hint = explain_how(root, page, pages.total + wanted - pages.free);
	return error_refuse(error, ERROR_CONFLICT, "hugepages", hint,
			    "it needs %" G_GINT64_FORMAT " huge pages of %s, and %" G_GINT64_FORMAT
			    " are free on this node", wanted, size, pages.free);
}
