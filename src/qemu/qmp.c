/* Connections to QEMU's monitor and to the guest agent: made, read, ended. Commands are in qmp-command.c, events in
 * qmp-events.c, what is the agent's alone in qmp-agent.c.
 *
 * One monitor thread reads all connections from its own GMainContext and never waits for anything but input. It
 * matches each reply with the command that waits for it (by id), numbers events into a ring that qmp_wait_event()
 * looks through, and calls back. A command is sent by the thread that asks: it waits for its turn to write, writes
 * without holding the lock, then waits on its own condition up to the deadline. A reply that nobody waits for any
 * more is dropped.
 *
 * Life: `users` counts the public references, the last of which closes; `holds` counts those and the event source's,
 * the last of which frees. The socket is shut down at the close and its number freed only with the memory, so that no
 * thread can write to a descriptor that has become another file. */
#include "qemu/qmp-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum {
	READ_SIZE = 64 << 10,
	READS_PER_TURN = 16,
	UNANSWERED_MAX = 32 << 20, /* twice the longest message */
};

static GMainContext *monitor_context;
static GThread *monitor_thread;

static gpointer monitor_run(gpointer data)
{
	g_autoptr(GMainLoop) loop = g_main_loop_new(data, FALSE);
	g_main_context_push_thread_default(data);
	g_main_loop_run(loop);
	return NULL;
}

void qmp_monitor_start(void)
{
	static gsize once;
	if (g_once_init_enter(&once)) {
		monitor_context = g_main_context_new();
		monitor_thread = g_thread_new("monitor", monitor_run, monitor_context);
		g_once_init_leave(&once, 1);
	}
}

gboolean qmp_is_monitor_thread(void)
{
	return g_thread_self() == monitor_thread;
}

GMainContext *qmp_monitor_context(void)
{
	qmp_monitor_start();
	return monitor_context;
}

static void qmp_release(Qmp *qmp)
{
	if (!g_atomic_int_dec_and_test(&qmp->holds))
		return;
	for (guint i = 0; i < QMP_EVENTS_MAX; i++) {
		g_free(qmp->events[i].name);
		g_free(qmp->events[i].data);
	}
	fd_close(qmp->fd);
	g_hash_table_unref(qmp->pending);
	qmp_reader_free(qmp->reader);
	g_clear_pointer(&qmp->source, g_source_unref);
	g_cond_clear(&qmp->changed);
	g_mutex_clear(&qmp->lock);
	g_free(qmp->end_reason);
	g_free(qmp);
}

static void release_source(gpointer data)
{
	qmp_release(data);
}

const char *qmp_peer_name(const Qmp *qmp)
{
	return qmp->agent ? "the guest agent" : "QEMU";
}

/* Wakes all who wait, and calls nobody. */
void qmp_end_connection(Qmp *qmp, const char *reason)
{
	GHashTableIter iterator;
	gpointer pending;

	if (!qmp->open)
		return;
	qmp->open = FALSE;
	qmp->end_reason = g_strdup(reason);
	shutdown(qmp->fd, SHUT_RDWR);
	g_hash_table_iter_init(&iterator, qmp->pending);
	while (g_hash_table_iter_next(&iterator, NULL, &pending))
		g_cond_signal(&((QmpPending *)pending)->answered);
	g_cond_broadcast(&qmp->changed);
}

/* Finds who waits for a message; with the lock. An agent's reply is that of its only command, if it has no id. */
static QmpPending *find_pending(Qmp *qmp, json_object *message)
{
	gint64 number = json_get_int(message, "id", -1);
	gpointer found = NULL;
	GHashTableIter iterator;

	g_hash_table_iter_init(&iterator, qmp->pending);
	if (json_get(message, "id") || !qmp->agent)
		found = g_hash_table_lookup(qmp->pending, &number);
	else if (!g_hash_table_iter_next(&iterator, NULL, &found))
		return NULL;
	QmpPending *pending = found;
	if (pending && pending->sync && json_get_int(message, "return", 0) != pending->sync)
		return NULL;
	return pending;
}

/* One message, on the monitor thread. FALSE if the connection was closed meanwhile. */
static gboolean take_message(Qmp *qmp, json_object *message)
{
	const char *event = json_get_str(message, "event", NULL);
	gboolean call = FALSE;

	g_mutex_lock(&qmp->lock);
	gboolean open = qmp->open && !qmp->closed_by_user;
	if (open && event && !qmp->agent) {
		qmp_keep_event(qmp, event, json_get(message, "data"));
		call = qmp->on_event != NULL;
	} else if (open && json_get(message, "QMP") && !qmp->agent) {
		qmp->greeted = TRUE;
		g_cond_broadcast(&qmp->changed);
	} else if (open && (json_object_object_get_ex(message, "return", NULL) || json_get(message, "error"))) {
		QmpPending *pending = find_pending(qmp, message);
		if (pending && !pending->reply) {
			qmp->unanswered = 0;
			pending->reply = json_object_get(message);
			/* The monitor thread must not touch the count of what another thread now has. */
			g_hash_table_remove(qmp->pending, &pending->id);
			json_object_put(message);
			g_cond_signal(&pending->answered);
			message = NULL;
		}
	}
	g_mutex_unlock(&qmp->lock);
	if (call)
		qmp->on_event(qmp, event, json_get(message, "data"), qmp->user_data);
	if (message)
		json_object_put(message);
	return open;
}

static gboolean take_messages(Qmp *qmp, GError **error)
{
	json_object *message = NULL;
	int found;
	while ((found = qmp_reader_next(qmp->reader, &message, error)) > 0)
		if (!take_message(qmp, message))
			return TRUE;
	return found == 0;
}

/* Reads what is there. FALSE with the reason when the connection has ended. */
static gboolean read_input(Qmp *qmp, GError **error)
{
	static char chunk[READ_SIZE]; /* only the monitor thread comes here */
	for (guint i = 0; i < READS_PER_TURN; i++) {
		ssize_t n = recv(qmp->fd, chunk, sizeof chunk, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return TRUE;
		if (n <= 0) {
			error_set(error, ERROR_UNAVAILABLE, NULL, "%s closed the connection", qmp_peer_name(qmp));
			return FALSE;
		}
		/* A guest that writes without being asked would keep this thread busy, which all guests share. */
		if (qmp->agent && (qmp->unanswered += (gsize)n) > UNANSWERED_MAX) {
			error_set(error, ERROR_UNAVAILABLE, NULL, "the guest agent sends what nobody has asked for");
			return FALSE;
		}
		const char *useful = chunk;
		if (g_atomic_int_get(&qmp->agent_skips)) {
			useful = memchr(chunk, 0xFF, (gsize)n);
			if (!useful)
				continue;
			g_atomic_int_set(&qmp->agent_skips, FALSE);
		}
		qmp_reader_feed(qmp->reader, useful, (gsize)(chunk + n - useful));
		if (!take_messages(qmp, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean on_input(gint fd, GIOCondition condition, gpointer data)
{
	Qmp *qmp = data;
	g_autoptr(GError) error = NULL;
	(void)fd;
	(void)condition;

	g_mutex_lock(&qmp->lock);
	if (qmp->closed_by_user) {
		g_mutex_unlock(&qmp->lock);
		return G_SOURCE_REMOVE;
	}
	qmp->dispatching = TRUE;
	g_mutex_unlock(&qmp->lock);

	gboolean going = read_input(qmp, &error);

	g_mutex_lock(&qmp->lock);
	if (!going)
		qmp_end_connection(qmp, error->message);
	going = qmp->open;
	gboolean tell = !going && !qmp->closed_by_user && qmp->on_event;
	g_mutex_unlock(&qmp->lock);
	if (tell)
		qmp->on_event(qmp, NULL, NULL, qmp->user_data);

	g_mutex_lock(&qmp->lock);
	qmp->dispatching = FALSE;
	g_cond_broadcast(&qmp->changed);
	g_mutex_unlock(&qmp->lock);
	return going ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

Qmp *qmp_ref(Qmp *qmp)
{
	g_atomic_int_inc(&qmp->holds);
	g_atomic_int_inc(&qmp->users);
	return qmp;
}

void qmp_unref(Qmp *qmp)
{
	if (!qmp)
		return;
	if (g_atomic_int_dec_and_test(&qmp->users))
		qmp_close(qmp);
	qmp_release(qmp);
}

void qmp_close(Qmp *qmp)
{
	g_mutex_lock(&qmp->lock);
	qmp->closed_by_user = TRUE;
	qmp_end_connection(qmp, "the connection was closed");
	g_mutex_unlock(&qmp->lock);
	if (qmp->source)
		g_source_destroy(qmp->source);
	if (g_thread_self() == monitor_thread)
		return;
	g_mutex_lock(&qmp->lock);
	while (qmp->dispatching)
		g_cond_wait(&qmp->changed, &qmp->lock);
	g_mutex_unlock(&qmp->lock);
}

gboolean qmp_is_open(Qmp *qmp)
{
	g_mutex_lock(&qmp->lock);
	gboolean open = qmp->open;
	g_mutex_unlock(&qmp->lock);
	return open;
}

void qmp_set_ended(Qmp *qmp, const char *what, GError **error)
{
	error_set(error, ERROR_UNAVAILABLE, NULL, "cannot %s: %s", what, qmp->end_reason);
}

int qmp_open_socket(const char *path, guint timeout_ms, GError **error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path) {
		error_set(error, ERROR_INVALID, NULL, "the socket's path '%s' is too long", path);
		return -1;
	}
	g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	fd_auto int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* A full backlog makes connect() wait; SO_SNDTIMEO bounds that. */
	struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0) {
		error_set_errno(error, errno, "cannot make a socket");
		return -1;
	}
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		error_set(error, errno == EAGAIN ? ERROR_TIMEOUT : ERROR_UNAVAILABLE, NULL,
			  "cannot connect to '%s': %s", path, errno == EAGAIN ? "nobody accepts" : g_strerror(errno));
		return -1;
	}
	return fd_steal(&fd);
}

Qmp *qmp_new_connection(int fd, gboolean agent, QmpEvent on_event, gpointer user_data)
{
	qmp_monitor_start();
	Qmp *qmp = g_new0(Qmp, 1);
	qmp->users = 1;
	qmp->holds = 2;
	g_mutex_init(&qmp->lock);
	g_cond_init(&qmp->changed);
	qmp->fd = fd;
	qmp->agent = agent;
	qmp->open = TRUE;
	qmp->reader = qmp_reader_new();
	qmp->pending = g_hash_table_new(g_int64_hash, g_int64_equal);
	qmp->on_event = on_event;
	qmp->user_data = user_data;
	qmp->source = g_unix_fd_source_new(qmp->fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
	g_source_set_callback(qmp->source, G_SOURCE_FUNC(on_input), qmp, release_source);
	g_source_attach(qmp->source, monitor_context);
	return qmp;
}

/* Takes the reference over. */
static Qmp *greet(Qmp *connection, guint timeout_ms, gint64 deadline, GError **error)
{
	g_autoptr(Qmp) qmp = connection;
	gboolean late = FALSE;

	g_mutex_lock(&qmp->lock);
	while (qmp->open && !qmp->greeted && !late)
		late = !g_cond_wait_until(&qmp->changed, &qmp->lock, deadline);
	gboolean greeted = qmp->greeted;
	if (!greeted && !qmp->open)
		qmp_set_ended(qmp, "talk to QEMU", error);
	else if (!greeted)
		error_set(error, ERROR_TIMEOUT, NULL, "QEMU did not greet within %u ms", timeout_ms);
	g_mutex_unlock(&qmp->lock);
	if (!greeted)
		return NULL;

	json_auto json_object *value = qmp_run_command(qmp, "qmp_capabilities", NULL, -1, 0, deadline, error);
	return value ? g_steal_pointer(&qmp) : NULL;
}

Qmp *qmp_connect(const char *socket_path, guint timeout_ms, QmpEvent on_event, gpointer user_data, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	int fd = qmp_open_socket(socket_path, timeout_ms, error);
	return fd < 0 ? NULL : greet(qmp_new_connection(fd, FALSE, on_event, user_data), timeout_ms, deadline, error);
}

Qmp *qmp_connect_fd(int fd, guint timeout_ms, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	return greet(qmp_new_connection(fd, FALSE, NULL, NULL), timeout_ms, deadline, error);
}
