/* Transient scopes, over D-Bus (org.freedesktop.systemd1(5)).
 *
 * StartTransientUnit answers with a job; JobRemoved tells how that job has ended, and is for us alone as long as nobody
 * else on the bus has asked for such signals. Each call has a connection of its own: a bus that was started anew is no
 * matter, no two threads share one, and to connect costs less than a tenth of what systemd does then
 * (bench/start.py --profile). sd-bus calls handlers only from sd_bus_process(), so a signal that comes before the
 * answer to our call is seen after it. */
#include "sandbox/scope.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/error.h"

#define SERVICE "org.freedesktop.systemd1"
#define OBJECT "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"

/* How long QEMU may take to end when its scope is stopped: it writes out what its disks have taken. */
enum { STOP_TIMEOUT_S = 60 };

typedef struct Wait {
	const char *unit;
	char *job;
	char *result; /* of the job; NULL: not yet */
	gboolean removed; /* the former unit is gone */
} Wait;

static int on_job_removed(sd_bus_message *message, void *data, sd_bus_error *error)
{
	Wait *wait = data;
	const char *job, *unit, *result;
	guint32 id;
	(void)error;
	if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) >= 0 && wait->job &&
	    strcmp(job, wait->job) == 0 && !wait->result)
		wait->result = g_strdup(result);
	return 0;
}

static int on_unit_removed(sd_bus_message *message, void *data, sd_bus_error *error)
{
	Wait *wait = data;
	const char *unit, *path;
	(void)error;
	if (sd_bus_message_read(message, "so", &unit, &path) >= 0 && strcmp(unit, wait->unit) == 0)
		wait->removed = TRUE;
	return 0;
}

static int append_texts(sd_bus_message *message, const char *name, const char *const *texts)
{
	int r = sd_bus_message_open_container(message, 'r', "sv");
	r = r < 0 ? r : sd_bus_message_append(message, "s", name);
	r = r < 0 ? r : sd_bus_message_open_container(message, 'v', "as");
	r = r < 0 ? r : sd_bus_message_append_strv(message, (char **)texts);
	r = r < 0 ? r : sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_pids(sd_bus_message *message, const pid_t *pids, guint count)
{
	G_STATIC_ASSERT(sizeof(pid_t) == sizeof(guint32));
	int r = sd_bus_message_open_container(message, 'r', "sv");
	r = r < 0 ? r : sd_bus_message_append(message, "s", "PIDs");
	r = r < 0 ? r : sd_bus_message_open_container(message, 'v', "au");
	r = r < 0 ? r : sd_bus_message_append_array(message, 'u', pids, count * sizeof *pids);
	r = r < 0 ? r : sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_cpu(sd_bus_message *message, const CpuBounds *bounds)
{
	guint64 quota = bounds->limit ? bounds->limit * G_USEC_PER_SEC / 100 : G_MAXUINT64; /* of each second */
	return sd_bus_message_append(message, "(sv)(sv)", "CPUWeight", "t", (guint64)bounds->weight,
				     "CPUQuotaPerSecUSec", "t", quota);
}

/* Name, mode, properties, auxiliary units. "fail": no other job is thrown over for ours. */
static int append_request(sd_bus_message *message, const UnitScope *scope, const pid_t *pids, guint count)
{
	int r = sd_bus_message_append(message, "ss", scope->unit, "fail");
	r = r < 0 ? r : sd_bus_message_open_container(message, 'a', "(sv)");
	r = r < 0 ? r
		  : sd_bus_message_append(message, "(sv)(sv)(sv)(sv)(sv)(sv)(sv)(sv)", "Description", "s",
					  scope->description, "Delegate", "b", 1, "CollectMode", "s",
					  "inactive-or-failed", "TimeoutStopUSec", "t",
					  (guint64)STOP_TIMEOUT_S * G_USEC_PER_SEC, "CPUAccounting", "b", 1,
					  "MemoryAccounting", "b", 1, "TasksAccounting", "b", 1, "IOAccounting", "b", 1);
	if (r >= 0 && scope->slice)
		r = sd_bus_message_append(message, "(sv)", "Slice", "s", scope->slice);
	if (r >= 0 && scope->cpu.weight)
		r = append_cpu(message, &scope->cpu);
	if (r >= 0 && scope->before)
		r = append_texts(message, "Before", scope->before);
	if (r >= 0 && scope->after)
		r = append_texts(message, "After", scope->after);
	r = r < 0 ? r : append_pids(message, pids, count);
	r = r < 0 ? r : sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_append(message, "a(sa(sv))", 0);
}

static guint64 time_left(gint64 deadline)
{
	return (guint64)MAX(deadline - g_get_monotonic_time(), 1);
}

/* Until the bus has let us in; a call by itself would wait for that as long as it takes. */
static int wait_ready(sd_bus *bus, gint64 deadline)
{
	for (;;) {
		int r = sd_bus_process(bus, NULL);
		if (r >= 0 && sd_bus_is_ready(bus) > 0)
			return 0;
		if (r == 0 && g_get_monotonic_time() >= deadline)
			r = -ETIMEDOUT;
		if (r == 0)
			r = sd_bus_wait(bus, time_left(deadline));
		if (r < 0 && r != -EINTR)
			return r;
	}
}

/* Sends the request; 0 and wait->job, or a negative errno and the bus's own error. */
static int request(sd_bus *bus, const UnitScope *scope, const pid_t *pids, guint count, Wait *wait, gint64 deadline,
		   sd_bus_error *error)
{
	sd_bus_message *message = NULL, *reply = NULL;
	const char *job = NULL;
	int r = sd_bus_message_new_method_call(bus, &message, SERVICE, OBJECT, MANAGER, "StartTransientUnit");
	r = r < 0 ? r : append_request(message, scope, pids, count);
	r = r < 0 ? r : sd_bus_call(bus, message, time_left(deadline), error, &reply);
	r = r < 0 ? r : sd_bus_message_read(reply, "o", &job);
	if (r >= 0) {
		g_free(wait->job);
		wait->job = g_strdup(job);
	}
	sd_bus_message_unref(message);
	sd_bus_message_unref(reply);
	return r < 0 ? r : 0;
}

/* Until the job has ended or, without one, the former unit is gone; -ETIMEDOUT past the deadline. */
static int wait_signal(sd_bus *bus, const Wait *wait, gint64 deadline)
{
	while (!wait->result && (wait->job || !wait->removed)) {
		int r = sd_bus_process(bus, NULL);
		if (r == 0 && g_get_monotonic_time() >= deadline)
			r = -ETIMEDOUT;
		if (r == 0)
			r = sd_bus_wait(bus, time_left(deadline));
		if (r < 0 && r != -EINTR)
			return r;
	}
	return 0;
}

/* One try. -EEXIST: a unit of the name is there. */
static int start_once(sd_bus *bus, const UnitScope *scope, const pid_t *pids, guint count, Wait *wait, gint64 deadline,
		      sd_bus_error *error)
{
	sd_bus_error_free(error);
	int r = request(bus, scope, pids, count, wait, deadline, error);
	if (sd_bus_error_has_name(error, "org.freedesktop.systemd1.UnitExists"))
		return -EEXIST;
	return r < 0 ? r : wait_signal(bus, wait, deadline);
}

/* systemd takes a unit for gone some moments after its last process. */
static int start_after_former(sd_bus *bus, const UnitScope *scope, const pid_t *pids, guint count, Wait *wait,
			      gint64 deadline, sd_bus_error *error)
{
	int r = sd_bus_match_signal(bus, NULL, SERVICE, OBJECT, MANAGER, "UnitRemoved", on_unit_removed, wait);
	r = r < 0 ? r : sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "Subscribe", error, NULL, NULL);
	while (r >= 0 && (r = start_once(bus, scope, pids, count, wait, deadline, error)) == -EEXIST) {
		r = wait_signal(bus, wait, deadline);
		wait->removed = FALSE;
	}
	return r;
}

static void explain(const UnitScope *scope, int r, const sd_bus_error *cause, guint timeout_ms, GError **error)
{
	if (sd_bus_error_has_name(cause, "org.freedesktop.systemd1.UnitExists"))
		error_set(error, ERROR_CONFLICT, "see what is in it ('systemctl status' with its name) and end it",
			  "a former '%s' is still there", scope->unit);
	else if (sd_bus_error_has_name(cause, "org.freedesktop.systemd1.TransactionIsDestructive"))
		error_set(error, ERROR_UNAVAILABLE, "start it once the machine is up again",
			  "systemd makes no '%s' any more: this machine is going down", scope->unit);
	else if (r == -ETIMEDOUT || r == -ETIME || sd_bus_error_has_name(cause, SD_BUS_ERROR_NO_REPLY))
		error_set(error, ERROR_TIMEOUT, "see 'systemctl status' and 'systemctl status dbus'",
			  "systemd has not made '%s' within %u ms", scope->unit, timeout_ms);
	else
		error_set(error, ERROR_FAILED, "see 'journalctl -b _PID=1'", "systemd cannot make '%s': %s",
			  scope->unit, cause->message ? cause->message : g_strerror(-r));
}

gboolean scope_start(const UnitScope *scope, const pid_t *pids, guint count, guint timeout_ms, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	sd_bus_error cause = SD_BUS_ERROR_NULL;
	Wait wait = {.unit = scope->unit};
	sd_bus *bus = NULL;
	int r = sd_bus_open_system(&bus);
	if (r < 0) {
		error_set(error, ERROR_UNAVAILABLE, "see 'systemctl status dbus' (apt install dbus if it is not there)",
			  "cannot ask systemd for '%s', the system bus does not answer: %s", scope->unit,
			  g_strerror(-r));
		return FALSE;
	}
	sd_bus_set_method_call_timeout(bus, (guint64)timeout_ms * 1000);
	r = sd_bus_match_signal_async(bus, NULL, SERVICE, OBJECT, MANAGER, "JobRemoved", on_job_removed, NULL, &wait);
	r = r < 0 ? r : wait_ready(bus, deadline);
	r = r < 0 ? r : start_once(bus, scope, pids, count, &wait, deadline, &cause);
	if (r == -EEXIST)
		r = start_after_former(bus, scope, pids, count, &wait, deadline, &cause);
	gboolean made = r >= 0 && g_strcmp0(wait.result, "done") == 0;
	if (r < 0)
		explain(scope, r, &cause, timeout_ms, error);
	else if (!made)
		error_set(error, ERROR_FAILED, "see 'journalctl -b _PID=1'", "systemd has not made '%s': its job %s",
			  scope->unit, wait.result);
	sd_bus_error_free(&cause);
	/* Without a flush: what has not gone out is not worth waiting for. */
	sd_bus_close_unref(bus);
	g_free(wait.job);
	g_free(wait.result);
	return made;
}

gboolean scope_set_cpu(const char *unit, const CpuBounds *bounds, guint timeout_ms, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	sd_bus_error cause = SD_BUS_ERROR_NULL;
	sd_bus_message *message = NULL;
	sd_bus *bus = NULL;
	int r = sd_bus_open_system(&bus);
	r = r < 0 ? r : wait_ready(bus, deadline);
	r = r < 0 ? r : sd_bus_message_new_method_call(bus, &message, SERVICE, OBJECT, MANAGER, "SetUnitProperties");
	r = r < 0 ? r : sd_bus_message_append(message, "sb", unit, 1); /* at run time alone: nothing on disk */
	r = r < 0 ? r : sd_bus_message_open_container(message, 'a', "(sv)");
	r = r < 0 ? r : append_cpu(message, bounds);
	r = r < 0 ? r : sd_bus_message_close_container(message);
	r = r < 0 ? r : sd_bus_call(bus, message, time_left(deadline), &cause, NULL);
	if (r < 0)
		error_set(error, r == -ETIMEDOUT ? ERROR_TIMEOUT : r == -ENOENT ? ERROR_NOT_FOUND : ERROR_FAILED,
			  "see 'systemctl status' with its name", "systemd cannot bound '%s': %s", unit,
			  cause.message ? cause.message : g_strerror(-r));
	sd_bus_message_unref(message);
	sd_bus_error_free(&cause);
	sd_bus_close_unref(bus);
	return r >= 0;
}
