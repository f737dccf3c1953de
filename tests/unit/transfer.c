/* Transfers with real pumps: bounds, ends on either side, full disks, cuts; and that nothing is left of them. */
#include "storage/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "sandbox/cgroup.h"

#define MIB ((guint64)1 << 20)

enum { WAIT_S = 30 };

typedef struct Fixture {
	char *dir, *run, *path;
	int file;
	int peer; /* the other end of the pump's socket */
	Transfer *transfer;
	GMutex lock;
	GCond changed;
	gboolean ended;
	guint64 bytes, synced;
	GError *error;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
	(void)data;
	f->dir = g_dir_make_tmp("yado-transfer-XXXXXX", NULL);
	g_assert_nonnull(f->dir);
	f->run = g_build_filename(f->dir, "run", NULL);
	f->path = g_build_filename(f->dir, "file", NULL);
	g_assert_cmpint(g_mkdir(f->run, 0700), ==, 0);
	f->file = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	g_assert_cmpint(f->file, >=, 0);
	f->peer = -1;
	g_mutex_init(&f->lock);
	g_cond_init(&f->changed);
}

static void tear_down(Fixture *f, gconstpointer data)
{
	(void)data;
	transfer_unref(f->transfer);
	g_clear_error(&f->error);
	fd_close(f->file);
	fd_close(f->peer);
	g_autoptr(GDir) left = g_dir_open(f->run, 0, NULL);
	g_assert_null(g_dir_read_name(left));
	g_assert_true(dir_remove(f->dir, NULL));
	g_mutex_clear(&f->lock);
	g_cond_clear(&f->changed);
	g_free(f->dir);
	g_free(f->run);
	g_free(f->path);
}

static void on_synced(guint64 bytes, gpointer data)
{
	Fixture *f = data;
	g_mutex_lock(&f->lock);
	f->synced = bytes;
	g_cond_broadcast(&f->changed);
	g_mutex_unlock(&f->lock);
}

static void on_ended(guint64 bytes, const GError *error, gpointer data)
{
	Fixture *f = data;
	g_mutex_lock(&f->lock);
	g_assert_false(f->ended);
	f->ended = TRUE;
	f->bytes = bytes;
	f->error = error ? g_error_copy(error) : NULL;
	g_cond_broadcast(&f->changed);
	g_mutex_unlock(&f->lock);
}

static gboolean try_start(Fixture *f, gboolean receive, guint64 limit, guint stall_s, GError **error)
{
	int ends[2];
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
	f->peer = ends[1];
	TransferOptions options = {.source = receive ? ends[0] : f->file, .target = receive ? f->file : ends[0],
				   .limit = limit, .sync = receive, .stall_s = stall_s, .synced = on_synced,
				   .ended = on_ended, .data = f};
	f->transfer = transfer_start(f->run, &options, error);
	close(ends[0]);
	return f->transfer != NULL;
}

static void start(Fixture *f, gboolean receive, guint64 limit, guint stall_s)
{
	GError *error = NULL;
	try_start(f, receive, limit, stall_s, &error);
	g_assert_no_error(error);
}

static void wait_end(Fixture *f)
{
	gint64 deadline = g_get_monotonic_time() + WAIT_S * G_TIME_SPAN_SECOND;
	g_mutex_lock(&f->lock);
	while (!f->ended)
		g_assert_true(g_cond_wait_until(&f->changed, &f->lock, deadline));
	g_mutex_unlock(&f->lock);
}

static char *make_noise(gsize length)
{
	char *data = g_malloc(length);
	GRand *random = g_rand_new_with_seed(7);
	for (gsize i = 0; i + 4 <= length; i += 4) {
		guint32 word = g_rand_int(random);
		memcpy(data + i, &word, 4);
	}
	g_rand_free(random);
	return data;
}

static gsize file_size(Fixture *f)
{
	struct stat info;
	g_assert_cmpint(fstat(f->file, &info), ==, 0);
	return (gsize)info.st_size;
}

static void assert_content(Fixture *f, const char *data, gsize length)
{
	g_autofree char *read_back = NULL;
	gsize got;
	g_assert_true(g_file_get_contents(f->path, &read_back, &got, NULL));
	g_assert_cmpmem(read_back, got, data, length);
}

static void test_receive(Fixture *f, gconstpointer data)
{
	gsize length = 70 * MIB + 12345;
	g_autofree char *noise = make_noise(length);
	(void)data;
	start(f, TRUE, length, 0);
	g_assert_true(fd_write_all(f->peer, noise, length));
	shutdown(f->peer, SHUT_WR);
	wait_end(f);
	g_assert_no_error(f->error);
	g_assert_cmpuint(f->bytes, ==, length);
	g_assert_cmpuint(f->synced, ==, length);
	g_assert_cmpuint(transfer_bytes(f->transfer), ==, length);
	assert_content(f, noise, length);
}

static void test_offset(Fixture *f, gconstpointer data)
{
	g_autofree char *noise = make_noise(MIB);
	(void)data;
	g_assert_true(fd_write_all(f->file, noise, 300001));
	start(f, TRUE, MIB, 0); /* shorter than it may be: that is no error here */
	g_assert_true(fd_write_all(f->peer, noise + 300001, MIB - 300001));
	shutdown(f->peer, SHUT_WR);
	wait_end(f);
	g_assert_no_error(f->error);
	g_assert_cmpuint(f->bytes, ==, MIB - 300001);
	assert_content(f, noise, MIB);
}

static void test_holes(Fixture *f, gconstpointer data)
{
	gsize length = 40 * MIB;
	g_autofree char *sparse = g_malloc0(length);
	struct stat info;
	(void)data;
	memcpy(sparse + 5 * MIB + 77, "data", 4);
	start(f, TRUE, length, 0);
	g_assert_true(fd_write_all(f->peer, sparse, length));
	shutdown(f->peer, SHUT_WR);
	wait_end(f);
	g_assert_no_error(f->error);
	assert_content(f, sparse, length);
	g_assert_cmpint(fstat(f->file, &info), ==, 0);
	g_assert_cmpint(info.st_blocks * 512, <, MIB);
}

/* What is there already is overwritten also by zeros. */
static void test_zeros_over_data(Fixture *f, gconstpointer data)
{
	g_autofree char *noise = make_noise(MIB), *zeros = g_malloc0(MIB);
	(void)data;
	g_assert_true(fd_write_all(f->file, noise, MIB));
	g_assert_cmpint(lseek(f->file, 0, SEEK_SET), ==, 0);
	start(f, TRUE, MIB, 0);
	g_assert_true(fd_write_all(f->peer, zeros, MIB));
	shutdown(f->peer, SHUT_WR);
	wait_end(f);
	g_assert_no_error(f->error);
	assert_content(f, zeros, MIB);
}

static void test_too_much(Fixture *f, gconstpointer data)
{
	g_autofree char *noise = make_noise(MIB);
	(void)data;
	start(f, TRUE, MIB - 1, 0);
	g_assert_true(fd_write_all(f->peer, noise, MIB));
	wait_end(f);
	g_assert_error(f->error, ERROR, ERROR_TOO_LARGE);
	assert_content(f, noise, MIB - 1);
	g_assert_cmpuint(f->synced, ==, MIB - 1);
}

static void test_send(Fixture *f, gconstpointer data)
{
	gsize length = 3 * MIB + 1;
	g_autofree char *noise = make_noise(length), *got = g_malloc(length);
	gsize at = 0;
	ssize_t n;
	(void)data;
	g_assert_true(fd_write_all(f->file, noise, length));
	g_assert_cmpint(lseek(f->file, 1000, SEEK_SET), ==, 1000);
	start(f, FALSE, length - 2000, 0);
	while ((n = read(f->peer, got + at, length - at)) > 0)
		at += (gsize)n;
	g_assert_cmpint(n, ==, 0);
	wait_end(f);
	g_assert_no_error(f->error);
	g_assert_cmpmem(got, at, noise + 1000, length - 2000);
}

static void test_short_source(Fixture *f, gconstpointer data)
{
	g_autofree char *got = g_malloc(MIB);
	gsize at = 0;
	ssize_t n;
	(void)data;
	g_assert_cmpint(ftruncate(f->file, MIB / 2), ==, 0);
	start(f, FALSE, MIB, 0);
	while ((n = read(f->peer, got + at, MIB - at)) > 0)
		at += (gsize)n;
	wait_end(f);
	g_assert_cmpuint(at, ==, MIB / 2);
	g_assert_error(f->error, ERROR, ERROR_FAILED);
	g_assert_nonnull(strstr(f->error->message, "shorter"));
}

static void test_stalled_writer(Fixture *f, gconstpointer data)
{
	(void)data;
	start(f, TRUE, MIB, 1);
	g_assert_true(fd_write_all(f->peer, "begun", 5));
	wait_end(f);
	g_assert_error(f->error, ERROR, ERROR_TIMEOUT);
	g_assert_cmpuint(f->bytes, ==, 5);
	g_assert_cmpuint(file_size(f), ==, 5);
}

static void test_stalled_reader(Fixture *f, gconstpointer data)
{
	(void)data;
	g_assert_cmpint(ftruncate(f->file, 16 * MIB), ==, 0);
	start(f, FALSE, 16 * MIB, 1);
	wait_end(f);
	g_assert_error(f->error, ERROR, ERROR_TIMEOUT);
	g_assert_cmpuint(f->bytes, <, 2 * MIB); /* what the socket holds: nothing waits elsewhere */
}

static void test_peers_leave(Fixture *f, gconstpointer data)
{
	(void)data;
	g_assert_cmpint(ftruncate(f->file, 16 * MIB), ==, 0);
	start(f, FALSE, 16 * MIB, 0);
	fd_close(fd_steal(&f->peer));
	wait_end(f);
	g_assert_error(f->error, ERROR, ERROR_FAILED);
}

static void test_cut(Fixture *f, gconstpointer data)
{
	g_autofree char *noise = make_noise(MIB);
	char byte;
	(void)data;
	start(f, TRUE, 2 * MIB, 0);
	g_assert_true(fd_write_all(f->peer, noise, MIB));
	while (file_size(f) < MIB)
		g_usleep(1000);
	transfer_cancel(f->transfer);
	transfer_cancel(f->transfer);
	wait_end(f);
	g_assert_error(f->error, ERROR, ERROR_CANCELLED);
	g_assert_cmpint(read(f->peer, &byte, 1), <=, 0); /* nobody is there any more */
	assert_content(f, noise, MIB);
	transfer_cancel(f->transfer); /* nor after its end */
}

/* The process in the only cage there is. */
static pid_t find_pump(Fixture *f)
{
	g_autoptr(GDir) listing = g_dir_open(f->run, 0, NULL);
	g_autofree char *record = g_build_filename(f->run, g_dir_read_name(listing), "pid", NULL);
	g_autofree char *text = NULL;
	g_assert_true(g_file_get_contents(record, &text, NULL, NULL));
	const char *pid = strstr(text, "pid ");
	g_assert_nonnull(pid);
	return (pid_t)g_ascii_strtoll(pid + strlen("pid "), NULL, 10);
}

static void test_killed(Fixture *f, gconstpointer data)
{
	(void)data;
	start(f, TRUE, 2 * MIB, 0);
	g_assert_true(fd_write_all(f->peer, "begun", 5));
	while (file_size(f) < 5)
		g_usleep(1000);
	g_assert_cmpint(kill(find_pump(f), SIGKILL), ==, 0);
	wait_end(f);
	g_assert_error(f->error, ERROR, ERROR_FAILED);
	g_assert_nonnull(strstr(f->error->message, "signal 9"));
	g_assert_cmpuint(file_size(f), ==, 5);
}

/* Progress is known also while nothing more comes. */
static void test_progress(Fixture *f, gconstpointer data)
{
	gint64 deadline = g_get_monotonic_time() + WAIT_S * G_TIME_SPAN_SECOND;
	(void)data;
	start(f, TRUE, 2 * MIB, 0);
	for (guint i = 1; i <= 3; i++) {
		g_assert_true(fd_write_all(f->peer, "some", 4));
		while (file_size(f) < i * 4)
			g_usleep(1000);
	}
	while (transfer_bytes(f->transfer) != 12) {
		g_assert_cmpint(g_get_monotonic_time(), <, deadline);
		g_usleep(1000);
	}
	transfer_cancel(f->transfer);
	wait_end(f);
}

static void test_full_disk(Fixture *f, gconstpointer data)
{
	g_autofree char *small = g_build_filename(f->dir, "small", NULL);
	g_autofree char *path = g_build_filename(small, "file", NULL);
	g_autofree char *noise = make_noise(MIB);
	(void)data;
	g_assert_cmpint(g_mkdir(small, 0700), ==, 0);
	if (mount("tmpfs", small, "tmpfs", 0, "size=4m") < 0)
		g_error("cannot mount a tmpfs: %s", g_strerror(errno));
	fd_close(f->file);
	f->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	g_assert_cmpint(f->file, >=, 0);
	start(f, TRUE, 64 * MIB, 0);
	while (fd_write_all(f->peer, noise, MIB)) /* until the pump has left */
		;
	wait_end(f);
	g_assert_error(f->error, ERROR, ERROR_NO_SPACE);
	g_assert_cmpuint(file_size(f), ==, f->bytes);
	g_assert_cmpuint(f->bytes, >, 3 * MIB);
	fd_close(fd_steal(&f->file));
	g_assert_cmpint(umount2(small, MNT_DETACH), ==, 0);
}

static void test_wrong_ends(Fixture *f, gconstpointer data)
{
	GError *error = NULL;
	(void)data;
	TransferOptions options = {.source = f->file, .target = f->file, .limit = 1, .ended = on_ended, .data = f};
	f->transfer = transfer_start(f->run, &options, &error);
	g_assert_no_error(error);
	wait_end(f);
	g_assert_error(f->error, ERROR, ERROR_FAILED);
	g_assert_nonnull(strstr(f->error->message, "must be a socket"));
}

/* A program that says what no pump does, in the pump's place. */
static void test_liars(Fixture *f, gconstpointer data)
{
	static const char *const says[] = {"bytes 18446744073709551615", "bytes 11", "bytes -1", "bytes", "bytes 1 2",
					   "end 11", "error lies 0", "error write x", "synced 99", "x", "",
					   "end 1\nend 1",
					   "bytes 00000000000000000000000000000000000000000000000000000000000000001"};
	g_autofree char *liar = g_build_filename(f->dir, "liar", NULL);
	(void)data;
	g_assert_cmpint(g_chmod(f->dir, 0711), ==, 0);
	for (gsize i = 0; i < G_N_ELEMENTS(says); i++) {
		g_autofree char *script =
			g_strdup_printf("#!/bin/sh\nprintf '%%s\\n' '%s' >&12\nexec sleep 60\n", says[i]);
		g_assert_true(g_file_set_contents(liar, script, -1, NULL));
		g_assert_cmpint(g_chmod(liar, 0755), ==, 0);
		g_setenv("YADO_PUMP", liar, TRUE);
		start(f, TRUE, 10, 0);
		wait_end(f);
		g_assert_error(f->error, ERROR, ERROR_FAILED);
		g_clear_error(&f->error);
		g_clear_pointer(&f->transfer, transfer_unref);
		fd_close(fd_steal(&f->peer));
		f->ended = FALSE;
	}
	g_unsetenv("YADO_PUMP");
}

static void test_too_many(Fixture *f, gconstpointer data)
{
	Fixture others[TRANSFERS_MAX] = {0};
	GError *error = NULL;
	(void)data;
	for (guint i = 0; i < TRANSFERS_MAX; i++) {
		g_mutex_init(&others[i].lock);
		g_cond_init(&others[i].changed);
		others[i].run = f->run;
		others[i].file = f->file;
		start(&others[i], TRUE, 1, 0);
	}
	g_assert_false(try_start(f, TRUE, 1, 0, &error));
	g_assert_error(error, ERROR, ERROR_TOO_MANY);
	g_clear_error(&error);
	transfers_stop();
	for (guint i = 0; i < TRANSFERS_MAX; i++) {
		g_assert_true(others[i].ended);
		g_assert_error(others[i].error, ERROR, ERROR_CANCELLED);
		g_clear_error(&others[i].error);
		transfer_unref(others[i].transfer);
		close(others[i].peer);
	}
	fd_close(fd_steal(&f->peer));
	g_assert_false(try_start(f, TRUE, 1, 0, &error));
	g_assert_error(error, ERROR, ERROR_UNAVAILABLE);
	g_clear_error(&error);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (geteuid() != 0) {
		g_print("1..0 # SKIP pumps need root\n");
		return 0;
	}
	g_autoptr(GError) error = NULL;
	signal(SIGPIPE, SIG_IGN);
	if (!cgroup_setup("yado-test-transfer", &error))
		g_message("without control groups: %s", error->message);
	static const struct {
		const char *path;
		void (*test)(Fixture *, gconstpointer);
	} tests[] = {
		{"/transfer/a file is received whole and durable", test_receive},
		{"/transfer/what comes goes to the file's offset", test_offset},
		{"/transfer/blocks of zeros become holes", test_holes},
		{"/transfer/zeros overwrite what was there", test_zeros_over_data},
		{"/transfer/a byte more than the limit is an error, and is not written", test_too_much},
		{"/transfer/a part of a file is sent", test_send},
		{"/transfer/a source that is shorter than it was is an error", test_short_source},
		{"/transfer/who sends nothing is given up", test_stalled_writer},
		{"/transfer/who reads nothing is given up, with no more than a socket's worth read",
		 test_stalled_reader},
		{"/transfer/a reader that leaves ends it", test_peers_leave},
		{"/transfer/a cut ends it at once, and what came counts", test_cut},
		{"/transfer/a pump that is killed is told as such", test_killed},
		{"/transfer/progress is known while nothing more comes", test_progress},
		{"/transfer/a full disk is told as such", test_full_disk},
		{"/transfer/two files are refused", test_wrong_ends},
		{"/transfer/a pump that lies is ended", test_liars},
		/* The last: nothing starts after it. */
		{"/transfer/there are no more than the bound, and a stop ends all", test_too_many},
	};
	for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].test, tear_down);
	return g_test_run();
}
