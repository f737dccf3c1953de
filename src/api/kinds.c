/* Kinds of task. */
#include "api/kinds.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/lifecycle.h"
#include "guest/power.h"

static const TaskPool image_pool = {"images", 2};
static const TaskPool volume_pool = {"volumes", 4};

static GMutex imports_lock;
static GHashTable *imports; /* number -> descriptor */
static gint64 imports_next;

gint64 import_put_fd(int fd)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&imports_lock);
	if (!imports)
		imports = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	gint64 *number = g_new(gint64, 1);
	*number = ++imports_next;
	g_hash_table_insert(imports, number, GINT_TO_POINTER(fd));
	return *number;
}

int import_take_fd(gint64 number)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&imports_lock);
	gpointer fd = NULL, key = NULL;
	if (!imports || !g_hash_table_steal_extended(imports, &number, &key, &fd))
		return -1;
	g_free(key);
	return GPOINTER_TO_INT(fd);
}

static gboolean run_import(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	json_object *args = task_args(task);
	fd_auto int fd = import_take_fd(json_get_int(args, "import", 0));
	if (fd < 0) {
		error_set(error, ERROR_FAILED, "import it again", "yadod was restarted before the import began");
		return FALSE;
	}
	return image_import(&services->image, task, json_get(args, "image"), fd, error);
}

static gboolean recover_import(Task *task, json_object *steps, gpointer data, GError **error)
{
	Services *services = data;
	if (!image_recover(&services->image, task, steps, error))
		return FALSE;
	error_set(error, ERROR_FAILED, "import it again", "yadod was restarted during the import");
	return FALSE;
}

static gboolean run_build(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	return image_build(&services->image, task, task_args(task), error);
}

static gboolean recover_build(Task *task, json_object *steps, gpointer data, GError **error)
{
	Services *services = data;
	return image_recover(&services->image, task, steps, error) && run_build(task, data, error);
}

static gboolean run_image_delete(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	return image_delete(&services->image, task, task_object(task) + strlen("image/"), error);
}

static gboolean recover_image_delete(Task *task, json_object *steps, gpointer data, GError **error)
{
	Services *services = data;
	g_autoptr(GError) local = NULL;
	if (!image_recover(&services->image, task, steps, error))
		return FALSE;
	if (run_image_delete(task, data, &local))
		return TRUE;
	if (error_code(local) == ERROR_NOT_FOUND)
		return TRUE; /* it had come to its end */
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static gboolean run_volume_delete(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	json_object *args = task_args(task);
	return volume_delete(&services->storage, task, json_get_str(args, "storage", ""),
			     json_get_str(args, "volume", ""), error);
}

static gboolean recover_volume_delete(Task *task, json_object *steps, gpointer data, GError **error)
{
	Services *services = data;
	return storage_recover(&services->storage, task, steps, error) && run_volume_delete(task, data, error);
}

const TaskKind image_import_kind = {"image.import", &image_pool, .cancellable = TRUE, .run = run_import,
				    .recover = recover_import};
const TaskKind image_build_kind = {"image.build", &image_pool, .cancellable = TRUE, .queue = TRUE, .run = run_build,
				   .recover = recover_build};
const TaskKind image_delete_kind = {"image.delete", &image_pool, .run = run_image_delete,
				    .recover = recover_image_delete};
const TaskKind volume_delete_kind = {"volume.delete", &volume_pool, .run = run_volume_delete,
				     .recover = recover_volume_delete};

const TaskKind *const task_kinds[] = {
	&vm_create_kind,   &vm_change_kind, &vm_delete_kind,	&vm_apply_kind,	   &vm_start_kind,    &vm_shutdown_kind,
	&vm_stop_kind,	   &vm_reset_kind,  &vm_reboot_kind,	&vm_pause_kind,	   &vm_resume_kind,
	&image_import_kind, &image_build_kind, &image_delete_kind, &volume_delete_kind, NULL};
