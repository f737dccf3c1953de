/* The archive: POSIX ustar, compressed by gzip(1), which every Debian has. */
#include "doctor/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "doctor/redact.h"

enum { BLOCK = 512, NAME_MAX_BYTES = 100 };

typedef struct Entry {
	char *name, *text;
	gsize length;
} Entry;

struct Archive {
	GPtrArray *entries; /* of Entry */
	GString *index;
	gsize used;
	guint missing;
};

static void entry_free(gpointer data)
{
	Entry *entry = data;
	g_free(entry->name);
	g_free(entry->text);
	g_free(entry);
}

Archive *archive_new(void)
{
	Archive *archive = g_new0(Archive, 1);
	archive->entries = g_ptr_array_new_with_free_func(entry_free);
	archive->index = g_string_new(NULL);
	return archive;
}

void archive_free(Archive *archive)
{
	if (!archive)
		return;
	g_ptr_array_unref(archive->entries);
	g_string_free(archive->index, TRUE);
	g_free(archive);
}

void archive_miss(Archive *archive, const char *name, const char *what, const char *reason)
{
	g_autofree char *safe = redact_text(reason, strlen(reason));
	g_strdelimit(safe, "\n", ' ');
	g_string_append_printf(archive->index, "  %-34s LEFT OUT: %s (%s)\n", name, what, safe);
	archive->missing++;
}

void archive_add(Archive *archive, const char *name, const char *what, const char *text, gsize length)
{
	gsize cut = length > ARCHIVE_FILE_MAX ? length - ARCHIVE_FILE_MAX : 0;
	if (cut > 0) {
		/* From the beginning of a line on: half of a secret would not look like one. */
		const char *line = memchr(text + cut, '\n', length - cut);
		cut = line ? (gsize)(line - text) + 1 : length;
	}
	Entry *entry = g_new0(Entry, 1);
	entry->text = redact_text(text + cut, length - cut);
	entry->length = strlen(entry->text);
	entry->name = g_strdup(name);
	if (archive->used + entry->length > ARCHIVE_MAX || strlen(name) >= NAME_MAX_BYTES - 40) {
		entry_free(entry);
		archive_miss(archive, name, what, "the bundle is full");
		return;
	}
	archive->used += entry->length;
	g_ptr_array_add(archive->entries, entry);
	g_string_append_printf(archive->index, "  %-34s %8zu  %s%s\n", name, entry->length, what,
			       cut ? " (only its end)" : "");
}

/* --- Writing --- */

typedef struct Header { /* POSIX.1-2017, pax: ustar interchange format */
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6], version[2];
	char user[32], group[32], major[8], minor[8], prefix[155], unused[12];
} Header;
G_STATIC_ASSERT(sizeof(Header) == BLOCK);

static gboolean write_entry(int fd, const char *directory, const char *name, const char *text, gsize length)
{
	static const char zeros[BLOCK];
	Header header = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
	unsigned sum = 0;
	snprintf(header.name, sizeof header.name, "%s/%s", directory, name);
	g_strlcpy(header.mode, "0000600", sizeof header.mode);
	g_strlcpy(header.uid, "0000000", sizeof header.uid);
	g_strlcpy(header.gid, "0000000", sizeof header.gid);
	snprintf(header.size, sizeof header.size, "%011zo", length);
	snprintf(header.mtime, sizeof header.mtime, "%011llo", (unsigned long long)time(NULL));
	memset(header.checksum, ' ', sizeof header.checksum);
	for (gsize i = 0; i < sizeof header; i++)
		sum += ((const guint8 *)&header)[i];
	snprintf(header.checksum, sizeof header.checksum, "%06o", sum);
	gsize padding = (BLOCK - length % BLOCK) % BLOCK;
	return fd_write_all(fd, &header, sizeof header) && fd_write_all(fd, text, length) &&
	       fd_write_all(fd, zeros, padding);
}

static gboolean write_tar(Archive *archive, const char *directory, const char *intro, int fd)
{
	static const char end[2 * BLOCK];
	g_autofree char *readme =
		g_strdup_printf("%s\nIn this bundle (%u files, %u left out; sizes in bytes):\n\n%s", intro,
				archive->entries->len, archive->missing, archive->index->str);
	gboolean ok = write_entry(fd, directory, "README", readme, strlen(readme));
	for (guint i = 0; ok && i < archive->entries->len; i++) {
		const Entry *entry = archive->entries->pdata[i];
		ok = write_entry(fd, directory, entry->name, entry->text, entry->length);
	}
	return ok && fd_write_all(fd, end, sizeof end);
}

gboolean archive_write(Archive *archive, const char *directory, const char *intro, int output)
{
	static const char *const argv[] = {"gzip", "-c", NULL};
	int ends[2], status = 0;
	pid_t pid;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return FALSE;
	fd_auto int read_end = ends[0], write_end = ends[1];
	const ProcessFd fds[] = {{read_end, STDIN_FILENO}, {output, STDOUT_FILENO}};
	if (!process_spawn(argv, fds, G_N_ELEMENTS(fds), &pid, NULL))
		return FALSE;
	fd_close(fd_steal(&read_end));
	gboolean ok = write_tar(archive, directory, intro, write_end);
	fd_close(fd_steal(&write_end));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
