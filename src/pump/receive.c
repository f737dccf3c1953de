/* From a socket to a file: what comes is written at the file's offset, and never more than the limit.
 *
 * The data go through one buffer: it is looked at, since blocks of zeros beyond the file's end are left out and become
 * holes. So at each moment the file's size says how much has come, also if this program is killed. Each part that is
 * made durable is begun anew: memory that waits to be written stays bounded, and a power cut loses little. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pump.h"

enum {
	BUFFER = 256 << 10,
	BLOCK = 64 << 10,     /* what is looked at for zeros at once */
	HOLE_MIN = 4 << 10,
	SYNC_EACH = 64 << 20,
};

static char buffer[BUFFER];

typedef struct Place {
	uint64_t at;   /* where the next byte goes */
	uint64_t size; /* of the file */
	bool holes;    /* all is beyond the file's end: what is left out reads as zeros */
} Place;

static bool is_zero(const char *data, size_t length)
{
	return data[0] == 0 && memcmp(data, data + 1, length - 1) == 0;
}

static void write_piece(Pump *pump, Place *place, const char *data, size_t length)
{
	if (place->holes && length >= HOLE_MIN && is_zero(data, length)) {
		place->at += length;
		pump->done += length;
		return;
	}
	while (length > 0) {
		ssize_t n = pwrite(pump->target, data, length, (off_t)place->at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			report_failure(pump, "write", n < 0 ? errno : ENOSPC);
		place->at += (uint64_t)n;
		pump->done += (uint64_t)n;
		if (place->size < place->at)
			place->size = place->at;
		data += n;
		length -= (size_t)n;
	}
}

static void write_chunk(Pump *pump, Place *place, const char *data, size_t length)
{
	for (size_t piece; length > 0; data += piece, length -= piece) {
		piece = BLOCK - place->at % BLOCK;
		if (piece > length)
			piece = length;
		write_piece(pump, place, data, piece);
	}
	if (place->size < place->at && ftruncate(pump->target, (off_t)place->at) < 0)
		report_failure(pump, "write", errno);
	if (place->size < place->at)
		place->size = place->at;
}

static void sync_file(Pump *pump)
{
	if (!pump->sync)
		return;
	if (fdatasync(pump->target) < 0)
		report_failure(pump, "write", errno);
	pump->synced = pump->done;
	report_synced(pump);
}

/* 0 at the source's end. */
static size_t read_some(Pump *pump, size_t most)
{
	for (;;) {
		ssize_t n = read(pump->source, buffer, most);
		if (n >= 0)
			return (size_t)n;
		if (errno == EAGAIN)
			pump_wait(pump, pump->source, POLLIN);
		else if (errno == ECONNRESET)
			return 0;
		else if (errno != EINTR)
			report_failure(pump, "read", errno);
	}
}

void pump_receive(Pump *pump)
{
	struct stat info;
	off_t begin = lseek(pump->target, 0, SEEK_CUR);
	if (begin < 0 || fstat(pump->target, &info) < 0)
		report_failure(pump, "write", errno);
	Place place = {(uint64_t)begin, (uint64_t)info.st_size, info.st_size <= begin};
	for (;;) {
		/* With all there, one byte more than there may be is still looked for. */
		uint64_t left = pump->limit - pump->done;
		size_t n = read_some(pump, left == 0 ? 1 : left < BUFFER ? (size_t)left : BUFFER);
		if (n == 0)
			break;
		if (left == 0) {
			sync_file(pump);
			report_failure(pump, "limit", 0);
		}
		write_chunk(pump, &place, buffer, n);
		if (pump->done - pump->synced >= SYNC_EACH)
			sync_file(pump);
		report_progress(pump);
	}
	sync_file(pump);
}
