/* The guest agent's turn-taking.
 *
 * The guest agent does not promise ids, and a guest can be slow or lie: it gets one command at a time, and after a
 * command that timed out the next one first synchronizes again: guest-sync-delimited with a fresh number, whose answer
 * comes after byte 0xFF; everything before that answer is dropped. */
#include "base/error.h"
#include "base/json.h"
#include "qemu/qmp-internal.h"

/* Until the agent answers with our number, what comes belongs to commands that nobody waits for any more. */
static gboolean synchronize(Qmp *qmp, gint64 deadline, GError **error)
{
	gint64 number = (gint64)g_random_int() << 20 | (g_random_int() & 0xFFFFF) | 1;
	g_autoptr(GError) failure = NULL;
	json_auto json_object *arguments = json_object_new_object();

	json_set_int(arguments, "id", number);
	g_atomic_int_set(&qmp->agent_skips, TRUE);
	json_auto json_object *reply =
		qmp_run_command(qmp, "guest-sync-delimited", arguments, -1, number, deadline, &failure);
	if (reply)
		qmp->agent_synced = TRUE;
	else if (failure->code == ERROR_TIMEOUT)
		error_set(error, ERROR_TIMEOUT, "check that qemu-guest-agent is installed and running in the guest",
			  "the guest agent does not answer");
	else
		g_propagate_error(error, g_steal_pointer(&failure));
	return reply != NULL;
}

/* The agent's turn: one command at a time, synchronized before the first and after one that timed out. */
json_object *qmp_run_agent_command(Qmp *qmp, const char *command, json_object *arguments, gint64 deadline,
				   GError **error)
{
	g_autoptr(GError) failure = NULL;
	json_object *value = NULL;

	g_mutex_lock(&qmp->lock);
	while (qmp->open && qmp->agent_busy)
		if (!g_cond_wait_until(&qmp->changed, &qmp->lock, deadline)) {
			g_mutex_unlock(&qmp->lock);
			error_set(error, ERROR_TIMEOUT, NULL, "the guest agent is busy with another command");
			return NULL;
		}
	if (!qmp->open) {
		qmp_set_ended(qmp, "ask the guest agent", error);
		g_mutex_unlock(&qmp->lock);
		return NULL;
	}
	qmp->agent_busy = TRUE;
	g_mutex_unlock(&qmp->lock);

	if (qmp->agent_synced || synchronize(qmp, deadline, &failure))
		value = command ? qmp_run_command(qmp, command, arguments, -1, 0, deadline, &failure)
				: json_object_new_object();
	if (!value && error_code(failure) != ERROR_FAILED && error_code(failure) != ERROR_UNSUPPORTED)
		qmp->agent_synced = FALSE;

	g_mutex_lock(&qmp->lock);
	qmp->agent_busy = FALSE;
	g_cond_broadcast(&qmp->changed);
	g_mutex_unlock(&qmp->lock);
	if (!value)
		g_propagate_error(error, g_steal_pointer(&failure));
	return value;
}

Qmp *qmp_connect_agent(const char *socket_path, guint timeout_ms, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	int fd = qmp_open_socket(socket_path, timeout_ms, error);
	if (fd < 0)
		return NULL;
	g_autoptr(Qmp) qmp = qmp_new_connection(fd, TRUE, NULL, NULL);
	json_auto json_object *value = qmp_run_agent_command(qmp, NULL, NULL, deadline, error);
	return value ? g_steal_pointer(&qmp) : NULL;
}
