/* The image library with its real parts: store, tasks, recipes as processes, block workers, files on disk. */
#include "image/recipes.h"
#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "schema/schema.h"

typedef struct Fixture {
	char *dir;
	Store *store;
	Tasks *tasks;
	ImageContext context;
	int upload; /* what run_import reads */
} Fixture;

enum { WAIT_MS = 60000 };

/* --- Task kinds that call what is tested --- */

static gboolean run_build(Task *task, gpointer data, GError **error)
{
	Fixture *f = data;
	return image_build(&f->context, task, task_args(task), error);
}

static gboolean run_import(Task *task, gpointer data, GError **error)
{
	Fixture *f = data;
	return image_import(&f->context, task, task_args(task), &(ImageSource){.fd = f->upload}, error);
}

static gboolean run_delete(Task *task, gpointer data, GError **error)
{
	Fixture *f = data;
	return image_delete(&f->context, task, json_get_str(task_args(task), "name", ""), error);
}

static gboolean run_recover(Task *task, gpointer data, GError **error)
{
	Fixture *f = data;
	return image_recover(&f->context, task, json_get(task_args(task), "steps"), error);
}

static const TaskPool pool = {.name = "image", .threads = 2};
static const TaskKind build_kind = {.name = "image.build", .pool = &pool, .cancellable = TRUE, .run = run_build};
static const TaskKind import_kind = {.name = "image.import", .pool = &pool, .cancellable = TRUE, .run = run_import};
static const TaskKind delete_kind = {.name = "image.delete", .pool = &pool, .run = run_delete};
static const TaskKind recover_kind = {.name = "image.recover", .pool = &pool, .run = run_recover};
static const TaskKind *const task_kinds[] = {&build_kind, &import_kind, &delete_kind, &recover_kind, NULL};
static const StoreKind store_kinds[] = {{"image", FALSE}, {"vm", FALSE}, {"counter", TRUE}, {NULL, FALSE}};

/* --- Set-up --- */

static char *path_in(Fixture *f, const char *name)
{
	return g_build_filename(f->dir, name, NULL);
}

static void write_file(Fixture *f, const char *name, const char *text, guint mode)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = path_in(f, name);
	file_write_atomic(path, text, strlen(text), mode, &error);
	g_assert_no_error(error);
}

/* A recipe whose kernel is what the file "content" says. */
static const char recipe_text[] =
	"#!/bin/sh\nset -e\ncd \"$1\"\necho 'PROGRESS 1 2 making'\ncat \"$0/../../../content\" > kernel\n"
	"echo initrd > initrd\nqemu-img create -q -f qcow2 disk 16M\n"
	"echo '{\"append\":\"console=ttyS0\",\"memory\":134217728,\"disk_format\":\"qcow2\"}' > manifest.json\n";

static void write_recipe(Fixture *f, const char *text)
{
	g_autofree char *content = g_build_filename(f->dir, "content", NULL);
	g_auto(GStrv) parts = g_strsplit(text, "$0/../../../content", -1);
	g_autofree char *whole = g_strjoinv(content, parts);
	write_file(f, "recipes/tiny/build", whole, 0755);
}

static void set_up(Fixture *f, gconstpointer data)
{
	static const char *const dirs[] = {"state", "images", "run", "recipes/tiny"};
	g_autoptr(GError) error = NULL;
	(void)data;

	f->dir = g_dir_make_tmp("image-XXXXXX", &error);
	g_assert_no_error(error);
	g_assert_cmpint(g_chmod(f->dir, 0711), ==, 0);
	for (gsize i = 0; i < G_N_ELEMENTS(dirs); i++) {
		g_autofree char *path = path_in(f, dirs[i]);
		g_assert_cmpint(g_mkdir_with_parents(path, 0711), ==, 0);
	}
	g_autofree char *state = path_in(f, "state");
	f->store = store_open(state, store_kinds, &error);
	g_assert_no_error(error);
	f->tasks = tasks_new(state, task_kinds, f, &error);
	g_assert_no_error(error);
	tasks_start(f->tasks, &error);
	g_assert_no_error(error);
	f->context = (ImageContext){.store = f->store,
		.dir = path_in(f, "images"),
		.run_dir = path_in(f, "run"),
		.recipe_dir = path_in(f, "recipes")};
	f->upload = -1;
	write_recipe(f, recipe_text);
	write_file(f, "recipes/tiny/recipe.json", "{\"description\":\"of this test\"}", 0644);
	write_file(f, "content", "first", 0644);
}

static void tear_down(Fixture *f, gconstpointer data)
{
	(void)data;
	tasks_stop(f->tasks, WAIT_MS);
	tasks_free(f->tasks);
	store_close(f->store);
	g_assert_true(dir_remove(f->dir, NULL));
	fd_close(f->upload);
	g_free((char *)f->context.dir);
	g_free((char *)f->context.run_dir);
	g_free((char *)f->context.recipe_dir);
	g_free(f->dir);
}

/* --- Steps --- */

static gint64 begin(Fixture *f, const TaskKind *kind, const char *args)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *json = json_parse(args, strlen(args), &error);
	g_assert_no_error(error);
	gint64 id = tasks_submit(f->tasks, kind, "image/x", "root", json, NULL, &error);
	g_assert_no_error(error);
	return id;
}

/* The error's code as text, "" when the task was done; ret_message may be NULL. */
static char *finish(Fixture *f, gint64 id, char **ret_message)
{
	g_autoptr(GError) error = NULL;
	g_assert_true(tasks_wait(f->tasks, id, WAIT_MS));
	json_auto json_object *task = tasks_describe(f->tasks, id, &error);
	g_assert_no_error(error);
	json_object *failed = json_get(task, "error");
	if (failed)
		g_test_message("%s: %s", json_get_str(failed, "code", "?"), json_get_str(failed, "message", "?"));
	if (ret_message)
		*ret_message = g_strdup(json_get_str(failed, "message", ""));
	return g_strdup(json_get_str(failed, "code", ""));
}

static void expect(Fixture *f, const TaskKind *kind, const char *args, const char *code)
{
	g_autofree char *message = NULL;
	g_autofree char *got = finish(f, begin(f, kind, args), &message);
	if (strcmp(got, code))
		g_error("expected '%s', got '%s': %s", code, got, message);
}

static void put_vm(Fixture *f, const char *text)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *vm = text ? json_parse(text, strlen(text), &error) : NULL;
	g_assert_no_error(error);
	g_autoptr(Batch) batch = batch_new("root", 0);
	if (vm)
		batch_put(batch, "vm/100", REV_ANY, vm);
	else
		batch_delete(batch, "vm/100", REV_ANY);
	store_commit(f->store, batch, &error);
	g_assert_no_error(error);
}

static char *present_build(Fixture *f, const char *name)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *document = image_get(&f->context, name, &error);
	g_assert_no_error(error);
	schema_check(&image_table, document, &error);
	g_assert_no_error(error);
	return g_strdup(json_get_str(document, "build", ""));
}

static char *read_image(Fixture *f, const char *name, const char *build, const char *file)
{
	g_autoptr(GError) error = NULL;
	fd_auto int fd = image_open(&f->context, name, build, file, &error);
	g_assert_no_error(error);
	char text[4096];
	ssize_t n = read(fd, text, sizeof text);
	g_assert_cmpint(n, >=, 0);
	return g_strndup(text, (gsize)n);
}

static gboolean is_there(Fixture *f, const char *name, const char *build)
{
	g_autofree char *path = g_build_filename(f->context.dir, name, build, NULL);
	return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* Nothing but the cache of recipes and the named image is in the library. */
static void assert_only(Fixture *f, const char *name)
{
	g_autoptr(GDir) dir = g_dir_open(f->context.dir, 0, NULL);
	g_assert_nonnull(dir);
	for (const char *entry; (entry = g_dir_read_name(dir));)
		if (strcmp(entry, ".cache") && g_strcmp0(entry, name))
			g_error("'%s' was left in the library", entry);
}

static void tool(const char *const *argv)
{
	g_autoptr(GError) error = NULL;
	process_run(argv, WAIT_MS, NULL, &error);
	g_assert_no_error(error);
}

#define TOOL(...) tool((const char *const[]){__VA_ARGS__, NULL})

/* A raw file with text at two places and holes around them. */
static char *make_raw(Fixture *f)
{
	char *path = path_in(f, "source.raw");
	fd_auto int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(pwrite(fd, "begin", 5, 0), ==, 5);
	g_assert_cmpint(pwrite(fd, "middle", 6, 5 << 20), ==, 6);
	g_assert_cmpint(ftruncate(fd, 12 << 20), ==, 0);
	return path;
}

static void set_upload(Fixture *f, const char *path)
{
	fd_close(f->upload);
	f->upload = open(path, O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(f->upload, >=, 0);
}

/* --- Recipes --- */

static void test_build_replace(Fixture *f, gconstpointer data)
{
	(void)data;
	expect(f, &build_kind, "{\"recipe\":\"tiny\"}", "");
	g_autofree char *first = present_build(f, "tiny");
	g_autofree char *kernel = read_image(f, "tiny", NULL, "kernel");
	g_assert_cmpstr(kernel, ==, "first");
	g_assert_cmpuint(strlen(first), ==, 16);

	write_file(f, "content", "second", 0644);
	expect(f, &build_kind, "{\"recipe\":\"tiny\"}", "");
	g_autofree char *second = present_build(f, "tiny");
	g_autofree char *changed = read_image(f, "tiny", NULL, "kernel");
	g_assert_cmpstr(changed, ==, "second");
	g_assert_cmpstr(first, !=, second);
	g_assert_false(is_there(f, "tiny", first));
	assert_only(f, "tiny");
}

/* As a guest's QEMU does it: another uid opens the descriptor that it was given once more. */
static void test_reopen(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	(void)data;
	expect(f, &build_kind, "{\"recipe\":\"tiny\"}", "");
	fd_auto int kernel = image_open(&f->context, "tiny", NULL, "kernel", &error);
	g_assert_no_error(error);
	g_assert_cmpint(fcntl(kernel, F_SETFD, 0), ==, 0);
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", kernel);
	const char *const argv[] = {"setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "cat", path, NULL};
	g_autofree char *text = NULL;
	process_run(argv, WAIT_MS, &text, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(text, ==, "first");
}

static void test_same_content(Fixture *f, gconstpointer data)
{
	(void)data;
	expect(f, &build_kind, "{\"recipe\":\"tiny\",\"name\":\"own\"}", "");
	g_autofree char *first = present_build(f, "own");
	expect(f, &build_kind, "{\"recipe\":\"tiny\",\"name\":\"own\"}", "");
	g_autofree char *second = present_build(f, "own");
	g_assert_cmpstr(first, ==, second);
	assert_only(f, "own");
}

static void test_build_kept(Fixture *f, gconstpointer data)
{
	(void)data;
	expect(f, &build_kind, "{\"recipe\":\"tiny\"}", "");
	g_autofree char *first = present_build(f, "tiny");
	g_autofree char *vm =
		g_strdup_printf("{\"name\":\"web\",\"kernel\":{\"image\":\"tiny\",\"build\":\"%s\"}}", first);
	put_vm(f, vm);
	write_file(f, "content", "second", 0644);
	expect(f, &build_kind, "{\"recipe\":\"tiny\"}", "");
	g_autofree char *old = read_image(f, "tiny", first, "kernel");
	g_assert_cmpstr(old, ==, "first");

	put_vm(f, NULL);
	write_file(f, "content", "third", 0644);
	expect(f, &build_kind, "{\"recipe\":\"tiny\"}", "");
	g_assert_false(is_there(f, "tiny", first));
}

static void test_delete_refused(Fixture *f, gconstpointer data)
{
	static const char *const users[] = {"{\"name\":\"web\",\"kernel\":{\"image\":\"tiny\",\"build\":\"0\"}}",
		"{\"name\":\"web\",\"cdroms\":{\"cd0\":{\"image\":\"tiny\"}}}"};
	(void)data;
	expect(f, &build_kind, "{\"recipe\":\"tiny\"}", "");
	for (gsize i = 0; i < G_N_ELEMENTS(users); i++) {
		g_autofree char *message = NULL;
		put_vm(f, users[i]);
		g_autofree char *code = finish(f, begin(f, &delete_kind, "{\"name\":\"tiny\"}"), &message);
		g_assert_cmpstr(code, ==, "conflict");
		g_assert_nonnull(strstr(message, "VM 100 'web'"));
	}
	put_vm(f,
		"{\"name\":\"web\",\"cdroms\":{\"cd0\":{\"image\":null}},\"disks\":{\"disk0\":{\"image\":\"tiny\"}}}");
	expect(f, &delete_kind, "{\"name\":\"tiny\"}", "");
	assert_only(f, NULL);
	expect(f, &delete_kind, "{\"name\":\"tiny\"}", "not-found");
}

static void test_recipe_fails(Fixture *f, gconstpointer data)
{
	g_autofree char *message = NULL;
	(void)data;
	write_recipe(f, "#!/bin/sh\ntouch \"$1/kernel\"\necho 'lz4 is missing: apt install lz4' >&2\nexit 3\n");
	g_autofree char *code = finish(f, begin(f, &build_kind, "{\"recipe\":\"tiny\"}"), &message);
	g_assert_cmpstr(code, ==, "failed");
	g_assert_nonnull(strstr(message, "apt install lz4"));
	assert_only(f, NULL);

	write_recipe(f,
		"#!/bin/sh\ncd \"$1\"; ln -s /etc/shadow kernel; echo > initrd; qemu-img create -q -f qcow2 disk 1M\n"
		"echo '{\"disk_format\":\"qcow2\"}' > manifest.json\n");
	g_autofree char *linked = finish(f, begin(f, &build_kind, "{\"recipe\":\"tiny\"}"), NULL);
	g_assert_cmpstr(linked, !=, "");
	assert_only(f, NULL);
}

static void test_recipe_cancel(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *marker = path_in(f, "pid");
	g_autofree char *script = g_strdup_printf(
		"#!/bin/sh\nsleep 1000 & echo $! > %s.new; mv %s.new %s; wait\n", marker, marker, marker);
	(void)data;
	write_recipe(f, script);
	gint64 id = begin(f, &build_kind, "{\"recipe\":\"tiny\"}");
	for (int i = 0; i < 1000 && !g_file_test(marker, G_FILE_TEST_EXISTS); i++)
		g_usleep(10000);
	g_autofree char *text = NULL;
	g_assert_true(g_file_get_contents(marker, &text, NULL, NULL));
	pid_t child = (pid_t)g_ascii_strtoll(text, NULL, 10);
	g_assert_cmpuint(process_start_time(child), !=, 0);

	tasks_cancel(f->tasks, id, &error);
	g_assert_no_error(error);
	g_autofree char *code = finish(f, id, NULL);
	g_assert_cmpstr(code, ==, "cancelled");
	for (int i = 0; i < 200 && process_start_time(child); i++)
		g_usleep(10000);
	g_assert_cmpuint(process_start_time(child), ==, 0);
	assert_only(f, NULL);
}

/* A recipe of a disk without a kernel, and a preset of it. */
static void add_disk_recipe(Fixture *f)
{
	static const char *const dirs[] = {"recipes/disk", "recipes/preset"};
	for (gsize i = 0; i < G_N_ELEMENTS(dirs); i++) {
		g_autofree char *path = path_in(f, dirs[i]);
		g_assert_cmpint(g_mkdir_with_parents(path, 0711), ==, 0);
	}
	write_file(f, "recipes/disk/build",
		"#!/bin/sh\nset -e\ncd \"$1\"; shift 2; qemu-img create -q -f qcow2 disk 16M\n"
		"echo \"{\\\"disk_format\\\":\\\"qcow2\\\",\\\"description\\\":\\\"$*\\\"}\" > manifest.json\n", 0755);
	write_file(f, "recipes/disk/recipe.json",
		"{\"description\":\"a disk\",\"needs\":[\"suite\"],\"takes\":[\"packages\",\"size\"]}", 0644);
	write_file(f, "recipes/preset/recipe.json",
		"{\"description\":\"a "
		"preset\",\"program\":\"disk\",\"sets\":{\"suite\":\"bookworm\"},\"takes\":[\"packages\"]}",
		0644);
}

static void assert_description(Fixture *f, const char *name, const char *words)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *document = image_get(&f->context, name, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(json_get_str(document, "kind", ""), ==, "disk");
	g_assert_cmpstr(json_get_str(document, "description", ""), ==, words);
}

static void test_recipe_parameters(Fixture *f, gconstpointer data)
{
	(void)data;
	add_disk_recipe(f);
	expect(f, &build_kind,
	       "{\"recipe\":\"disk\",\"name\":\"web\",\"size\":3221225472,\"packages\":[\"nginx\",\"g++\"],\"suite\":\"trixie\"}",
	       "");
	assert_description(f, "web", "suite=trixie packages=nginx,g++ size=3221225472");
	expect(f, &build_kind, "{\"recipe\":\"preset\"}", "");
	assert_description(f, "preset", "suite=bookworm");
	/* Nothing but the same recipe takes an image's place. */
	expect(f, &build_kind, "{\"recipe\":\"preset\",\"name\":\"web\"}", "exists");
	expect(f, &build_kind, "{\"recipe\":\"tiny\",\"name\":\"web\"}", "exists");
	expect(f, &build_kind, "{\"recipe\":\"disk\",\"name\":\"web\",\"suite\":\"sid\"}", "");
	assert_description(f, "web", "suite=sid");
}

static void test_recipe_check(Fixture *f, gconstpointer data)
{
	static const struct {
		const char *input, *code, *field;
	} cases[] = {
		{"{\"recipe\":\"disk\",\"suite\":\"sid\",\"packages\":[\"curl\"]}", "", NULL},
		{"{\"recipe\":\"preset\"}", "", NULL},
		{"{\"recipe\":\"nosuch\"}", "not-found", "recipe"},
		{"{\"recipe\":\"disk\"}", "invalid", "suite"},
		{"{\"recipe\":\"preset\",\"suite\":\"sid\"}", "invalid", "suite"},
		{"{\"recipe\":\"preset\",\"size\":4294967296}", "invalid", "size"},
		{"{\"recipe\":\"tiny\",\"packages\":[\"curl\"]}", "invalid", "packages"},
	};
	(void)data;
	add_disk_recipe(f);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		json_auto json_object *input = json_parse(cases[i].input, strlen(cases[i].input), &error);
		g_assert_no_error(error);
		g_assert_cmpint(recipe_check(&f->context, input, &error), ==, !*cases[i].code);
		g_assert_cmpstr(error ? error_code_name(error_code(error)) : "", ==, cases[i].code);
		g_assert_cmpstr(error ? error_field(error) : NULL, ==, cases[i].field);
	}
	json_auto json_object *all = recipes_list(&f->context, NULL);
	g_assert_cmpuint(json_object_array_length(all), ==, 3);

	static const char *const broken[] = {"", "[]", "{\"description\":\"x\",\"takes\":[\"colour\"]}",
		"{\"description\":\"x\",\"takes\":[\"name\"]}", "{\"description\":\"x\",\"sets\":{\"size\":1}}",
		"{\"description\":\"x\",\"program\":\"../up\"}", "{\"takes\":[]}"};
	for (gsize i = 0; i < G_N_ELEMENTS(broken); i++) {
		g_autoptr(GError) error = NULL;
		write_file(f, "recipes/preset/recipe.json", broken[i], 0644);
		g_assert_null(recipe_get(&f->context, "preset", &error));
		g_assert_cmpint(error_code(error), ==, ERROR_INVALID);
		g_assert_nonnull(strstr(error->message, "preset/recipe.json"));
	}
}

/* --- Imports --- */

static void check_content(Fixture *f, const char *name, const char *raw)
{
	g_autofree char *build = present_build(f, name);
	g_autofree char *disk = g_build_filename(f->context.dir, name, build, "disk", NULL);
	TOOL("qemu-img", "compare", "-q", "-f", "raw", "-F", "qcow2", raw, disk);
}

static void test_import_formats(Fixture *f, gconstpointer data)
{
	static const char *const formats[] = {"raw", "qcow2", "vmdk", "vdi", "vhdx"};
	g_autofree char *raw = make_raw(f);
	(void)data;
	for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
		g_autofree char *file = path_in(f, formats[i]);
		g_autofree char *input =
			g_strdup_printf("{\"schema\":1,\"name\":\"from-%s\",\"format\":\"%s\",\"description\":\"\"}",
				formats[i], formats[i]);
		g_autofree char *name = g_strdup_printf("from-%s", formats[i]);
		TOOL("qemu-img", "convert", "-f", "raw", "-O", formats[i], raw, file);
		set_upload(f, file);
		expect(f, &import_kind, input, "");
		check_content(f, name, raw);
		json_auto json_object *document = image_get(&f->context, name, NULL);
		g_assert_cmpstr(json_get_str(document, "kind", ""), ==, "disk");
		g_assert_cmpint(json_get_int(document, "size", 0), ==, 12 << 20);
	}
	expect(f, &import_kind, "{\"schema\":1,\"name\":\"from-raw\",\"format\":\"raw\",\"description\":\"\"}",
		"exists");
}

static void test_import_iso(Fixture *f, gconstpointer data)
{
	static const char text[] = "this is no file system, and nobody but a guest looks";
	(void)data;
	write_file(f, "cd.iso", text, 0644);
	g_autofree char *path = path_in(f, "cd.iso");
	g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
	set_upload(f, path);
	expect(f, &import_kind, "{\"schema\":1,\"name\":\"cd\",\"format\":\"iso\",\"description\":\"\"}", "");
	g_autofree char *kept = read_image(f, "cd", NULL, "disk");
	g_assert_cmpstr(kept, ==, text);
	json_auto json_object *document = image_get(&f->context, "cd", NULL);
	g_assert_cmpstr(json_get_str(document, "digest", ""), ==, digest);
	g_assert_cmpstr(json_get_str(document, "kind", ""), ==, "iso");
}

static void test_import_hostile(Fixture *f, gconstpointer data)
{
	static const char input[] = "{\"schema\":1,\"name\":\"bad\",\"format\":\"qcow2\",\"description\":\"\"}";
	g_autofree char *raw = make_raw(f);
	g_autofree char *backing = path_in(f, "backing.qcow2");
	g_autofree char *external = path_in(f, "external.qcow2");
	g_autofree char *option = g_strdup_printf("data_file=%s.data", external);
	(void)data;

	TOOL("qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", "/etc/shadow", "-F", "raw", backing, "1M");
	set_upload(f, backing);
	expect(f, &import_kind, input, "invalid");
	TOOL("qemu-img", "create", "-q", "-f", "qcow2", "-o", option, external, "1M");
	set_upload(f, external);
	expect(f, &import_kind, input, "invalid");
	set_upload(f, raw); /* not what was stated */
	expect(f, &import_kind, input, "invalid");
	assert_only(f, NULL);
}

static void test_import_not_a_file(Fixture *f, gconstpointer data)
{
	static const char input[] = "{\"schema\":1,\"name\":\"bad\",\"format\":\"raw\",\"description\":\"\"}";
	(void)data;
	set_upload(f, "/dev/zero");
	expect(f, &import_kind, input, "invalid");
	write_file(f, "empty", "", 0644);
	g_autofree char *empty = path_in(f, "empty");
	set_upload(f, empty);
	expect(f, &import_kind, input, "invalid");
	assert_only(f, NULL);
}

static void test_import_cancel(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = path_in(f, "large.raw");
	(void)data;
	/* Reading its holes and hashing them takes far longer than the cancel. */
	fd_auto int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	g_assert_cmpint(ftruncate(fd, (off_t)64 << 30), ==, 0);
	set_upload(f, path);
	gint64 id = begin(f, &import_kind, "{\"schema\":1,\"name\":\"large\",\"format\":\"raw\",\"description\":\"\"}");
	for (gboolean running = FALSE; !running;) {
		json_auto json_object *task = tasks_describe(f->tasks, id, NULL);
		running = !strcmp(json_get_str(task, "state", ""), "running");
		g_usleep(1000);
	}
	tasks_cancel(f->tasks, id, &error);
	g_assert_no_error(error);
	g_autofree char *code = finish(f, id, NULL);
	g_assert_cmpstr(code, ==, "cancelled");
	assert_only(f, NULL);
}

static void test_import_full(Fixture *f, gconstpointer data)
{
	static const int sizes_mib[] = {12, 6}; /* more than there is; room for the copy, none for what is made of it */
	static const char input[] = "{\"schema\":1,\"name\":\"big\",\"format\":\"raw\",\"description\":\"\"}";
	(void)data;
	g_assert_no_errno(mount("tmpfs", f->context.dir, "tmpfs", 0, "size=9m"));
	for (gsize i = 0; i < G_N_ELEMENTS(sizes_mib); i++) {
		g_autofree char *path = path_in(f, "noise.raw");
		g_autofree char *of = g_strdup_printf("of=%s", path);
		g_autofree char *count = g_strdup_printf("count=%d", sizes_mib[i]);
		TOOL("dd", "if=/dev/urandom", of, "bs=1M", count);
		set_upload(f, path);
		expect(f, &import_kind, input, "no-space");
		assert_only(f, NULL);
	}
	g_autofree char *small = make_raw(f); /* there is room again */
	set_upload(f, small);
	expect(f, &import_kind, input, "");
	check_content(f, "big", small);
	g_assert_cmpint(umount2(f->context.dir, MNT_DETACH), ==, 0);
}

/* --- Names and crashes --- */

static void test_open_refuses(Fixture *f, gconstpointer data)
{
	static const char *const wrong[][3] = {{"../state", NULL, "disk"}, {"tiny", "..", "disk"}, {"tiny", "", "disk"},
		{"tiny", "0123456789abcdef", "../../../state/store.db"}, {".cache", NULL, "disk"},
		{"tiny", NULL, "manifest.json"}};
	(void)data;
	expect(f, &build_kind, "{\"recipe\":\"tiny\"}", "");
	for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autoptr(GError) error = NULL;
		g_assert_cmpint(image_open(&f->context, wrong[i][0], wrong[i][1], wrong[i][2], &error), ==, -1);
		g_assert_error(error, ERROR, ERROR_INVALID);
	}
	g_autoptr(GError) error = NULL;
	g_assert_cmpint(image_open(&f->context, "none", NULL, "disk", &error), ==, -1);
	g_assert_error(error, ERROR, ERROR_NOT_FOUND);
}

/* What a crash leaves: a stage, and a build that was moved but never committed. */
static void test_recover(Fixture *f, gconstpointer data)
{
	(void)data;
	expect(f, &build_kind, "{\"recipe\":\"tiny\"}", "");
	g_autofree char *build = present_build(f, "tiny");
	g_autofree char *stage = g_build_filename(f->context.dir, ".new-2-abcdef", NULL);
	g_autofree char *others = g_build_filename(f->context.dir, ".new-22-abcdef", NULL);
	g_autofree char *orphan = g_build_filename(f->context.dir, "tiny", "00000000000000aa", NULL);
	g_autofree char *never = g_build_filename(f->context.dir, "other", "00000000000000bb", NULL);
	g_assert_cmpint(g_mkdir_with_parents(stage, 0700), ==, 0);
	g_assert_cmpint(g_mkdir_with_parents(others, 0700), ==, 0);
	g_assert_cmpint(g_mkdir_with_parents(orphan, 0700), ==, 0);
	g_assert_cmpint(g_mkdir_with_parents(never, 0700), ==, 0);
	expect(f, &recover_kind,
		"{\"steps\":[{\"step\":\"image.publish\",\"detail\":{\"name\":\"tiny\"},\"done\":false}]}",
		"unavailable");
	expect(f, &recover_kind,
		"{\"steps\":[{\"step\":\"image.publish\",\"detail\":{\"name\":\"other\"},\"done\":false}]}",
		"unavailable");
	g_assert_cmpint(rmdir(others), ==, 0); /* another task's stays */
	assert_only(f, "tiny");
	g_assert_false(is_there(f, "tiny", "00000000000000aa"));
	g_assert_true(is_there(f, "tiny", build));
	/* A publication that the same task had committed counts as done. Tasks 1 to 3 were above. */
	g_autoptr(GError) error = NULL;
	json_auto json_object *document = image_get(&f->context, "tiny", NULL);
	g_autoptr(Batch) batch = batch_new("root", 4);
	json_auto json_object *renewed = json_copy(document);
	json_set_str(renewed, "description", "by task 4");
	batch_put(batch, "image/tiny", REV_ANY, renewed);
	store_commit(f->store, batch, &error);
	g_assert_no_error(error);
	expect(f, &recover_kind,
		"{\"steps\":[{\"step\":\"image.publish\",\"detail\":{\"name\":\"tiny\"},\"done\":false}]}", "");
	/* A deletion that had removed the document already counts as done. */
	expect(f, &recover_kind,
		"{\"steps\":[{\"step\":\"image.delete\",\"detail\":{\"name\":\"gone\"},\"done\":false}]}", "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/image/" name, Fixture, NULL, set_up, function, tear_down)
	ADD("a recipe's build is published and replaced by the next", test_build_replace);
	ADD("a guest's uid can open the kernel again", test_reopen);
	ADD("the same content gives the same build", test_same_content);
	ADD("an old build stays while a guest boots it", test_build_kept);
	ADD("an image in use is not deleted and the guest is named", test_delete_refused);
	ADD("a recipe that fails says why and leaves nothing", test_recipe_fails);
	ADD("a cancelled recipe ends with all that it started", test_recipe_cancel);
	ADD("a recipe gets its parameters, and a preset's are its own", test_recipe_parameters);
	ADD("what a recipe does not take or needs is refused by field", test_recipe_check);
	ADD("each format is imported with equal content", test_import_formats);
	ADD("an iso is kept byte for byte", test_import_iso);
	ADD("a header that points to other files is refused", test_import_hostile);
	ADD("an upload that is no file with content is refused", test_import_not_a_file);
	ADD("a cancelled import leaves nothing", test_import_cancel);
	ADD("a full disk is an error that leaves nothing and passes", test_import_full);
	ADD("names and builds cannot leave the library", test_open_refuses);
	ADD("what a crash left is removed", test_recover);
	return g_test_run();
}
