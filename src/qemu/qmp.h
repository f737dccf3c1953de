/* QMP: the QEMU Machine Protocol (QEMU docs/interop/qmp-spec.txt) to one running QEMU, over its listening Unix
 * socket. Also speaks to the guest agent (qmp_connect_agent), which has the same framing without greeting.
 *
 * Reading happens on one monitor thread for all connections (qmp_monitor_start); commands are synchronous, with a
 * deadline, from any other thread. Input is bounded: 16 MiB a message, JSON_DEPTH_MAX levels. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* How a monitor's socket is opened by QEMU, as options of -chardev after its listening descriptor: QEMU waits for the
 * first connection before it sets the monitor up. With wait=off its main thread takes that connection while the
 * monitor's own thread sets itself up, with no lock between them: on a busy machine one start in 500 then greeted twice
 * (and forgot that capabilities were negotiated), or was read by both threads from then on, which lost bytes of
 * commands (QEMU 7.2). */
#define QMP_CHARDEV "server=on,wait=on"

typedef struct Qmp Qmp;

/* On the monitor thread: must be quick and must not call qmp_command(). event NULL: the connection has ended. */
typedef void (*QmpEvent)(Qmp *qmp, const char *event, json_object *data, gpointer user_data);

void qmp_monitor_start(void); /* idempotent */
GMainContext *qmp_monitor_context(void); /* for console and other guest sockets */

/* Connects, waits for the greeting, negotiates. */
Qmp *qmp_connect(const char *socket_path, guint timeout_ms, QmpEvent on_event, gpointer user_data, GError **error);
/* The same over a connected socket, which it takes over, also when it fails. */
Qmp *qmp_connect_fd(int fd, guint timeout_ms, GError **error);
Qmp *qmp_ref(Qmp *qmp);
void qmp_unref(Qmp *qmp); /* the last one closes */
/* pending commands fail; no callback after it returns (unless called on the monitor thread) */
void qmp_close(Qmp *qmp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Qmp, qmp_unref)
gboolean qmp_is_open(Qmp *qmp);

/* arguments: reference is taken over, may be NULL. Returns a new reference to the "return" value. Errors:
 * ERROR_FAILED with QEMU's text (ERROR_UNSUPPORTED: the guest agent has or allows no such command), ERROR_TIMEOUT,
 * ERROR_UNAVAILABLE when the connection ends. */
json_object *qmp_command(Qmp *qmp, const char *command, json_object *arguments, guint timeout_ms, GError **error);
/* The same with a descriptor (lent) for add-fd, getfd. */
json_object *qmp_command_fd(Qmp *qmp, const char *command, json_object *arguments, int fd, guint timeout_ms,
			    GError **error);
/* Convenience: a command whose result does not matter. */
gboolean qmp_do(Qmp *qmp, const char *command, json_object *arguments, guint timeout_ms, GError **error);

/* Waits until an event with that name (and, if device is not NULL, data.device == device) has come since `mark`
 * (qmp_event_mark() taken before the command that causes it). New reference to its data. */
guint64 qmp_event_mark(Qmp *qmp);
json_object *qmp_wait_event(Qmp *qmp, guint64 mark, const char *event, const char *device, guint timeout_ms,
			    GError **error);

/* Guest agent: syncs with guest-sync-delimited first; then qmp_command() as above. One at a time per guest. */
Qmp *qmp_connect_agent(const char *socket_path, guint timeout_ms, GError **error);

/* The message reader on its own: pure, for the connection and for fuzzing. Feeds bytes, takes out JSON values. */
typedef struct QmpReader QmpReader;
QmpReader *qmp_reader_new(void);
void qmp_reader_free(QmpReader *reader);
void qmp_reader_feed(QmpReader *reader, const char *data, gsize length);
/* 1: a message (new reference); 0: more is needed; -1: broken. */
int qmp_reader_next(QmpReader *reader, json_object **ret_message, GError **error);
