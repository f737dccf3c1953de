/* Downloads of images' files: /images/NAME/disk and its neighbours, whole or from a byte on. A pump sends the file; the
 * front passes it on as fast as it is taken. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/bulk.h"
#include "api/route.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

typedef struct Range {
	guint64 first, length;
	gboolean partial;
} Range;

/* "5-9", "5-", "-5" (the last five) of a file of that size; RFC 9110, 14.1. What is not one such range is ignored, as
 * section 14.2 allows; FALSE if it is one, but lies beyond the file. */
static gboolean parse_range(const char *text, guint64 size, Range *ret_range)
{
	guint64 first, last = size - 1;
	*ret_range = (Range){.length = size};
	if (!text || !g_str_has_prefix(text, "bytes="))
		return TRUE;
	g_auto(GStrv) ends = g_strsplit(text + strlen("bytes="), "-", 3);
	if (g_strv_length(ends) != 2 || (!*ends[0] && !*ends[1]))
		return TRUE;
	if (*ends[0] && !g_ascii_string_to_unsigned(ends[0], 10, 0, G_MAXINT64, &first, NULL))
		return TRUE;
	if (*ends[1] && !g_ascii_string_to_unsigned(ends[1], 10, 0, G_MAXINT64, &last, NULL))
		return TRUE;
	if (!*ends[0]) {
		if (last == 0)
			return FALSE;
		first = size - MIN(last, size);
		last = size - 1;
	} else if (last < first && *ends[1]) {
		return TRUE;
	}
	if (first >= size)
		return FALSE;
	*ret_range = (Range){first, MIN(last, size - 1) - first + 1, TRUE};
	return TRUE;
}

/* ERROR_CODEs have none for 416: the file is told to be smaller, with its size. */
static gboolean answer_beyond(Call *call, guint64 size)
{
	GError *error = NULL;
	g_autofree char *range = g_strdup_printf("bytes */%" G_GUINT64_FORMAT, size);
	answer_header(call, "content-range", range);
	error_set_field(&error, ERROR_INVALID, "range", NULL, "the file has only %" G_GUINT64_FORMAT " bytes", size);
	answer_error(call, error);
	call->response->status = 416;
	return TRUE;
}

/* Parts of one file belong to one build: who goes on says which. */
static gboolean check_build(Call *call, const char *build, GError **error)
{
	const char *seen = json_get_str(call->request->headers, "if-match", NULL);
	if (!seen || g_str_equal(seen, build))
		return TRUE;
	error_set(error, ERROR_STALE, "begin anew", "image '%s' has build %s now, not %s", call->args[0], build, seen);
	return FALSE;
}

/* The socket from which exactly the range comes, or -1. */
static int send_range(Call *call, int file, const Range *range, GError **error)
{
	g_autofree char *path = g_strconcat("/images/", call->args[0], NULL);
	if (lseek(file, (off_t)range->first, SEEK_SET) < 0) {
		error_set_errno(error, errno, "cannot send the file");
		return -1;
	}
	return bulk_send(call, file, range->length, PRIVILEGE_IMAGE_READ, path, error);
}

static void describe_file(Call *call, const char *file, json_object *image, const Range *range, guint64 size)
{
	gboolean iso = g_str_equal(json_get_str(image, "kind", ""), "iso");
	const char *suffix = g_str_equal(file, "disk") ? (iso ? ".iso" : ".qcow2") : "";
	g_autofree char *name = g_str_equal(file, "disk")
					? g_strconcat(call->args[0], suffix, NULL)
					: g_strconcat(call->args[0], "-", file, NULL);
	g_autofree char *disposition = g_strdup_printf("attachment; filename=\"%s\"", name);
	answer_header(call, "content-type", "application/octet-stream");
	answer_header(call, "content-disposition", disposition);
	answer_header(call, "accept-ranges", "bytes");
	json_set_str(call->response->head, "etag", json_get_str(image, "build", ""));
	json_set_int(call->response->head, "content_length", (gint64)range->length);
	call->response->status = range->partial ? 206 : 200;
	if (!range->partial)
		return;
	g_autofree char *where = g_strdup_printf("bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT,
						 range->first, range->first + range->length - 1, size);
	answer_header(call, "content-range", where);
}

static gboolean download(Call *call, GError **error)
{
	const char *file = strrchr(call->route->pattern, '/') + 1;
	json_auto json_object *image = image_get(&call->services->image, call->args[0], error);
	const char *build = json_get_str(image, "build", "");
	Range range;
	struct stat info;
	if (!image || !check_build(call, build, error))
		return FALSE;
	fd_auto int fd = image_open(&call->services->image, call->args[0], build, file, error);
	if (fd < 0)
		return FALSE;
	if (fstat(fd, &info) < 0) {
		error_set_errno(error, errno, "cannot look at the file");
		return FALSE;
	}
	guint64 size = (guint64)info.st_size;
	if (!parse_range(json_get_str(call->request->headers, "range", NULL), size, &range))
		return answer_beyond(call, size);
	int socket = send_range(call, fd, &range, error);
	if (socket < 0)
		return FALSE;
	call->response->fds[call->response->fd_count++] = socket;
	describe_file(call, file, image, &range, size);
	return TRUE;
}

#define FILE_ROUTE(file, what, what_ja)                                                                              \
	{"GET", "/images/{}/" file, download, what, PRIVILEGE_IMAGE_READ, SCOPE_IMAGE, .if_match = TRUE,             \
	 .answer = ANSWER_BYTES, .summary_ja = what_ja}
const Route image_file_routes[] = {
	FILE_ROUTE("disk", "an image's disk (qcow2) or ISO as a file", "イメージのディスク（qcow2）またはISO"),
	FILE_ROUTE("kernel", "a system image's kernel (ELF)", "システムイメージのカーネル（ELF）"),
	FILE_ROUTE("kernel-efi", "a system image's kernel (bzImage)", "システムイメージのカーネル（bzImage）"),
	FILE_ROUTE("initrd", "a system image's initial RAM disk", "システムイメージの初期RAMディスク"),
	{NULL},
};
