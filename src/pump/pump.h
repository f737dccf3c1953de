/* What the files of yado-pump share. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct Pump {
	int source, target, report;
	uint64_t limit;   /* bytes at most (receiving), or exactly (sending) */
	bool sync;        /* receiving: durable as it goes and at the end */
	int stall_ms;     /* a peer that does nothing for so long is given up */
	uint64_t done;    /* bytes carried so far */
	uint64_t synced;  /* of these, durable */
	uint64_t told;    /* "bytes" that were said last */
	int64_t told_ms;  /* and when */
} Pump;

/* report.c: lines on the report descriptor.
 *   bytes N             so far
 *   synced N            so many of them would survive a power cut
 *   end N               all is done
 *   error WORD ERRNO    given up: limit, stalled, short, read, write; ERRNO 0 where there is none */
enum { REPORT_MS = 250 };
void report_progress(Pump *pump); /* unless something was said in the last REPORT_MS */
void report_synced(const Pump *pump);
/* Says how far it came and why no further, and ends. */
__attribute__((noreturn)) void report_failure(const Pump *pump, const char *word, int error);
__attribute__((noreturn)) void report_end(const Pump *pump);

/* receive.c, send.c; they return when all is done. */
void pump_receive(Pump *pump);
void pump_send(Pump *pump);

/* main.c: waits until the socket is ready; gives up when the peer does nothing. */
void pump_wait(Pump *pump, int fd, short events);
