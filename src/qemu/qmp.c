/* Connections to QEMU's monitor and to the guest agent; what is the agent's alone is in qmp-agent.c.
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
#include <poll.h>
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
	REASON_LENGTH = 1024,
	EVENT_MAX = 64 << 10,      /* one with more is kept without its data */
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

static const char *peer_name(const Qmp *qmp)
{
	return qmp->agent ? "the guest agent" : "QEMU";
}

/* Wakes all who wait; with the lock. Calls nobody. */
static void end_connection(Qmp *qmp, const char *reason)
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

static void keep_event(Qmp *qmp, const char *name, json_object *data)
{
	QmpEventEntry *event = &qmp->events[++qmp->event_sequence % QMP_EVENTS_MAX];
	g_free(event->name);
	g_free(event->data);
	event->sequence = qmp->event_sequence;
	event->name = g_strdup(name);
	/* json-c's reference counts are not atomic: each waiter makes its own of it. */
	event->data = data ? json_dup_text(data) : NULL;
	if (event->data && strlen(event->data) > EVENT_MAX)
		g_clear_pointer(&event->data, g_free);
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
		keep_event(qmp, event, json_get(message, "data"));
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
			error_set(error, ERROR_UNAVAILABLE, NULL, "%s closed the connection", peer_name(qmp));
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
		end_connection(qmp, error->message);
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
	end_connection(qmp, "the connection was closed");
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

/* Writes with the first byte carrying fd (-1: none). On failure nothing more can be written to the connection, unless
 * *ret_begun is FALSE. */
static gboolean send_all(Qmp *qmp, const char *text, gsize length, int fd, gint64 deadline, gboolean *ret_begun,
			 GError **error)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = {0};
	*ret_begun = FALSE;
	while (length > 0) {
		struct iovec part = {.iov_base = (char *)text, .iov_len = length};
		struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
		if (fd >= 0) {
			message.msg_control = control.space;
			message.msg_controllen = sizeof control.space;
			control.header = (struct cmsghdr){
				.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
			memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
		}
		ssize_t n = sendmsg(qmp->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			text += n;
			length -= (gsize)n;
			fd = -1;
			*ret_begun = TRUE;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			error_set(error, ERROR_UNAVAILABLE, NULL, "cannot send to %s: %s", peer_name(qmp),
				  g_strerror(errno));
			return FALSE;
		}
		gint64 left = (deadline - g_get_monotonic_time()) / 1000;
		struct pollfd ready = {.fd = qmp->fd, .events = POLLOUT};
		if (left <= 0 || (poll(&ready, 1, (int)MIN(left, G_MAXINT)) == 0)) {
			error_set(error, ERROR_TIMEOUT, NULL, "%s does not take input", peer_name(qmp));
			return FALSE;
		}
	}
	return TRUE;
}

/* Sends and waits for the reply; takes the reply out of `pending`. */
static json_object *exchange(Qmp *qmp, const char *command, const char *text, gsize length, int fd, QmpPending *pending,
			     gint64 deadline, GError **error)
{
	g_autoptr(GError) send_error = NULL;
	gboolean begun = FALSE, sent = FALSE, late = FALSE;

	g_mutex_lock(&qmp->lock);
	while (qmp->open && qmp->sending && !late)
		late = !g_cond_wait_until(&qmp->changed, &qmp->lock, deadline);
	if (qmp->open && !qmp->sending) {
		qmp->sending = TRUE;
		late = FALSE;
		g_hash_table_insert(qmp->pending, &pending->id, pending);
		g_mutex_unlock(&qmp->lock);
		sent = send_all(qmp, text, length, fd, deadline, &begun, &send_error);
		g_mutex_lock(&qmp->lock);
		qmp->sending = FALSE;
		if (!sent && (begun || send_error->code != ERROR_TIMEOUT))
			end_connection(qmp, send_error->message);
		g_cond_broadcast(&qmp->changed);
		while (sent && qmp->open && !pending->reply && !late)
			late = !g_cond_wait_until(&pending->answered, &qmp->lock, deadline);
		g_hash_table_remove(qmp->pending, &pending->id);
	}
	json_object *reply = g_steal_pointer(&pending->reply);
	if (!reply && qmp->open)
		error_set(error, ERROR_TIMEOUT, NULL, "%s did not answer '%s' in time", peer_name(qmp), command);
	else if (!reply)
		error_set(error, ERROR_UNAVAILABLE, NULL, "'%s' has no answer: %s", command, qmp->end_reason);
	g_mutex_unlock(&qmp->lock);
	return reply;
}

/* What the peer says is of any length and any letters. */
static void set_refusal(Qmp *qmp, const char *command, json_object *failure, GError **error)
{
	const char *text = json_get_str(failure, "desc", "no reason given");
	g_autofree char *reason = g_utf8_make_valid(text, (gssize)strnlen(text, REASON_LENGTH));
	/* Also of an agent's command that its configuration, or a frozen guest, does not allow. */
	gboolean unknown = qmp->agent && g_str_equal(json_get_str(failure, "class", ""), "CommandNotFound");
	error_set(error, unknown ? ERROR_UNSUPPORTED : ERROR_FAILED, NULL, "%s refused '%s': %s", peer_name(qmp),
		  command, reason);
}

/* sync: see Pending. */
json_object *qmp_run_command(Qmp *qmp, const char *command, json_object *arguments, int fd, gint64 sync,
			     gint64 deadline, GError **error)
{
	json_auto json_object *request = json_object_new_object();
	QmpPending pending = {.sync = sync};

	json_set_str(request, "execute", command);
	if (arguments)
		json_set(request, "arguments", json_object_get(arguments));
	g_mutex_lock(&qmp->lock);
	pending.id = ++qmp->next_id;
	g_mutex_unlock(&qmp->lock);
	json_set_int(request, "id", pending.id);
	g_autofree char *json = json_dup_text(request);
	/* The sentinel makes the agent forget what it has of a command that was cut off. */
	g_autofree char *text = g_strconcat(sync ? "\xFF" : "", json, "\n", NULL);

	g_cond_init(&pending.answered);
	json_auto json_object *reply = exchange(qmp, command, text, strlen(text), fd, &pending, deadline, error);
	g_cond_clear(&pending.answered);
	if (!reply)
		return NULL;
	json_object *failure = json_get(reply, "error");
	if (failure) {
		set_refusal(qmp, command, failure, error);
		return NULL;
	}
	json_object *value = json_get(reply, "return");
	return value ? json_object_get(value) : json_object_new_object();
}

json_object *qmp_command_fd(Qmp *qmp, const char *command, json_object *arguments, int fd, guint timeout_ms,
			    GError **error)
{
	json_auto json_object *owned = arguments;
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	if (g_thread_self() == monitor_thread) {
		error_set(error, ERROR_FAILED, NULL, "'%s' on the monitor thread would never be answered", command);
		return NULL;
	}
	return qmp->agent ? qmp_run_agent_command(qmp, command, owned, deadline, error)
			  : qmp_run_command(qmp, command, owned, fd, 0, deadline, error);
}

json_object *qmp_command(Qmp *qmp, const char *command, json_object *arguments, guint timeout_ms, GError **error)
{
	return qmp_command_fd(qmp, command, arguments, -1, timeout_ms, error);
}

gboolean qmp_do(Qmp *qmp, const char *command, json_object *arguments, guint timeout_ms, GError **error)
{
	json_auto json_object *value = qmp_command(qmp, command, arguments, timeout_ms, error);
	return value != NULL;
}

guint64 qmp_event_mark(Qmp *qmp)
{
	g_mutex_lock(&qmp->lock);
	guint64 mark = qmp->event_sequence;
	g_mutex_unlock(&qmp->lock);
	return mark;
}

/* The first matching event after the mark that is still in the ring; with the lock. */
static json_object *find_event(Qmp *qmp, guint64 mark, const char *name, const char *device)
{
	guint64 oldest = qmp->event_sequence > QMP_EVENTS_MAX ? qmp->event_sequence - QMP_EVENTS_MAX : 0;
	for (guint64 i = MAX(mark, oldest) + 1; i <= qmp->event_sequence; i++) {
		const QmpEventEntry *event = &qmp->events[i % QMP_EVENTS_MAX];
		if (!g_str_equal(event->name, name))
			continue;
		json_auto json_object *data = event->data ? json_parse(event->data, strlen(event->data), NULL) : NULL;
		if (!device || g_strcmp0(json_get_str(data, "device", NULL), device) == 0)
			return data ? g_steal_pointer(&data) : json_object_new_object();
	}
	return NULL;
}

json_object *qmp_wait_event(Qmp *qmp, guint64 mark, const char *event, const char *device, guint timeout_ms,
			    GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	gboolean late = FALSE;
	json_object *data;

	g_mutex_lock(&qmp->lock);
	while (!(data = find_event(qmp, mark, event, device)) && qmp->open && !late)
		late = !g_cond_wait_until(&qmp->changed, &qmp->lock, deadline);
	if (!data && !qmp->open)
		error_set(error, ERROR_UNAVAILABLE, NULL, "cannot wait for %s: %s", event, qmp->end_reason);
	else if (!data)
		error_set(error, ERROR_TIMEOUT, NULL, "%s%s%s did not come within %u ms", event, device ? " of " : "",
			  device ? device : "", timeout_ms);
	g_mutex_unlock(&qmp->lock);
	return data;
}

static int connect_socket(const char *path, guint timeout_ms, GError **error)
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

Qmp *qmp_new_connection(const char *path, gboolean agent, guint timeout_ms, QmpEvent on_event, gpointer user_data,
			GError **error)
{
	fd_auto int fd = connect_socket(path, timeout_ms, error);
	if (fd < 0)
		return NULL;
	qmp_monitor_start();
	Qmp *qmp = g_new0(Qmp, 1);
	qmp->users = 1;
	qmp->holds = 2;
	g_mutex_init(&qmp->lock);
	g_cond_init(&qmp->changed);
	qmp->fd = fd_steal(&fd);
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

Qmp *qmp_connect(const char *socket_path, guint timeout_ms, QmpEvent on_event, gpointer user_data, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	g_autoptr(Qmp) qmp = qmp_new_connection(socket_path, FALSE, timeout_ms, on_event, user_data, error);
	gboolean late = FALSE;
	if (!qmp)
		return NULL;

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
