/* yado-pump: carries bytes from one descriptor to another, so that yadod never does: from a socket to a file, bounded
 * and synced, or from a file to a socket. It is given its descriptors, can open nothing, and knows nothing of what it
 * carries; yadod hears from it by lines on a pipe (pump.h).
 *
 *   yado-pump --source FD --target FD --limit BYTES --report FD [--sync] [--stall SECONDS]
 *
 * Which way it goes follows from what the descriptors are. The sockets are its own ends of a pair: it may set them
 * non-blocking. */
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { EXIT_USAGE = 2, STALL_DEFAULT_S = 60, STALL_MAX_S = 3600 };

static int wait_ms(const Pump *pump, int fd, short events, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int ready;
	while ((ready = poll(&poll_fd, 1, timeout_ms)) < 0)
		if (errno != EINTR)
			report_failure(pump, "read", errno);
	return ready;
}

void pump_wait(Pump *pump, int fd, short events)
{
	/* What came last is said also when nothing more comes. */
	while (pump->done != pump->told) {
		if (wait_ms(pump, fd, events, REPORT_MS) > 0)
			return;
		report_progress(pump);
	}
	if (wait_ms(pump, fd, events, pump->stall_ms) == 0)
		report_failure(pump, "stalled", 0);
}

__attribute__((noreturn)) static void usage(const char *why)
{
	fprintf(stderr, "yado-pump: %s\n", why);
	exit(EXIT_USAGE);
}

static uint64_t number(const char *text, uint64_t most)
{
	char *end;
	if (!text || !*text || text[strspn(text, "0123456789")])
		usage("a number is needed");
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || *end || value > most)
		usage("a number is too large");
	return value;
}

static void parse(int argc, char **argv, Pump *pump)
{
	bool limited = false;
	*pump = (Pump){.source = -1, .target = -1, .report = -1, .stall_ms = STALL_DEFAULT_S * 1000};
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--sync")) {
			pump->sync = true;
			continue;
		}
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (!strcmp(argv[i], "--source"))
			pump->source = (int)number(value, 65535);
		else if (!strcmp(argv[i], "--target"))
			pump->target = (int)number(value, 65535);
		else if (!strcmp(argv[i], "--report"))
			pump->report = (int)number(value, 65535);
		else if (!strcmp(argv[i], "--stall"))
			pump->stall_ms = (int)number(value, STALL_MAX_S) * 1000;
		else if (!strcmp(argv[i], "--limit"))
			pump->limit = number(value, INT64_MAX);
		else
			usage("unknown argument");
		limited |= !strcmp(argv[i++], "--limit");
	}
	if (pump->source < 0 || pump->target < 0 || pump->report < 0 || !limited || pump->stall_ms == 0)
		usage("--source, --target, --limit and --report are needed");
}

static void unblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		usage("a descriptor is not open");
}

int main(int argc, char **argv)
{
	Pump pump;
	struct stat source, target;

	signal(SIGPIPE, SIG_IGN);
	parse(argc, argv, &pump);
	if (fstat(pump.source, &source) < 0 || fstat(pump.target, &target) < 0)
		usage("a descriptor is not open");
	if (S_ISSOCK(source.st_mode) && S_ISREG(target.st_mode)) {
		unblock(pump.source);
		pump_receive(&pump);
	} else if (S_ISREG(source.st_mode) && S_ISSOCK(target.st_mode)) {
		unblock(pump.target);
		pump_send(&pump);
	} else {
		usage("one descriptor must be a socket, the other a regular file");
	}
	report_end(&pump);
}
