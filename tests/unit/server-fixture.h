/* A server in a loop of its own, the handlers that its tests call, and peers: a real client, and one that speaks raw
 * frames. */
#pragma once
#include "api/server-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/request.h"
#include "base/client.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

typedef struct Fixture {
	char *dir, *path;
	guint fds; /* before anything was opened */
	GMainContext *context;
	GMainLoop *loop;
	GThread *thread;
	Server *server;
	/* what handlers and tests share */
	GMutex lock;
	GCond changed;
	Stream *kept;
	guint inside; /* handlers that have come to wait */
	gboolean go_on;
} Fixture;

static inline guint count_fds(void)
{
	guint count = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* The server closes its copies in its own thread, a moment after the peer has what it waits for. */
static inline void check_fds_become(guint wanted)
{
	gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	while (count_fds() != wanted && g_get_monotonic_time() < deadline)
		g_thread_yield();
	g_assert_cmpuint(count_fds(), ==, wanted);
}

static inline gboolean echo(Request *request, Response *response)
{
	json_auto json_object *body = json_object_new_object();
	json_object *query = json_object_new_object();
	GHashTableIter iter;
	gpointer name, value;
	json_set_str(body, "method", request->method);
	json_set_str(body, "path", request->path);
	json_set_str(body, "user", request->user);
	json_set_int(body, "uid", request->peer_uid);
	json_set_int(body, "length", (gint64)g_bytes_get_size(request->body));
	json_set(body, "headers", json_copy(request->headers));
	g_hash_table_iter_init(&iter, request->query);
	while (g_hash_table_iter_next(&iter, &name, &value))
		json_set_str(query, name, value);
	json_set(body, "query", query);
	char *text = json_dup_text(body);
	response->body = g_bytes_new_take(text, strlen(text));
	response->head = json_object_new_object();
	json_set_int(response->head, "etag", 42);
	return TRUE;
}

/* A pipe's two ends come back for the one descriptor that was sent, to which is written. */
static inline gboolean swap_fds(Request *request, Response *response, GError **error)
{
	fd_auto int fd = frame_steal_fd(request->frame, 0);
	if (fd < 0) {
		error_set(error, ERROR_INVALID, NULL, "no descriptor came");
		return FALSE;
	}
	g_assert_true(fd_write_all(fd, "seen", 4));
	g_assert_cmpint(pipe2(response->fds, O_CLOEXEC), ==, 0);
	response->fd_count = 2;
	return TRUE;
}

static inline void wait_to_go_on(Fixture *f)
{
	g_mutex_lock(&f->lock);
	f->inside++;
	g_cond_broadcast(&f->changed);
	while (!f->go_on)
		g_cond_wait(&f->changed, &f->lock);
	g_mutex_unlock(&f->lock);
}

static inline void await_inside(Fixture *f, guint count)
{
	gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	g_mutex_lock(&f->lock);
	while (f->inside < count)
		g_assert_true(g_cond_wait_until(&f->changed, &f->lock, deadline));
	g_mutex_unlock(&f->lock);
}

static inline void let_go_on(Fixture *f)
{
	g_mutex_lock(&f->lock);
	f->go_on = TRUE;
	g_cond_broadcast(&f->changed);
	g_mutex_unlock(&f->lock);
}

static inline gboolean handle(Request *request, Response *response, gpointer data, GError **error)
{
	Fixture *f = data;
	if (g_str_equal(request->path, "/fail")) {
		response->head = json_object_new_object(); /* nothing of this may leak */
		response->body = g_bytes_new("x", 1);
		response->fds[response->fd_count++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		error_set_field(error, ERROR_CONFLICT, "name", "choose another", "'%s' is in the way", "x");
		return FALSE;
	}
	if (g_str_equal(request->path, "/fds"))
		return swap_fds(request, response, error);
	if (g_str_equal(request->path, "/large")) {
		gsize length = g_ascii_strtoull(g_hash_table_lookup(request->query, "size"), NULL, 10);
		response->body = g_bytes_new_take(g_strnfill(length, ' '), length);
		return TRUE;
	}
	if (request->refusal) {
		g_assert_false(g_main_context_is_owner(f->context));
		g_propagate_error(error, g_steal_pointer(&request->refusal));
		return FALSE;
	}
	if (g_str_equal(request->path, "/wait"))
		wait_to_go_on(f);
	if (g_str_equal(request->path, "/count")) { /* events, then the end */
		response->keep_stream = TRUE;
		for (int i = 0; i < 1000; i++) {
			json_auto json_object *event = json_object_new_object();
			json_set_int(event, "n", i);
			g_autofree char *padding = g_strnfill(200, 'x');
			json_set_str(event, "padding", padding);
			g_assert_true(stream_send_event(request->stream, event));
		}
		stream_close(request->stream);
		return TRUE;
	}
	if (g_str_equal(request->path, "/keep")) {
		response->keep_stream = TRUE;
		g_mutex_lock(&f->lock);
		f->kept = stream_ref(request->stream);
		g_cond_broadcast(&f->changed);
		g_mutex_unlock(&f->lock);
		return TRUE;
	}
	return echo(request, response);
}

/* "/quick?n=…" is answered in the loop, odd numbers are left to a thread, which says so. */
static inline gboolean answer_quickly(Request *request, Response *response, gpointer data)
{
	Fixture *f = data;
	const char *number = g_hash_table_lookup(request->query, "n");
	g_assert_true(g_main_context_is_owner(f->context));
	g_assert_null(request->stream);
	if (!g_str_equal(request->path, "/quick"))
		return FALSE;
	if (atoi(number) % 2) {
		error_set(&request->refusal, ERROR_FORBIDDEN, NULL, "odd");
		return FALSE;
	}
	return echo(request, response);
}

static inline gpointer run_loop(gpointer data)
{
	Fixture *f = data;
	g_main_context_push_thread_default(f->context);
	g_main_loop_run(f->loop);
	g_main_context_pop_thread_default(f->context);
	return NULL;
}

/* With a progress_us (gint64) for the server, or NULL for its own. */
static inline void set_up(Fixture *f, gconstpointer progress_us)
{
	memset(f, 0, sizeof *f);
	f->dir = g_dir_make_tmp("server-XXXXXX", NULL);
	f->path = g_build_filename(f->dir, "api.sock", NULL);
	f->context = g_main_context_new();
	f->loop = g_main_loop_new(f->context, FALSE);
	f->fds = count_fds();
	g_autoptr(GError) error = NULL;
	f->server = server_new(f->path, &(ServerOptions){.context = f->context, .quick = answer_quickly}, handle, f,
			       &error);
	g_assert_no_error(error);
	if (progress_us)
		f->server->progress_us = *(const gint64 *)progress_us;
	f->thread = g_thread_new("loop", run_loop, f);
}

static inline gboolean quit_loop(gpointer data)
{
	g_main_loop_quit(data);
	return G_SOURCE_REMOVE;
}

/* From within the loop: a quit that comes before the thread has begun to run it would be lost. */
static inline void stop_loop(Fixture *f)
{
	if (!f->thread)
		return;
	g_autoptr(GSource) quit = g_idle_source_new();
	g_source_set_callback(quit, quit_loop, f->loop, NULL);
	g_source_attach(quit, f->context);
	g_thread_join(g_steal_pointer(&f->thread));
}

static inline void tear_down(Fixture *f, gconstpointer unused)
{
	(void)unused;
	stop_loop(f);
	server_free(f->server);
	g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
	g_assert_cmpuint(count_fds(), ==, f->fds);
	if (f->kept) {
		json_auto json_object *event = json_object_new_object();
		g_assert_false(stream_send_event(f->kept, event)); /* safe after the server */
		stream_unref(f->kept);
	}
	g_main_loop_unref(f->loop);
	g_main_context_unref(f->context);
	dir_remove(f->dir, NULL);
	g_free(f->dir);
	g_free(f->path);
}

static inline Client *connect_to(Fixture *f)
{
	g_autoptr(GError) error = NULL;
	Client *client = client_connect(f->path, &error);
	g_assert_no_error(error);
	return client;
}

static inline Reply *get(Client *client, const char *path, GError **error)
{
	return client_request(client, "GET", path, NULL, NULL, NULL, 0, 20000, error);
}

static inline void check_alive(Fixture *f)
{
	g_autoptr(Client) client = connect_to(f);
	g_autoptr(GError) error = NULL;
	g_autoptr(Reply) reply = get(client, "/alive", &error);
	g_assert_nonnull(reply);
	g_assert_no_error(error);
}

static inline int raw_connect(Fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_strlcpy(address.sun_path, f->path, sizeof address.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
	return fd;
}

static inline Frame *raw_next(int fd, FrameReader *reader)
{
	Frame *frame = NULL;
	int state;
	while ((state = frame_reader_next(reader, &frame, NULL)) == 0) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		g_assert_cmpint(poll(&ready, 1, 20000), ==, 1);
		if (frame_receive(fd, reader) < 0)
			return NULL;
	}
	g_assert_cmpint(state, ==, 1);
	return frame;
}

static inline void raw_request(int fd, guint32 stream, const char *path, gint64 deadline_ms)
{
	g_autoptr(Frame) frame = frame_new(FRAME_REQUEST, stream);
	g_autoptr(GError) error = NULL;
	frame->head = json_object_new_object();
	json_set_str(frame->head, "method", "GET");
	json_set_str(frame->head, "path", path);
	if (deadline_ms)
		json_set_int(frame->head, "deadline_ms", deadline_ms);
	frame_send(fd, frame, 20000, &error);
	g_assert_no_error(error);
}

static inline void raw_small(int fd, FrameType type, guint32 stream, guint32 credit)
{
	g_autoptr(Frame) frame = frame_new(type, stream);
	frame->credit = credit;
	g_assert_true(frame_send(fd, frame, 1000, NULL));
}

static inline int frame_status(Frame *frame)
{
	return (int)json_get_int(frame->head, "status", 0);
}

static inline Stream *await_kept(Fixture *f)
{
	g_mutex_lock(&f->lock);
	while (!f->kept)
		g_cond_wait(&f->changed, &f->lock);
	g_mutex_unlock(&f->lock);
	return f->kept;
}
