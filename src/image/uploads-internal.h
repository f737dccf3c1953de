/* What the files of the uploads share. What is named _locked is called with the lock held. */
#pragma once
#include "image/uploads.h"
#include "storage/transfer.h"

typedef struct Upload {
	gatomicrefcount refs;
	Uploads *uploads;
	char *id, *path, *record, *user, *digest, *created;
	guint64 size;
	/* under the lock */
	guint64 offset;	  /* arrived before the part that is being written */
	guint64 synced;	  /* of it, durable */
	gint64 active_us; /* UTC */
	gboolean writing, held, gone;
	gboolean carried;   /* the pump of the part has ended */
	Transfer *transfer; /* NULL also while a part is only about to begin */
	/* of the part that is being written */
	UploadDone done;
	gpointer done_data;
} Upload;

struct Uploads {
	char *dir, *run_dir;
	GMutex lock;
	GCond changed;
	GHashTable *table; /* id -> Upload */
	GThread *keeper;
	gboolean stopping;
};

Upload *upload_new(Uploads *uploads, const char *id, const char *user, guint64 size, const char *digest,
		   const char *created);
Upload *upload_ref(Upload *upload);
void upload_unref(gpointer upload);
guint64 upload_arrived_locked(Upload *upload);
json_object *upload_describe_locked(Upload *upload); /* as people see it; new reference */
/* Borrowed; ERROR_NOT_FOUND. */
Upload *uploads_find_locked(Uploads *uploads, const char *id, GError **error);

/* upload-record.c */
gboolean upload_save(Upload *upload, GError **error);
void upload_save_or_say(Upload *upload);
void upload_remove_files(const Upload *upload);
/* Takes up what a former daemon left, and removes what belongs to nothing. */
gboolean uploads_load(Uploads *uploads, GError **error);
