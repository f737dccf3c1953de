/* yado-nvram: asks a guest's UEFI firmware to show its set-up at the next boot, by writing into the volume that keeps
 * its variables. What is in there the guest has written, so it is read here, in a cage and with a throw-away uid, and
 * not by yadod. It is given its descriptor and can open nothing.
 *
 *   yado-nvram FD */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"

__attribute__((noreturn)) static void fail(const char *what, const char *why)
{
	fprintf(stderr, "%s%s%s\n", what, *why ? ": " : "", why);
	exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	static uint8_t store[STORE_BYTES_MAX];
	Changes changes;
	size_t size = 0;
	ssize_t n;

	int fd = argc == 2 ? atoi(argv[1]) : -1;
	if (fd < 3)
		fail("usage: yado-nvram FD", "");
	while (size < sizeof store && (n = pread(fd, store + size, sizeof store - size, (off_t)size)) != 0) {
		if (n < 0 && errno != EINTR)
			fail("cannot read the firmware's variables", strerror(errno));
		size += n > 0 ? (size_t)n : 0;
	}
	const char *wrong = store_ask_setup(store, size, &changes);
	if (wrong)
		fail("the firmware's variable store cannot be used", wrong);
	for (size_t i = 0; i < changes.count; i++) {
		const Change *change = &changes.all[i];
		if (pwrite(fd, change->bytes, change->length, (off_t)change->offset) != (ssize_t)change->length ||
		    fdatasync(fd) < 0)
			fail("cannot write the firmware's variables", strerror(errno));
	}
	return EXIT_SUCCESS;
}
