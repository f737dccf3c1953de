/* What each kind of storage does in its own way; storage.c and volume.c do the rest for all. A volume here is a file
 * name without meaning: what is in it, and that it exists at all, is the store's word. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "storage/storage.h"

typedef struct StorageKind {
	const char *name;
	/* `document` is the storage's; node_id is "" when the node has none yet. */
	gboolean (*prepare)(json_object *document, const char *node_id, GError **error);
	gboolean (*check)(json_object *document, const char *node_id, GError **error);
	gboolean (*space)(json_object *document, StorageSpace *ret_space, GError **error);
	/* A new, empty, readable and writable file, or -1: ERROR_EXISTS if the name is taken. */
	int (*create)(json_object *document, const char *name, const char *format, GError **error);
	int (*open)(json_object *document, const char *name, const char *format, gboolean writable, GError **error);
	gboolean (*exists)(json_object *document, const char *name, const char *format);
	/* Makes the created name itself durable, once its content is. */
	gboolean (*settle)(json_object *document, GError **error);
	gboolean (*remove)(
		json_object *document, const char *name, const char *format, GError **error); /* absent is fine */
	/* All content of source becomes that of the empty target, without copying. FALSE where it cannot; NULL: never.
	 */
	gboolean (*clone)(int target_fd, int source_fd);
} StorageKind;

extern const StorageKind storage_kind_dir;

/* The storage's document (new reference) and kind. */
json_object *storage_load(StorageContext *context, const char *storage, const StorageKind **ret_kind, GError **error);
