/* Storages: where volumes are. One file per kind behind one small vtable; a NULL member means the default. Volumes are
 * facts in the store ("volume/STORAGE/NAME"), configuration is "storage/NAME". */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "store/store.h"
#include "task/task.h"

typedef struct StorageContext { /* lent; lives as long as the daemon */
	Store *store;
	const char *run_dir;  /* for workers */
} StorageContext;

typedef struct StorageSpace {
	guint64 total, free; /* bytes */
} StorageSpace;

/* Makes the directory, checks that it can be written and is no one else's (a marker file with our node's id). */
gboolean storage_prepare(StorageContext *context, json_object *storage, GError **error);
/* Whether it can be used now; the error says why not. */
gboolean storage_check(StorageContext *context, const char *storage, GError **error);
gboolean storage_space(StorageContext *context, const char *storage, StorageSpace *ret_space, GError **error);

typedef struct VolumeSpec {
	const char *storage;
	const char *name;   /* "vm-100-disk0" */
	const char *format; /* "qcow2" or "raw" */
	guint64 size;       /* bytes; 0 with a source: that of the source */
	const char *role;   /* "disk", "firmware" */
	gint64 vm;
	int source_fd;      /* -1, or an image to copy from (lent) */
	const char *source_format;
	guint64 source_size; /* its virtual size */
} VolumeSpec;
/* Creates the volume durably, then its fact. Reflinks where source and target format are equal and the file system
 * can; otherwise copies through a worker. Intent and outcome are recorded on the task (step "volume.create"). */
gboolean volume_create(StorageContext *context, Task *task, const VolumeSpec *spec, GError **error);
/* Fact first to "deleting", then the file, then the fact. Absent is fine. */
gboolean volume_delete(StorageContext *context, Task *task, const char *storage, const char *name, GError **error);
/* Opens for a guest or a worker; the format is in the fact. Caller closes. */
int volume_open(StorageContext *context, const char *storage, const char *name, gboolean writable, GError **error);
/* The volume's fact (fields of volume_table). New reference. */
json_object *volume_get(StorageContext *context, const char *storage, const char *name, GError **error);
/* Grows a volume that no guest has open; also records the new size. A running guest's is grown by its QEMU, then
 * volume_set_size() records it. */
gboolean volume_grow(StorageContext *context, Task *task, const char *storage, const char *name, guint64 size,
		     GError **error);
gboolean volume_set_size(StorageContext *context, const char *storage, const char *name, guint64 size, GError **error);
json_object *volume_list(StorageContext *context, const char *storage, GError **error); /* array; new reference */
/* Rolls back a "volume.create" or forward a "volume.delete" that a crash interrupted; `steps` as TaskKind.recover. */
gboolean storage_recover(StorageContext *context, Task *task, json_object *steps, GError **error);
