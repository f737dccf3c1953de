/* Real volumes on real directories through real block workers; hostile images; a full disk; interrupted work. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "sandbox/caged.h"
#include "sandbox/cgroup.h"
#include "storage/storage.h"
#include "storage/worker.h"

#define MIB ((guint64)1 << 20)

static const StoreKind kinds[] = {{"storage", FALSE}, {"volume", TRUE}, {"node", TRUE}, {0}};

typedef struct Fixture {
	char *dir, *path, *run;
	StorageContext context;
} Fixture;

static void put(Fixture *fixture, const char *path, json_object *body)
{
	g_autoptr(Batch) batch = batch_new("test", 0);
	batch_put(batch, path, REV_ANY, body);
	g_assert_cmpint(store_commit(fixture->context.store, batch, NULL), >, 0);
	json_object_put(body);
}

static json_object *storage_document(const char *path)
{
	json_object *document = json_object_new_object();
	json_set_str(document, "name", "main");
	json_set_str(document, "kind", "dir");
	json_set_str(document, "path", path);
	return document;
}

static void set_up(Fixture *fixture, gconstpointer data)
{
	(void)data;
	GError *error = NULL;
	fixture->dir = g_dir_make_tmp("yado-storage-XXXXXX", NULL);
	fixture->path = g_build_filename(fixture->dir, "volumes", NULL);
	fixture->run = g_build_filename(fixture->dir, "run", NULL);
	g_autofree char *state = g_build_filename(fixture->dir, "state", NULL);
	g_assert_cmpint(mkdir(fixture->run, 0700), ==, 0);
	g_assert_cmpint(mkdir(state, 0700), ==, 0);
	fixture->context = (StorageContext){.store = store_open(state, kinds, &error), .run_dir = fixture->run};
	g_assert_no_error(error);
	json_object *node = json_object_new_object();
	json_set_str(node, "id", "node-1");
	put(fixture, "node/self", node);
	json_auto json_object *document = storage_document(fixture->path);
	storage_prepare(&fixture->context, document, &error);
	g_assert_no_error(error);
	put(fixture, "storage/main", json_object_get(document));
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	(void)data;
	/* No worker leaves anything behind. */
	GDir *run = g_dir_open(fixture->run, 0, NULL);
	g_assert_null(g_dir_read_name(run));
	g_dir_close(run);
	store_close(fixture->context.store);
	g_assert_true(dir_remove(fixture->dir, NULL));
	g_free(fixture->dir);
	g_free(fixture->path);
	g_free(fixture->run);
}

static VolumeSpec spec_of(const char *name, const char *format, guint64 size)
{
	return (VolumeSpec){.storage = "main",
		.name = name,
		.format = format,
		.size = size,
		.role = "disk",
		.vm = 100,
		.source_fd = -1};
}

static char *file_of(const Fixture *fixture, const char *name)
{
	return g_build_filename(fixture->path, name, NULL);
}

static char *run_tool(const char *first, ...)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	va_list args;
	GError *error = NULL;
	char *output = NULL;
	va_start(args, first);
	for (const char *arg = first; arg; arg = va_arg(args, const char *))
		g_ptr_array_add(argv, (gpointer)arg);
	va_end(args);
	g_ptr_array_add(argv, NULL);
	process_run((const char *const *)argv->pdata, 60000, &output, &error);
	g_assert_no_error(error);
	return output;
}

static json_object *image_info(const char *path)
{
	g_autofree char *text = run_tool("qemu-img", "info", "--output=json", path, NULL);
	json_object *info = json_parse(text, strlen(text), NULL);
	g_assert_nonnull(info);
	return info;
}

static void test_create(Fixture *fixture, gconstpointer data)
{
	(void)data;
	GError *error = NULL;
	struct stat info;
	VolumeSpec qcow2 = spec_of("vm-100-disk0", "qcow2", 10 * 1024 * MIB),
		   raw = spec_of("vm-100-disk1", "raw", 64 * MIB);
	volume_create(&fixture->context, NULL, &qcow2, &error);
	g_assert_no_error(error);
	volume_create(&fixture->context, NULL, &raw, &error);
	g_assert_no_error(error);
	g_autofree char *first = file_of(fixture, "vm-100-disk0.qcow2"), *second = file_of(fixture, "vm-100-disk1.raw");
	json_auto json_object *described = image_info(first);
	g_assert_cmpstr(json_get_str(described, "format", ""), ==, "qcow2");
	g_assert_cmpint(json_get_int(described, "virtual-size", 0), ==, (gint64)(10 * 1024 * MIB));
	g_assert_cmpint(stat(first, &info), ==, 0);
	g_assert_cmpint(info.st_mode & 07777, ==, 0600);
	g_assert_cmpint(stat(second, &info), ==, 0);
	g_assert_cmpint(info.st_size, ==, (gint64)(64 * MIB));
	g_assert_cmpint(info.st_blocks, ==, 0);
	g_assert_cmpint(stat(fixture->path, &info), ==, 0);
	g_assert_cmpint(info.st_mode & 07777, ==, 0700);
	json_auto json_object *fact = volume_get(&fixture->context, "main", "vm-100-disk0", &error);
	g_assert_cmpstr(json_get_str(fact, "format", ""), ==, "qcow2");
	g_assert_cmpint(json_get_int(fact, "vm", 0), ==, 100);
	g_assert_cmpint(json_get_int(fact, "size", 0), ==, (gint64)(10 * 1024 * MIB));
	json_auto json_object *list = volume_list(&fixture->context, "main", &error);
	g_assert_cmpuint(json_object_array_length(list), ==, 2);

	g_assert_false(volume_create(&fixture->context, NULL, &qcow2, &error));
	g_assert_error(error, ERROR, ERROR_EXISTS);
	g_clear_error(&error);
	fd_auto int fd = volume_open(&fixture->context, "main", "vm-100-disk0", TRUE, &error);
	g_assert_cmpint(fd, >=, 0);
	g_assert_true(volume_delete(&fixture->context, NULL, "main", "vm-100-disk0", &error));
	g_assert_true(volume_delete(&fixture->context, NULL, "main", "vm-100-disk0", &error)); /* absent is fine */
	g_assert_cmpint(access(first, F_OK), ==, -1);
	g_assert_null(volume_get(&fixture->context, "main", "vm-100-disk0", &error));
	g_assert_error(error, ERROR, ERROR_NOT_FOUND);
	g_clear_error(&error);
}

static void test_never_overwrites(Fixture *fixture, gconstpointer data)
{
	(void)data;
	GError *error = NULL;
	g_autofree char *path = file_of(fixture, "vm-100-disk0.qcow2");
	g_autofree char *text = NULL;
	g_assert_true(file_write_atomic(path, "precious", 8, 0600, NULL));
	VolumeSpec spec = spec_of("vm-100-disk0", "raw", MIB);
	g_assert_false(volume_create(&fixture->context, NULL, &spec, &error));
	g_assert_error(error, ERROR, ERROR_EXISTS);
	g_assert_nonnull(error_hint(error));
	g_clear_error(&error);
	g_assert_true(file_read(path, 100, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "precious");
}

static void test_bad_specs(Fixture *fixture, gconstpointer data)
{
	(void)data;
	VolumeSpec bad[] = {
		spec_of("../escape", "raw", MIB),
		spec_of("a/b", "raw", MIB),
		spec_of("", "raw", MIB),
		spec_of("a", "vmdk", MIB),
		spec_of("a", "raw", 0),
		spec_of("a", "raw", 513),
		spec_of("a", "qcow2", (guint64)65 << 40),
	};
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		GError *error = NULL;
		g_assert_false(volume_create(&fixture->context, NULL, &bad[i], &error));
		g_assert_error(error, ERROR, ERROR_INVALID);
		g_assert_nonnull(error_field(error));
		g_clear_error(&error);
	}
}

static void write_at(int fd, gint64 offset, char byte, gsize length)
{
	g_autofree char *block = g_malloc(length);
	memset(block, byte, length);
	g_assert_cmpint(pwrite(fd, block, length, offset), ==, (gssize)length);
}

static void test_copy(Fixture *fixture, gconstpointer data)
{
	(void)data;
	GError *error = NULL;
	struct stat info;
	g_autofree char *source_path = g_build_filename(fixture->dir, "source.raw", NULL);
	fd_auto int source = open(source_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	g_assert_cmpint(ftruncate(source, (off_t)(64 * MIB)), ==, 0);
	write_at(source, (gint64)(5 * MIB), 'x', 100000);
	write_at(source, (gint64)(20 * MIB), 0, (gsize)(8 * MIB)); /* zeroes that take room in the source */
	static const char *const formats[] = {"qcow2", "raw"};
	for (guint i = 0; i < 2; i++) {
		/* Larger than the source, so that it is a copy and then room. */
		VolumeSpec spec = spec_of(formats[i], formats[i], 128 * MIB);
		spec.source_fd = source;
		spec.source_format = "raw";
		spec.source_size = 64 * MIB;
		volume_create(&fixture->context, NULL, &spec, &error);
		g_assert_no_error(error);
		g_autofree char *name = g_strdup_printf("%s.%s", formats[i], formats[i]);
		g_autofree char *path = file_of(fixture, name);
		json_auto json_object *described = image_info(path);
		g_assert_cmpint(json_get_int(described, "virtual-size", 0), ==, (gint64)(128 * MIB));
		g_assert_cmpint(stat(path, &info), ==, 0);
		g_assert_cmpint(info.st_blocks * 512, <, (gint64)(2 * MIB));
		g_autofree char *same =
			run_tool("qemu-img", "compare", "-f", "raw", "-F", formats[i], source_path, path, NULL);
		g_assert_nonnull(strstr(same, "identical"));
	}
	/* And a qcow2 as source, of its own size. */
	fd_auto int copied = volume_open(&fixture->context, "main", "qcow2", FALSE, &error);
	VolumeSpec spec = spec_of("again", "qcow2", 0);
	spec.source_fd = copied;
	spec.source_format = "qcow2";
	volume_create(&fixture->context, NULL, &spec, &error);
	g_assert_no_error(error);
	json_auto json_object *fact = volume_get(&fixture->context, "main", "again", &error);
	g_assert_cmpint(json_get_int(fact, "size", 0), ==, (gint64)(128 * MIB));
	spec = spec_of("small", "raw", 512);
	spec.source_fd = copied;
	spec.source_format = "qcow2";
	g_assert_false(volume_create(&fixture->context, NULL, &spec, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_clear_error(&error);
	g_autofree char *left = file_of(fixture, "small.raw");
	g_assert_cmpint(access(left, F_OK), ==, -1);
}

static void test_grow(Fixture *fixture, gconstpointer data)
{
	(void)data;
	GError *error = NULL;
	static const char *const formats[] = {"qcow2", "raw"};
	for (guint i = 0; i < 2; i++) {
		VolumeSpec spec = spec_of(formats[i], formats[i], MIB);
		g_assert_true(volume_create(&fixture->context, NULL, &spec, &error));
		volume_grow(&fixture->context, NULL, "main", formats[i], 8 * MIB, &error);
		g_assert_no_error(error);
		g_autofree char *name = g_strdup_printf("%s.%s", formats[i], formats[i]);
		g_autofree char *path = file_of(fixture, name);
		json_auto json_object *described = image_info(path);
		g_assert_cmpint(json_get_int(described, "virtual-size", 0), ==, (gint64)(8 * MIB));
		json_auto json_object *fact = volume_get(&fixture->context, "main", formats[i], &error);
		g_assert_cmpint(json_get_int(fact, "size", 0), ==, (gint64)(8 * MIB));
		g_assert_false(volume_grow(&fixture->context, NULL, "main", formats[i], MIB, &error));
		g_assert_error(error, ERROR, ERROR_INVALID);
		g_clear_error(&error);
	}
}

static void refused(Fixture *fixture, BlockWorker *worker, const char *path, const char *reason)
{
	GError *error = NULL;
	BlockInfo info = {.virtual_size = 77};
	fd_auto int fd = open(path, O_RDWR | O_CLOEXEC);
	g_assert_cmpint(fd, >=, 0);
	g_assert_false(block_worker_inspect(worker, fd, "qcow2", &info, &error));
	g_test_message("%s", error->message);
	g_assert_error(error, ERROR, ERROR_INVALID);
	if (reason)
		g_assert_nonnull(strstr(error->message, reason));
	g_assert_cmpuint(info.virtual_size, ==, 77);
	g_clear_error(&error);
	VolumeSpec spec = spec_of("from-hostile", "qcow2", 0);
	spec.source_fd = fd;
	spec.source_format = "qcow2";
	g_assert_false(volume_create(&fixture->context, NULL, &spec, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_clear_error(&error);
	g_autofree char *left = file_of(fixture, "from-hostile.qcow2");
	g_assert_cmpint(access(left, F_OK), ==, -1);
}

static void put_u64(const char *path, gint64 offset, guint64 value)
{
	fd_auto int fd = open(path, O_WRONLY | O_CLOEXEC);
	value = GUINT64_TO_BE(value);
	g_assert_cmpint(pwrite(fd, &value, sizeof value, offset), ==, sizeof value);
}

static void test_hostile(Fixture *fixture, gconstpointer data)
{
	(void)data;
	GError *error = NULL;
	g_autoptr(BlockWorker) worker = block_worker_start(fixture->run, NULL, &error);
	g_assert_no_error(error);
	g_autofree char *path = g_build_filename(fixture->dir, "hostile.qcow2", NULL);
	g_autofree char *external = g_build_filename(fixture->dir, "data.raw", NULL);

	g_free(run_tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", "/etc/shadow", "-F", "raw", path, "1M", NULL));
	refused(fixture, worker, path, "backing file");
	g_free(run_tool(
		"qemu-img", "create", "-q", "-f", "qcow2", "-b", "/usr/bin/true", "-F", "raw", path, "1M", NULL));
	refused(fixture, worker, path, "backing file");
	g_free(run_tool("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b",
		"json:{\"driver\":\"nbd\",\"host\":\"127.0.0.1\"}", "-F", "raw", path, "1M", NULL));
	refused(fixture, worker, path, "backing file");

	/* An external data file that does not exist in the worker's view, one that does, and the worker's own image. */
	static const char *const names[] = {"/etc/passwd", "/usr/lib/os-release", "/dev/fdset/1", "/dev/zero"};
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *options = g_strdup_printf("data_file=%s", external);
		g_free(run_tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, "1M", NULL));
		g_free(run_tool("qemu-img", "amend", "-q", "-f", "qcow2", "-o", options, path, NULL));
		/* The name is a header extension: put another in its place, of at most its length. */
		g_autofree char *bytes = NULL;
		gsize length;
		g_assert_true(file_read(path, 4 * MIB, &bytes, &length, NULL));
		char *found = memmem(bytes, length, external, strlen(external));
		g_assert_nonnull(found);
		memset(found, 0, strlen(external));
		memcpy(found, names[i], strlen(names[i]));
		guint32 name_length = GUINT32_TO_BE((guint32)strlen(names[i]));
		memcpy(found - 4, &name_length, sizeof name_length);
		/* Extensions are padded to 8 bytes; zeroes behind the shorter one end the list. */
		g_assert_true(file_write_atomic(path, bytes, length, 0600, NULL));
		refused(fixture, worker, path, NULL);
	}

	/* Encrypted, in the old way and with LUKS: crypt_method in bytes 32-35, beside the L1 table's size. */
	for (guint64 method = 1; method <= 2; method++) {
		g_free(run_tool("qemu-img", "create", "-q", "-f", "qcow2", path, "1M", NULL));
		put_u64(path, 32, method << 32 | 1);
		refused(fixture, worker, path, NULL);
	}

	/* Incompatible feature bit 1: corrupt (QEMU docs/interop/qcow2.txt, bytes 72-79). */
	g_free(run_tool("qemu-img", "create", "-q", "-f", "qcow2", path, "1M", NULL));
	put_u64(path, 72, 2);
	refused(fixture, worker, path, "corrupt");
	/* A virtual size of 2^62, with an L1 table that would not fit anywhere. */
	g_free(run_tool("qemu-img", "create", "-q", "-f", "qcow2", path, "1M", NULL));
	put_u64(path, 24, (guint64)1 << 62);
	refused(fixture, worker, path, NULL);
	g_free(run_tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=2M", path, "100T", NULL));
	refused(fixture, worker, path, "64 TiB");
	/* L1 table of 2^32-1 entries. */
	g_free(run_tool("qemu-img", "create", "-q", "-f", "qcow2", path, "1M", NULL));
	put_u64(path, 32, 0xffffffff); /* no encryption, and the size */
	refused(fixture, worker, path, NULL);
	/* Truncated in the middle of its header; empty; garbage. */
	g_assert_cmpint(truncate(path, 60), ==, 0);
	refused(fixture, worker, path, NULL);
	g_assert_cmpint(truncate(path, 0), ==, 0);
	refused(fixture, worker, path, NULL);
	g_assert_true(file_write_atomic(path, "\xde\xad\xbe\xef garbage garbage", 20, 0600, NULL));
	refused(fixture, worker, path, NULL);

	/* Formats are stated: a qcow2 header in a raw volume stays bytes. */
	g_free(run_tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", "/etc/shadow", "-F", "raw", path, "1G", NULL));
	fd_auto int fd = open(path, O_RDONLY | O_CLOEXEC);
	BlockInfo info;
	block_worker_inspect(worker, fd, "raw", &info, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(info.virtual_size, <, MIB);
	g_assert_false(block_worker_inspect(worker, fd, "vmdk", &info, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_clear_error(&error);
	/* After all that the worker still works. */
	g_free(run_tool("qemu-img", "create", "-q", "-f", "qcow2", path, "3M", NULL));
	fd_auto int good = open(path, O_RDONLY | O_CLOEXEC);
	g_assert_true(block_worker_inspect(worker, good, "qcow2", &info, &error));
	g_assert_cmpuint(info.virtual_size, ==, 3 * MIB);
}

/* XFS in a file: a volume from an image of the same format shares its blocks, and is its own from then on. */
static void test_reflink(Fixture *fixture, gconstpointer data)
{
	(void)data;
	GError *error = NULL;
	g_autofree char *disk = g_build_filename(fixture->dir, "xfs", NULL);
	g_autofree char *mount_point = g_build_filename(fixture->dir, "mounted", NULL);
	g_autofree char *path = g_build_filename(mount_point, "volumes", NULL);
	fd_auto int file = open(disk, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	g_assert_cmpint(ftruncate(file, (off_t)(512 * MIB)), ==, 0);
	g_assert_cmpint(mkdir(mount_point, 0700), ==, 0);
	g_free(run_tool("/usr/sbin/mkfs.xfs", "-q", "-m", "reflink=1", disk, NULL));
	g_free(run_tool("/usr/bin/mount", "-o", "loop", disk, mount_point, NULL));
	json_object *document = storage_document(path);
	json_set_str(document, "name", "shared");
	storage_prepare(&fixture->context, document, &error);
	g_assert_no_error(error);
	put(fixture, "storage/shared", document);

	g_autofree char *image_path = g_build_filename(mount_point, "image.qcow2", NULL);
	g_free(run_tool("qemu-img", "create", "-q", "-f", "qcow2", image_path, "256M", NULL));
	g_free(run_tool("qemu-io", "-c", "write -P 7 0 100M", image_path, NULL));
	fd_auto int image = open(image_path, O_RDONLY | O_CLOEXEC);
	StorageSpace before, after;
	g_assert_true(storage_space(&fixture->context, "shared", &before, &error));
	/* 300 MiB of data in a file system that has not that much room left: possible only by sharing. */
	static const char *const names[] = {"same", "grown", "third"};
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		VolumeSpec spec = spec_of(names[i], "qcow2", i == 1 ? 1024 * MIB : 0);
		spec.storage = "shared";
		spec.source_fd = image;
		spec.source_format = "qcow2";
		spec.source_size = 256 * MIB;
		volume_create(&fixture->context, NULL, &spec, &error);
		g_assert_no_error(error);
	}
	g_assert_true(storage_space(&fixture->context, "shared", &after, &error));
	g_assert_cmpuint(before.free - after.free, <, 16 * MIB);
	g_autofree char *same = g_build_filename(path, "same.qcow2", NULL);
	g_autofree char *grown = g_build_filename(path, "grown.qcow2", NULL);
	json_auto json_object *described = image_info(grown);
	g_assert_cmpint(json_get_int(described, "virtual-size", 0), ==, (gint64)(1024 * MIB));
	g_free(run_tool("qemu-io", "-c", "write -P 9 0 1M", same, NULL));
	g_free(run_tool("qemu-io", "-c", "read -P 7 0 100M", "-r", image_path, NULL));
	g_autofree char *read = run_tool("qemu-io", "-c", "read -P 7 0 100M", "-r", grown, NULL);
	g_assert_null(strstr(read, "failed"));
	fd_close(fd_steal(&image));
	g_free(run_tool("/usr/bin/umount", mount_point, NULL));
}

static void test_full(Fixture *fixture, gconstpointer data)
{
	(void)data;
	GError *error = NULL;
	g_autofree char *path = g_build_filename(fixture->dir, "little", NULL);
	g_assert_cmpint(mkdir(path, 0700), ==, 0);
	g_assert_cmpint(mount("tmpfs", path, "tmpfs", 0, "size=8m"), ==, 0);
	json_object *document = storage_document(path);
	json_set_str(document, "name", "little");
	g_assert_true(storage_prepare(&fixture->context, document, &error));
	put(fixture, "storage/little", document);
	StorageSpace space;
	g_assert_true(storage_space(&fixture->context, "little", &space, &error));
	g_assert_cmpuint(space.total, ==, 8 * MIB);

	g_autofree char *source_path = g_build_filename(fixture->dir, "source.raw", NULL);
	fd_auto int source = open(source_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	write_at(source, 0, 'x', (gsize)(32 * MIB));
	static const char *const formats[] = {"qcow2", "raw"};
	for (guint i = 0; i < 2; i++) {
		VolumeSpec spec = spec_of("v", formats[i], 0);
		spec.storage = "little";
		spec.source_fd = source;
		spec.source_format = "raw";
		spec.source_size = 32 * MIB;
		g_assert_false(volume_create(&fixture->context, NULL, &spec, &error));
		g_test_message("%s", error->message);
		g_assert_error(error, ERROR, ERROR_NO_SPACE);
		g_assert_nonnull(error_hint(error));
		g_clear_error(&error);
		json_auto json_object *list = volume_list(&fixture->context, "little", &error);
		g_assert_cmpuint(json_object_array_length(list), ==, 0);
		/* Nothing is left, and smaller things go on working. */
		g_assert_true(storage_space(&fixture->context, "little", &space, &error));
		g_assert_cmpuint(space.free, >, 7 * MIB);
	}
	g_autofree char *filler = g_build_filename(path, "filler", NULL);
	fd_auto int fill = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	g_assert_cmpint(posix_fallocate(fill, 0, (off_t)(15 * MIB / 2)), ==, 0);
	VolumeSpec thin = spec_of("thin", "qcow2", 1024 * MIB);
	thin.storage = "little";
	g_assert_false(volume_create(&fixture->context, NULL, &thin, &error));
	g_assert_error(error, ERROR, ERROR_NO_SPACE);
	g_clear_error(&error);
	g_assert_cmpint(unlink(filler), ==, 0);
	fd_close(fd_steal(&fill));
	g_assert_true(volume_create(&fixture->context, NULL, &thin, &error));
	g_assert_cmpint(umount(path), ==, 0);

	/* The mount point is empty now: nothing is written there. */
	g_assert_false(storage_check(&fixture->context, "little", &error));
	g_assert_error(error, ERROR, ERROR_UNAVAILABLE);
	g_clear_error(&error);
	thin.name = "second";
	g_assert_false(volume_create(&fixture->context, NULL, &thin, &error));
	g_assert_error(error, ERROR, ERROR_UNAVAILABLE);
	g_clear_error(&error);
}

static json_object *one_step(const char *name, const char *volume, const char *format, guint64 size, gboolean done)
{
	json_object *detail = json_object_new_object(), *step = json_object_new_object(),
		    *steps = json_object_new_array();
	json_set_str(detail, "storage", "main");
	json_set_str(detail, "name", volume);
	json_set_str(detail, "format", format);
	json_set_int(detail, "size", (gint64)size);
	json_set_str(step, "step", name);
	json_set_bool(step, "done", done);
	json_set(step, "detail", detail);
	json_object_array_add(steps, step);
	return steps;
}

static void test_recover(Fixture *fixture, gconstpointer data)
{
	(void)data;
	GError *error = NULL;
	g_autofree char *half = file_of(fixture, "half.qcow2"), *whole = file_of(fixture, "whole.raw");
	/* A crash in the middle of writing. */
	g_assert_true(file_write_atomic(half, "part", 4, 0600, NULL));
	json_auto json_object *steps = one_step("volume.create", "half", "qcow2", MIB, FALSE);
	storage_recover(&fixture->context, NULL, steps, &error);
	g_assert_no_error(error);
	g_assert_cmpint(access(half, F_OK), ==, -1);
	g_assert_true(storage_recover(&fixture->context, NULL, steps, &error)); /* a crash in recovery */

	/* A crash between the fact and the outcome: the volume stands. */
	VolumeSpec spec = spec_of("whole", "raw", MIB);
	g_assert_true(volume_create(&fixture->context, NULL, &spec, &error));
	json_auto json_object *created = one_step("volume.create", "whole", "raw", MIB, FALSE);
	g_assert_true(storage_recover(&fixture->context, NULL, created, &error));
	g_assert_cmpint(access(whole, F_OK), ==, 0);

	/* Growing goes on. */
	json_auto json_object *grown = one_step("volume.grow", "whole", "raw", 2 * MIB, FALSE);
	storage_recover(&fixture->context, NULL, grown, &error);
	g_assert_no_error(error);
	json_auto json_object *fact = volume_get(&fixture->context, "main", "whole", &error);
	g_assert_cmpint(json_get_int(fact, "size", 0), ==, (gint64)(2 * MIB));

	/* What was concluded is not done again. */
	json_auto json_object *concluded = one_step("volume.delete", "whole", "raw", 0, TRUE);
	g_assert_true(storage_recover(&fixture->context, NULL, concluded, &error));
	g_assert_cmpint(access(whole, F_OK), ==, 0);
	/* A deletion goes on: before the fact was marked, after, and with the file gone. */
	json_auto json_object *deleted = one_step("volume.delete", "whole", "raw", 0, FALSE);
	json_object *marked = json_copy(fact);
	json_set_bool(marked, "deleting", TRUE);
	put(fixture, "volume/main/whole", marked);
	g_assert_cmpint(volume_open(&fixture->context, "main", "whole", FALSE, &error), ==, -1);
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	g_clear_error(&error);
	g_assert_cmpint(unlink(whole), ==, 0);
	g_assert_true(storage_recover(&fixture->context, NULL, deleted, &error));
	g_assert_null(volume_get(&fixture->context, "main", "whole", NULL));
	g_assert_true(storage_recover(&fixture->context, NULL, deleted, &error));
}

static void test_prepare(Fixture *fixture, gconstpointer data)
{
	(void)data;
	GError *error = NULL;
	json_auto json_object *again = storage_document(fixture->path);
	g_assert_true(storage_prepare(&fixture->context, again, &error));
	/* Someone's files. */
	g_autofree char *home = g_build_filename(fixture->dir, "home", NULL);
	g_autofree char *file = g_build_filename(home, "letter", NULL);
	struct stat info;
	g_assert_cmpint(mkdir(home, 0755), ==, 0);
	g_assert_true(file_write_atomic(file, "x", 1, 0644, NULL));
	json_auto json_object *taken = storage_document(home);
	g_assert_false(storage_prepare(&fixture->context, taken, &error));
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	g_clear_error(&error);
	g_assert_cmpint(stat(home, &info), ==, 0);
	g_assert_cmpint(info.st_mode & 0777, ==, 0755);
	/* One whose making was killed. */
	g_autofree char *begun = g_build_filename(fixture->dir, "begun", NULL);
	g_autofree char *partial = g_build_filename(begun, ".yado-storage.a1B2c3", NULL);
	g_assert_cmpint(mkdir(begun, 0700), ==, 0);
	g_assert_true(file_write_atomic(partial, "", 0, 0600, NULL));
	json_auto json_object *going_on = storage_document(begun);
	g_assert_true(storage_prepare(&fixture->context, going_on, &error));
	/* Another node's directory. */
	json_object *node = json_object_new_object();
	json_set_str(node, "id", "node-2");
	put(fixture, "node/self", node);
	g_assert_false(storage_prepare(&fixture->context, again, &error));
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	g_clear_error(&error);
	g_assert_false(storage_check(&fixture->context, "main", &error));
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	g_clear_error(&error);
	g_assert_false(storage_check(&fixture->context, "none", &error));
	g_assert_error(error, ERROR, ERROR_NOT_FOUND);
	g_clear_error(&error);
}

static void test_sweep(Fixture *fixture, gconstpointer data)
{
	g_autofree char *left = g_build_filename(fixture->run, "worker-1-7", NULL);
	g_autofree char *record = g_build_filename(left, "pid", NULL);
	g_autofree char *other = g_build_filename(fixture->run, "other", NULL);
	(void)data;
	g_assert_true(dir_make(left, 0700, NULL));
	g_assert_true(g_file_set_contents(record, "pid 1\n", -1, NULL));
	g_assert_true(dir_make(other, 0700, NULL));
	g_assert_true(cgroup_make("worker-1-7", NULL));
	caged_sweep(fixture->run);
	g_assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
	g_assert_cmpint(rmdir(other), ==, 0); /* what is not a worker's stays */
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (geteuid() != 0) {
		g_print("1..0 # SKIP block workers need root\n");
		return 0;
	}
	static const struct {
		const char *path;
		void (*test)(Fixture *, gconstpointer);
	} tests[] = {
		{"/storage/volumes are made private and sparse with their fact and go with it", test_create},
		{"/storage/a file that no fact knows is never overwritten", test_never_overwrites},
		{"/storage/names formats and sizes out of bounds are refused with their field", test_bad_specs},
		{"/storage/a copy has the same content in another format and stays sparse", test_copy},
		{"/storage/volumes grow and never shrink", test_grow},
		{"/storage/images with hostile headers are refused", test_hostile},
		{"/storage/a full or unmounted disk refuses clearly and recovers", test_full},
		{"/storage/where the file system can, a volume shares its image's blocks", test_reflink},
		{"/storage/interrupted work is rolled back or forward", test_recover},
		{"/storage/a directory of others is not taken", test_prepare},
		{"/storage/what a former daemon's workers left is removed", test_sweep},
	};
	for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].test, tear_down);
	return g_test_run();
}
