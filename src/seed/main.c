/* yado-seed: a small drive (ISO 9660 with Rock Ridge and Joliet) from a few files, all of which it is given as
 * descriptors. It runs in a cage for some milliseconds, so that yadod does not have to link what makes such drives.
 *
 *   yado-seed --label LABEL --output FD NAME=FD… */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, CHUNK = 64 << 10 };

__attribute__((noreturn, format(printf, 2, 3))) static void fail(int code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("yado-seed: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(code);
}

static int descriptor(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);
	if (end == text || *end || number < 3 || number > 1023)
		fail(EXIT_USAGE, "'%s' is not a descriptor", text);
	return (int)number;
}

static void check(struct archive *drive, int result)
{
	if (result != ARCHIVE_OK)
		fail(1, "cannot make the drive: %s", archive_error_string(drive));
}

static void add_file(struct archive *drive, const char *name, int fd)
{
	static char chunk[CHUNK];
	struct archive_entry *entry = archive_entry_new();
	off_t size = lseek(fd, 0, SEEK_END);
	if (!entry || size < 0 || lseek(fd, 0, SEEK_SET) < 0)
		fail(1, "cannot read '%s': %s", name, strerror(errno));
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0444);
	archive_entry_set_size(entry, size);
	check(drive, archive_write_header(drive, entry));
	for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) != 0;) {
		if (n < 0 && errno != EINTR)
			fail(1, "cannot read '%s': %s", name, strerror(errno));
		if (n > 0 && archive_write_data(drive, chunk, (size_t)n) != n)
			fail(1, "cannot make the drive: %s", archive_error_string(drive));
	}
	archive_entry_free(entry);
}

int main(int argc, char **argv)
{
	const char *label = NULL;
	int output = -1, next = 1;
	for (; next + 1 < argc && strncmp(argv[next], "--", 2) == 0; next += 2) {
		if (strcmp(argv[next], "--label") == 0)
			label = argv[next + 1];
		else if (strcmp(argv[next], "--output") == 0)
			output = descriptor(argv[next + 1]);
		else
			fail(EXIT_USAGE, "unknown option '%s'", argv[next]);
	}
	if (!label || output < 0 || next == argc)
		fail(EXIT_USAGE, "usage: yado-seed --label LABEL --output FD NAME=FD…");
	struct archive *drive = archive_write_new();
	if (!drive)
		fail(1, "no memory");
	check(drive, archive_write_set_format_iso9660(drive));
	check(drive, archive_write_set_format_option(drive, "iso9660", "volume-id", label));
	check(drive, archive_write_open_fd(drive, output));
	for (; next < argc; next++) {
		char *equals = strchr(argv[next], '=');
		if (!equals)
			fail(EXIT_USAGE, "'%s' is not NAME=FD", argv[next]);
		*equals = '\0';
		add_file(drive, argv[next], descriptor(equals + 1));
	}
	check(drive, archive_write_close(drive));
	archive_write_free(drive);
	return 0;
}
