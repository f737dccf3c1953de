/* Commands: sent by the thread that asks, in turn, and answered by the monitor thread, or not in time. */
#include "qemu/qmp-internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/json.h"

enum { REASON_LENGTH = 1024 };

/* Writes with the first byte carrying fd (-1: none). QEMU keeps one descriptor that has come and was not taken yet,
 * and closes it for the next: none is lost or mixed up, whichever threads send, since without out-of-band commands
 * (not negotiated) it reads no byte of a command before it has answered the one before. On failure nothing more can
 * be written to the connection, unless *ret_begun is FALSE. */
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
			error_set(error, ERROR_UNAVAILABLE, NULL, "cannot send to %s: %s", qmp_peer_name(qmp),
				  g_strerror(errno));
			return FALSE;
		}
		gint64 left = (deadline - g_get_monotonic_time()) / 1000;
		struct pollfd ready = {.fd = qmp->fd, .events = POLLOUT};
		if (left <= 0 || (poll(&ready, 1, (int)MIN(left, G_MAXINT)) == 0)) {
			error_set(error, ERROR_TIMEOUT, NULL, "%s does not take input", qmp_peer_name(qmp));
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
			qmp_end_connection(qmp, send_error->message);
		g_cond_broadcast(&qmp->changed);
		while (sent && qmp->open && !pending->reply && !late)
			late = !g_cond_wait_until(&pending->answered, &qmp->lock, deadline);
		g_hash_table_remove(qmp->pending, &pending->id);
	}
	json_object *reply = g_steal_pointer(&pending->reply);
	if (!reply && qmp->open)
		error_set(error, ERROR_TIMEOUT, NULL, "%s did not answer '%s' in time", qmp_peer_name(qmp), command);
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
	error_set(error, unknown ? ERROR_UNSUPPORTED : ERROR_FAILED, NULL, "%s refused '%s': %s", qmp_peer_name(qmp),
		  command, reason);
}

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
	if (qmp_is_monitor_thread()) {
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
