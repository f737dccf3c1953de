/* vsock cid                    says the context id of the machine that it runs in
 * vsock listen PORT            answers one connection: what it reads, with the caller's context id before it
 * vsock ask CID PORT TEXT      sends TEXT, prints the answer */
#include <linux/vm_sockets.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int say_cid(void)
{
	unsigned cid = 0;
	int fd = open("/dev/vsock", O_RDONLY);
	if (fd < 0 || ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) < 0)
		return fail("/dev/vsock");
	printf("%u\n", cid);
	return 0;
}

static int answer(int fd, struct sockaddr_vm *address)
{
	socklen_t length = sizeof *address;
	char text[256], reply[320];
	if (bind(fd, (struct sockaddr *)address, length) < 0 || listen(fd, 1) < 0)
		return fail("listen");
	int peer = accept(fd, (struct sockaddr *)address, &length);
	ssize_t n = peer < 0 ? -1 : read(peer, text, sizeof text);
	if (n < 0)
		return fail("accept");
	int size = snprintf(reply, sizeof reply, "%u said %.*s", address->svm_cid, (int)n, text);
	return write(peer, reply, (size_t)size) == size ? 0 : fail("write");
}

static int ask(int fd, const struct sockaddr_vm *address, const char *text)
{
	char reply[320];
	if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
		return fail("connect");
	if (write(fd, text, strlen(text)) < 0)
		return fail("write");
	ssize_t n = read(fd, reply, sizeof reply);
	if (n <= 0)
		return fail("read");
	printf("%.*s\n", (int)n, reply);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY};
	alarm(600); /* whatever is missing, it ends */
	if (argc == 2 && strcmp(argv[1], "cid") == 0)
		return say_cid();
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (fd < 0)
		return fail("socket");
	if (argc == 3 && strcmp(argv[1], "listen") == 0) {
		address.svm_port = (unsigned)atoi(argv[2]);
		return answer(fd, &address);
	}
	if (argc == 5 && strcmp(argv[1], "ask") == 0) {
		address.svm_cid = (unsigned)atoi(argv[2]);
		address.svm_port = (unsigned)atoi(argv[3]);
		return ask(fd, &address, argv[4]);
	}
	return 2;
}
