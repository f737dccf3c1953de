/* One guest in memory: its document, its state and reason, and the handles of its running process.
 *
 * A Vm is shared by API threads, task threads, and the monitor thread. Everything below `lock` is read and written
 * with the lock held; it is never held over I/O: a thread takes a reference of what it needs (vm_ref_qmp) and lets go.
 * Tasks on one guest exclude each other by their claims, so only one thread at a time changes the process. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "guest/run/state.h"
#include "guest/services.h"
#include "qemu/peripherals.h"
#include "qemu/qmp.h"
#include "sandbox/launch.h"

typedef struct Console Console;
typedef struct Helper Helper;

/* What the balloon's driver and QEMU said last of the guest's memory (balloon.h); bytes. */
typedef struct VmBalloon {
	gint64 at_us;       /* monotonic; 0: nothing yet */
	gint64 total, used; /* as the guest sees it; total 0: it does not say */
	gint64 taken;       /* back from it */
} VmBalloon;

typedef struct Vm {
	/* What a list reads of each guest, in one line of the processor's cache; of this `tags` and `row` are below the
	 * lock. */
	gint64 id;
	gatomicrefcount refs;
	GMutex lock;
	char *path;      /* what rights are asked on, "/vms/100" */
	char **tags;     /* of the document; an atomic box (vm_ref_tags) */
	GRefString *row; /* list row, renewed on change */

	Services *services;
	char *run_dir;
	char *cgroup;

	GCond changed;       /* state, agent or addresses changed */
	GRefString *text;    /* the document, compact JSON */
	gint64 rev;
	char *name;
	gboolean deleted;
	gboolean firmware_setup; /* wanted at the next start (firmware-setup.h) */
	VmState state;
	char *reason_code;   /* stable; "user-stop", "guest-shutdown", "crash"… */
	char *reason;        /* for people */
	gint64 since_us;     /* UTC */
	guint64 state_changes;
	gboolean querying;   /* a thread is at work in vm_query_state() */
	guint queries_waiting;
	guint64 queries_wanted, queries_done;
	char *exit_code;     /* reason for which the process is being ended on purpose; NULL: any end is a crash */
	char *exit_reason;
	gboolean killed;     /* by us: the process's signal tells nothing */
	gboolean adopting;   /* its QEMU was there before us, and has not said yet how it is */
	gboolean settling;   /* a thread is at work in vm_settle_exit() */
	GRefString *applied; /* hardware that the running process has, compact JSON; NULL when not running */
	gboolean pending;    /* applied differs from the document */
	GRefString *no_effect; /* settings without effect in revision no_effect_rev (no-effect.h); NULL: none */
	gint64 no_effect_rev;
	gboolean shared;     /* another guest has its UUID, or a MAC address or serial number of it */
	Qmp *qmp;
	pid_t pid;
	guint64 start_time;
	gint64 memory_base;  /* bytes that the process began with; 0: not known */
	gboolean memory_shared; /* other processes can work in it: virtiofsd */
	gint64 memory_min;   /* of the document; 0: none */
	VmBalloon balloon;
	int pidfd;           /* -1 when not running */
	GSource *exit_source;   /* on the monitor thread, as the next */
	GSource *silence_timer; /* to ask a silent monitor again */
	GSource *late_timer;    /* to look at what came late once a task has ended */
	Console *consoles[QEMU_SERIAL_PORTS]; /* NULL where it has no such port */
	GHashTable *helpers;    /* name -> Helper (helper.c); NULL: none */
	GArray *restarts_us; /* gint64, monotonic: times of the latest restarts after a crash */
	/* guest agent */
	gboolean agent_wanted; /* by the document */
	gboolean agent_port_open;
	gboolean agent_busy, agent_again; /* one thread at a time looks at the port; it is to be looked at (again) */
	GSource *agent_timer;             /* at most one, on the monitor thread */
	Qmp *agent;
	char *agent_version;
	json_object *agent_nics; /* what is kept of guest-network-get-interfaces' report (agent.c) */
	gint64 agent_nics_us;    /* when that was, monotonic */
	gint64 frozen_until_us;  /* UTC; its file systems are frozen by us until then; 0: they are not */
	GSource *thaw_timer;     /* on the monitor thread */
	GArray *agent_handles;   /* gint64: files that the agent could not be told to close; NULL: none */
	GPtrArray *work, *left;  /* leftover.c: lines of its record; those of a former daemon; NULL: none */
} Vm;

Vm *vm_new(Services *services, gint64 id);
Vm *vm_ref(Vm *vm);
void vm_unref(Vm *vm);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Vm, vm_unref)

/* New references or copies; the lock is taken inside. */
json_object *vm_dup_document(Vm *vm, gint64 *ret_rev);
GRefString *vm_ref_document(Vm *vm, gint64 *ret_rev); /* as text, an object without spaces */
json_object *vm_dup_applied(Vm *vm); /* NULL when not running */
GRefString *vm_ref_applied(Vm *vm);  /* the same as text; another one whenever it has changed */
char *vm_dup_name(Vm *vm);
GRefString *vm_ref_row(Vm *vm);
/* Has its tags and its row (NULL: it has no document yet) read where they lie, below the lock, so that a list of
 * thousands touches no more memory than it must; the reader asks nothing of the guest. */
typedef void (*VmRowReader)(Vm *vm, const char *const *tags, GRefString *row, gpointer data);
void vm_read_row(Vm *vm, VmRowReader read, gpointer data);
/* Has the processor fetch what vm_read_row() will soon read of it: a list mostly waits for memory. */
void vm_prefetch_row(Vm *vm);
/* NULL-terminated, without parsing anything: rights are asked for each row of a list. */
char **vm_ref_tags(Vm *vm);
void vm_tags_unref(char **tags);
VmState vm_get_state(Vm *vm);
gint64 vm_get_rev(Vm *vm); /* of its document */
/* NULL with ERROR_CONFLICT if the guest does not run or its monitor is not connected. */
Qmp *vm_ref_qmp(Vm *vm, GError **error);

/* Makes its row anew, and tells who follows. */
void vm_renew(Vm *vm);
void vm_set_shared(Vm *vm, gboolean shared);
void vm_set_document(Vm *vm, json_object *document, gint64 rev);
/* The same, telling nobody: of a guest that nobody knows yet. One without a document must not be in the table. */
void vm_load_document(Vm *vm, json_object *document, gint64 rev);
/* The hardware that the process has now; NULL: none. Also written to run_dir, so that a restarted daemon knows. */
void vm_set_applied(Vm *vm, json_object *hardware);
/* Changes the state; a transition that is not in the table is refused and logged: whoever wants one has been overtaken
 * (the process ended meanwhile). Reason NULL: keep the former reason. */
void vm_set_state(Vm *vm, VmState state, const char *reason_code, const char *format, ...) G_GNUC_PRINTF(4, 5);
/* The present state is as old as that (UTC), since it came about before anybody saw it. */
void vm_set_since(Vm *vm, gint64 since_us);
/* The same, unless the state or its reason has changed since vm->state_changes was `mark`: then FALSE. */
gboolean vm_set_state_since(Vm *vm, guint64 mark, VmState state, const char *reason_code, const char *reason);
/* Waits until the state is one of the mask (1 << VM_…) or the time is over. */
gboolean vm_wait_state(Vm *vm, guint mask, guint timeout_ms);

/* The part of a document that makes up the guest's hardware: what is not in it never needs the process to change. */
json_object *vm_hardware(json_object *document);
/* Differences between what runs and what the document wants, as json_diff; empty array when nothing waits. */
json_object *vm_pending(Vm *vm);
/* "VM 100 'web'"; caller frees. */
char *vm_label(Vm *vm);
