/* Reading /dev/kmsg: each read gives one record, "level,sequence,microseconds,…;text" (Documentation/ABI/testing/dev-kmsg). */
#include "doctor/kernel-log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { RECORD_MAX = 8192, LOG_MAX = 4 << 20 };

char *kernel_log_read(const Host *host, char **ret_reason)
{
	if (host->recorded) {
		char *text = host_read(host, "/kernel.log", LOG_MAX);
		if (!text)
			*ret_reason = g_strdup("there is no kernel.log");
		return text;
	}
	fd_auto int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[RECORD_MAX + 1];
	GString *log = g_string_new(NULL);
	if (fd < 0) {
		*ret_reason = g_strdup_printf("/dev/kmsg cannot be opened: %s", g_strerror(errno));
		g_string_free(log, TRUE);
		return NULL;
	}
	while (log->len < LOG_MAX) {
		ssize_t n = read(fd, record, RECORD_MAX);
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue; /* overwritten meanwhile: the next one there is */
		if (n <= 0)
			break;
		record[n] = '\0';
		const char *text = strchr(record, ';');
		const char *time = strchr(record, ',');
		time = time ? strchr(time + 1, ',') : NULL;
		if (text && time)
			g_string_append_printf(log, "[%.6f] %.*s\n", (double)g_ascii_strtoull(time + 1, NULL, 10) / 1e6,
					       (int)strcspn(text + 1, "\n"), text + 1);
	}
	return g_string_free(log, FALSE);
}
