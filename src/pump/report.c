/* What yado-pump says: short lines, each written at once, so that a reader never sees a part of one. */
#include "pump.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_NOBODY = 3 };

__attribute__((format(printf, 2, 3))) static void say(const Pump *pump, const char *format, ...)
{
	char line[64];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (write(pump->report, line, (size_t)length) != length)
		exit(EXIT_NOBODY); /* who has started it is gone */
}

void report_progress(Pump *pump)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (pump->done == pump->told || (pump->told_ms && now_ms - pump->told_ms < REPORT_MS))
		return;
	pump->told = pump->done;
	pump->told_ms = now_ms;
	say(pump, "bytes %" PRIu64 "\n", pump->done);
}

void report_synced(const Pump *pump)
{
	say(pump, "synced %" PRIu64 "\n", pump->synced);
}

void report_failure(const Pump *pump, const char *word, int error)
{
	say(pump, "bytes %" PRIu64 "\n", pump->done);
	say(pump, "error %s %d\n", word, error);
	exit(1);
}

void report_end(const Pump *pump)
{
	say(pump, "end %" PRIu64 "\n", pump->done);
	exit(0);
}
