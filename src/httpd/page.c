/* The page's files are read once, at the start, and found by the exact path that a request has: there is no way from a
 * request to a path of the file system. A name with a hash in it (what the page's build makes under /assets/) may be
 * kept by browsers for good; the rest is asked for again with its etag. */
#include "httpd/page.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"

enum { FILE_MAX = 16 << 20, TOTAL_MAX = 64 << 20, DEPTH_MAX = 8 };

struct Page {
	GHashTable *files; /* "/index.html" -> PageFile */
	gsize total;
};

static const char plain[] =
	"<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Yado</title>"
	"<meta name=\"viewport\" content=\"width=device-width\"></head>\n<body>\n<h1>Yado</h1>\n"
	"<p>This machine runs virtual machines with Yado. Its API is at <a href=\"/api/v1/openapi.json\">/api/v1</a>; "
	"the command is <code>yado --remote https://HOST:PORT</code>.</p>\n"
	"<p lang=\"ja\">このマシンでは Yado が仮想マシンを動かしています。API は <a "
	"href=\"/api/v1/openapi.json\">/api/v1</a>、"
	"コマンドは <code>yado --remote https://ホスト:ポート</code> です。</p>\n</body>\n</html>\n";

static const struct {
	const char *suffix, *type;
} types[] = {
	{".html", "text/html; charset=utf-8"},
	{".js", "text/javascript; charset=utf-8"},
	{".css", "text/css; charset=utf-8"},
	{".json", "application/json"},
	{".webmanifest", "application/manifest+json"},
	{".svg", "image/svg+xml"},
	{".png", "image/png"},
	{".ico", "image/vnd.microsoft.icon"},
	{".woff2", "font/woff2"},
	{".txt", "text/plain; charset=utf-8"},
};

static PageFile *file_new(const char *path, const char *type, char *data, gsize length)
{
	g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)data, length);
	PageFile *file = g_new0(PageFile, 1);
	file->type = type;
	file->data = data;
	file->length = length;
	file->etag = g_strdup_printf("\"%.32s\"", sum);
	file->immutable = g_str_has_prefix(path, "/assets/");
	return file;
}

static gboolean read_file(Page *page, const char *path, char **ret_data, gsize *ret_length, GError **error)
{
	if (!file_read(path, FILE_MAX, ret_data, ret_length, error))
		return FALSE;
	page->total += *ret_length;
	return TRUE;
}

static gboolean add(Page *page, const char *path, const char *target, const char *type, GError **error)
{
	g_autofree char *zipped = g_strconcat(path, ".gz", NULL);
	char *data;
	gsize length;
	if (!read_file(page, path, &data, &length, error))
		return FALSE;
	PageFile *file = file_new(target, type, data, length);
	g_hash_table_insert(page->files, g_strdup(target), file);
	if (!g_file_test(zipped, G_FILE_TEST_IS_REGULAR))
		return TRUE;
	if (!read_file(page, zipped, &data, &length, error))
		return FALSE;
	file->gzipped = file_new(target, type, data, length);
	return TRUE;
}

static gboolean read_directory(Page *page, const char *directory, const char *prefix, guint depth, GError **error)
{
	g_autoptr(GDir) entries = g_dir_open(directory, 0, error);
	if (!entries)
		return FALSE;
	const char *name;
	while ((name = g_dir_read_name(entries))) {
		g_autofree char *path = g_build_filename(directory, name, NULL);
		g_autofree char *target = g_strconcat(prefix, "/", name, NULL);
		struct stat info;
		if (name[0] == '.' || lstat(path, &info) < 0)
			continue;
		if (S_ISDIR(info.st_mode) && depth < DEPTH_MAX) {
			if (!read_directory(page, path, target, depth + 1, error))
				return FALSE;
		}
		for (guint i = 0; S_ISREG(info.st_mode) && i < G_N_ELEMENTS(types); i++) {
			if (!g_str_has_suffix(name, types[i].suffix))
				continue;
			if (!add(page, path, target, types[i].type, error))
				return FALSE;
			break;
		}
		if (page->total > TOTAL_MAX) {
			error_set(error, ERROR_TOO_LARGE, NULL, "the files of the page in %s are over %d MiB",
				directory, TOTAL_MAX >> 20);
			return FALSE;
		}
	}
	return TRUE;
}

Page *page_new(const char *directory, GError **error)
{
	Page *page = g_new0(Page, 1);
	page->files = g_hash_table_new(g_str_hash, g_str_equal);
	if (directory && !read_directory(page, directory, "", 0, error))
		return NULL; /* the program ends */
	if (!g_hash_table_contains(page->files, "/index.html"))
		g_hash_table_insert(page->files, g_strdup("/index.html"),
				    file_new("/index.html", types[0].type, g_strdup(plain), sizeof plain - 1));
	return page;
}

const PageFile *page_find(const Page *page, const char *target)
{
	g_autofree char *path = g_strndup(target, strcspn(target, "?"));
	const PageFile *file = g_hash_table_lookup(page->files, path);
	return file || strchr(strrchr(path, '/'), '.') ? file : g_hash_table_lookup(page->files, "/index.html");
}
