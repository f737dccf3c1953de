/* From a file to a socket: exactly the limit's bytes from the file's offset, without passing through this program. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "pump.h"

enum { PART = 1 << 20 };

void pump_send(Pump *pump)
{
	while (pump->done < pump->limit) {
		uint64_t left = pump->limit - pump->done;
		ssize_t n = sendfile(pump->target, pump->source, NULL, left < PART ? (size_t)left : PART);
		if (n == 0)
			report_failure(pump, "short", 0);
		if (n > 0) {
			pump->done += (uint64_t)n;
			report_progress(pump);
		} else if (errno == EAGAIN) {
			pump_wait(pump, pump->target, POLLOUT);
		} else if (errno != EINTR) {
			report_failure(pump, errno == EPIPE || errno == ECONNRESET ? "write" : "read", errno);
		}
	}
	shutdown(pump->target, SHUT_WR);
}
