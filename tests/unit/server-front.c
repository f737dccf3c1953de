/* The server as the front's: who is let in, what a request's head may say, and streams that are followed with a
 * cursor. */
#include "server-fixture.h"

enum { STRANGER = 65534 };

typedef struct Front {
	Fixture f;
	char *path;
	Server *server;
} Front;

/* What the handler saw of the front's members. */
static gboolean echo_front(Request *request, Response *response, gpointer data, GError **error)
{
	if (!g_str_equal(request->path, "/who"))
		return handle(request, response, data, error);
	json_auto json_object *body = json_object_new_object();
	json_set_bool(body, "front", request->front);
	json_set_str(body, "user", request->user);
	json_set_str(body, "address", request->address);
	json_set_str(body, "session", request->session);
	json_set_str(body, "token", request->token);
	json_set_bool(body, "same", request->same_origin);
	json_set_bool(body, "cross", request->cross_origin);
	json_set_bool(body, "upgrade", request->upgrade);
	json_set_int(body, "content_length", request->content_length);
	json_set_int(body, "fds", request->frame->fd_count > 0 && request->frame->fds[0] >= 0);
	char *text = json_dup_text(body);
	response->body = g_bytes_new_take(text, strlen(text));
	return TRUE;
}

/* A second server in the fixture's loop, whose peer is the test itself. */
static void set_up_front(Front *front, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	set_up(&front->f, unused);
	stop_loop(&front->f);
	front->path = g_build_filename(front->f.dir, "front.sock", NULL);
	front->server = server_new(front->path, &(ServerOptions){TRUE, geteuid(), front->f.context}, echo_front,
				   &front->f, &error);
	g_assert_no_error(error);
	front->f.thread = g_thread_new("loop", run_loop, &front->f);
	/* What the fixture connects to from now on. */
	g_free(front->f.path);
	front->f.path = g_strdup(front->path);
}

static void tear_down_front(Front *front, gconstpointer unused)
{
	stop_loop(&front->f);
	server_free(front->server);
	tear_down(&front->f, unused);
	g_free(front->path);
}

static Frame *ask(Front *front, const char *head, const int *fds, guint fd_count, const char *body)
{
	int fd = raw_connect(&front->f);
	g_autoptr(FrameReader) reader = frame_reader_new();
	g_autoptr(Frame) frame = frame_new(FRAME_REQUEST, 1);
	g_autoptr(GError) error = NULL;
	frame->head = json_parse(head, strlen(head), &error);
	g_assert_no_error(error);
	for (guint i = 0; i < fd_count; i++)
		frame_add_fd(frame, dup(fds[i]));
	if (body) {
		g_bytes_unref(frame->body);
		frame->body = g_bytes_new(body, strlen(body));
	}
	g_assert_true(frame_send(fd, frame, 20000, &error));
	Frame *answer = raw_next(fd, reader);
	close(fd);
	return answer;
}

static json_object *body_of(Frame *frame)
{
	gsize length;
	const char *text = g_bytes_get_data(frame->body, &length);
	return json_parse(text, length, NULL);
}

#define SECRET "0123456789abcdefghijklmnopqrstuvwxyzABCDEF_"
#define WHO "\"method\":\"GET\",\"path\":\"/who\""

static void test_members(Front *front, gconstpointer unused)
{
	(void)unused;
	g_autoptr(Frame) answer = ask(front,
				      "{" WHO ",\"address\":\"2001:db8::1\",\"session\":\"" SECRET
				      "\",\"origin\":\"same\",\"upgrade\":true,\"content_length\":70368744177664}",
				      NULL, 0, NULL);
	g_assert_cmpint(frame_status(answer), ==, 200);
	json_auto json_object *seen = body_of(answer);
	g_assert_true(json_get_bool(seen, "front", FALSE));
	g_assert_null(json_get(seen, "user")); /* whatever the front says, that is for the API to find out */
	g_assert_cmpstr(json_get_str(seen, "address", NULL), ==, "2001:db8::1");
	g_assert_cmpstr(json_get_str(seen, "session", NULL), ==, SECRET);
	g_assert_null(json_get(seen, "token"));
	g_assert_true(json_get_bool(seen, "same", FALSE));
	g_assert_false(json_get_bool(seen, "cross", TRUE));
	g_assert_true(json_get_bool(seen, "upgrade", FALSE));
	g_assert_cmpint(json_get_int(seen, "content_length", 0), ==, G_GINT64_CONSTANT(1) << 46);

	g_autoptr(Frame) other = ask(front,
				     "{" WHO ",\"address\":\"192.0.2.7\",\"token\":\"a.b-c_D\",\"origin\":\"cross\","
				     "\"user\":\"root\",\"peer\":0,\"peer_uid\":0}",
				     NULL, 0, NULL);
	json_auto json_object *second = body_of(other);
	g_assert_null(json_get(second, "user"));
	g_assert_cmpstr(json_get_str(second, "token", NULL), ==, "a.b-c_D");
	g_assert_true(json_get_bool(second, "cross", FALSE));
	g_assert_cmpint(json_get_int(second, "content_length", 0), ==, -1);
}

static void test_malformed(Front *front, gconstpointer unused)
{
	(void)unused;
	static const struct {
		const char *members, *field, *body;
	} cases[] = {
		{"", "address"},
		{",\"address\":\"\"", "address"},
		{",\"address\":\"localhost\"", "address"},
		{",\"address\":\"192.0.2.7 \"", "address"},
		{",\"address\":\"fe80::1%eth0\"", "address"},
		{",\"address\":7", "address"},
		{",\"address\":\"::1\",\"session\":\"" SECRET "x\"", "session"},
		{",\"address\":\"::1\",\"session\":\"0123456789abcdefghijklmnopqrstuvwxyzABCDEF+\"", "session"},
		{",\"address\":\"::1\",\"session\":true", "session"},
		{",\"address\":\"::1\",\"token\":\"\"", "token"},
		{",\"address\":\"::1\",\"token\":\"a b\"", "token"},
		{",\"address\":\"::1\",\"token\":[]", "token"},
		{",\"address\":\"::1\",\"token\":\"a\",\"session\":\"" SECRET "\"", NULL},
		{",\"address\":\"::1\",\"origin\":\"mine\"", "origin"},
		{",\"address\":\"::1\",\"upgrade\":1", "upgrade"},
		{",\"address\":\"::1\",\"content_length\":-1", "content_length"},
		{",\"address\":\"::1\",\"content_length\":70368744177665", "content_length"},
		{",\"address\":\"::1\",\"content_length\":\"1\"", "content_length"},
		{",\"address\":\"::1\",\"content_length\":1.0", "content_length"},
		{",\"address\":\"::1\",\"content_length\":2", "content_length", "{}"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *head = g_strconcat("{" WHO, cases[i].members, "}", NULL);
		g_autoptr(Frame) answer = ask(front, head, NULL, 0, cases[i].body);
		json_auto json_object *body = body_of(answer);
		json_object *error = json_get(body, "error");
		g_test_message("%s: %s", head, json_get_str(error, "message", "?"));
		g_assert_cmpint(frame_status(answer), ==, 400);
		g_assert_cmpstr(json_get_str(error, "field", NULL), ==, cases[i].field);
		g_assert_null(strstr(json_get_str(error, "message", ""), SECRET));
	}
	g_autofree char *longest = g_strnfill(129, 't');
	g_autofree char *head = g_strconcat("{" WHO ",\"address\":\"::1\",\"token\":\"", longest, "\"}", NULL);
	g_autoptr(Frame) refused = ask(front, head, NULL, 0, NULL);
	g_assert_cmpint(frame_status(refused), ==, 400);
	/* A WebSocket is a GET. */
	g_autoptr(Frame) post =
		ask(front, "{\"method\":\"POST\",\"path\":\"/who\",\"address\":\"::1\",\"upgrade\":true}", NULL, 0,
		    NULL);
	g_assert_cmpint(frame_status(post), ==, 400);
}

static void test_descriptors(Front *front, gconstpointer unused)
{
	(void)unused;
	int ends[2];
	guint before = count_fds(); /* nobody has connected yet */
	g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
	g_autoptr(Frame) answer = ask(front, "{" WHO ",\"address\":\"::1\"}", &ends[1], 1, NULL);
	json_auto json_object *seen = body_of(answer);
	g_assert_cmpint(json_get_int(seen, "fds", -1), ==, 0);
	close(ends[1]);
	char byte;
	g_assert_cmpint(read(ends[0], &byte, 1), ==, 0); /* nobody holds the other end */
	close(ends[0]);
	/* The other way they pass. */
	g_autoptr(Frame) swapped =
		ask(front, "{\"method\":\"GET\",\"path\":\"/fds\",\"address\":\"::1\"}", NULL, 0, NULL);
	g_assert_cmpint(frame_status(swapped), ==, 400); /* its descriptor did not come */
	g_clear_pointer(&swapped, frame_free);
	check_fds_become(before);
}

static int connect_as(const char *path, uid_t uid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	pid_t child = fork();
	if (child == 0) {
		char answer[1024] = "";
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (setuid(uid) < 0)
			_exit(2);
		if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
			_exit(3);
		ssize_t n = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
		for (int i = 0; n < 0 && i < 100; i++) {
			struct pollfd ready = {.fd = fd, .events = POLLIN};
			poll(&ready, 1, 100);
			n = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
		}
		_exit(n > 0 && memmem(answer, (gsize)n, "\"code\":\"forbidden\"", 18) ? 1 : 0);
	}
	int status = 0;
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_owner(Front *front, gconstpointer unused)
{
	(void)unused;
	g_autoptr(GError) error = NULL;
	g_autofree char *path = g_build_filename(front->f.dir, "theirs.sock", NULL);
	g_assert_cmpint(chmod(front->f.dir, 0711), ==, 0);
	stop_loop(&front->f);
	Server *server =
		server_new(path, &(ServerOptions){TRUE, STRANGER, front->f.context}, echo_front, &front->f, &error);
	g_assert_no_error(error);
	front->f.thread = g_thread_new("loop", run_loop, &front->f);
	struct stat info;
	g_assert_cmpint(stat(path, &info), ==, 0);
	g_assert_cmpint(info.st_mode & 07777, ==, 0600);
	g_assert_cmpint(info.st_uid, ==, STRANGER);
	g_assert_cmpint(connect_as(path, STRANGER), ==, 0);
	g_assert_cmpint(connect_as(path, 0), ==, 1);	      /* root has its own socket */
	g_assert_cmpint(connect_as(path, STRANGER - 1), ==, 3); /* by the file's mode */
	g_assert_cmpint(chmod(path, 0666), ==, 0);
	g_assert_cmpint(connect_as(path, STRANGER - 1), ==, 1); /* by who it is */
	stop_loop(&front->f);
	server_free(server);
}

static void test_connections(Front *front, gconstpointer unused)
{
	(void)unused;
	int fds[16];
	for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
		fds[i] = raw_connect(&front->f);
	int more = raw_connect(&front->f);
	g_autoptr(FrameReader) reader = frame_reader_new();
	g_autoptr(Frame) refused = raw_next(more, reader);
	g_assert_cmpuint(refused->stream, ==, 0);
	g_assert_cmpint(frame_status(refused), ==, 429);
	close(more);
	for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
		close(fds[i]);
}

/* --- Streams with a cursor --- */

typedef struct Calls {
	GMutex lock;
	GCond changed;
	guint count;
} Calls;

static void on_drained(Stream *stream, gpointer data)
{
	Calls *calls = data;
	stream_room(stream); /* nothing is held that this would need */
	g_mutex_lock(&calls->lock);
	calls->count++;
	g_cond_broadcast(&calls->changed);
	g_mutex_unlock(&calls->lock);
}

static void await_calls(Calls *calls, guint count)
{
	gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	g_mutex_lock(&calls->lock);
	while (calls->count < count)
		g_assert_true(g_cond_wait_until(&calls->changed, &calls->lock, deadline));
	g_mutex_unlock(&calls->lock);
}

static void open_kept(Front *front, int fd, FrameReader *reader)
{
	g_autoptr(Frame) frame = frame_new(FRAME_REQUEST, 1);
	static const char head[] = "{\"method\":\"GET\",\"path\":\"/keep\",\"address\":\"::1\"}";
	frame->head = json_parse(head, sizeof head - 1, NULL);
	g_assert_true(frame_send(fd, frame, 1000, NULL));
	g_autoptr(Frame) response = raw_next(fd, reader);
	g_assert_cmpint(frame_status(response), ==, 200);
	await_kept(&front->f);
}

static void test_drained(Front *front, gconstpointer unused)
{
	(void)unused;
	int fd = raw_connect(&front->f);
	g_autoptr(FrameReader) reader = frame_reader_new();
	Calls calls = {0};
	open_kept(front, fd, reader);
	Stream *stream = front->f.kept;
	stream_set_drained(stream, on_drained, &calls);
	g_assert_cmpuint(stream_room(stream), ==, STREAM_QUEUE_MAX);

	/* 64 KiB go out by the first credit, the rest fills the queue. */
	g_autofree char *padding = g_strnfill(20000, 'x');
	g_autofree char *event = g_strdup_printf("{\"text\":\"%s\"}", padding);
	guint sent = 0;
	while (stream_room(stream) > 0 && sent < 100) {
		g_assert_true(stream_send_text(stream, event));
		sent++;
	}
	g_assert_cmpuint(sent, <, 25);
	g_assert_true(stream_is_open(stream)); /* full, but nobody has gone past it */
	g_assert_cmpuint(calls.count, ==, 0);
	raw_small(fd, FRAME_CREDIT, 1, 2 * STREAM_QUEUE_MAX);
	await_calls(&calls, 1);
	g_assert_cmpuint(stream_room(stream), >, STREAM_QUEUE_MAX / 2);
	for (guint i = 0; i < sent; i++) {
		g_autoptr(Frame) frame = raw_next(fd, reader);
		g_assert_cmpint(frame->type, ==, FRAME_EVENT);
		g_assert_cmpuint(strlen(json_get_str(frame->head, "text", "")), ==, 20000);
	}
	/* The end is told once, and then there is no room. */
	raw_small(fd, FRAME_CANCEL, 1, 0);
	await_calls(&calls, 2);
	g_assert_cmpuint(stream_room(stream), ==, 0);
	/* To who comes after the end, too. */
	Calls late = {0};
	stream_set_drained(stream, on_drained, &late);
	await_calls(&late, 1);
	stream_set_drained(stream, NULL, NULL);
	g_assert_cmpuint(calls.count, ==, 2);
	close(fd);
}

static void test_cancel(Front *front, gconstpointer unused)
{
	(void)unused;
	int fd = raw_connect(&front->f);
	g_autoptr(FrameReader) reader = frame_reader_new();
	Calls calls = {0};
	open_kept(front, fd, reader);
	stream_set_drained(front->f.kept, on_drained, &calls);
	g_autofree char *padding = g_strnfill(70000, 'x');
	g_autofree char *event = g_strdup_printf("{\"text\":\"%s\"}", padding);
	for (int i = 0; i < 3; i++)
		g_assert_true(stream_send_text(front->f.kept, event));
	stream_cancel(front->f.kept);
	g_assert_false(stream_send_text(front->f.kept, event));
	await_calls(&calls, 1);
	g_autoptr(Frame) frame = raw_next(fd, reader);
	if (frame->type == FRAME_EVENT) { /* one may have gone already; the others are dropped */
		g_clear_pointer(&frame, frame_free);
		frame = raw_next(fd, reader);
	}
	g_assert_cmpint(frame->type, ==, FRAME_CANCEL);
	stream_set_drained(front->f.kept, NULL, NULL);
	close(fd);
}

static void test_gone(Front *front, gconstpointer unused)
{
	(void)unused;
	int fd = raw_connect(&front->f);
	g_autoptr(FrameReader) reader = frame_reader_new();
	Calls calls = {0};
	open_kept(front, fd, reader);
	stream_set_drained(front->f.kept, on_drained, &calls);
	close(fd);
	await_calls(&calls, 1);
	g_assert_false(stream_is_open(front->f.kept));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* GLib makes it at some first use and keeps its descriptor; the tests count descriptors. */
	g_main_context_default();
#define ADD(name, test) g_test_add("/server-front/" name, Front, NULL, set_up_front, test, tear_down_front)
	ADD("the head says who asks, but never as whom", test_members);
	ADD("a head that does not keep its form is refused", test_malformed);
	ADD("descriptors from the front are closed unseen", test_descriptors);
	ADD("the socket is its owner's, and nobody else is let in", test_owner);
	ADD("connections are limited", test_connections);
	ADD("a stream tells when there is room again, and when it has ended", test_drained);
	ADD("a stream that is given up is cancelled without what was queued", test_cancel);
	ADD("a stream whose peer is gone has ended", test_gone);
	return g_test_run();
}
