/* The codec: what is encoded is decoded again from any split, and what breaks the protocol is refused. */
#include "base/frame.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

static guint count_fds(void)
{
	guint count = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static int some_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(fd, >=, 0);
	return fd;
}

static Frame *request_frame(guint32 stream, const char *body)
{
	Frame *frame = frame_new(FRAME_REQUEST, stream);
	frame->head = json_object_new_object();
	json_set_str(frame->head, "method", "GET");
	json_set_str(frame->head, "path", "/宿");
	g_bytes_unref(frame->body);
	frame->body = g_bytes_new(body, strlen(body));
	return frame;
}

static void feed(FrameReader *reader, const void *bytes, gsize length)
{
	frame_reader_feed(reader, bytes, length, NULL, 0);
}

/* A header followed by a payload, as a peer without our encoder would write it. */
static GBytes *raw(guint32 length, guint32 stream, guint8 type, guint8 fds, guint16 zero, const void *payload,
		   gsize size)
{
	GByteArray *bytes = g_byte_array_new();
	guint32 words[] = {GUINT32_TO_LE(length), GUINT32_TO_LE(stream)};
	guint8 tail[] = {type, fds, (guint8)zero, (guint8)(zero >> 8)};
	g_byte_array_append(bytes, (guint8 *)words, 8);
	g_byte_array_append(bytes, tail, 4);
	g_byte_array_append(bytes, payload, (guint)size);
	return g_byte_array_free_to_bytes(bytes);
}

static void test_round_trip(void)
{
	g_autoptr(FrameReader) reader = frame_reader_new();
	g_autoptr(Frame) sent = request_frame(7, "the body");
	g_autoptr(GBytes) bytes = frame_encode(sent, NULL);
	gsize length;
	const guint8 *data = g_bytes_get_data(bytes, &length);
	for (gsize i = 0; i < length; i++) {
		Frame *early = NULL;
		g_assert_cmpint(frame_reader_next(reader, &early, NULL), ==, 0);
		g_assert_null(early);
		feed(reader, data + i, 1);
	}
	g_autoptr(Frame) got = NULL;
	g_assert_cmpint(frame_reader_next(reader, &got, NULL), ==, 1);
	g_assert_cmpint(got->type, ==, FRAME_REQUEST);
	g_assert_cmpuint(got->stream, ==, 7);
	g_assert_cmpuint(got->length, ==, length - FRAME_HEADER_SIZE);
	g_assert_cmpstr(json_get_str(got->head, "path", NULL), ==, "/宿");
	g_assert_true(g_bytes_equal(got->body, sent->body));
	g_assert_false(frame_reader_is_partial(reader));
}

static void test_many_in_one_read(void)
{
	g_autoptr(FrameReader) reader = frame_reader_new();
	g_autoptr(GByteArray) all = g_byte_array_new();
	const FrameType types[] = {FRAME_REQUEST, FRAME_CREDIT, FRAME_DATA, FRAME_CANCEL, FRAME_EVENT, FRAME_RESPONSE};
	for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
		g_autoptr(Frame) frame = frame_new(types[i], i + 1);
		frame->credit = 70000;
		g_autoptr(GBytes) bytes = frame_encode(frame, NULL);
		g_byte_array_append(all, g_bytes_get_data(bytes, NULL), (guint)g_bytes_get_size(bytes));
	}
	feed(reader, all->data, all->len);
	for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
		g_autoptr(Frame) frame = NULL;
		g_assert_cmpint(frame_reader_next(reader, &frame, NULL), ==, 1);
		g_assert_cmpint(frame->type, ==, types[i]);
		g_assert_cmpuint(frame->stream, ==, i + 1);
		g_assert_cmpuint(frame->credit, ==, types[i] == FRAME_CREDIT ? 70000 : 0);
	}
}

static void check_refused(GBytes *bytes, ErrorCode code, const char *part)
{
	g_autoptr(FrameReader) reader = frame_reader_new();
	gsize length;
	const void *data = g_bytes_get_data(bytes, &length);
	feed(reader, data, length);
	for (int i = 0; i < 2; i++) { /* it stays in the error, whatever comes */
		g_autoptr(GError) error = NULL;
		Frame *frame = NULL;
		g_assert_cmpint(frame_reader_next(reader, &frame, &error), ==, -1);
		g_assert_null(frame);
		g_assert_error(error, ERROR, (int)code);
		g_assert_nonnull(strstr(error->message, part));
		feed(reader, data, length);
	}
	g_bytes_unref(bytes);
}

static GBytes *raw_head(const char *head, gsize length)
{
	g_autofree guint8 *payload = g_malloc(4 + length);
	guint32 size = GUINT32_TO_LE((guint32)length);
	memcpy(payload, &size, 4);
	memcpy(payload + 4, head, length);
	return raw((guint32)length + 4, 1, FRAME_REQUEST, 0, 0, payload, length + 4);
}

static void test_malformed(void)
{
	/* Only headers: the refusal must not wait for what they announce. */
	check_refused(raw(0, 1, 0, 0, 0, NULL, 0), ERROR_INVALID, "unknown type");
	check_refused(raw(0, 1, 7, 0, 0, NULL, 0), ERROR_INVALID, "unknown type");
	check_refused(raw(0, 1, FRAME_CANCEL, 0, 1, NULL, 0), ERROR_INVALID, "reserved");
	check_refused(raw(FRAME_LENGTH_MAX + 1, 1, FRAME_DATA, 0, 0, NULL, 0), ERROR_TOO_LARGE, "over the limit");
	check_refused(raw(G_MAXUINT32, 1, FRAME_REQUEST, 0, 0, NULL, 0), ERROR_TOO_LARGE, "over the limit");
	check_refused(raw(6, 1, FRAME_REQUEST, FRAME_FDS_MAX + 1, 0, NULL, 0), ERROR_INVALID, "descriptors");
	check_refused(raw(0, 1, FRAME_CANCEL, 1, 0, NULL, 0), ERROR_INVALID, "carries no descriptors");
	check_refused(raw(6, 0, FRAME_REQUEST, 0, 0, NULL, 0), ERROR_INVALID, "stream 0");
	check_refused(raw(3, 1, FRAME_CREDIT, 0, 0, NULL, 0), ERROR_INVALID, "credit");
	check_refused(raw(1, 1, FRAME_CANCEL, 0, 0, NULL, 0), ERROR_INVALID, "cancel");
	check_refused(raw(3, 1, FRAME_EVENT, 0, 0, NULL, 0), ERROR_INVALID, "too short");
	check_refused(raw(6, 1, FRAME_REQUEST, 0, 0, "\x03\0\0\0{}", 6), ERROR_INVALID, "a head of 3 bytes");
	check_refused(raw(6, 1, FRAME_REQUEST, 0, 0, "\xff\xff\xff\xff{}", 6), ERROR_INVALID, "a head of 4294967295");
	check_refused(raw_head("[]", 2), ERROR_INVALID, "not a JSON object");
	check_refused(raw_head("", 0), ERROR_INVALID, "refused");
	check_refused(raw_head("{\"a\":\"\xff\"}", 9), ERROR_INVALID, "UTF-8");
	check_refused(raw_head("{\"a\":\"\xc3\"}", 9), ERROR_INVALID, "UTF-8");
	check_refused(raw_head("{}{}", 4), ERROR_INVALID, "not valid JSON");
	check_refused(raw_head("{\0}", 3), ERROR_INVALID, "NUL");
	g_autofree char *deep = g_strnfill(10000, '[');
	check_refused(raw_head(deep, 1000), ERROR_INVALID, "nested too deep");
	check_refused(raw_head(deep, 10000), ERROR_TOO_LARGE, "values is too large");
	g_autofree char *spaces = g_strnfill(FRAME_HEAD_MAX + 1, ' ');
	check_refused(raw_head(spaces, FRAME_HEAD_MAX + 1), ERROR_TOO_LARGE, "over the limit");
}

static void test_encode_bounds(void)
{
	g_autoptr(Frame) frame = frame_new(FRAME_DATA, 1);
	g_autoptr(GError) error = NULL;
	g_bytes_unref(frame->body);
	frame->body = g_bytes_new_take(g_malloc0(FRAME_LENGTH_MAX + 1), FRAME_LENGTH_MAX + 1);
	g_assert_null(frame_encode(frame, &error));
	g_assert_error(error, ERROR, ERROR_TOO_LARGE);

	GBytes *largest = g_bytes_new_from_bytes(frame->body, 0, FRAME_LENGTH_MAX);
	g_bytes_unref(frame->body);
	frame->body = largest;
	g_autoptr(GBytes) bytes = frame_encode(frame, NULL);
	g_autoptr(FrameReader) reader = frame_reader_new();
	feed(reader, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
	g_autoptr(Frame) got = NULL;
	g_assert_cmpint(frame_reader_next(reader, &got, NULL), ==, 1);
	g_assert_cmpuint(g_bytes_get_size(got->body), ==, FRAME_LENGTH_MAX);
}

static void test_descriptors_surplus_and_missing(void)
{
	guint before = count_fds();
	g_autoptr(GBytes) plain = raw(0, 1, FRAME_CANCEL, 0, 0, NULL, 0);
	g_autoptr(GBytes) stated = raw(6, 1, FRAME_REQUEST, 2, 0, "\x02\0\0\0{}", 6);
	gsize plain_length, stated_length;
	const guint8 *plain_data = g_bytes_get_data(plain, &plain_length);
	const guint8 *stated_data = g_bytes_get_data(stated, &stated_length);
	Frame *frame = NULL;

	/* Three come, two are stated: the third is closed at once. */
	FrameReader *reader = frame_reader_new();
	int fds[] = {some_fd(), some_fd(), some_fd()};
	frame_reader_feed(reader, stated_data, stated_length, fds, 3);
	g_assert_cmpint(frame_reader_next(reader, &frame, NULL), ==, 1);
	g_assert_cmpuint(count_fds(), ==, before + 2);
	int stolen = frame_steal_fd(frame, 1);
	g_assert_cmpint(stolen, ==, fds[1]);
	g_assert_cmpint(frame_steal_fd(frame, 1), ==, -1);
	g_assert_cmpint(frame_steal_fd(frame, 2), ==, -1);
	frame_free(frame);
	g_assert_cmpuint(count_fds(), ==, before + 1);
	close(stolen);

	/* None stated: closed with their frame. */
	int two[] = {some_fd(), some_fd()};
	frame_reader_feed(reader, plain_data, plain_length, two, 2);
	g_assert_cmpint(frame_reader_next(reader, &frame, NULL), ==, 1);
	frame_free(frame);
	g_assert_cmpuint(count_fds(), ==, before);

	/* Earlier bytes of the same read belong to a frame without any. */
	g_autofree guint8 *both = g_malloc(plain_length + stated_length);
	memcpy(both, plain_data, plain_length);
	memcpy(both + plain_length, stated_data, stated_length);
	int pair[] = {some_fd(), some_fd()};
	frame_reader_feed(reader, both, plain_length + stated_length, pair, 2);
	g_assert_cmpint(frame_reader_next(reader, &frame, NULL), ==, 1);
	frame_free(frame);
	g_assert_cmpint(frame_reader_next(reader, &frame, NULL), ==, 1);
	g_assert_cmpuint(frame->fd_count, ==, 2);
	frame_free(frame);
	g_assert_cmpuint(count_fds(), ==, before);

	/* Not on the first byte: closed at once, and the frame lacks them. */
	g_autoptr(GError) error = NULL;
	int late[] = {some_fd(), some_fd()};
	frame_reader_feed(reader, stated_data, 1, NULL, 0);
	frame_reader_feed(reader, stated_data + 1, stated_length - 1, late, 2);
	g_assert_cmpuint(count_fds(), ==, before);
	g_assert_cmpint(frame_reader_next(reader, &frame, &error), ==, -1);
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_assert_nonnull(strstr(error->message, "states 2 descriptors and came with 0"));
	/* After an error too. */
	int after[] = {some_fd()};
	frame_reader_feed(reader, stated_data, stated_length, after, 1);
	frame_reader_free(reader);
	g_assert_cmpuint(count_fds(), ==, before);
}

static void test_descriptors_over_a_socket(void)
{
	guint before = count_fds();
	int pair[2], pipe_ends[2];
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
	g_assert_cmpint(pipe2(pipe_ends, O_CLOEXEC), ==, 0);
	FrameReader *reader = frame_reader_new();
	Frame *plain = request_frame(1, "first"), *with = request_frame(2, "second"), *got = NULL;
	frame_add_fd(with, pipe_ends[1]);
	g_assert_true(frame_send(pair[0], plain, 1000, NULL));
	g_assert_true(frame_send(pair[0], with, 1000, NULL));
	frame_free(with);
	int state;
	while ((state = frame_reader_next(reader, &got, NULL)) == 0)
		g_assert_cmpint(frame_receive(pair[1], reader), ==, 1);
	g_assert_cmpuint(got->fd_count, ==, 0);
	frame_free(got);
	while ((state = frame_reader_next(reader, &got, NULL)) == 0)
		g_assert_cmpint(frame_receive(pair[1], reader), ==, 1);
	g_assert_cmpint(state, ==, 1);
	int passed = frame_steal_fd(got, 0);
	g_assert_cmpint(fcntl(passed, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
	g_assert_true(fd_write_all(passed, "hello", 5));
	char text[6] = "";
	g_assert_cmpint(read(pipe_ends[0], text, 5), ==, 5);
	g_assert_cmpstr(text, ==, "hello");
	frame_free(got);
	frame_free(plain);
	close(passed);
	close(pipe_ends[0]);

	close(pair[0]);
	g_assert_cmpint(frame_receive(pair[1], reader), ==, -1);
	g_assert_cmpint(errno, ==, 0);
	close(pair[1]);
	frame_reader_free(reader);
	g_assert_cmpuint(count_fds(), ==, before);
}

static void test_send_deadline(void)
{
	int pair[2];
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
	g_autoptr(Frame) frame = frame_new(FRAME_DATA, 1);
	g_autoptr(GError) error = NULL;
	g_bytes_unref(frame->body);
	frame->body = g_bytes_new_take(g_malloc0(FRAME_LENGTH_MAX), FRAME_LENGTH_MAX);
	gint64 start = g_get_monotonic_time();
	g_assert_false(frame_send(pair[0], frame, 100, &error));
	g_assert_error(error, ERROR, ERROR_TIMEOUT);
	g_assert_cmpint(g_get_monotonic_time() - start, >=, 100000);
	g_clear_error(&error);
	close(pair[1]);
	g_assert_false(frame_send(pair[0], frame, 100, &error)); /* no SIGPIPE */
	g_assert_error(error, ERROR, ERROR_FAILED);
	close(pair[0]);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/frame/what is encoded is decoded from single bytes", test_round_trip);
	g_test_add_func("/frame/many frames in one read come out in order", test_many_in_one_read);
	g_test_add_func("/frame/malformed frames are refused with their reason", test_malformed);
	g_test_add_func("/frame/a frame may be as large as the limit and not larger", test_encode_bounds);
	g_test_add_func("/frame/surplus descriptors are closed and missing ones refused",
			test_descriptors_surplus_and_missing);
	g_test_add_func("/frame/descriptors cross a socket with their frame", test_descriptors_over_a_socket);
	g_test_add_func("/frame/sending ends at its deadline", test_send_deadline);
	return g_test_run();
}
