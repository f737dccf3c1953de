/* The image library: a directory of builds, and one document for each image.
 *
 *   DIR/NAME/BUILD/disk…     a build; never changed once it is there
 *   DIR/.new-TASK-XXXXXX/    a stage: a build that a task is making, or that a crash left
 *   DIR/.cache/              what recipes keep between their runs
 *
 * A build is made in a stage, fsynced, renamed to its place, and only then named by the document "image/NAME". So a
 * crash leaves either a stage or a build that nothing names; image_recover() removes both. Names of images begin with
 * a letter or digit and never collide with the dotted names.
 *
 * A guest that boots an image's kernel names image and build in its document, and each such build is kept. Tasks that
 * use an image claim it shared, those that change it exclusively: no guest can choose a build while it is collected. */
#include "image/library.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "schema/schema.h"

static gboolean check_name(const char *name, GError **error)
{
	const char *wrong = schema_check_key(name);
	if (!wrong)
		return TRUE;
	error_set_field(error, ERROR_INVALID, "name", NULL, "the name of an image must %s", wrong);
	return FALSE;
}

/* --- Stages --- */

static char *stage_prefix(Task *task)
{
	return g_strdup_printf(".new-%" G_GINT64_FORMAT "-", task_id(task));
}

gboolean stage_init(Stage *stage, ImageContext *context, Task *task, const char *name, GError **error)
{
	if (!check_name(name, error) || !dir_make(context->dir, 0700, error))
		return FALSE;
	json_auto json_object *detail = json_object_new_object();
	json_set_str(detail, "name", name);
	if (!task_intent(task, "image.publish", detail, error))
		return FALSE;
	g_autofree char *prefix = stage_prefix(task);
	g_autofree char *path = g_strdup_printf("%s/%sXXXXXX", context->dir, prefix);
	if (!mkdtemp(path)) {
		error_set_errno(error, errno, "cannot make a directory in '%s'", context->dir);
		return FALSE;
	}
	*stage = (Stage){.path = g_steal_pointer(&path), .task = task};
	return TRUE;
}

void stage_clear(Stage *stage)
{
	g_autoptr(GError) failed = NULL;
	if (stage->path && !dir_remove(stage->path, &failed))
		task_log(stage->task, "cannot remove '%s': %s", stage->path, failed->message);
	g_clear_pointer(&stage->path, g_free);
}

int stage_open(const Stage *stage, const char *file, int flags, GError **error)
{
	g_autofree char *path = g_build_filename(stage->path, file, NULL);
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		error_set_errno(error, errno, "cannot open '%s'", path);
	return fd;
}

/* --- What is in the library --- */

gboolean library_revision(ImageContext *context, const char *name, gint64 *ret_rev, Doc **ret_doc, GError **error)
{
	g_autoptr(GError) failed = NULL;
	g_autofree char *path = g_strconcat("image/", name, NULL);
	g_autoptr(Doc) doc = store_get(context->store, path, &failed);
	if (!doc && error_code(failed) != ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return FALSE;
	}
	*ret_rev = doc ? doc->rev : REV_ABSENT;
	*ret_doc = g_steal_pointer(&doc);
	return TRUE;
}

/* Names of the entries of a directory, without . and .. (none if it is absent). */
static GPtrArray *list_dir(const char *path, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	DIR *dir = opendir(path);
	if (!dir) {
		if (errno == ENOENT)
			return g_steal_pointer(&names);
		error_set_errno(error, errno, "cannot read directory '%s'", path);
		return NULL;
	}
	for (struct dirent *entry; (entry = readdir(dir));)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			g_ptr_array_add(names, g_strdup(entry->d_name));
	closedir(dir);
	return g_steal_pointer(&names);
}

/* Builds of the image that guests boot from, as a set. */
static GHashTable *builds_in_use(ImageContext *context, const char *name, GError **error)
{
	g_autoptr(GPtrArray) guests = store_list(context->store, "vm/", error);
	if (!guests)
		return NULL;
	GHashTable *builds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < guests->len; i++) {
		json_object *kernel = json_get(((Doc *)guests->pdata[i])->body, "kernel");
		const char *build = json_get_str(kernel, "build", NULL);
		if (build && !strcmp(json_get_str(kernel, "image", ""), name))
			g_hash_table_add(builds, g_strdup(build));
	}
	return builds;
}

/* Removes the builds of the name that neither its document nor a guest refers to. */
static gboolean collect(ImageContext *context, Task *task, const char *name, GError **error)
{
	g_autoptr(Doc) doc = NULL;
	gint64 rev;
	g_autoptr(GHashTable) used = builds_in_use(context, name, error);
	if (!used || !library_revision(context, name, &rev, &doc, error))
		return FALSE;
	g_autofree char *dir = g_build_filename(context->dir, name, NULL);
	g_autoptr(GPtrArray) builds = list_dir(dir, error);
	if (!builds)
		return FALSE;
	const char *present = doc ? json_get_str(doc->body, "build", "") : "";
	guint kept = 0;
	for (guint i = 0; i < builds->len; i++) {
		const char *build = builds->pdata[i];
		g_autofree char *path = g_build_filename(dir, build, NULL);
		if (!strcmp(build, present) || g_hash_table_contains(used, build)) {
			kept++;
			continue;
		}
		task_log(task, "removing build %s of image '%s': no guest needs it", build, name);
		if (!dir_remove(path, error))
			return FALSE;
	}
	return kept || dir_remove(dir, error);
}

/* --- Publishing --- */

/* Readable for all, below a directory that is not: a guest's QEMU has its own uid and opens kernel and initrd a second
 * time through /proc/self/fd/N, where the file's mode counts. */
static gboolean sync_files(const char *dir, GError **error)
{
	g_autoptr(GPtrArray) names = list_dir(dir, error);
	if (!names)
		return FALSE;
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *path = g_build_filename(dir, names->pdata[i], NULL);
		fd_auto int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 || fchmod(fd, 0444) < 0 || fsync(fd) < 0) {
			error_set_errno(error, errno, "cannot write '%s' to disk", path);
			return FALSE;
		}
	}
	return dir_sync(dir, error);
}

static gboolean commit_document(
	ImageContext *context, Task *task, json_object *document, gint64 expected_rev, GError **error)
{
	if (!schema_check(&image_table, document, error))
		return FALSE;
	g_autofree char *path = g_strconcat("image/", json_get_str(document, "name", ""), NULL);
	g_autoptr(Batch) batch = batch_new(task_user(task), task_id(task));
	batch_put(batch, path, expected_rev, document);
	return store_commit(context->store, batch, error) > 0;
}

/* The same content may be there already (a recipe that gave the same again): then that build stays as it is. */
static gboolean move_into_place(
	ImageContext *context, Stage *stage, const char *dir, const char *target, gboolean *ret_moved, GError **error)
{
	if (!sync_files(stage->path, error) || !dir_make(dir, 0700, error) || !dir_sync(context->dir, error))
		return FALSE;
	struct stat there;
	gboolean moved = lstat(target, &there) < 0;
	if (moved && rename(stage->path, target) < 0) {
		error_set_errno(error, errno, "cannot move the image to '%s'", target);
		return FALSE;
	}
	if (moved)
		g_clear_pointer(&stage->path, g_free);
	*ret_moved = moved;
	return dir_sync(dir, error);
}

/* Takes back a build that could not be committed; the image's directory goes with its last build. */
static void withdraw(Task *task, const char *dir, const char *target)
{
	g_autoptr(GError) failed = NULL;
	if (target && !dir_remove(target, &failed))
		task_log(task, "cannot remove '%s': %s", target, failed->message);
	if (rmdir(dir) < 0 && errno != ENOENT && errno != ENOTEMPTY)
		task_log(task, "cannot remove '%s': %s", dir, g_strerror(errno));
}

gboolean library_publish(ImageContext *context, Stage *stage, json_object *document, const char *build,
	gint64 expected_rev, GError **error)
{
	const char *name = json_get_str(document, "name", "");
	Task *task = stage->task;
	g_autofree char *dir = g_build_filename(context->dir, name, NULL);
	g_autofree char *target = g_build_filename(dir, build, NULL);
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *created = g_date_time_format_iso8601(now);
	gboolean moved = FALSE;

	json_set_str(document, "build", build);
	json_set_str(document, "created", created);
	if (!move_into_place(context, stage, dir, target, &moved, error) ||
		!commit_document(context, task, document, expected_rev, error)) {
		withdraw(task, dir, moved ? target : NULL);
		return FALSE;
	}
	/* The image is there: that an old build could not be removed is no reason to say otherwise. */
	g_autoptr(GError) failed = NULL;
	if (!collect(context, task, name, &failed))
		task_log(task, "old builds of '%s' stay: %s", name, failed->message);
	json_auto json_object *outcome = json_object_new_object();
	json_set_str(outcome, "build", build);
	task_result(task, json_copy(document));
	return task_outcome(task, "image.publish", outcome, error);
}

/* --- Reading --- */

json_object *image_get(ImageContext *context, const char *name, GError **error)
{
	g_autoptr(Doc) doc = NULL;
	gint64 rev;
	if (!check_name(name, error) || !library_revision(context, name, &rev, &doc, error))
		return NULL;
	if (!doc) {
		error_set(error, ERROR_NOT_FOUND,
			"'yado image list' shows what there is; 'yado image build tiny' makes one",
			"there is no image '%s'", name);
		return NULL;
	}
	return json_object_get(doc->body);
}

int image_open(ImageContext *context, const char *name, const char *build, const char *file, GError **error)
{
	static const char *const files[] = {"disk", "kernel", "kernel-efi", "initrd", NULL};
	json_auto json_object *document = NULL;

	if (!check_name(name, error))
		return -1;
	if (!g_strv_contains(files, file) || (build && (!*build || build[strspn(build, "0123456789abcdef")]))) {
		error_set(error, ERROR_INVALID, NULL, "an image has no file '%s' of build '%s'", file,
			build ? build : "");
		return -1;
	}
	if (!build) {
		document = image_get(context, name, error);
		if (!document)
			return -1;
		build = json_get_str(document, "build", "");
	}
	g_autofree char *path = g_build_filename(context->dir, name, build, file, NULL);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		error_set_errno(error, errno, "cannot open '%s' of image '%s', build %s", file, name, build);
	return fd;
}

/* --- Deleting --- */

static gboolean guest_uses(json_object *vm, const char *name)
{
	if (!strcmp(json_get_str(json_get(vm, "kernel"), "image", ""), name))
		return TRUE;
	json_object *cdroms = json_get(vm, "cdroms");
	if (!json_object_is_type(cdroms, json_type_object))
		return FALSE;
	json_object_object_foreach (cdroms, key, cdrom) {
		(void)key;
		if (!strcmp(json_get_str(cdrom, "image", ""), name))
			return TRUE;
	}
	return FALSE;
}

gboolean image_check_unused(ImageContext *context, const char *name, GError **error)
{
	g_autoptr(GPtrArray) guests = store_list(context->store, "vm/", error);
	if (!guests)
		return FALSE;
	g_autoptr(GString) users = g_string_new(NULL);
	for (guint i = 0; i < guests->len; i++) {
		Doc *doc = guests->pdata[i];
		if (guest_uses(doc->body, name))
			g_string_append_printf(users, "%sVM %s '%s'", users->len ? ", " : "", doc->path + strlen("vm/"),
				json_get_str(doc->body, "name", ""));
	}
	if (!users->len)
		return TRUE;
	error_set(error, ERROR_CONFLICT, "delete those guests, or take the image out of them",
		"cannot delete image '%s': it is used by %s", name, users->str);
	return FALSE;
}

gboolean image_delete(ImageContext *context, Task *task, const char *name, GError **error)
{
	json_auto json_object *document = image_get(context, name, error);
	g_autoptr(Doc) doc = NULL;
	gint64 rev;
	if (!document || !image_check_unused(context, name, error) ||
	    !library_revision(context, name, &rev, &doc, error))
		return FALSE;
	json_auto json_object *detail = json_object_new_object();
	json_set_str(detail, "name", name);
	if (!task_intent(task, "image.delete", detail, error))
		return FALSE;
	g_autofree char *path = g_strconcat("image/", name, NULL);
	g_autoptr(Batch) batch = batch_new(task_user(task), task_id(task));
	batch_delete(batch, path, rev);
	if (store_commit(context->store, batch, error) == 0)
		return FALSE;
	return collect(context, task, name, error) && task_outcome(task, "image.delete", NULL, error);
}

/* --- After a crash --- */

/* The task's own: others may be at work. */
static gboolean remove_stages(ImageContext *context, Task *task, GError **error)
{
	g_autofree char *prefix = stage_prefix(task);
	g_autoptr(GPtrArray) names = list_dir(context->dir, error);
	if (!names)
		return FALSE;
	for (guint i = 0; i < names->len; i++) {
		if (!g_str_has_prefix(names->pdata[i], prefix))
			continue;
		g_autofree char *path = g_build_filename(context->dir, names->pdata[i], NULL);
		task_log(task, "removing the unfinished '%s'", path);
		if (!dir_remove(path, error))
			return FALSE;
	}
	return TRUE;
}

/* The document tells how far it came: a publication is done when this task committed it, a deletion when it is gone. */
gboolean image_recover(ImageContext *context, Task *task, json_object *steps, GError **error)
{
	gboolean done = FALSE;
	if (!remove_stages(context, task, error))
		return FALSE;
	for (gsize i = 0; steps && i < json_object_array_length(steps); i++) {
		json_object *step = json_object_array_get_idx(steps, i);
		const char *name = json_get_str(json_get(step, "detail"), "name", "");
		gboolean deletion = !strcmp(json_get_str(step, "step", ""), "image.delete");
		g_autoptr(Doc) doc = NULL;
		gint64 rev;
		if (!check_name(name, error) || !collect(context, task, name, error) ||
			!library_revision(context, name, &rev, &doc, error))
			return FALSE;
		if (deletion) {
			done = !doc;
			continue;
		}
		g_autoptr(GPtrArray) changes = doc ? store_commit_changes(context->store, doc->rev, error) : NULL;
		if (doc && !changes)
			return FALSE;
		done = changes && changes->len && ((Change *)changes->pdata[0])->task == task_id(task);
	}
	if (!done)
		error_set(error, ERROR_UNAVAILABLE, "do it again",
			"the daemon ended while it was at work; nothing was changed");
	return done;
}
