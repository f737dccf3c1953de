/* Checks of memory: of a document, and before a start (the kernel's Documentation/admin-guide/mm/hugetlbpage.rst). */
#include "guest/resources/memory.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "qemu/memory.h"

#define MIB (G_GINT64_CONSTANT(1) << 20)

static char *pages_dir(gint64 page)
{
	return g_strdup_printf("/sys/kernel/mm/hugepages/hugepages-%" G_GINT64_FORMAT "kB", page / 1024);
}

static gint64 read_pages(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL), *text = NULL;
	return file_read(path, 64, &text, NULL, NULL) ? g_ascii_strtoll(text, NULL, 10) : 0;
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

gboolean memory_check(json_object *document, GError **error)
{
	gint64 page = qemu_memory_page(document);
	if (!check_sizes(document, error))
		return FALSE;
	g_autofree char *dir = page ? pages_dir(page) : NULL;
	if (!dir || g_file_test(dir, G_FILE_TEST_IS_DIR))
		return TRUE;
	error_set_field(error, ERROR_INVALID, "hugepages", "choose another size, or 'none'",
			"hugepages: this node's kernel has no pages of %s", json_get_str(document, "hugepages", ""));
	return FALSE;
}

gboolean memory_check_start(json_object *document, GError **error)
{
	gint64 page = qemu_memory_page(document), memory = json_get_int(document, "memory", 0);
	if (!page)
		return TRUE;
	g_autofree char *dir = pages_dir(page);
	/* What is reserved is not free, though the kernel still counts it as such. */
	gint64 all = read_pages(dir, "nr_hugepages");
	gint64 free_pages = MAX(read_pages(dir, "free_hugepages") - read_pages(dir, "resv_hugepages"), 0);
	gint64 wanted = (memory + page - 1) / page;
	if (free_pages >= wanted)
		return TRUE;
	g_autofree char *size = units_format_size((guint64)page);
	g_autofree char *hint = g_strdup_printf("set more aside: echo %" G_GINT64_FORMAT " > %s/nr_hugepages",
						all + wanted - free_pages, dir);
	error_set_field(error, ERROR_CONFLICT, "hugepages", hint,
			"it needs %" G_GINT64_FORMAT " huge pages of %s, and %" G_GINT64_FORMAT
			" are free on this node",
			wanted, size, free_pages);
	return FALSE;
}
