/* Kills a process that commits, again and again, and looks whether all that it acknowledged is there.
 *
 *   commit-kill [--rounds N] [--seed S]
 *
 * Each round starts this program anew as a committer: eight threads write to the same store, each to documents of its
 * own, every fifth batch meant to be refused; after each commit the thread prints what it committed and the revision
 * that it got. After a random moment the parent kills it with SIGKILL, opens the store and checks that every printed
 * commit is in the history with that revision and content, that revisions have no gap, that documents agree with their
 * history, and that SQLite finds no fault in the file. The store is the same one in all rounds.
 *
 * This shows atomicity and order; that an fsync reaches the disk is only seen by cutting a machine's power. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "store/store.h"

enum { THREADS = 8, OBJECTS = 5 };

static const StoreKind kinds[] = {{"vm", FALSE}, {"runtime", TRUE}, {NULL, FALSE}};

G_GNUC_PRINTF(1, 2) static void die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("commit-kill: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static Store *open_store(const char *dir)
{
	g_autoptr(GError) error = NULL;
	Store *store = store_open(dir, kinds, &error);
	if (!store)
		die("cannot open the store: %s", error->message);
	return store;
}

typedef struct Committer {
	Store *store;
	guint thread;
	gint64 base; /* values of this round begin here */
} Committer;

/* One printed line: revision, thread, object, value. A short write() to a pipe is not torn. */
static gpointer commit_for_ever(gpointer data)
{
	Committer *self = data;
	for (gint64 n = 0;; n++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(Batch) batch = batch_new("committer", self->thread);
		json_auto json_object *body = json_object_new_object();
		json_set_int(body, "value", self->base + n);
		char path[64], fact[64], line[128];
		guint object = (guint)(n % OBJECTS);
		snprintf(path, sizeof path, "vm/%u-%u", self->thread, object);
		snprintf(fact, sizeof fact, "runtime/%u-%u", self->thread, object);
		gboolean refused = n % 5 == 4;
		batch_put(batch, path, REV_ANY, body);
		batch_put(batch, fact, refused ? G_MAXINT64 : REV_ANY, body);
		gint64 rev = store_commit(self->store, batch, &error);
		if ((rev == 0) != refused || (refused && !g_error_matches(error, ERROR, ERROR_STALE)))
			die("a commit gave %" G_GINT64_FORMAT " (%s)", rev, error ? error->message : "no error");
		if (refused)
			continue;
		int length = snprintf(line, sizeof line, "%" G_GINT64_FORMAT " %u %u %" G_GINT64_FORMAT "\n", rev,
			self->thread, object, self->base + n);
		if (!fd_write_all(1, line, (gsize)length))
			die("nobody listens");
	}
	return NULL;
}

static int run_committer(const char *dir, gint64 base)
{
	Store *store = open_store(dir);
	Committer committers[THREADS];
	GThread *threads[THREADS];
	for (guint i = 0; i < THREADS; i++) {
		committers[i] = (Committer){store, i, base};
		threads[i] = g_thread_new("committer", commit_for_ever, &committers[i]);
	}
	for (guint i = 0; i < THREADS; i++)
		g_thread_join(threads[i]);
	return 1;
}

static pid_t start_committer(const char *dir, gint64 base, int output)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *base_text = g_strdup_printf("%" G_GINT64_FORMAT, base);
	const char *const argv[] = {"/proc/self/exe", "--committer", dir, base_text, NULL};
	const ProcessFd fds[] = {{output, 1}};
	pid_t pid;
	if (!process_spawn(argv, fds, 1, &pid, &error))
		die("cannot start: %s", error->message);
	return pid;
}

/* All that the committer printed until it was killed; a line that has no end was never acknowledged. */
static char *run_round(const char *dir, gint64 base, guint life_us)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		die("no pipe");
	pid_t pid = start_committer(dir, base, ends[1]);
	close(ends[1]);
	g_autoptr(GString) printed = g_string_new(NULL);
	gint64 kill_at = 0;
	char chunk[65536];
	for (ssize_t n; (n = read(ends[0], chunk, sizeof chunk)) > 0;) {
		g_string_append_len(printed, chunk, n);
		/* Its life is counted from the first commit on. */
		if (!kill_at)
			kill_at = g_get_monotonic_time() + life_us;
		else if (kill_at > 0 && g_get_monotonic_time() >= kill_at && kill(pid, SIGKILL) == 0)
			kill_at = -1;
	}
	close(ends[0]);
	int status;
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		die("the committer ended by itself");
	char *last = strrchr(printed->str, '\n');
	if (last)
		g_string_truncate(printed, (gsize)(last + 1 - printed->str));
	return g_string_free(g_steal_pointer(&printed), FALSE);
}

static void check_commit(Store *store, gint64 rev, guint thread, guint object, gint64 value)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) changes = store_commit_changes(store, rev, &error);
	if (!changes)
		die("acknowledged commit %" G_GINT64_FORMAT " is lost: %s", rev, error->message);
	g_autofree char *path = g_strdup_printf("vm/%u-%u", thread, object);
	g_autofree char *fact = g_strdup_printf("runtime/%u-%u", thread, object);
	const Change *first = changes->pdata[0], *second = changes->len == 2 ? changes->pdata[1] : NULL;
	if (!second || strcmp(first->path, fact) != 0 || strcmp(second->path, path) != 0 || first->task != thread ||
		json_get_int(first->after, "value", -1) != value || json_get_int(second->after, "value", -1) != value)
		die("commit %" G_GINT64_FORMAT " is not what was acknowledged", rev);
}

static gint64 query(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
		die("%s: %s", sql, sqlite3_errmsg(db));
	gint64 value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static void check_file(const char *dir)
{
	g_autofree char *path = g_build_filename(dir, "store.db", NULL);
	sqlite3 *db;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		die("cannot open the file");
	if (query(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'") != 0)
		die("SQLite's integrity check fails");
	if (query(db, "SELECT count(DISTINCT rev) - max(rev) FROM change") != 0)
		die("revisions have a gap");
	if (query(db, "SELECT count(*) FROM doc LEFT JOIN change USING(rev, path) WHERE body IS NOT after") != 0)
		die("a document differs from its history");
	if (query(db, "SELECT count(*) FROM change c WHERE before IS NOT (SELECT after FROM change p WHERE p.path = "
		      "c.path "
		      "AND p.rev < c.rev ORDER BY p.rev DESC LIMIT 1)") != 0)
		die("a change does not begin where the one before ended");
	sqlite3_close(db);
}

static guint check_round(const char *dir, const char *printed)
{
	gint64 last_of_thread[THREADS] = {0};
	guint count = 0;
	Store *store = open_store(dir);
	g_auto(GStrv) lines = g_strsplit(printed, "\n", -1);
	for (char **line = lines; *line && **line; line++, count++) {
		gint64 rev, value;
		guint thread, object;
		if (sscanf(*line, "%" G_GINT64_FORMAT " %u %u %" G_GINT64_FORMAT, &rev, &thread, &object, &value) !=
				4 ||
			thread >= THREADS)
			die("bad line '%s'", *line);
		if (rev <= last_of_thread[thread])
			die("revisions of a thread went back from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
				last_of_thread[thread], rev);
		last_of_thread[thread] = rev;
		check_commit(store, rev, thread, object, value);
	}
	store_close(store);
	check_file(dir);
	return count;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--committer") == 0)
		return run_committer(argv[2], g_ascii_strtoll(argv[3], NULL, 10));

	int rounds = 20, seed = (int)(g_get_real_time() & 0xffffff);
	g_autoptr(GError) error = NULL;
	const GOptionEntry entries[] = {
		{"rounds", 'r', 0, G_OPTION_ARG_INT, &rounds, "how often to kill", "N"},
		{"seed", 's', 0, G_OPTION_ARG_INT, &seed, "of the moments at which to kill", "S"},
		{NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- kills a committer and checks what is left");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error))
		die("%s", error->message);
	g_autofree char *dir = g_dir_make_tmp("commit-kill-XXXXXX", &error);
	if (!dir)
		die("%s", error->message);
	printf("seed %d\n", seed);
	GRand *random = g_rand_new_with_seed((guint32)seed);
	guint total = 0;
	for (int round = 0; round < rounds; round++) {
		g_autofree char *printed =
			run_round(dir, (gint64)round * 1000000, (guint)g_rand_int_range(random, 500, 200000));
		guint count = check_round(dir, printed);
		printf("round %d: %u acknowledged commits, all there\n", round + 1, count);
		total += count;
	}
	g_rand_free(random);
	if (!dir_remove(dir, &error))
		die("%s", error->message);
	printf("%d kills, %u acknowledged commits, none lost\n", rounds, total);
	return 0;
}
