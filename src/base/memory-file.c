/* Files that are only in memory (memfd_create(2)). Their content stands on no disk and in no argument list, and once it
 * is sealed who has been given it can trust it to stay. */
#include "base/memory-file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

int memory_file_new(const char *name, GError **error)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		error_set_errno(error, errno, "cannot make a file in memory");
	return fd;
}

int memory_file_seal(int fd, GError **error)
{
	/* QEMU asks for a descriptor of exactly the access that it needs. */
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
	int sealed = fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0
			     ? open(path, O_RDONLY | O_CLOEXEC)
			     : -1;
	if (sealed < 0)
		error_set_errno(error, errno, "cannot seal a file in memory");
	return sealed;
}

int memory_file_from(const char *name, const void *data, gsize length, GError **error)
{
	fd_auto int fd = memory_file_new(name, error);
	if (fd < 0)
		return -1;
	if (!fd_write_all(fd, data, length)) {
		error_set_errno(error, errno, "cannot write a file in memory");
		return -1;
	}
	return memory_file_seal(fd, error);
}
