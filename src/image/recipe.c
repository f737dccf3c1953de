/* Images made on the spot by a recipe: a program that is given a directory to fill, one to keep downloads in, and the
 * recipe's parameters ("suite=bookworm"; recipes.h).
 *
 * It runs as a process group of its own, so that a cancel or the deadline ends it with all that it started; it also
 * ends with the daemon. Lines "PROGRESS done total text" on its stdout are the task's progress, other lines go to the
 * task's log, and the end of its stderr is the reason when it fails. It writes disk (qcow2) and manifest.json; with
 * kernel, initrd and maybe kernel-efi beside them the image is one that is started by its kernel ("system"), without
 * them an ordinary disk. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "image/library.h"
#include "image/recipes.h"
#include "preset/preset.h"
#include "schema/schema.h"
#include "storage/worker.h"

enum { RECIPE_SECONDS = 1800, LOOK_MS = 100, LINE_MAX_BYTES = 4096, REASON_MAX = 2000, MANIFEST_MAX = 64 << 10 };

/* --- Running --- */

static void on_line(Task *task, char *line)
{
	guint64 done, total;
	int text = 0;
	if (sscanf(line, "PROGRESS %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %n", &done, &total, &text) == 2 &&
		text) {
		task_step(task, "%s", line + text);
		task_progress(task, done, total, "steps");
	} else if (*line) {
		task_log(task, "%s", line);
	}
}

/* Takes in what the pipe has; complete lines are handled. FALSE at the end of the stream. */
static gboolean take_output(int fd, GString *buffer, Task *task)
{
	char chunk[4096], *end;
	ssize_t n = read(fd, chunk, sizeof chunk);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	g_string_append_len(buffer, chunk, n);
	while ((end = memchr(buffer->str, '\n', buffer->len)) || buffer->len > LINE_MAX_BYTES ||
		(n == 0 && buffer->len)) {
		gsize length = end ? (gsize)(end - buffer->str) : MIN(buffer->len, (gsize)LINE_MAX_BYTES);
		g_autofree char *raw = g_strndup(buffer->str, length);
		g_autofree char *line = g_utf8_make_valid(raw, -1);
		on_line(task, line);
		g_string_erase(buffer, 0, (gssize)(length + (end ? 1 : 0)));
	}
	return n > 0;
}

/* Keeps the end of what the recipe says on stderr. FALSE at the end of the stream. */
static gboolean take_reason(int fd, GString *reason)
{
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof chunk);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	g_string_append_len(reason, chunk, n);
	if (reason->len > REASON_MAX)
		g_string_erase(reason, 0, (gssize)(reason->len - REASON_MAX));
	return n > 0;
}

/* Before the process has made its group (setsid), only itself can be ended. */
static void kill_group(pid_t pid)
{
	if (kill(-pid, SIGKILL) < 0)
		kill(pid, SIGKILL);
}

/* TRUE once the process has ended (it is not reaped: its pid, and so its group's, stays taken). */
static gboolean has_ended(pid_t pid)
{
	siginfo_t info = {0};
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* Follows the process to its end. On FALSE it was killed. */
static gboolean follow(Task *task, pid_t pid, int out, int err, GString *reason, GError **error)
{
	g_autoptr(GString) buffer = g_string_new(NULL);
	gint64 deadline = g_get_monotonic_time() + (gint64)RECIPE_SECONDS * G_USEC_PER_SEC;
	struct pollfd polls[] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};

	for (;;) {
		/* Looked at first: what it wrote before it ended is then in the pipes. */
		gboolean ended = has_ended(pid);
		int ready = poll(polls, 2, ended ? 0 : LOOK_MS);
		if (ready > 0 && polls[0].revents && !take_output(out, buffer, task))
			polls[0].fd = -1;
		if (ready > 0 && polls[1].revents && !take_reason(err, reason))
			polls[1].fd = -1;
		if (ended && ready <= 0)
			return TRUE;
		if (task_check_cancelled(task, error))
			return FALSE;
		if (g_get_monotonic_time() > deadline) {
			error_set(error, ERROR_TIMEOUT, NULL, "the recipe did not end within %d minutes",
				RECIPE_SECONDS / 60);
			return FALSE;
		}
	}
}

static gboolean judge(const char *recipe, int status, GString *reason, GError **error)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return TRUE;
	g_autofree char *text = g_utf8_make_valid(g_strstrip(reason->str), -1);
	gboolean full = strstr(text, "No space left on device") != NULL;
	error_set(error, full ? ERROR_NO_SPACE : ERROR_FAILED,
		full ? "make room on the disk that holds the image library" : NULL, "cannot build image '%s': %s",
		recipe,
		*text                 ? text
		: WIFSIGNALED(status) ? g_strsignal(WTERMSIG(status))
				      : "the recipe failed without a word");
	return FALSE;
}

static gboolean run_recipe(ImageContext *context, Task *task, json_object *input, const char *stage, GError **error)
{
	const char *name = json_get_str(input, "recipe", "");
	json_auto json_object *recipe = recipe_get(context, name, error);
	if (!recipe)
		return FALSE;
	g_autofree char *program = recipe_program(context, recipe);
	g_autofree char *cache = g_build_filename(context->dir, ".cache", NULL);
	g_autoptr(GString) reason = g_string_new(NULL);
	g_auto(GStrv) parameters = recipe_parameters(recipe, input);
	const char *const command[] = {"setsid", "setpriv", "--pdeathsig", "KILL", program, stage, cache};
	g_autoptr(GStrvBuilder) argv_builder = g_strv_builder_new();
	for (gsize i = 0; i < G_N_ELEMENTS(command); i++)
		g_strv_builder_add(argv_builder, command[i]);
	g_strv_builder_addv(argv_builder, (const char **)parameters);
	g_auto(GStrv) argv = g_strv_builder_end(argv_builder);
	int status = 0;
	pid_t pid;

	if (access(program, X_OK) < 0) {
		error_set_errno(error, errno, "cannot run recipe '%s'", program);
		return FALSE;
	}
	if (!dir_make(cache, 0700, error))
		return FALSE;
	fd_auto int out_read = -1, err_read = -1;
	if (!process_spawn_piped((const char *const *)argv, &pid, &out_read, &err_read, error))
		return FALSE;
	gboolean followed = follow(task, pid, out_read, err_read, reason, error);
	kill_group(pid); /* also what a recipe that has ended left running */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return followed && judge(name, status, reason, error);
}

/* --- What it made --- */

static json_object *read_manifest(const Stage *stage, GError **error)
{
	g_autofree char *path = g_build_filename(stage->path, "manifest.json", NULL);
	g_autofree char *text = NULL;
	gsize length;
	if (!file_read(path, MANIFEST_MAX, &text, &length, error))
		return NULL;
	json_auto json_object *manifest = json_parse(text, length, error);
	if (!manifest)
		return NULL;
	if (strcmp(json_get_str(manifest, "disk_format", ""), "qcow2")) {
		error_set(error, ERROR_INVALID, NULL, "the recipe's manifest.json must state the disk_format qcow2");
		return NULL;
	}
	const char *os = json_get_str(manifest, "os", NULL);
	if (os && !preset_check_os(os, error)) {
		g_prefix_error(error, "the recipe's manifest.json: ");
		return NULL;
	}
	return json_object_get(manifest);
}

static gboolean hash_file(const Stage *stage, const char *name, GChecksum *sum, GError **error)
{
	fd_auto int fd = stage_open(stage, name, O_RDONLY, error);
	struct stat is;
	if (fd < 0)
		return FALSE;
	if (fstat(fd, &is) < 0 || !S_ISREG(is.st_mode)) {
		error_set(error, ERROR_INVALID, NULL, "'%s' of the recipe is not a regular file", name);
		return FALSE;
	}
	g_autofree char *head = g_strdup_printf("%s %" G_GINT64_FORMAT "\n", name, (gint64)is.st_size);
	g_autofree guchar *chunk = g_malloc(1 << 20);
	ssize_t n;
	g_checksum_update(sum, (const guchar *)head, -1);
	while ((n = read(fd, chunk, 1 << 20)) > 0)
		g_checksum_update(sum, chunk, n);
	if (n < 0)
		error_set_errno(error, errno, "cannot read '%s'", name);
	return n == 0;
}

static char *hash_stage(const Stage *stage, gboolean system, GError **error)
{
	const struct {
		const char *name;
		gboolean needed;
	} files[] = {{"disk", TRUE},
		     {"initrd", system},
		     {"kernel", system},
		     {"kernel-efi", FALSE},
		     {"manifest.json", TRUE}};
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(stage->path, files[i].name, NULL);
		if (!files[i].needed && access(path, F_OK) < 0)
			continue;
		if (!hash_file(stage, files[i].name, sum, error))
			return NULL;
	}
	return g_strndup(g_checksum_get_string(sum), BUILD_LENGTH);
}

static gboolean inspect_disk(ImageContext *context, const Stage *stage, guint64 *ret_size, GError **error)
{
	BlockInfo info;
	fd_auto int disk = stage_open(stage, "disk", O_RDONLY, error);
	if (disk < 0)
		return FALSE;
	g_autoptr(BlockWorker) worker = block_worker_start(context->run_dir, stage->task, error);
	if (!worker || !block_worker_inspect(worker, disk, "qcow2", &info, error))
		return FALSE;
	*ret_size = info.virtual_size;
	return TRUE;
}

static json_object *describe(json_object *input, json_object *manifest, gboolean system, guint64 size)
{
	json_object *document = json_object_new_object();
	json_set_int(document, "schema", image_table.version);
	json_set_str(document, "name", json_get_str(input, "name", json_get_str(input, "recipe", "")));
	json_set_str(document, "format", "qcow2");
	json_set_str(document, "recipe", json_get_str(input, "recipe", ""));
	const char *os = json_get_str(manifest, "os", NULL);
	if (os)
		json_set_str(document, "os", os);
	json_set_str(document, "kind", system ? "system" : "disk");
	json_set_int(document, "size", (gint64)size);
	if (system)
		json_set_str(document, "append", json_get_str(manifest, "append", ""));
	json_set_int(document, "memory", json_get_int(manifest, "memory", 0));
	json_set_str(document, "description", json_get_str(manifest, "description", ""));
	return document;
}

/* What a build may take the place of: another build of the same recipe. */
static gboolean check_replaced(const char *name, json_object *present, const char *recipe, GError **error)
{
	const char *former = json_get_str(present, "recipe", NULL);
	gboolean built = former || !strcmp(json_get_str(present, "kind", ""), "system");
	if (!present || (built && (!former || !strcmp(former, recipe))))
		return TRUE;
	if (former)
		error_set_field(error, ERROR_EXISTS, "name", "choose another name, or delete that image first",
				"image '%s' was built from recipe '%s', so it is not replaced by one of '%s'", name,
				former, recipe);
	else
		error_set_field(error, ERROR_EXISTS, "name", "choose another name, or delete that image first",
			"image '%s' was imported, so it is not replaced by a build", name);
	return FALSE;
}

gboolean image_build(ImageContext *context, Task *task, json_object *input, GError **error)
{
	const char *recipe = json_get_str(input, "recipe", "");
	const char *name = json_get_str(input, "name", recipe);
	g_autoptr(Doc) present = NULL;
	g_auto(Stage) stage = {0};
	guint64 size;
	gint64 rev;

	if (!library_revision(context, name, &rev, &present, error))
		return FALSE;
	if (!check_replaced(name, present ? present->body : NULL, recipe, error) ||
		!stage_init(&stage, context, task, name, error) ||
		!run_recipe(context, task, input, stage.path, error))
		return FALSE;
	task_step(task, "checking the result");
	json_auto json_object *manifest = read_manifest(&stage, error);
	if (!manifest || !inspect_disk(context, &stage, &size, error))
		return FALSE;
	g_autofree char *kernel = g_build_filename(stage.path, "kernel", NULL);
	gboolean system = access(kernel, F_OK) == 0;
	g_autofree char *build = hash_stage(&stage, system, error);
	if (!build || task_check_cancelled(task, error))
		return FALSE;
	json_auto json_object *document = describe(input, manifest, system, size);
	task_step(task, "publishing image '%s', build %s", name, build);
	return library_publish(context, &stage, document, build, rev, error);
}
