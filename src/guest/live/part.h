/* What the parts of live.c share. Each kind of hardware that can change under a running guest is a LivePart in a file
 * of its own (disk.c, nic.c, cdrom.c…), listed in live.c.
 *
 * Each step that has changed the process is recorded (live_record) at once. A daemon that died between the two has left
 * a step that `applied` does not know: so each step first looks for what an earlier try left. */
#pragma once
#include "guest/vm.h"
#include "task/task.h"

enum { LIVE_TIMEOUT_MS = 10000 };

typedef struct Live {
	Vm *vm;
	Task *task;
	Qmp *qmp;
	json_object *applied; /* owned; the hardware that the process has */
	json_object *wanted;  /* owned; the hardware of the document, and its name */
	gboolean ignored;     /* the guest has not let go of a device in time */
} Live;

typedef struct LivePart {
	const char *name; /* member of the hardware (vm_hardware) */
	gboolean map;     /* of entries with keys, each of which is a device of its own */
	/* Whether a difference goes live. old, new: what the process has and what is wanted (NULL: nothing) of the
	 * entry of a map, else of the whole part; not both NULL. field: the path below that; NULL: the whole. */
	gboolean (*is_live)(const char *field, json_object *old, json_object *new);
	/* Of a map, NULL: none is taken off. Takes off what the process has and the document does not want there. */
	gboolean (*remove)(Live *live, const char *key, json_object *old, json_object *wanted, GError **error);
	/* Brings what is wanted about, as far as it goes live; after all removals. key is NULL where there is no
	 * map. */
	gboolean (*apply)(Live *live, const char *key, json_object *old, json_object *wanted, GError **error);
	/* Whether the process has what an entry of a map is connected to. NULL: it always has. */
	gboolean (*can_hold)(Vm *vm, json_object *applied, json_object *wanted);
} LivePart;

extern const LivePart live_cpu, live_memory, live_disks, live_nics, live_cdroms, live_usb, live_shares, live_watchdog;

/* Takes the value over into what is applied, and records it. Of an entry (value NULL: it is gone), or with key NULL of
 * the whole part. Frees the former value. */
void live_record(Live *live, const char *part, const char *key, json_object *value);
/* Whether all these members (NULL-terminated), texts, are the same in both. */
gboolean live_is_same(const char *const *members, json_object *old, json_object *new);
/* Gives QEMU a descriptor, which is closed at once here; returns its set's number, or -1. need: what it is for, as on
 * the command line. A set of that name that is there is dropped before: QEMU took its descriptor after we had stopped
 * waiting. */
gint64 live_add_fd(Live *live, const char *need, int fd, GError **error);
void live_remove_fdset(Live *live, gint64 set);
/* Those of that name, of the command line too. Which of their descriptors are in use stay open until they are not. */
gboolean live_drop_fdsets(Live *live, const char *need, GError **error);
/* A block node (kind 'd' of a disk, 'c' of a CD drive) with the descriptor that it was opened from: QEMU must let go of
 * the volume. */
gboolean live_delete_node(Live *live, char kind, const char *key, GError **error);
/* Whether QEMU has the device `prefix` + `key`. unknown: the answer if QEMU cannot be asked. */
gboolean live_has_device(Live *live, const char *prefix, const char *key, gboolean unknown);
/* Has the guest let go of a device. One that ignores the request keeps it: ERROR_TIMEOUT, and the change stays
 * pending. */
gboolean live_unplug(Live *live, const char *prefix, const char *key, GError **error);
