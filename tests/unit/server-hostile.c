/* The server against peers that misbehave: malformed, too much, too slow, not allowed. */
#include "server-fixture.h"

/* Whatever a connection says, it gets a reason on stream 0 and is closed; others go on; nothing stays open. */
static void check_hostile(Fixture *f, const void *bytes, gsize length, const int *fds, guint fd_count,
			  const char *reason)
{
	int fd = raw_connect(f);
	struct iovec vector = {(void *)bytes, length};
	char control[CMSG_SPACE(64 * sizeof(int))] = "";
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	if (fd_count > 0) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		struct cmsghdr *part = CMSG_FIRSTHDR(&message);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(part), fds, fd_count * sizeof(int));
	}
	g_assert_cmpint(sendmsg(fd, &message, MSG_NOSIGNAL), ==, (gssize)length);
	g_autoptr(FrameReader) reader = frame_reader_new();
	g_autoptr(Frame) frame = raw_next(fd, reader);
	while (frame && frame->stream != 0) { /* answers to what was well-formed before it */
		frame_free(frame);
		frame = raw_next(fd, reader);
	}
	g_assert_nonnull(frame);
	g_assert_cmpint(frame_status(frame), >=, 400);
	const char *text = g_bytes_get_data(frame->body, NULL);
	g_assert_nonnull(g_strstr_len(text, (gssize)g_bytes_get_size(frame->body), reason));
	g_assert_null(raw_next(fd, reader));
	close(fd);
}

static void test_hostile(Fixture *f, gconstpointer unused)
{
	(void)unused;
	g_autoptr(Client) other = connect_to(f);
	g_autoptr(Reply) first = get(other, "/", NULL);
	g_assert_nonnull(first);
	guint before = count_fds();
	int fds[32];
	for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
		fds[i] = STDIN_FILENO;
	check_hostile(f, "\xff\xff\xff\xff\1\0\0\0\1\0\0\0", 12, NULL, 0, "over the limit");
	check_hostile(f, "\0\0\0\0\1\0\0\0\x63\0\0\0", 12, NULL, 0, "unknown type");
	check_hostile(f, "\6\0\0\0\1\0\0\0\1\x11\0\0\2\0\0\0{}", 18, fds, 17, "17 descriptors");
	check_hostile(f, "\6\0\0\0\1\0\0\0\1\2\0\0\2\0\0\0{}", 18, fds, 1, "states 2 descriptors and came with 1");
	check_hostile(f, "\6\0\0\0\1\0\0\0\1\0\0\0\3\0\0\0{}", 18, fds, 32, "a head of 3 bytes");
	check_hostile(f, "\6\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0\"\xff", 18, NULL, 0, "UTF-8");
	check_hostile(f, "\0\0\0\0\5\0\0\0\5\0\0\0", 12, NULL, 0, "never opened");
	check_hostile(f, "\6\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0{}\6\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0{}", 36, NULL, 0,
		      "not above");
	g_autofree char *deep = g_malloc(16 + 10000);
	memcpy(deep, "\x14\x27\0\0\1\0\0\0\1\0\0\0\x10\x27\0\0", 16);
	memset(deep + 16, '[', 10000);
	check_hostile(f, deep, 16 + 10000, NULL, 0, "values is too large");
	g_autoptr(GError) error = NULL;
	g_autoptr(Reply) reply = get(other, "/", &error);
	g_assert_nonnull(reply);
	g_assert_no_error(error);
	check_fds_become(before);
}

static void test_slow_sender(Fixture *f, gconstpointer unused)
{
	(void)unused;
	int fd = raw_connect(f);
	static const char head[] = "{\"method\":\"GET\",\"path\":\"/slow\"}";
	guint8 bytes[16 + sizeof head - 1] = {4 + sizeof head - 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, sizeof head - 1};
	memcpy(bytes + 16, head, sizeof head - 1);
	for (gsize i = 0; i < sizeof bytes; i++) {
		g_assert_cmpint(send(fd, bytes + i, 1, 0), ==, 1);
		g_usleep(1000); /* the point of it: each byte is a read of its own */
	}
	g_autoptr(FrameReader) reader = frame_reader_new();
	g_autoptr(Frame) frame = raw_next(fd, reader);
	g_assert_cmpint(frame_status(frame), ==, 200);
	close(fd);
}

static void test_too_much_credit(Fixture *f, gconstpointer unused)
{
	(void)unused;
	int fd = raw_connect(f);
	g_autoptr(FrameReader) reader = frame_reader_new();
	raw_request(fd, 1, "/keep", 0);
	g_autoptr(Frame) response = raw_next(fd, reader);
	g_assert_nonnull(response);
	raw_small(fd, FRAME_CREDIT, 1, G_MAXUINT32);
	g_autoptr(Frame) refused = raw_next(fd, reader);
	g_assert_cmpuint(refused->stream, ==, 0);
	g_assert_null(raw_next(fd, reader));
	g_assert_false(stream_is_open(await_kept(f)));
	close(fd);
}

static void test_data_refused(Fixture *f, gconstpointer unused)
{
	(void)unused;
	int fd = raw_connect(f);
	g_autoptr(FrameReader) reader = frame_reader_new();
	raw_request(fd, 1, "/keep", 0);
	g_autoptr(Frame) response = raw_next(fd, reader);
	g_assert_nonnull(response);
	g_autoptr(Frame) data = frame_new(FRAME_DATA, 1);
	g_assert_true(frame_send(fd, data, 1000, NULL)); /* an end without data is fine */
	g_bytes_unref(data->body);
	data->body = g_bytes_new("x", 1);
	g_assert_true(frame_send(fd, data, 1000, NULL));
	g_autoptr(Frame) cancel = raw_next(fd, reader);
	g_assert_cmpint(cancel->type, ==, FRAME_CANCEL);
	close(fd);
}

static void test_stream_limit(Fixture *f, gconstpointer unused)
{
	(void)unused;
	int fd = raw_connect(f);
	g_autoptr(FrameReader) reader = frame_reader_new();
	for (guint i = 1; i <= FRAME_STREAMS_MAX + 1; i++)
		raw_request(fd, i, "/wait", 0);
	g_autoptr(Frame) refused = raw_next(fd, reader);
	g_assert_cmpuint(refused->stream, ==, FRAME_STREAMS_MAX + 1);
	g_assert_cmpint(frame_status(refused), ==, 429);
	let_go_on(f);
	for (guint i = 1; i <= FRAME_STREAMS_MAX; i++) {
		g_autoptr(Frame) frame = raw_next(fd, reader);
		g_assert_cmpint(frame_status(frame), ==, 200);
	}
	close(fd);
}

static void test_connection_limit(Fixture *f, gconstpointer unused)
{
	(void)unused;
	int fds[64];
	for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
		fds[i] = raw_connect(f);
	g_autoptr(GError) error = NULL;
	g_autoptr(Client) client = connect_to(f);
	g_assert_null(get(client, "/", &error));
	g_assert_error(error, ERROR, ERROR_TOO_MANY);
	for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
		close(fds[i]);
}

static void test_other_user(Fixture *f, gconstpointer unused)
{
	(void)unused;
	g_assert_cmpint(chmod(f->dir, 0711), ==, 0);
	g_assert_cmpint(chmod(f->path, 0666), ==, 0);
	pid_t child = fork();
	if (child == 0) {
		char answer[1024] = "";
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		g_strlcpy(address.sun_path, f->path, sizeof address.sun_path);
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (setuid(65534) < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
			_exit(2);
		ssize_t n = recv(fd, answer, sizeof answer, 0);
		gboolean told = n > 0 && memmem(answer, (gsize)n, "\"code\":\"forbidden\"", 18);
		_exit(told && recv(fd, answer, sizeof answer, 0) == 0 ? 0 : 1);
	}
	int status = 0;
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_cmpint(status, ==, 0);
	check_alive(f);
}

static void test_silent_reader(Fixture *f, gconstpointer unused)
{
	(void)unused;
	int fd = raw_connect(f);
	/* In one piece: the connection may have ended before the last of many. */
	g_autoptr(GByteArray) requests = g_byte_array_new();
	for (guint i = 1; i <= 100; i++) {
		g_autoptr(Frame) frame = frame_new(FRAME_REQUEST, i);
		frame->head = json_object_new_object();
		json_set_str(frame->head, "method", "GET");
		json_set_str(frame->head, "path", "/large?size=1000000");
		g_autoptr(GBytes) bytes = frame_encode(frame, NULL);
		g_byte_array_append(requests, g_bytes_get_data(bytes, NULL), (guint)g_bytes_get_size(bytes));
	}
	g_assert_cmpint(send(fd, requests->data, requests->len, MSG_NOSIGNAL), ==, requests->len);
	/* 100 MB are wanted and none is read: the connection ends at its bound, and what asks beside it is answered. */
	check_alive(f);
	struct pollfd end = {.fd = fd, .events = 0};
	g_assert_cmpint(poll(&end, 1, 30000), ==, 1);
	g_assert_cmpint(end.revents & POLLHUP, ==, POLLHUP);
	close(fd);
}

static void check_closed(Fixture *f, int late, gint64 start)
{
	struct pollfd end = {.fd = late, .events = 0};
	g_assert_cmpint(poll(&end, 1, 20000), ==, 1);
	g_assert_cmpint(end.revents & POLLHUP, ==, POLLHUP);
	g_assert_cmpint(g_get_monotonic_time() - start, >=, f->server->progress_us);
	close(late);
}

static void test_stalled_reader(Fixture *f, gconstpointer unused)
{
	(void)unused;
	g_autoptr(Client) idle = connect_to(f);
	int fd = raw_connect(f);
	gint64 start = g_get_monotonic_time();
	raw_request(fd, 1, "/large?size=1000000", 0); /* more than a socket holds */
	check_closed(f, fd, start);
	g_autoptr(Reply) reply = get(idle, "/", NULL);
	g_assert_nonnull(reply);
}

static void test_unfinished_frame(Fixture *f, gconstpointer unused)
{
	(void)unused;
	g_autoptr(Client) idle = connect_to(f);
	/* In the middle of the header, at its end, and in the payload after a whole frame. */
	static const struct {
		const char *bytes;
		gsize length;
	} cases[] = {{"\6", 1}, {"\6\0\0\0\1\0\0\0\1\0\0\0", 12}, {"\4\0\0\0\1\0\0\0\3\0\0\0\0\0", 14}};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		int fd = raw_connect(f);
		g_autoptr(FrameReader) reader = frame_reader_new();
		raw_request(fd, 1, "/", 0);
		g_autoptr(Frame) answer = raw_next(fd, reader);
		g_assert_cmpint(frame_status(answer), ==, 200);
		gint64 start = g_get_monotonic_time();
		g_assert_cmpint(send(fd, cases[i].bytes, cases[i].length, MSG_NOSIGNAL), ==, (gssize)cases[i].length);
		check_closed(f, fd, start);
	}
	g_autoptr(Reply) reply = get(idle, "/", NULL);
	g_assert_nonnull(reply);
}

int main(int argc, char **argv)
{
	static const gint64 short_us = 100000;
	g_test_init(&argc, &argv, NULL);
	/* GLib makes it at some first use and keeps its descriptor; the tests count descriptors. */
	g_main_context_default();
#define ADD(name, test) g_test_add("/server-hostile/" name, Fixture, NULL, set_up, test, tear_down)
#define ADD_SHORT(name, test) g_test_add("/server-hostile/" name, Fixture, &short_us, set_up, test, tear_down)
	ADD("malformed frames get a reason and hurt nobody else", test_hostile);
	ADD("a frame may come byte by byte", test_slow_sender);
	ADD("too much credit is refused", test_too_much_credit);
	ADD("data to the server are refused", test_data_refused);
	ADD("streams of a connection are limited", test_stream_limit);
	ADD("connections are limited", test_connection_limit);
	ADD("users other than root are turned away", test_other_user);
	ADD("a client that does not read is disconnected", test_silent_reader);
	ADD_SHORT("a peer that stops reading is closed, one that is silent is not", test_stalled_reader);
	ADD_SHORT("a frame left unfinished closes its connection, and no other", test_unfinished_frame);
	return g_test_run();
}
