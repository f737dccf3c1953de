/* The log's bound: LINES_MAX a minute; the first line after it says how many were left out. */
#include "httpd/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINES_MAX = 60 };

static gboolean debugging;

void log_set_debug(gboolean debug)
{
	debugging = debug;
}

static void put(const char *text)
{
	char line[1024];
	int length = snprintf(line, sizeof line, "yado-httpd: %s\n", text);
	length = MIN(length, (int)sizeof line - 1);
	/* Text of clients must not move a terminal's cursor or forge a line. */
	for (int i = 0; i < length - 1; i++)
		if ((guchar)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[length - 1] = '\n';
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		return; /* nobody reads: there is nobody to tell */
}

static void G_GNUC_PRINTF(1, 0) put_bounded(const char *format, va_list arguments)
{
	static gint64 minute;
	static guint count, dropped;
	gint64 now = g_get_monotonic_time() / (60 * G_USEC_PER_SEC);
	char text[900];
	if (now != minute) {
		if (dropped > 0) {
			snprintf(text, sizeof text, "%u lines were left out", dropped);
			put(text);
		}
		minute = now;
		count = dropped = 0;
	}
	if (++count > LINES_MAX) {
		dropped++;
		return;
	}
	vsnprintf(text, sizeof text, format, arguments);
	put(text);
}

void log_debug(const char *format, ...)
{
	if (!debugging)
		return;
	va_list arguments;
	va_start(arguments, format);
	put_bounded(format, arguments);
	va_end(arguments);
}

void log_warning(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	put_bounded(format, arguments);
	va_end(arguments);
}

void log_message(const char *format, ...)
{
	char text[900];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	put(text);
}
