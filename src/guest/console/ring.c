/* A ring in a mapped file: a 64-bit count of all bytes ever written, then RING_SIZE bytes of which the count modulo
 * the size is the next to be overwritten. The page cache keeps it when the daemon is killed. */
#include "guest/console/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

typedef struct RingFile {
	guint64 total;
	guint8 data[RING_SIZE];
} RingFile;

struct Ring {
	RingFile *file;
};

Ring *ring_open(const char *path, gboolean fresh, GError **error)
{
	fd_auto int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (fresh ? O_TRUNC : 0), 0600);
	/* Allocated, not sparse: a store into a mapped hole of a full file system is a SIGBUS. */
	int result = fd < 0 ? errno : posix_fallocate(fd, 0, sizeof(RingFile));
	if (result != 0) {
		error_set_errno(error, result, "cannot make the console's ring '%s'", path);
		return NULL;
	}
	void *memory = mmap(NULL, sizeof(RingFile), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		error_set_errno(error, errno, "cannot map '%s'", path);
		return NULL;
	}
	Ring *ring = g_new0(Ring, 1);
	ring->file = memory;
	return ring;
}

void ring_free(Ring *ring)
{
	if (!ring)
		return;
	munmap(ring->file, sizeof(RingFile));
	g_free(ring);
}

void ring_append(Ring *ring, const guint8 *data, gsize length)
{
	if (length > RING_SIZE) {
		data += length - RING_SIZE;
		ring->file->total += length - RING_SIZE;
		length = RING_SIZE;
	}
	gsize at = ring->file->total % RING_SIZE;
	gsize first = MIN(length, RING_SIZE - at);
	memcpy(ring->file->data + at, data, first);
	memcpy(ring->file->data, data + first, length - first);
	ring->file->total += length;
}

GBytes *ring_read(Ring *ring)
{
	gsize length = MIN(ring->file->total, RING_SIZE);
	gsize begin = (ring->file->total - length) % RING_SIZE;
	gsize first = MIN(length, RING_SIZE - begin);
	if (length == 0)
		return g_bytes_new(NULL, 0);
	guint8 *copy = g_malloc(length);
	memcpy(copy, ring->file->data + begin, first);
	memcpy(copy + first, ring->file->data, length - first);
	return g_bytes_new_take(copy, length);
}
