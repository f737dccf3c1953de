/* A connection as its files see it, of both kinds: QEMU's monitor and the guest agent (qmp-agent.c). */
#pragma once
#include "qemu/qmp.h"

enum { QMP_EVENTS_MAX = 64 };

typedef struct QmpEventEntry {
	guint64 sequence; /* from 1; 0: none */
	char *name;
	char *data; /* JSON: much smaller than what is made of it */
} QmpEventEntry;

/* A command that waits, on its caller's stack. */
typedef struct QmpPending {
	gint64 id;
	gint64 sync; /* guest-sync-delimited: only this number is an answer; 0: any */
	json_object *reply;
	GCond answered;
} QmpPending;

struct Qmp {
	gint users, holds;
	GMutex lock; /* all below; never held over input or output */
	GCond changed;
	int fd;
	gboolean agent;
	gboolean open, closed_by_user, greeted, dispatching, sending;
	char *end_reason;
	GSource *source;
	QmpReader *reader; /* of the monitor thread */
	gsize unanswered;  /* the monitor thread's: an agent's bytes since its last answer that somebody waited for */
	GHashTable *pending; /* &QmpPending.id -> QmpPending */
	gint64 next_id;
	QmpEventEntry events[QMP_EVENTS_MAX];
	guint64 event_sequence;
	QmpEvent on_event;
	gpointer user_data;
	gboolean agent_busy, agent_synced;
	gint agent_skips; /* atomic: what comes before the next sentinel is of no use */
};

/* A connected socket; -1 with an error. */
int qmp_open_socket(const char *path, guint timeout_ms, GError **error);
/* Takes the connected socket over. */
Qmp *qmp_new_connection(int fd, gboolean agent, QmpEvent on_event, gpointer user_data);
/* sync: see QmpPending. */
json_object *qmp_run_command(Qmp *qmp, const char *command, json_object *arguments, int fd, gint64 sync,
			     gint64 deadline, GError **error);
/* command NULL: only synchronizes. */
json_object *qmp_run_agent_command(Qmp *qmp, const char *command, json_object *arguments, gint64 deadline,
				   GError **error);
/* What the peer is called in errors. */
const char *qmp_peer_name(const Qmp *qmp);
gboolean qmp_is_monitor_thread(void);
/* With the lock: numbers the event and keeps it; data is lent, may be NULL. */
void qmp_keep_event(Qmp *qmp, const char *name, json_object *data);
/* With the lock: nothing more is sent or received, and whoever waits learns the reason. */
void qmp_end_connection(Qmp *qmp, const char *reason);
/* With the lock, of a connection that has ended. */
void qmp_set_ended(Qmp *qmp, const char *what, GError **error);
