/* QMP and guest agent connections: against a real QEMU and a real qemu-ga, and against peers that misbehave. */
#include "qemu/qmp.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"

static char *scratch;

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	unlink(path);
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
	g_assert_cmpint(listen(fd, 8), ==, 0);
	return fd;
}

/* A peer that does what a function says with each accepted connection's socket. */
typedef struct Peer {
	char *path;
	int listener;
	void (*play)(int socket);
	GThread *thread;
} Peer;

static gpointer peer_run(gpointer data)
{
	Peer *peer = data;
	fd_auto int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		peer->play(fd);
	return NULL;
}

static Peer *peer_start(void (*play)(int socket))
{
	Peer *peer = g_new0(Peer, 1);
	peer->path = g_build_filename(scratch, "peer.sock", NULL);
	peer->listener = listen_at(peer->path);
	peer->play = play;
	peer->thread = g_thread_new("peer", peer_run, peer);
	return peer;
}

static void peer_end(Peer *peer)
{
	g_thread_join(peer->thread);
	close(peer->listener);
	g_free(peer->path);
	g_free(peer);
}

static void say(int fd, const char *text)
{
	fd_write_all(fd, text, strlen(text));
}

/* Reads until a newline; FALSE at the end. */
static gboolean hear(int fd, char *line, gsize size)
{
	gsize length = 0;
	while (length + 1 < size) {
		if (read(fd, line + length, 1) != 1)
			return FALSE;
		if (line[length++] == '\n')
			break;
	}
	line[length] = '\0';
	return TRUE;
}

/* The number after "id":, the last one in the line, as yadod writes it. */
static long id_in(const char *line)
{
	const char *found = g_strrstr(line, "\"id\":");
	return found ? strtol(found + 5, NULL, 10) : -1;
}

static void wait_for_end(int fd)
{
	char chunk[4096];
	while (read(fd, chunk, sizeof chunk) > 0)
		;
}

static void answer(int fd, long id, const char *value)
{
	g_autofree char *text = g_strdup_printf("{\"return\": %s, \"id\": %ld}\r\n", value, id);
	say(fd, text);
}

static void negotiate(int fd)
{
	char line[4096];
	say(fd, "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n");
	if (hear(fd, line, sizeof line))
		answer(fd, id_in(line), "{}");
}

typedef struct Machine {
	char *path;
	pid_t pid;
} Machine;

static void machine_start(Machine *machine)
{
	machine->path = g_build_filename(scratch, "qmp.sock", NULL);
	fd_auto int listener = listen_at(machine->path);
	const char *const argv[] = {"qemu-system-x86_64", "-nodefaults", "-no-user-config", "-S", "-machine", "none",
				    "-display", "none", "-chardev", "socket,id=qmp,fd=10," QMP_CHARDEV, "-mon",
				    "chardev=qmp,mode=control", NULL};
	ProcessFd fds[] = {{listener, 10}};
	g_autoptr(GError) error = NULL;
	process_spawn(argv, fds, 1, &machine->pid, &error);
	g_assert_no_error(error);
}

static void machine_end(Machine *machine)
{
	kill(machine->pid, SIGKILL);
	waitpid(machine->pid, NULL, 0);
	g_free(machine->path);
}

static void count_event(Qmp *qmp, const char *event, json_object *data, gpointer user_data)
{
	(void)qmp;
	(void)data;
	g_async_queue_push(user_data, g_strdup(event ? event : "(end)"));
}

static void assert_next_event(GAsyncQueue *events, const char *expected)
{
	g_autofree char *event = g_async_queue_timeout_pop(events, 5 * G_USEC_PER_SEC);
	g_assert_cmpstr(event, ==, expected);
}

static void test_real_qemu(void)
{
	Machine machine;
	g_autoptr(GError) error = NULL;
	g_autoptr(GAsyncQueue) events = g_async_queue_new_full(g_free);

	machine_start(&machine);
	g_autoptr(Qmp) qmp = qmp_connect(machine.path, 5000, count_event, events, &error);
	g_assert_no_error(error);
	json_auto json_object *version = qmp_command(qmp, "query-version", NULL, 5000, &error);
	g_assert_no_error(error);
	g_assert_cmpint(json_get_int(json_get(version, "qemu"), "major", 0), >=, 7);

	g_assert_null(qmp_command(qmp, "no-such-command", NULL, 5000, &error));
	g_assert_error(error, ERROR, ERROR_FAILED);
	g_assert_nonnull(strstr(error->message, "no-such-command"));
	g_clear_error(&error);

	fd_auto int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	json_object *arguments = json_object_new_object();
	json_set_int(arguments, "fdset-id", 7);
	json_auto json_object *added = qmp_command_fd(qmp, "add-fd", arguments, null, 5000, &error);
	g_assert_no_error(error);
	g_assert_cmpint(json_get_int(added, "fdset-id", 0), ==, 7);

	guint64 mark = qmp_event_mark(qmp);
	g_assert_true(qmp_do(qmp, "cont", NULL, 5000, &error));
	json_auto json_object *resumed = qmp_wait_event(qmp, mark, "RESUME", NULL, 5000, &error);
	g_assert_no_error(error);
	g_assert_nonnull(resumed);
	assert_next_event(events, "RESUME");
	/* An old mark finds it again, the present one does not. */
	json_auto json_object *again = qmp_wait_event(qmp, mark, "RESUME", NULL, 0, &error);
	g_assert_nonnull(again);
	g_assert_null(qmp_wait_event(qmp, qmp_event_mark(qmp), "RESUME", NULL, 20, &error));
	g_assert_error(error, ERROR, ERROR_TIMEOUT);
	g_clear_error(&error);

	kill(machine.pid, SIGKILL);
	assert_next_event(events, "(end)");
	g_assert_false(qmp_is_open(qmp));
	g_assert_null(qmp_command(qmp, "query-version", NULL, 5000, &error));
	g_assert_error(error, ERROR, ERROR_UNAVAILABLE);
	machine_end(&machine);
}

static void test_second_connection(void)
{
	Machine machine;
	g_autoptr(GError) error = NULL;
	machine_start(&machine);
	for (guint i = 0; i < 3; i++) {
		g_autoptr(Qmp) qmp = qmp_connect(machine.path, 5000, NULL, NULL, &error);
		g_assert_no_error(error);
		g_assert_true(qmp_do(qmp, "query-status", NULL, 5000, &error));
	}
	/* QEMU serves one client at a time: a second one is told so in time. */
	g_autoptr(Qmp) first = qmp_connect(machine.path, 5000, NULL, NULL, &error);
	g_assert_no_error(error);
	g_assert_null(qmp_connect(machine.path, 100, NULL, NULL, &error));
	g_assert_error(error, ERROR, ERROR_TIMEOUT);
	g_assert_true(qmp_is_open(first));
	machine_end(&machine);
}

static gpointer ask_often(gpointer data)
{
	for (guint i = 0; i < 50; i++) {
		g_autoptr(GError) error = NULL;
		json_object *arguments = json_object_new_object();
		json_set_str(arguments, "path", "/");
		g_assert_true(qmp_do(data, i % 2 ? "qom-list" : "query-status", i % 2 ? arguments : NULL, 10000,
				     &error));
		g_assert_no_error(error);
		if (i % 2 == 0)
			json_object_put(arguments);
	}
	return NULL;
}

static void test_many_threads(void)
{
	Machine machine;
	GThread *threads[8];
	machine_start(&machine);
	g_autoptr(Qmp) qmp = qmp_connect(machine.path, 5000, NULL, NULL, NULL);
	g_assert_nonnull(qmp);
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("asks", ask_often, qmp);
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
	machine_end(&machine);
}

static gpointer ask_until_closed(gpointer data)
{
	g_autoptr(Qmp) qmp = data;
	g_autoptr(GError) error = NULL;
	while (qmp_do(qmp, "query-status", NULL, 10000, &error))
		;
	g_assert_error(error, ERROR, ERROR_UNAVAILABLE);
	return NULL;
}

static void test_close_under_load(void)
{
	for (guint round = 0; round < 20; round++) {
		Machine machine;
		GThread *threads[3];
		machine_start(&machine);
		g_autoptr(GAsyncQueue) events = g_async_queue_new_full(g_free);
		Qmp *qmp = qmp_connect(machine.path, 5000, count_event, events, NULL);
		g_assert_nonnull(qmp);
		for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
			threads[i] = g_thread_new("asks", ask_until_closed, qmp_ref(qmp));
		g_assert_true(qmp_do(qmp, "cont", NULL, 5000, NULL));
		if (round % 2)
			kill(machine.pid, SIGKILL);
		qmp_close(qmp);
		int after = g_async_queue_length(events);
		for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
			g_thread_join(threads[i]);
		g_assert_cmpint(g_async_queue_length(events), ==, after);
		qmp_unref(qmp);
		machine_end(&machine);
	}
}

static void play_garbage(int fd)
{
	say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
	wait_for_end(fd);
}

static void play_silence(int fd)
{
	wait_for_end(fd);
}

static void play_cut(int fd)
{
	char line[4096];
	negotiate(fd);
	if (hear(fd, line, sizeof line))
		say(fd, "{\"return\": {\"hal");
}

static void play_endless_line(int fd)
{
	static char chunk[1 << 20];
	memset(chunk, 'x', sizeof chunk);
	negotiate(fd);
	/* 1 GiB without a line end; the other side hangs up long before. */
	for (guint i = 0; i < 1024 && fd_write_all(fd, chunk, sizeof chunk); i++)
		;
}

static void play_deep(int fd)
{
	char line[4096];
	negotiate(fd);
	if (!hear(fd, line, sizeof line))
		return;
	for (guint i = 0; i < 10000; i++)
		say(fd, "{\"a\":");
	say(fd, "\n");
	wait_for_end(fd);
}

static void play_other_id(int fd)
{
	char line[4096];
	negotiate(fd);
	while (hear(fd, line, sizeof line)) {
		answer(fd, id_in(line) + 1000, "\"wrong\"");
		say(fd, "{\"return\": \"without id\"}\r\n");
		say(fd, "{\"error\": {\"desc\": \"of nobody\"}}\r\n");
		say(fd, "{\"nothing\": \"known\"}\r\n");
		if (strstr(line, "second"))
			answer(fd, id_in(line), "\"right\"");
	}
}

static void expect_command_error(void (*play)(int), ErrorCode code, guint timeout_ms)
{
	g_autoptr(GError) error = NULL;
	Peer *peer = peer_start(play);
	Qmp *qmp = qmp_connect(peer->path, 3000, NULL, NULL, &error);
	g_assert_no_error(error);
	g_assert_null(qmp_command(qmp, "query-status", NULL, timeout_ms, &error));
	g_assert_error(error, ERROR, (int)code);
	qmp_unref(qmp);
	peer_end(peer);
}

static void expect_connect_error(void (*play)(int), ErrorCode code)
{
	g_autoptr(GError) error = NULL;
	Peer *peer = peer_start(play);
	g_assert_null(qmp_connect(peer->path, 200, NULL, NULL, &error));
	g_assert_error(error, ERROR, (int)code);
	peer_end(peer);
}

static void test_nobody(void)
{
	g_autoptr(GError) error = NULL;
	g_assert_null(qmp_connect("/nowhere/qmp.sock", 100, NULL, NULL, &error));
	g_assert_error(error, ERROR, ERROR_UNAVAILABLE);
	g_clear_error(&error);
	g_autofree char *path = g_strnfill(200, 'x');
	g_assert_null(qmp_connect(path, 100, NULL, NULL, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
}

static void test_bad_greeting(void)
{
	expect_connect_error(play_garbage, ERROR_UNAVAILABLE);
	expect_connect_error(play_silence, ERROR_TIMEOUT);
}

static void test_cut(void)
{
	expect_command_error(play_cut, ERROR_UNAVAILABLE, 5000);
}

static void test_endless_line(void)
{
	expect_command_error(play_endless_line, ERROR_UNAVAILABLE, 20000);
}

static void test_deep(void)
{
	expect_command_error(play_deep, ERROR_UNAVAILABLE, 5000);
}

static void test_other_id(void)
{
	g_autoptr(GError) error = NULL;
	Peer *peer = peer_start(play_other_id);
	Qmp *qmp = qmp_connect(peer->path, 3000, NULL, NULL, &error);
	g_assert_no_error(error);
	g_assert_null(qmp_command(qmp, "first", NULL, 100, &error));
	g_assert_error(error, ERROR, ERROR_TIMEOUT);
	g_clear_error(&error);
	json_auto json_object *value = qmp_command(qmp, "second", NULL, 5000, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(json_object_get_string(value), ==, "right");
	qmp_unref(qmp);
	peer_end(peer);
}

/* The first command is answered only when the second comes: a late reply, which nobody must get. */
static void play_late(int fd)
{
	char first[4096], second[4096];
	negotiate(fd);
	if (!hear(fd, first, sizeof first) || !hear(fd, second, sizeof second))
		return;
	answer(fd, id_in(first), "\"late\"");
	answer(fd, id_in(second), "\"mine\"");
	wait_for_end(fd);
}

static void test_late_reply(void)
{
	g_autoptr(GError) error = NULL;
	Peer *peer = peer_start(play_late);
	Qmp *qmp = qmp_connect(peer->path, 3000, NULL, NULL, &error);
	g_assert_null(qmp_command(qmp, "slow", NULL, 50, &error));
	g_assert_error(error, ERROR, ERROR_TIMEOUT);
	g_clear_error(&error);
	json_auto json_object *value = qmp_command(qmp, "quick", NULL, 5000, &error);
	g_assert_cmpstr(json_object_get_string(value), ==, "mine");
	qmp_unref(qmp);
	peer_end(peer);
}

/* Takes no input after the greeting, until the other side has gone. */
static void play_deaf(int fd)
{
	negotiate(fd);
	struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
	while (poll(&gone, 1, 10000) > 0 && !(gone.revents & (POLLRDHUP | POLLHUP)))
		;
}

static void test_deaf(void)
{
	g_autoptr(GError) error = NULL;
	Peer *peer = peer_start(play_deaf);
	Qmp *qmp = qmp_connect(peer->path, 3000, NULL, NULL, &error);
	json_object *arguments = json_object_new_object();
	g_autofree char *large = g_strnfill(8 << 20, 'x');
	json_set_str(arguments, "data", large);
	g_assert_null(qmp_command(qmp, "large", arguments, 200, &error));
	g_assert_error(error, ERROR, ERROR_UNAVAILABLE);
	g_assert_false(qmp_is_open(qmp));
	qmp_unref(qmp);
	peer_end(peer);
}

/* More events than the ring holds. */
static void play_events(int fd)
{
	char line[4096];
	negotiate(fd);
	while (hear(fd, line, sizeof line)) {
		for (guint i = 0; i < 200; i++) {
			g_autofree char *event = g_strdup_printf(
				"{\"event\": \"TICK\", \"data\": {\"device\": \"disk%u\", \"n\": %u}}\r\n", i % 2, i);
			say(fd, event);
		}
		answer(fd, id_in(line), "{}");
	}
}

static void test_event_ring(void)
{
	g_autoptr(GError) error = NULL;
	Peer *peer = peer_start(play_events);
	Qmp *qmp = qmp_connect(peer->path, 3000, NULL, NULL, &error);
	guint64 mark = qmp_event_mark(qmp);
	g_assert_true(qmp_do(qmp, "go", NULL, 5000, &error));
	json_auto json_object *tick = qmp_wait_event(qmp, mark, "TICK", "disk1", 5000, &error);
	g_assert_cmpint(json_get_int(tick, "n", 0), ==, 137); /* 200 - 64 = 136 is the oldest kept, of disk0 */
	g_assert_null(qmp_wait_event(qmp, mark, "TICK", "disk2", 20, &error));
	g_assert_error(error, ERROR, ERROR_TIMEOUT);
	qmp_unref(qmp);
	peer_end(peer);
}

static void close_in_callback(Qmp *qmp, const char *event, json_object *data, gpointer user_data)
{
	(void)data;
	if (event && g_str_equal(event, "TICK")) {
		qmp_close(qmp);
		g_async_queue_push(user_data, g_strdup("closed"));
	} else {
		g_async_queue_push(user_data, g_strdup("after"));
	}
}

static void test_close_in_callback(void)
{
	g_autoptr(GAsyncQueue) events = g_async_queue_new_full(g_free);
	Peer *peer = peer_start(play_events);
	Qmp *qmp = qmp_connect(peer->path, 3000, close_in_callback, events, NULL);
	g_assert_false(qmp_do(qmp, "go", NULL, 5000, NULL));
	assert_next_event(events, "closed");
	qmp_unref(qmp);
	peer_end(peer);
	g_assert_cmpint(g_async_queue_length(events), ==, 0);
}

typedef struct Agent {
	char *path;
	pid_t pid;
} Agent;

static void agent_start(Agent *agent)
{
	g_autofree char *pid_file = g_build_filename(scratch, "qga.pid", NULL);
	agent->path = g_build_filename(scratch, "qga.sock", NULL);
	unlink(agent->path);
	const char *const argv[] = {"qemu-ga", "-m", "unix-listen", "-p", agent->path, "-f", pid_file, "-t", scratch,
				    NULL};
	g_autoptr(GError) error = NULL;
	process_spawn(argv, NULL, 0, &agent->pid, &error);
	g_assert_no_error(error);
}

/* qemu-ga says nowhere that it listens: the socket's appearance is waited for by trying. */
static Qmp *agent_connect(Agent *agent, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	for (;;) {
		g_autoptr(GError) failure = NULL;
		Qmp *qmp = qmp_connect_agent(agent->path, 5000, &failure);
		if (qmp || failure->code != ERROR_UNAVAILABLE || g_get_monotonic_time() > deadline) {
			if (failure)
				g_propagate_error(error, g_steal_pointer(&failure));
			return qmp;
		}
		g_thread_yield();
	}
}

static void agent_end(Agent *agent)
{
	kill(agent->pid, SIGKILL);
	waitpid(agent->pid, NULL, 0);
	g_free(agent->path);
}

static void test_real_agent(void)
{
	Agent agent;
	g_autoptr(GError) error = NULL;
	agent_start(&agent);
	g_autoptr(Qmp) qmp = agent_connect(&agent, &error);
	g_assert_no_error(error);
	json_auto json_object *time = qmp_command(qmp, "guest-get-time", NULL, 5000, &error);
	g_assert_no_error(error);
	g_assert_cmpint(json_object_get_int64(time), >, 0);
	g_assert_null(qmp_command(qmp, "no-such-command", NULL, 5000, &error));
	g_assert_error(error, ERROR, ERROR_UNSUPPORTED);
	g_clear_error(&error);

	/* A command that times out, while the agent is stopped; then one that must not get its answer. */
	kill(agent.pid, SIGSTOP);
	g_assert_null(qmp_command(qmp, "guest-info", NULL, 50, &error));
	g_assert_error(error, ERROR, ERROR_TIMEOUT);
	g_clear_error(&error);
	kill(agent.pid, SIGCONT);
	json_auto json_object *host = qmp_command(qmp, "guest-get-host-name", NULL, 5000, &error);
	g_assert_no_error(error);
	g_assert_nonnull(json_get(host, "host-name"));
	agent_end(&agent);
}

/* An old agent without ids, whose channel still holds halves of older answers. */
static void play_old_agent(int fd)
{
	char line[4096];
	say(fd, "{\"return\": \"of an older session\"}\n{\"return\": {\"cut");
	while (hear(fd, line, sizeof line)) {
		const char *number = strstr(line, "\"arguments\":{\"id\":");
		if (number) {
			g_autofree char *text = g_strdup_printf(
				"\xFF{\"return\": %" G_GINT64_FORMAT "}\n",
				g_ascii_strtoll(number + strlen("\"arguments\":{\"id\":"), NULL, 10));
			say(fd, "{\"return\": 5}\n{\"error\": {\"desc\": \"stale\"}}\n{\"ret");
			say(fd, text);
		} else {
			say(fd, "{\"return\": \"fresh\"}\n");
		}
	}
}

static void test_old_agent(void)
{
	g_autoptr(GError) error = NULL;
	Peer *peer = peer_start(play_old_agent);
	Qmp *qmp = qmp_connect_agent(peer->path, 3000, &error);
	g_assert_no_error(error);
	json_auto json_object *value = qmp_command(qmp, "guest-ping", NULL, 3000, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(json_object_get_string(value), ==, "fresh");
	qmp_unref(qmp);
	peer_end(peer);
}

/* Answers the first question, and then talks without end. */
static void play_chatter(int fd)
{
	char line[4096];
	g_autofree char *text = g_strnfill(1 << 16, '\n');
	if (hear(fd, line, sizeof line)) {
		const char *number = strstr(line, "\"arguments\":");
		g_autofree char *digits = number ? g_strdup(strpbrk(number, "0123456789")) : g_strdup("0");
		g_autofree char *reply =
			g_strdup_printf("\xFF{\"return\": %.*s}\n", (int)strspn(digits, "0123456789"), digits);
		say(fd, reply);
	}
	while (fd_write_all(fd, text, 1 << 16))
		;
}

static void test_chatter(void)
{
	g_autoptr(GError) error = NULL;
	Peer *peer = peer_start(play_chatter);
	Qmp *agent = qmp_connect_agent(peer->path, 5000, &error);
	g_assert_no_error(error);
	peer_end(peer); /* it could write no more */
	g_assert_null(qmp_command(agent, "guest-ping", NULL, 5000, &error));
	g_assert_error(error, ERROR, ERROR_UNAVAILABLE);
	g_assert_nonnull(strstr(error->message, "nobody has asked for"));
	qmp_unref(agent);
}

static void test_absent_agent(void)
{
	g_autoptr(GError) error = NULL;
	Peer *peer = peer_start(play_silence);
	g_assert_null(qmp_connect_agent(peer->path, 50, &error));
	g_assert_error(error, ERROR, ERROR_TIMEOUT);
	g_assert_nonnull(error_hint(error));
	peer_end(peer);
}

static void test_reader_pieces(void)
{
	const char *text = "\r\n{\"a\": 1}\r\n{\"b\":\xFF{\"c\": \"\\u00ff\"}\n{\"d\": 4}\n{\"e\"";
	const char *const names[] = {"a", "c", "d"};
	for (gsize piece = 1; piece < strlen(text); piece++) {
		QmpReader *reader = qmp_reader_new();
		guint found = 0;
		for (gsize at = 0; at < strlen(text); at += piece) {
			json_object *message = NULL;
			qmp_reader_feed(reader, text + at, MIN(piece, strlen(text) - at));
			while (qmp_reader_next(reader, &message, NULL) == 1) {
				g_assert_cmpuint(found, <, G_N_ELEMENTS(names));
				g_assert_nonnull(json_get(message, names[found++]));
				json_object_put(message);
			}
		}
		g_assert_cmpuint(found, ==, G_N_ELEMENTS(names));
		qmp_reader_free(reader);
	}
}

static void test_reader_limit(void)
{
	g_autoptr(GError) error = NULL;
	json_object *message = NULL;
	QmpReader *reader = qmp_reader_new();
	g_autofree char *chunk = g_strnfill(1 << 20, ' ');
	qmp_reader_feed(reader, "{\"first\": 1}\n", 13);
	for (guint i = 0; i < 64; i++)
		qmp_reader_feed(reader, chunk, 1 << 20);
	g_assert_cmpint(qmp_reader_next(reader, &message, &error), ==, 1);
	json_object_put(message);
	g_assert_cmpint(qmp_reader_next(reader, &message, &error), ==, -1);
	g_assert_error(error, ERROR, ERROR_TOO_LARGE);
	qmp_reader_free(reader);
}

static void test_reader_many_values(void)
{
	g_autoptr(GError) error = NULL;
	json_object *message = NULL;
	QmpReader *reader = qmp_reader_new();
	g_autoptr(GString) line = g_string_new("{\"return\": \"[[[\\\"{{{,,,\"}\n{\"return\": [{}");
	for (guint i = 0; i < 60000; i++)
		g_string_append(line, ",{}");
	g_string_append(line, "]}\n");
	qmp_reader_feed(reader, line->str, line->len);
	g_assert_cmpint(qmp_reader_next(reader, &message, &error), ==, 1);
	json_object_put(message);
	g_assert_cmpint(qmp_reader_next(reader, &message, &error), ==, -1);
	g_assert_error(error, ERROR, ERROR_TOO_LARGE);
	qmp_reader_free(reader);
}

static void test_reader_refuses(void)
{
	const char *const bad[] = {"[]\n", "1\n", "null\n", "\"x\"\n", "{\"a\":\n", "{} {}\n",
				   "{\"a\":\"\xc3\x28\"}\n", "nonsense\n"};
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		json_object *message = NULL;
		QmpReader *reader = qmp_reader_new();
		qmp_reader_feed(reader, bad[i], strlen(bad[i]));
		qmp_reader_feed(reader, "{\"good\": 1}\n", 12);
		g_assert_cmpint(qmp_reader_next(reader, &message, NULL), ==, -1);
		/* Broken stays broken. */
		g_assert_cmpint(qmp_reader_next(reader, &message, NULL), ==, -1);
		qmp_reader_free(reader);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	signal(SIGPIPE, SIG_IGN);
	scratch = g_dir_make_tmp("yado-qmp-XXXXXX", NULL);
	g_test_add_func("/qmp/reader/takes messages from pieces of any size", test_reader_pieces);
	g_test_add_func("/qmp/reader/stops at its limit after what came before", test_reader_limit);
	g_test_add_func("/qmp/reader/refuses a message of very many values", test_reader_many_values);
	g_test_add_func("/qmp/reader/refuses what is not an object a line", test_reader_refuses);
	g_test_add_func("/qmp/asks and hears a real QEMU", test_real_qemu);
	g_test_add_func("/qmp/connects again after a close", test_second_connection);
	g_test_add_func("/qmp/many threads ask at once", test_many_threads);
	g_test_add_func("/qmp/closes while threads ask", test_close_under_load);
	g_test_add_func("/qmp/closes inside a callback", test_close_in_callback);
	g_test_add_func("/qmp/nobody listens", test_nobody);
	g_test_add_func("/qmp/a bad or missing greeting is an error", test_bad_greeting);
	g_test_add_func("/qmp/a connection cut inside a reply is an error", test_cut);
	g_test_add_func("/qmp/a line of 1 GiB is an error", test_endless_line);
	g_test_add_func("/qmp/a deep reply is an error", test_deep);
	g_test_add_func("/qmp/a reply of another id is nobody's", test_other_id);
	g_test_add_func("/qmp/a late reply is dropped", test_late_reply);
	g_test_add_func("/qmp/a peer that takes no input ends the connection", test_deaf);
	g_test_add_func("/qmp/the event ring keeps the newest", test_event_ring);
	g_test_add_func("/agent/asks a real agent, also after a timeout", test_real_agent);
	g_test_add_func("/agent/passes over old answers of an agent without ids", test_old_agent);
	g_test_add_func("/agent/one that talks without end is left", test_chatter);
	g_test_add_func("/agent/an absent agent is a timeout with a hint", test_absent_agent);
	int result = g_test_run();
	dir_remove(scratch, NULL);
	g_free(scratch);
	return result;
}
