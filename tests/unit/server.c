/* The server and the client against each other over a real socket. */
#include "server-fixture.h"

static void test_request(Fixture *f, gconstpointer unused)
{
	(void)unused;
	g_autoptr(Client) client = connect_to(f);
	g_autoptr(GError) error = NULL;
	json_auto json_object *headers = json_object_new_object();
	json_auto json_object *body = json_object_new_object();
	json_set_str(headers, "if-match", "7");
	for (int i = 0; i < 3; i++) {
		g_autoptr(Reply) reply = client_request(client, "PATCH", "/vms/%E5%AE%BF?plan=1&q=a%20b+c%26", headers,
							body, NULL, 0, 20000, &error);
		g_assert_no_error(error);
		g_assert_cmpint(reply->status, ==, 200);
		g_assert_cmpint(json_get_int(reply->head, "etag", 0), ==, 42);
		g_assert_cmpstr(json_get_str(reply->body, "method", NULL), ==, "PATCH");
		g_assert_cmpstr(json_get_str(reply->body, "path", NULL), ==, "/vms/宿");
		g_assert_cmpstr(json_get_str(json_get(reply->body, "query"), "q", NULL), ==, "a b c&");
		g_assert_cmpstr(json_get_str(json_get(reply->body, "headers"), "if-match", NULL), ==, "7");
		g_assert_cmpstr(json_get_str(reply->body, "user", NULL), ==, "root");
		g_assert_cmpint(json_get_int(reply->body, "length", 0), ==, 2);
		g_assert_cmpint(reply->fds[0], ==, -1);
	}
	struct stat info;
	g_assert_cmpint(stat(f->path, &info), ==, 0);
	g_assert_cmpint(info.st_mode & 0777, ==, 0600);
}

static void test_errors(Fixture *f, gconstpointer unused)
{
	(void)unused;
	g_autoptr(Client) client = connect_to(f);
	g_autoptr(GError) error = NULL;
	g_assert_null(get(client, "/fail", &error));
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	g_assert_cmpstr(error->message, ==, "'x' is in the way");
	g_assert_cmpstr(error_field(error), ==, "name");
	g_assert_cmpstr(error_hint(error), ==, "choose another");
	const char *const bad[] = {"no-slash", "/a%2Fb", "/a%00", "/a%zz", "/a?x=1&x=2", "/a?x=%ff", "/a?=1"};
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_clear_error(&error);
		g_assert_null(get(client, bad[i], &error));
		g_assert_error(error, ERROR, ERROR_INVALID);
	}
	/* Too large an answer, and one that just fits. */
	g_clear_error(&error);
	g_assert_null(get(client, "/large?size=1048576", &error));
	g_assert_error(error, ERROR, ERROR_TOO_LARGE);
	g_clear_error(&error);
	g_autoptr(Reply) reply = get(client, "/large?size=1000000", &error);
	g_assert_no_error(error);
	g_assert_cmpuint(g_bytes_get_size(reply->raw), ==, 1000000);
	/* Too large a request is the caller's error and costs nothing. */
	json_auto json_object *headers = json_object_new_object();
	g_autofree char *long_text = g_strnfill(FRAME_HEAD_MAX, 'x');
	json_set_str(headers, "x", long_text);
	g_assert_null(client_request(client, "GET", "/", headers, NULL, NULL, 0, 1000, &error));
	g_assert_error(error, ERROR, ERROR_TOO_LARGE);
	g_clear_error(&error);
	g_autoptr(Reply) after = get(client, "/", &error);
	g_assert_nonnull(after);
	g_assert_no_error(error);
}

static void test_query(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GHashTable) query = query_parse("a=1&b=%E5%AE%BF&&c&d=&e=1%2B1=2", &error);
	g_assert_no_error(error);
	g_assert_cmpuint(g_hash_table_size(query), ==, 5);
	g_assert_cmpstr(g_hash_table_lookup(query, "b"), ==, "宿");
	g_assert_cmpstr(g_hash_table_lookup(query, "c"), ==, "");
	g_assert_cmpstr(g_hash_table_lookup(query, "e"), ==, "1+1=2");
	g_assert_null(query_parse("%61=1&a=2", &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_assert_cmpstr(error_field(error), ==, "a");
	g_clear_error(&error);
	const char *const bad[] = {"a=%", "a=%4", "a=%00", "a=%0a", "a=%c3", "%=1"};
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_assert_null(query_parse(bad[i], &error));
		g_assert_error(error, ERROR, ERROR_INVALID);
		g_clear_error(&error);
	}
	g_autoptr(GString) many = g_string_new(NULL);
	for (int i = 0; i <= REQUEST_QUERY_MAX; i++)
		g_string_append_printf(many, "p%d=1&", i);
	g_assert_null(query_parse(many->str, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
}

static void test_descriptors(Fixture *f, gconstpointer unused)
{
	(void)unused;
	g_autoptr(Client) client = connect_to(f);
	g_autoptr(GError) error = NULL;
	int ends[2];
	g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
	g_autoptr(Reply) first = get(client, "/", &error);
	g_assert_nonnull(first);
	guint before = count_fds();
	for (int i = 0; i < 20; i++) {
		g_autoptr(Reply) reply = client_request(client, "POST", "/fds", NULL, NULL, &ends[1], 1, 20000, &error);
		g_assert_no_error(error);
		char text[5] = "";
		g_assert_cmpint(read(ends[0], text, 4), ==, 4);
		g_assert_cmpstr(text, ==, "seen");
		g_assert_true(fd_write_all(reply->fds[1], "back", 4));
		g_assert_cmpint(read(reply->fds[0], text, 4), ==, 4);
		g_assert_cmpstr(text, ==, "back");
	}
	check_fds_become(before);
	g_assert_null(get(client, "/fds", &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	close(ends[0]);
	close(ends[1]);
}

static gboolean count_event(json_object *event, gpointer data)
{
	gint64 *next = data;
	g_assert_cmpint(json_get_int(event, "n", -1), ==, *next);
	return ++*next != 1500;
}

static void test_follow(Fixture *f, gconstpointer unused)
{
	(void)unused;
	g_autoptr(Client) client = connect_to(f);
	g_autoptr(GError) error = NULL;
	/* 1,000 events of 220 bytes are more than the first credit: it is given back on the way. */
	gint64 next = 0;
	gboolean followed = client_follow(client, "/count", count_event, &next, &error);
	g_assert_no_error(error);
	g_assert_true(followed);
	g_assert_cmpint(next, ==, 1000);
	/* What is no stream is said to be none; the connection goes on. */
	g_assert_false(client_follow(client, "/fail", count_event, &next, &error));
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	g_clear_error(&error);
	g_assert_false(client_follow(client, "/", count_event, &next, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_clear_error(&error);
	g_autoptr(Reply) reply = get(client, "/", &error);
	g_assert_nonnull(reply);
	g_assert_no_error(error);
}

static gboolean one_event(json_object *event, gpointer data)
{
	(void)event;
	++*(int *)data;
	return FALSE;
}

static void test_follow_ends(Fixture *f, gconstpointer unused)
{
	(void)unused;
	g_autoptr(Client) client = connect_to(f);
	g_autoptr(GError) error = NULL;
	int seen = 0;
	g_assert_true(client_follow(client, "/count", one_event, &seen, &error));
	g_assert_cmpint(seen, ==, 1);
	g_autoptr(Reply) reply = get(client, "/", &error);
	g_assert_nonnull(reply);
	g_assert_no_error(error);
}

static void test_credit(Fixture *f, gconstpointer unused)
{
	(void)unused;
	int fd = raw_connect(f);
	g_autoptr(FrameReader) reader = frame_reader_new();
	raw_request(fd, 1, "/keep", 0);
	g_autoptr(Frame) response = raw_next(fd, reader);
	g_assert_true(json_get_bool(response->head, "stream", FALSE));
	Stream *stream = await_kept(f);
	json_auto json_object *event = json_object_new_object();
	g_autofree char *text = g_strnfill(10000, 'x');
	json_set_str(event, "text", text);
	/* Seven are 70,000 bytes and overdraw the first credit; the eighth waits for more. */
	for (int i = 0; i < 8; i++)
		g_assert_true(stream_send_event(stream, event));
	for (int i = 0; i < 7; i++) {
		g_autoptr(Frame) frame = raw_next(fd, reader);
		g_assert_cmpint(frame->type, ==, FRAME_EVENT);
	}
	raw_request(fd, 3, "/", 0);
	g_autoptr(Frame) between = raw_next(fd, reader);
	g_assert_cmpint(between->type, ==, FRAME_RESPONSE);
	raw_small(fd, FRAME_CREDIT, 1, 65536);
	g_autoptr(Frame) eighth = raw_next(fd, reader);
	g_assert_cmpint(eighth->type, ==, FRAME_EVENT);
	/* Nothing more is granted: past 256 KiB the stream is given up, and says so. */
	int sent = 0;
	while (sent < 1000 && stream_send_event(stream, event))
		sent++;
	g_assert_cmpint(sent, >=, 26);
	g_assert_cmpint(sent, <, 40);
	g_assert_false(stream_is_open(stream));
	g_autoptr(Frame) frame = NULL;
	do {
		g_clear_pointer(&frame, frame_free);
		frame = raw_next(fd, reader);
	} while (frame->type == FRAME_EVENT);
	g_assert_cmpint(frame->type, ==, FRAME_CANCEL);
	/* Late credit for it is no error. */
	raw_small(fd, FRAME_CREDIT, 1, 1000);
	raw_request(fd, 4, "/", 0);
	g_autoptr(Frame) after = raw_next(fd, reader);
	g_assert_cmpuint(after->stream, ==, 4);
	close(fd);
}

static void test_quick(Fixture *f, gconstpointer unused)
{
	enum { THREADS = 64 };
	(void)unused;
	int fd = raw_connect(f);
	g_autoptr(FrameReader) reader = frame_reader_new();
	for (guint32 i = 1; i <= THREADS; i++)
		raw_request(fd, i, "/wait", 0);
	await_inside(f, THREADS);
	/* No thread is free for the odd one; the even ones need none. */
	raw_request(fd, THREADS + 1, "/quick?n=1", 0);
	for (guint32 i = THREADS + 2; i < THREADS + 10; i++) {
		raw_request(fd, i, "/quick?n=2", 0);
		g_autoptr(Frame) frame = raw_next(fd, reader);
		g_assert_cmpuint(frame->stream, ==, i);
		g_assert_cmpint(json_get_int(frame->head, "status", 0), ==, 200);
	}
	let_go_on(f);
	for (guint i = 0; i < THREADS + 1; i++) {
		g_autoptr(Frame) frame = raw_next(fd, reader);
		g_assert_cmpint(json_get_int(frame->head, "status", 0), ==, frame->stream == THREADS + 1 ? 403 : 200);
	}
	close(fd);
}

static void test_cancel(Fixture *f, gconstpointer unused)
{
	(void)unused;
	int fd = raw_connect(f);
	g_autoptr(FrameReader) reader = frame_reader_new();
	raw_request(fd, 1, "/keep", 0);
	g_autoptr(Frame) response = raw_next(fd, reader);
	g_assert_nonnull(response);
	raw_small(fd, FRAME_CANCEL, 1, 0);
	raw_request(fd, 2, "/wait", 0);
	await_inside(f, 1);
	g_assert_false(stream_is_open(f->kept));
	raw_small(fd, FRAME_CANCEL, 2, 0); /* while its handler runs */
	raw_request(fd, 3, "/", 0);
	g_autoptr(Frame) third = raw_next(fd, reader);
	g_assert_cmpuint(third->stream, ==, 3);
	let_go_on(f);
	raw_request(fd, 4, "/", 0);
	g_autoptr(Frame) fourth = raw_next(fd, reader); /* the second is never answered */
	g_assert_cmpuint(fourth->stream, ==, 4);
	close(fd);
}

static void test_deadline(Fixture *f, gconstpointer unused)
{
	(void)unused;
	g_autoptr(Client) client = connect_to(f);
	g_autoptr(GError) error = NULL;
	gint64 start = g_get_monotonic_time();
	g_assert_null(client_request(client, "GET", "/wait", NULL, NULL, NULL, 0, 200, &error));
	g_assert_error(error, ERROR, ERROR_TIMEOUT);
	g_assert_nonnull(strstr(error->message, "deadline")); /* the server's own word */
	g_assert_cmpint(g_get_monotonic_time() - start, >=, 200000);
	g_clear_error(&error);
	g_autoptr(Reply) reply = get(client, "/", &error);
	g_assert_nonnull(reply);
	g_assert_no_error(error);
	let_go_on(f);
}

static void test_lost(Fixture *f, gconstpointer unused)
{
	(void)unused;
	g_autoptr(GError) error = NULL;
	g_assert_null(client_connect("/nonexistent/api.sock", &error));
	g_assert_error(error, ERROR, ERROR_UNAVAILABLE);
	g_assert_nonnull(strstr(error_hint(error), "is yadod running?"));
	g_clear_error(&error);
	/* A peer that takes the request and dies: the client's own listener stands in for yadod. */
	g_autofree char *path = g_build_filename(f->dir, "dies.sock", NULL);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(bind(listener, (struct sockaddr *)&address, sizeof address), ==, 0);
	g_assert_cmpint(listen(listener, 1), ==, 0);
	g_autoptr(Client) client = client_connect(path, &error);
	int accepted = accept(listener, NULL, NULL);
	g_assert_true(fd_write_all(accepted, "\x40\0\0", 3)); /* in the middle of a frame */
	close(accepted);
	close(listener);
	for (int i = 0; i < 2; i++) {
		g_assert_null(get(client, "/", &error));
		g_assert_error(error, ERROR, ERROR_UNAVAILABLE);
		g_assert_nonnull(strstr(error_hint(error), "is yadod running?"));
		g_clear_error(&error);
	}
}

/* Waiting for a task holds a thread for a minute: some who wait must not keep the others from being answered. */
static void test_waiters(Fixture *f, gconstpointer unused)
{
	(void)unused;
	int fd = raw_connect(f);
	g_autoptr(FrameReader) reader = frame_reader_new();
	for (guint i = 1; i <= 20; i++)
		raw_request(fd, i, "/wait", 0);
	await_inside(f, 20);
	raw_request(fd, 21, "/", 0);
	g_autoptr(Frame) first = raw_next(fd, reader);
	g_assert_cmpuint(first->stream, ==, 21);
	let_go_on(f);
	for (guint i = 1; i <= 20; i++) {
		g_autoptr(Frame) frame = raw_next(fd, reader);
		g_assert_cmpint(frame_status(frame), ==, 200);
	}
	close(fd);
}

static void test_free_in_flight(Fixture *f, gconstpointer unused)
{
	(void)unused;
	int fd = raw_connect(f);
	g_autoptr(FrameReader) reader = frame_reader_new();
	raw_request(fd, 1, "/keep", 0);
	g_autoptr(Frame) response = raw_next(fd, reader);
	g_assert_nonnull(response);
	for (guint i = 2; i < 30; i++)
		raw_request(fd, i, "/wait", 0);
	await_inside(f, 1);
	json_auto json_object *event = json_object_new_object();
	g_assert_true(stream_send_event(f->kept, event));
	stop_loop(f);
	let_go_on(f);
	close(fd); /* tear_down() frees the server and counts descriptors */
}

static void test_paths(Fixture *f, gconstpointer unused)
{
	(void)unused;
	g_autoptr(GError) error = NULL;
	g_assert_null(server_new(f->path, &(ServerOptions){0}, handle, f, &error));
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	g_clear_error(&error);
	check_alive(f);

	/* 107 bytes fit, 108 do not. */
	gsize stem = strlen(f->dir) + 1;
	g_autofree char *name = g_strnfill(107 - stem, 's');
	g_autofree char *longest = g_build_filename(f->dir, name, NULL);
	g_autofree char *too_long = g_strconcat(longest, "s", NULL);
	g_assert_null(server_new(too_long, &(ServerOptions){0}, handle, f, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_assert_nonnull(strstr(error->message, "108 bytes"));
	g_clear_error(&error);
	g_assert_null(client_connect(too_long, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_clear_error(&error);

	/* A socket that its owner left behind is replaced; a file is not. */
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_strlcpy(address.sun_path, longest, sizeof address.sun_path);
	int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(bind(dead, (struct sockaddr *)&address, sizeof address), ==, 0);
	close(dead);
	Server *server = server_new(longest, &(ServerOptions){0}, handle, f, &error);
	g_assert_no_error(error);
	g_assert_nonnull(server);
	server_free(server);
	g_assert_true(g_file_set_contents(longest, "precious", -1, NULL));
	g_assert_null(server_new(longest, &(ServerOptions){0}, handle, f, &error));
	g_assert_error(error, ERROR, ERROR_EXISTS);
	g_assert_true(g_file_test(longest, G_FILE_TEST_EXISTS));
}

typedef struct Load {
	const char *path;
	guint count;
} Load;

static gpointer send_load(gpointer data)
{
	Load *load = data;
	g_autoptr(Client) client = client_connect(load->path, NULL);
	for (guint i = 0; i < load->count; i++) {
		g_autoptr(Reply) reply = get(client, "/vms/100", NULL);
		g_assert_nonnull(reply);
	}
	return NULL;
}

static void test_rate(Fixture *f, gconstpointer unused)
{
	(void)unused;
	const guint widths[] = {1, 8};
	for (guint w = 0; w < G_N_ELEMENTS(widths); w++) {
		Load load = {f->path, 4000 / widths[w]};
		GThread *threads[8];
		gint64 start = g_get_monotonic_time();
		for (guint i = 0; i < widths[w]; i++)
			threads[i] = g_thread_new("load", send_load, &load);
		for (guint i = 0; i < widths[w]; i++)
			g_thread_join(threads[i]);
		double seconds = (double)(g_get_monotonic_time() - start) / 1e6;
		g_test_message("%u connections: %.0f requests/s", widths[w], load.count * widths[w] / seconds);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* GLib makes it at some first use and keeps its descriptor; the tests count descriptors. */
	g_main_context_default();
#define ADD(name, test) g_test_add("/server/" name, Fixture, NULL, set_up, test, tear_down)
	ADD("what takes no thread is answered while all of them are busy", test_quick);
	ADD("a request reaches its handler and its answer the client", test_request);
	ADD("errors come back with code, field and hint", test_errors);
	g_test_add_func("/server/a query is decoded, bounded, and refused when ambiguous", test_query);
	ADD("descriptors pass both ways", test_descriptors);
	ADD("a stream of events is followed to its end", test_follow);
	ADD("following ends when the callback says so", test_follow_ends);
	ADD("events wait for credit, and a stream that gets none is cancelled", test_credit);
	ADD("a cancelled request is never answered", test_cancel);
	ADD("a request ends at its deadline", test_deadline);
	ADD("a lost connection is named as such", test_lost);
	ADD("handlers that wait leave room for others", test_waiters);
	ADD("the server ends cleanly with handlers in flight and streams open", test_free_in_flight);
	ADD("only a dead socket is replaced", test_paths);
	ADD("requests per second", test_rate);
	return g_test_run();
}
