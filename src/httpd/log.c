/* The log's bound: LINES_MAX a minute; the first line after it says how many were left out. */
#include "httpd/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { LINES_MAX = 60 };

static gboolean debugging;

void log_set_debug(gboolean debug)
{
	debugging = debug;
}

/* The journal knows the program by itself, and takes a level from the beginning of a line (sd-daemon(3)). */
static void put(const char *level, const char *text)
{
	static const char *start;
	char line[1024];
	if (!start)
		start = g_log_writer_is_journald(STDERR_FILENO) ? "" : "yado-httpd: ";
	int length = snprintf(line, sizeof line, "%s%s%s\n", *start ? "" : level, start, text);
	length = MIN(length, (int)sizeof line - 1);
	/* Text of clients must not move a terminal's cursor or forge a line. */
	for (int i = 0; i < length - 1; i++)
		if ((guchar)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[length - 1] = '\n';
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		return; /* nobody reads: there is nobody to tell */
}

static void G_GNUC_PRINTF(2, 0) put_bounded(const char *level, const char *format, va_list arguments)
{
	static gint64 minute;
	static guint count, dropped;
	gint64 now = g_get_monotonic_time() / (60 * G_USEC_PER_SEC);
	char text[900];
	if (now != minute) {
		if (dropped > 0) {
			snprintf(text, sizeof text, "%u lines were left out", dropped);
			put(SD_WARNING, text);
		}
		minute = now;
		count = dropped = 0;
	}
	if (++count > LINES_MAX) {
		dropped++;
		return;
	}
	vsnprintf(text, sizeof text, format, arguments);
	put(level, text);
}

void log_debug(const char *format, ...)
{
	if (!debugging)
		return;
	va_list arguments;
	va_start(arguments, format);
	put_bounded(SD_DEBUG, format, arguments);
	va_end(arguments);
}

void log_warning(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	put_bounded(SD_WARNING, format, arguments);
	va_end(arguments);
}

void log_message(const char *format, ...)
{
	char text[900];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	put(SD_INFO, text);
}
