/* Kinds of task. */
#include "api/kinds.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/devices/volumes.h"
#include "guest/lifecycle.h"
#include "guest/run/node-shutdown.h"
#include "guest/run/power.h"
#include "guest/run/question.h"
#include "guest/tools/freeze.h"

static const TaskPool image_pool = {"images", 2};
static const TaskPool volume_pool = {"volumes", 4};

/* A descriptor that an import task will read from: a task's arguments are JSON, so it waits here under a number. It is
 * gone after a restart, and the import then fails with the request to repeat it. */
typedef struct Import {
	gint64 number;
	int fd;
	gint64 task; /* 0: not submitted yet */
} Import;

static GMutex imports_lock;
static GList *imports;
static gint64 imports_next;

static void import_free(Import *import)
{
	fd_close(import->fd);
	g_free(import);
}

/* With the lock held. A task that was cancelled before it began has left its descriptor. */
static void drop_abandoned(Tasks *tasks)
{
	for (GList *item = imports, *next; item; item = next) {
		Import *import = item->data;
		next = item->next;
		if (import->task && tasks_wait(tasks, import->task, 0)) {
			imports = g_list_delete_link(imports, item);
			import_free(import);
		}
	}
}

static Import *find_import(gint64 number)
{
	for (GList *item = imports; item; item = item->next)
		if (((Import *)item->data)->number == number)
			return item->data;
	return NULL;
}

static int take_import(gint64 number)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&imports_lock);
	Import *import = find_import(number);
	if (!import)
		return -1;
	int fd = fd_steal(&import->fd);
	imports = g_list_remove(imports, import);
	import_free(import);
	return fd;
}

/* The descriptor's number among those that wait. */
static gint64 leave_import(Services *services, int fd)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&imports_lock);
	Import *import = g_new0(Import, 1);
	drop_abandoned(services->tasks);
	import->fd = fd;
	import->number = ++imports_next;
	imports = g_list_prepend(imports, import);
	return import->number;
}

gint64 import_submit(Services *services, const char *user, json_object *image, const ImportSource *source, GError **error)
{
	g_autofree char *object = g_strconcat("image/", json_get_str(image, "name", ""), NULL);
	json_auto json_object *args = json_object_new_object();
	gint64 number = source->fd >= 0 ? leave_import(services, source->fd) : 0;
	json_set(args, "image", json_copy(image));
	if (number)
		json_set_int(args, "import", number);
	else
		json_set_str(args, "upload", source->upload);
	gint64 task = tasks_submit(services->tasks, &image_import_kind, object, user, args, NULL, error);
	if (!task && number)
		fd_close(take_import(number));
	if (!task || !number)
		return task;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&imports_lock);
	Import *import = find_import(number); /* unless the task has taken it already */
	if (import)
		import->task = task;
	return task;
}

static gboolean import_upload(Services *services, Task *task, const char *upload, GError **error)
{
	ImageSource source;
	g_autofree char *digest = NULL;
	fd_auto int fd = uploads_hold(services->uploads, upload, &source.path, &digest, error);
	if (fd < 0)
		return FALSE;
	source.fd = fd;
	source.digest = digest;
	gboolean done = image_import(&services->image, task, json_get(task_args(task), "image"), &source, error);
	/* After a failure it stays, for another try or a look. */
	uploads_release(services->uploads, upload, done);
	return done;
}

static gboolean run_import(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	json_object *args = task_args(task);
	const char *upload = json_get_str(args, "upload", NULL);
	if (upload)
		return import_upload(services, task, upload, error);
	fd_auto int fd = take_import(json_get_int(args, "import", 0));
	if (fd < 0) {
		error_set(error, ERROR_FAILED, "import it again", "yadod was restarted before the import began");
		return FALSE;
	}
	return image_import(&services->image, task, json_get(args, "image"), &(ImageSource){.fd = fd}, error);
}

/* What was committed counts; else what was made so far is removed, and the task has failed. */
static gboolean recover_image(Task *task, json_object *steps, gpointer data, GError **error)
{
	Services *services = data;
	return image_recover(&services->image, task, steps, error);
}

static gboolean recover_import(Task *task, json_object *steps, gpointer data, GError **error)
{
	Services *services = data;
	const char *upload = json_get_str(task_args(task), "upload", NULL);
	if (!image_recover(&services->image, task, steps, error))
		return FALSE;
	if (upload)
		uploads_release(services->uploads, upload, TRUE);
	return TRUE;
}

static gboolean run_build(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	return image_build(&services->image, task, task_args(task), error);
}

static gboolean run_image_delete(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	return image_delete(&services->image, task, task_object(task) + strlen("image/"), error);
}

static gboolean run_volume_delete(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	json_object *args = task_args(task);
	const char *storage = json_get_str(args, "storage", ""), *name = json_get_str(args, "volume", "");
	json_auto json_object *volume = volume_get(&services->storage, storage, name, NULL);
	/* Our claim keeps changes of the guest out from here on; one may have come before it. */
	return volume_check_detached(services, volume, error) &&
	       volume_delete(&services->storage, task, storage, name, error);
}

gboolean volume_check_detached(Services *services, json_object *volume, GError **error)
{
	if (!volumes_is_attached(services, volume))
		return TRUE;
	error_set(error, ERROR_CONFLICT,
		  "take the disk off the guest first ('yado vm set ID --no-disk KEY'); one that is off already goes when the "
		  "guest lets go of it or restarts",
		  "volume '%s' is in use by VM %" G_GINT64_FORMAT, json_get_str(volume, "name", ""),
		  json_get_int(volume, "vm", 0));
	return FALSE;
}

static gboolean recover_volume_delete(Task *task, json_object *steps, gpointer data, GError **error)
{
	Services *services = data;
	return storage_recover(&services->storage, task, steps, error) && run_volume_delete(task, data, error);
}

const TaskKind image_import_kind = {"image.import", &image_pool, .cancellable = TRUE, .run = run_import,
				    .recover = recover_import};
const TaskKind image_build_kind = {"image.build", &image_pool, .cancellable = TRUE, .queue = TRUE, .run = run_build,
				   .recover = recover_image};
const TaskKind image_delete_kind = {"image.delete", &image_pool, .run = run_image_delete,
				    .recover = recover_image};
const TaskKind volume_delete_kind = {"volume.delete", &volume_pool, .run = run_volume_delete,
				     .recover = recover_volume_delete};

const TaskKind *const task_kinds[] = {
	&vm_create_kind,   &vm_change_kind, &vm_delete_kind,	&vm_apply_kind,	   &vm_start_kind,    &vm_shutdown_kind,
	&vm_stop_kind,	   &vm_reset_kind,  &vm_reboot_kind,	&vm_pause_kind,	   &vm_resume_kind,	   &vm_retry_kind,
	&image_import_kind, &image_build_kind, &image_delete_kind, &volume_delete_kind,
	&node_shutdown_kind, &vm_freeze_kind, &vm_thaw_kind, &vm_trim_kind, NULL};
