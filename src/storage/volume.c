/* Volumes: made and removed so that after a crash at any point the store and the disk agree again.
 *
 * Create: intent; the file (its name must be free: a file that no fact knows is never overwritten); content, durable;
 * the fact; outcome. A crash before the fact: recovery removes the file. After it: the volume stands. Delete: intent;
 * the fact says "deleting"; the file; the fact; outcome. Recovery goes on with it. Grow: intent; the image; the fact;
 * outcome. Recovery grows again, which does nothing where it was done. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "schema/schema.h"
#include "storage/kind.h"
#include "storage/storage.h"
#include "storage/worker.h"

/* Room that an empty image's metadata and the store need; guests fill thin volumes later, and get their own error. */
enum { ROOM_MIN = 1 << 20 };

static char *fact_path(const char *storage, const char *name)
{
	return g_strdup_printf("volume/%s/%s", storage, name);
}

static const char *author(Task *task)
{
	return task ? task_user(task) : "system";
}

static gint64 author_task(Task *task)
{
	return task ? task_id(task) : 0;
}

static Doc *load_fact(StorageContext *context, const char *storage, const char *name, GError **error)
{
	g_autofree char *path = fact_path(storage, name);
	GError *cause = NULL;
	Doc *doc = store_get(context->store, path, &cause);
	if (doc)
		return doc;
	if (error_code(cause) == ERROR_NOT_FOUND) {
		error_set(error, ERROR_NOT_FOUND, NULL, "there is no volume '%s' on storage '%s'", name, storage);
		g_error_free(cause);
	} else {
		g_propagate_error(error, cause);
	}
	return NULL;
}

static gboolean commit_fact(
	StorageContext *context, Task *task, const char *path, gint64 rev, json_object *body, GError **error)
{
	g_autoptr(Batch) batch = batch_new(author(task), author_task(task));
	if (body)
		batch_put(batch, path, rev, body);
	else
		batch_delete(batch, path, rev);
	return store_commit(context->store, batch, error) != 0;
}

static gboolean intend(Task *task, const char *step, const char *storage, const char *name, const char *format,
	guint64 size, GError **error)
{
	if (!task)
		return TRUE;
	json_auto json_object *detail = json_object_new_object();
	json_set_str(detail, "storage", storage);
	json_set_str(detail, "name", name);
	json_set_str(detail, "format", format);
	json_set_int(detail, "size", (gint64)size);
	return task_intent(task, step, detail, error);
}

static gboolean conclude(Task *task, const char *step, gboolean kept, GError **error)
{
	if (!task)
		return TRUE;
	json_auto json_object *outcome = json_object_new_object();
	json_set_bool(outcome, "done", kept);
	return task_outcome(task, step, outcome, error);
}

/* The content. *ret_size: what the guest will see. */
static gboolean fill(StorageContext *context, Task *task, const StorageKind *kind, const VolumeSpec *spec, int fd,
	guint64 *ret_size, GError **error)
{
	gboolean qcow2 = strcmp(spec->format, "qcow2") == 0;
	guint64 size = spec->size ? spec->size : spec->source_size;
	if (spec->source_fd < 0 && !qcow2) {
		if (ftruncate(fd, (off_t)size) < 0 || fsync(fd) < 0) {
			error_set_errno(error, errno, "cannot set the size of the volume '%s'", spec->name);
			return FALSE;
		}
		*ret_size = size;
		return TRUE;
	}
	g_autoptr(BlockWorker) worker = block_worker_start(context->run_dir, task, error);
	if (!worker)
		return FALSE;
	if (spec->source_fd < 0) {
		*ret_size = size;
		return block_worker_format_qcow2(worker, fd, size, error);
	}
	BlockInfo source;
	if (!block_worker_inspect(worker, spec->source_fd, spec->source_format, &source, error))
		return FALSE;
	if (spec->size == 0)
		size = source.virtual_size;
	if (size < source.virtual_size) {
		error_set_field(error, ERROR_INVALID, "size", "give at least the size of the image",
			"the volume is smaller (%" G_GUINT64_FORMAT " bytes) than its image (%" G_GUINT64_FORMAT
			" bytes)",
			size, source.virtual_size);
		return FALSE;
	}
	*ret_size = size;
	if (g_strcmp0(spec->format, spec->source_format) == 0 && kind->clone && kind->clone(fd, spec->source_fd)) {
		if (task)
			task_log(task, "the file system shares the image's blocks with the volume (reflink)");
		if (fsync(fd) < 0) {
			error_set_errno(error, errno, "cannot make the volume '%s' durable", spec->name);
			return FALSE;
		}
		return size == source.virtual_size || block_worker_resize(worker, fd, spec->format, size, error);
	}
	if (task)
		task_log(task, "copying the image: the file system cannot share its blocks, or the formats differ");
	if (qcow2) {
		if (!block_worker_format_qcow2(worker, fd, size, error))
			return FALSE;
	} else if (ftruncate(fd, (off_t)size) < 0) {
		error_set_errno(error, errno, "cannot set the size of the volume '%s'", spec->name);
		return FALSE;
	}
	return block_worker_copy(worker, spec->source_fd, spec->source_format, fd, spec->format, error);
}

static gboolean check_spec(const VolumeSpec *spec, GError **error)
{
	const char *bad = schema_check_key(spec->name);
	if (bad) {
		error_set_field(error, ERROR_INVALID, "name", NULL, "the volume's name '%s' must %s", spec->name, bad);
		return FALSE;
	}
	if (g_strcmp0(spec->format, "qcow2") != 0 && g_strcmp0(spec->format, "raw") != 0) {
		error_set_field(error, ERROR_INVALID, "format", NULL, "the format must be qcow2 or raw");
		return FALSE;
	}
	if ((spec->size == 0 && spec->source_fd < 0) || spec->size > ((guint64)64 << 40) || spec->size % 512 != 0) {
		error_set_field(
			error, ERROR_INVALID, "size", NULL, "the size must be a multiple of 512 bytes, up to 64 TiB");
		return FALSE;
	}
	return TRUE;
}

static gboolean check_room(const StorageKind *kind, json_object *document, const char *storage, GError **error)
{
	StorageSpace space;
	if (!kind->space(document, &space, error))
		return FALSE;
	if (space.free >= ROOM_MIN)
		return TRUE;
	error_set(error, ERROR_NO_SPACE, "free space on it, or use another storage", "storage '%s' is full", storage);
	return FALSE;
}

static json_object *new_fact(const VolumeSpec *spec, guint64 size)
{
	json_object *body = json_object_new_object();
	json_set_int(body, "schema", volume_table.version);
	json_set_str(body, "storage", spec->storage);
	json_set_str(body, "name", spec->name);
	json_set_str(body, "format", spec->format);
	json_set_int(body, "size", (gint64)size);
	json_set_str(body, "role", spec->role ? spec->role : "disk");
	if (spec->vm > 0)
		json_set_int(body, "vm", spec->vm);
	return body;
}

gboolean volume_create(StorageContext *context, Task *task, const VolumeSpec *spec, GError **error)
{
	static const char *const formats[] = {"qcow2", "raw"};
	const StorageKind *kind;
	if (!check_spec(spec, error))
		return FALSE;
	json_auto json_object *document = storage_load(context, spec->storage, &kind, error);
	if (!document || !storage_check(context, spec->storage, error) ||
		!check_room(kind, document, spec->storage, error))
		return FALSE;
	g_autofree char *path = fact_path(spec->storage, spec->name);
	g_autoptr(Doc) present = store_get(context->store, path, NULL);
	if (present) {
		error_set_field(error, ERROR_EXISTS, "name", "use another name",
			"there is a volume '%s' on storage '%s' already", spec->name, spec->storage);
		return FALSE;
	}
	/* Before the intent: recovery removes what it finds under an intended name. */
	for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
		if (kind->exists(document, spec->name, formats[i])) {
			error_set(error, ERROR_EXISTS, "move the file away, or import it as an image, and try again",
				"storage '%s' has a file '%s.%s' that is not a known volume", spec->storage, spec->name,
				formats[i]);
			return FALSE;
		}
	if (!intend(task, "volume.create", spec->storage, spec->name, spec->format, spec->size, error))
		return FALSE;
	guint64 size = 0;
	fd_auto int fd = kind->create(document, spec->name, spec->format, error);
	gboolean created = fd >= 0;
	gboolean done = created && fill(context, task, kind, spec, fd, &size, error) && kind->settle(document, error);
	if (done) {
		json_auto json_object *body = new_fact(spec, size);
		done = commit_fact(context, task, path, REV_ABSENT, body, error);
	}
	if (done)
		return conclude(task, "volume.create", TRUE, error);
	/* If the file cannot be removed the intent stays open, and recovery tries again. */
	if (!created || kind->remove(document, spec->name, spec->format, NULL))
		conclude(task, "volume.create", FALSE, NULL);
	return FALSE;
}

static gboolean delete_volume(
	StorageContext *context, Task *task, const char *storage, const char *name, GError **error)
{
	const StorageKind *kind;
	g_autofree char *path = fact_path(storage, name);
	g_autoptr(Doc) fact = load_fact(context, storage, name, error);
	json_auto json_object *document = fact ? storage_load(context, storage, &kind, error) : NULL;
	if (!document)
		return FALSE;
	if (!json_get_bool(fact->body, "deleting", FALSE)) {
		json_auto json_object *body = json_copy(fact->body);
		json_set_bool(body, "deleting", TRUE);
		if (!commit_fact(context, task, path, fact->rev, body, error))
			return FALSE;
	}
	return kind->remove(document, name, json_get_str(fact->body, "format", ""), error) &&
	       commit_fact(context, task, path, REV_ANY, NULL, error);
}

gboolean volume_delete(StorageContext *context, Task *task, const char *storage, const char *name, GError **error)
{
	GError *cause = NULL;
	g_autoptr(Doc) fact = load_fact(context, storage, name, &cause);
	if (!fact && error_code(cause) == ERROR_NOT_FOUND) {
		g_error_free(cause);
		return TRUE;
	}
	if (!fact) {
		g_propagate_error(error, cause);
		return FALSE;
	}
	return intend(task, "volume.delete", storage, name, json_get_str(fact->body, "format", ""), 0, error) &&
	       delete_volume(context, task, storage, name, error) && conclude(task, "volume.delete", TRUE, error);
}

json_object *volume_get(StorageContext *context, const char *storage, const char *name, GError **error)
{
	g_autoptr(Doc) fact = load_fact(context, storage, name, error);
	return fact ? json_object_get(fact->body) : NULL;
}

int volume_open(StorageContext *context, const char *storage, const char *name, gboolean writable, GError **error)
{
	const StorageKind *kind;
	json_auto json_object *fact = volume_get(context, storage, name, error);
	json_auto json_object *document = fact ? storage_load(context, storage, &kind, error) : NULL;
	if (!document)
		return -1;
	if (json_get_bool(fact, "deleting", FALSE)) {
		error_set(
			error, ERROR_CONFLICT, NULL, "the volume '%s' on storage '%s' is being deleted", name, storage);
		return -1;
	}
	return kind->open(document, name, json_get_str(fact, "format", ""), writable, error);
}

gboolean volume_set_size(StorageContext *context, const char *storage, const char *name, guint64 size, GError **error)
{
	g_autofree char *path = fact_path(storage, name);
	g_autoptr(Doc) fact = load_fact(context, storage, name, error);
	if (!fact)
		return FALSE;
	if ((guint64)json_get_int(fact->body, "size", 0) == size)
		return TRUE;
	json_auto json_object *body = json_copy(fact->body);
	json_set_int(body, "size", (gint64)size);
	return commit_fact(context, NULL, path, fact->rev, body, error);
}

static gboolean grow_volume(
	StorageContext *context, Task *task, const char *storage, const char *name, guint64 size, GError **error)
{
	json_auto json_object *fact = volume_get(context, storage, name, error);
	fd_auto int fd = fact ? volume_open(context, storage, name, TRUE, error) : -1;
	if (fd < 0)
		return FALSE;
	g_autoptr(BlockWorker) worker = block_worker_start(context->run_dir, task, error);
	return worker && block_worker_resize(worker, fd, json_get_str(fact, "format", ""), size, error) &&
	       volume_set_size(context, storage, name, size, error);
}

gboolean volume_grow(
	StorageContext *context, Task *task, const char *storage, const char *name, guint64 size, GError **error)
{
	json_auto json_object *fact = volume_get(context, storage, name, error);
	if (!fact)
		return FALSE;
	guint64 present = (guint64)json_get_int(fact, "size", 0);
	if (size < present || size % 512 != 0 || size > ((guint64)64 << 40)) {
		error_set_field(error, ERROR_INVALID, "size",
			"a volume can only grow, in steps of 512 bytes, up to 64 TiB",
			"the volume '%s' cannot get the size %" G_GUINT64_FORMAT, name, size);
		return FALSE;
	}
	return intend(task, "volume.grow", storage, name, json_get_str(fact, "format", ""), size, error) &&
	       grow_volume(context, task, storage, name, size, error) && conclude(task, "volume.grow", TRUE, error);
}

json_object *volume_list(StorageContext *context, const char *storage, GError **error)
{
	g_autofree char *prefix = storage ? fact_path(storage, "") : g_strdup("volume/");
	g_autoptr(GPtrArray) docs = store_list(context->store, prefix, error);
	if (!docs)
		return NULL;
	json_object *list = json_object_new_array();
	for (guint i = 0; i < docs->len; i++) {
		Doc *doc = g_ptr_array_index(docs, i);
		json_object_array_add(list, json_object_get(doc->body));
	}
	return list;
}

static gboolean undo_create(StorageContext *context, Task *task, json_object *detail, GError **error)
{
	const char *storage = json_get_str(detail, "storage", ""), *name = json_get_str(detail, "name", "");
	const StorageKind *kind;
	GError *cause = NULL;
	g_autoptr(Doc) fact = load_fact(context, storage, name, &cause);
	if (fact)
		return conclude(task, "volume.create", TRUE, error);
	if (error_code(cause) != ERROR_NOT_FOUND) {
		g_propagate_error(error, cause);
		return FALSE;
	}
	g_clear_error(&cause);
	json_auto json_object *document = storage_load(context, storage, &kind, &cause);
	if (!document && error_code(cause) == ERROR_NOT_FOUND) {
		/* The storage was given up meanwhile, and its files with it. */
		g_error_free(cause);
		return conclude(task, "volume.create", FALSE, error);
	}
	if (!document) {
		g_propagate_error(error, cause);
		return FALSE;
	}
	return storage_check(context, storage, error) &&
	       kind->remove(document, name, json_get_str(detail, "format", ""), error) &&
	       conclude(task, "volume.create", FALSE, error);
}

static gboolean redo_delete(StorageContext *context, Task *task, json_object *detail, GError **error)
{
	GError *cause = NULL;
	if (!delete_volume(
		    context, task, json_get_str(detail, "storage", ""), json_get_str(detail, "name", ""), &cause)) {
		if (error_code(cause) != ERROR_NOT_FOUND) {
			g_propagate_error(error, cause);
			return FALSE;
		}
		g_error_free(cause);
	}
	return conclude(task, "volume.delete", TRUE, error);
}

static gboolean redo_grow(StorageContext *context, Task *task, json_object *detail, GError **error)
{
	return grow_volume(context, task, json_get_str(detail, "storage", ""), json_get_str(detail, "name", ""),
		       (guint64)json_get_int(detail, "size", 0), error) &&
	       conclude(task, "volume.grow", TRUE, error);
}

gboolean storage_recover(StorageContext *context, Task *task, json_object *steps, GError **error)
{
	static const struct {
		const char *step;
		gboolean (*recover)(StorageContext *context, Task *task, json_object *detail, GError **error);
	} table[] = {{"volume.create", undo_create}, {"volume.delete", redo_delete}, {"volume.grow", redo_grow}};
	for (gsize i = 0; i < json_object_array_length(steps); i++) {
		json_object *step = json_object_array_get_idx(steps, i);
		if (json_get_bool(step, "done", FALSE))
			continue;
		for (guint j = 0; j < G_N_ELEMENTS(table); j++)
			if (g_strcmp0(json_get_str(step, "step", ""), table[j].step) == 0 &&
				!table[j].recover(context, task, json_get(step, "detail"), error))
				return FALSE;
	}
	return TRUE;
}
