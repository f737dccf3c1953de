/* Transfers: starting pumps and following what they say.
 *
 * A transfer has a thread, which reads the pump's lines until they end, waits for its end, removes its cage and tells
 * who asked. The pump is not trusted: its lines are bounded and parsed strictly, and one that says something else, or
 * that more came than may, is ended. Cutting is a SIGKILL by pidfd; who cuts does not wait. */
#include "storage/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "sandbox/caged.h"

enum {
	SOURCE_FD = 10,
	TARGET_FD = 11,
	REPORT_FD = 12,
	LINE_MAX_BYTES = 64,
	END_MS = 10000,
};

struct Transfer {
	gatomicrefcount refs;
	TransferOptions options;
	Caged caged;
	int report;
	GError *error;   /* the thread's */
	gboolean finished; /* the thread's: the pump has said how it ended */
	GMutex lock;     /* guards what follows, and the cage's pidfd */
	guint64 bytes;
	gboolean cut, over;
};

static GMutex all_lock;
static GCond all_changed;
static GList *all; /* Transfer, running; not referenced: the thread's is */
static guint all_count; /* with those that are being started */
static gboolean stopped;

Transfer *transfer_ref(Transfer *transfer)
{
	g_atomic_ref_count_inc(&transfer->refs);
	return transfer;
}

void transfer_unref(Transfer *transfer)
{
	if (!transfer || !g_atomic_ref_count_dec(&transfer->refs))
		return;
	caged_clear(&transfer->caged);
	fd_close(transfer->report);
	g_clear_error(&transfer->error);
	g_mutex_clear(&transfer->lock);
	g_free(transfer);
}

guint64 transfer_bytes(Transfer *transfer)
{
	g_mutex_lock(&transfer->lock);
	guint64 bytes = transfer->bytes;
	g_mutex_unlock(&transfer->lock);
	return bytes;
}

static void kill_pump(Transfer *transfer)
{
	g_mutex_lock(&transfer->lock);
	if (!transfer->over && transfer->caged.launched.pidfd >= 0)
		process_signal(transfer->caged.launched.pidfd, SIGKILL);
	g_mutex_unlock(&transfer->lock);
}

void transfer_cancel(Transfer *transfer)
{
	g_mutex_lock(&transfer->lock);
	transfer->cut = TRUE;
	g_mutex_unlock(&transfer->lock);
	kill_pump(transfer);
}

/* --- What the pump says --- */

static gboolean parse_number(const char *text, guint64 most, guint64 *ret_number)
{
	return g_ascii_string_to_unsigned(text, 10, 0, most, ret_number, NULL);
}

static gboolean take_failure(Transfer *transfer, const char *word, const char *number)
{
	guint64 errnum;
	if (!parse_number(number, 4095, &errnum))
		return FALSE;
	transfer->finished = TRUE;
	if (g_str_equal(word, "limit"))
		error_set(&transfer->error, ERROR_TOO_LARGE, NULL,
			  "more came than the %" G_GUINT64_FORMAT " bytes that were announced",
			  transfer->options.limit);
	else if (g_str_equal(word, "stalled"))
		error_set(&transfer->error, ERROR_TIMEOUT, NULL, "nothing came or went for %u s",
			  transfer->options.stall_s);
	else if (g_str_equal(word, "short"))
		error_set(&transfer->error, ERROR_FAILED, NULL, "the file is shorter than it was");
	else if (g_str_equal(word, "write"))
		error_set_errno(&transfer->error, (int)errnum, "cannot write");
	else if (g_str_equal(word, "read"))
		error_set_errno(&transfer->error, (int)errnum, "cannot read");
	else
		return FALSE;
	return TRUE;
}

/* FALSE for what no honest pump says. */
static gboolean take_line(Transfer *transfer, const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", 4);
	guint count = g_strv_length(words);
	guint64 bytes;
	if (transfer->finished)
		return FALSE;
	if (count == 3 && g_str_equal(words[0], "error"))
		return take_failure(transfer, words[1], words[2]);
	if (count != 2 || !parse_number(words[1], transfer->options.limit, &bytes))
		return FALSE;
	if (g_str_equal(words[0], "synced")) {
		if (transfer->options.synced)
			transfer->options.synced(bytes, transfer->options.data);
		return TRUE;
	}
	transfer->finished = g_str_equal(words[0], "end");
	if (!transfer->finished && !g_str_equal(words[0], "bytes"))
		return FALSE;
	g_mutex_lock(&transfer->lock);
	transfer->bytes = bytes;
	g_mutex_unlock(&transfer->lock);
	return TRUE;
}

/* Reads lines until their end; FALSE for what is none. */
static gboolean read_report(Transfer *transfer)
{
	char buffer[LINE_MAX_BYTES];
	gsize used = 0;
	for (;;) {
		ssize_t n = read(transfer->report, buffer + used, sizeof buffer - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return used == 0;
		used += (gsize)n;
		for (char *end; (end = memchr(buffer, '\n', used));) {
			gsize length = (gsize)(end - buffer) + 1;
			*end = '\0';
			if (strlen(buffer) + 1 != length || !take_line(transfer, buffer))
				return FALSE;
			memmove(buffer, buffer + length, used -= length);
		}
		if (used == sizeof buffer)
			return FALSE;
	}
}

/* --- Its life --- */

static void settle(Transfer *transfer, gboolean honest)
{
	LaunchRecord record = {0};
	caged_wait(&transfer->caged, END_MS, &record);
	g_mutex_lock(&transfer->lock);
	transfer->over = TRUE;
	gboolean cut = transfer->cut;
	g_mutex_unlock(&transfer->lock);
	if (cut && (!transfer->finished || transfer->error)) {
		g_clear_error(&transfer->error);
		error_set(&transfer->error, ERROR_CANCELLED, NULL, "it was cut");
	} else if (!honest || (!transfer->finished && !transfer->error)) {
		g_autofree char *log = launch_read_log(transfer->caged.dir, 400);
		g_clear_error(&transfer->error);
		error_set(&transfer->error, ERROR_FAILED, NULL, "yado-pump ended (code %d, signal %d)%s%s",
			  record.exit_code, record.exit_signal, *log ? ": " : "", g_strstrip(log));
	}
	caged_clear(&transfer->caged);
}

static gpointer follow(gpointer data)
{
	Transfer *transfer = data;
	gboolean honest = read_report(transfer);
	if (!honest)
		kill_pump(transfer);
	settle(transfer, honest);
	transfer->options.ended(transfer_bytes(transfer), transfer->error, transfer->options.data);
	g_mutex_lock(&all_lock);
	all = g_list_remove(all, transfer);
	all_count--;
	g_cond_broadcast(&all_changed);
	g_mutex_unlock(&all_lock);
	transfer_unref(transfer);
	return NULL;
}

static gboolean reserve(GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&all_lock);
	if (stopped) {
		error_set(error, ERROR_UNAVAILABLE, "try again in a moment", "yadod is ending");
		return FALSE;
	}
	if (all_count >= TRANSFERS_MAX) {
		error_set(error, ERROR_TOO_MANY, "wait until one of them has ended",
			  "%d files are being carried already", TRANSFERS_MAX);
		return FALSE;
	}
	all_count++;
	return TRUE;
}

static void give_back(void)
{
	g_mutex_lock(&all_lock);
	all_count--;
	g_cond_broadcast(&all_changed);
	g_mutex_unlock(&all_lock);
}

static gboolean start_pump(Transfer *transfer, const char *run_root, GError **error)
{
	const TransferOptions *options = &transfer->options;
	const char *given = g_getenv("YADO_PUMP");
	g_autofree char *program = given ? g_strdup(given) : process_find_program("yado-pump", error);
	g_autofree char *limit = g_strdup_printf("%" G_GUINT64_FORMAT, options->limit);
	g_autofree char *stall = g_strdup_printf("%u", options->stall_s);
	const char *const args[] = {"--source",
				    G_STRINGIFY(10),
				    "--target",
				    G_STRINGIFY(11),
				    "--report",
				    G_STRINGIFY(12),
				    "--limit",
				    limit,
				    "--stall",
				    stall,
				    options->sync ? "--sync" : NULL,
				    NULL};
	int ends[2];
	G_STATIC_ASSERT(SOURCE_FD == 10 && TARGET_FD == 11 && REPORT_FD == 12);
	if (!program || !caged_init(&transfer->caged, run_root, error))
		return FALSE;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		error_set_errno(error, errno, "cannot make a pipe");
		return FALSE;
	}
	transfer->report = ends[0];
	fd_auto int report = ends[1];
	g_autoptr(Launch) launch = caged_launch(&transfer->caged, program);
	for (guint i = 0; args[i]; i++)
		launch_add_arg(launch, args[i]);
	launch_pass_fd(launch, options->source, SOURCE_FD);
	launch_pass_fd(launch, options->target, TARGET_FD);
	launch_pass_fd(launch, report, REPORT_FD);
	return caged_start(&transfer->caged, launch, error);
}

Transfer *transfer_start(const char *run_root, const TransferOptions *options, GError **error)
{
	if (!reserve(error))
		return NULL;
	Transfer *transfer = g_new0(Transfer, 1);
	g_atomic_ref_count_init(&transfer->refs);
	g_mutex_init(&transfer->lock);
	transfer->options = *options;
	transfer->options.stall_s = options->stall_s ? options->stall_s : TRANSFER_STALL_S;
	transfer->caged = (Caged)CAGED_INIT;
	transfer->report = -1;
	g_autoptr(GThread) thread = NULL;
	if (start_pump(transfer, run_root, error)) {
		transfer_ref(transfer);
		g_mutex_lock(&all_lock);
		all = g_list_prepend(all, transfer);
		if (stopped)
			transfer_cancel(transfer);
		g_mutex_unlock(&all_lock);
		thread = g_thread_try_new("transfer", follow, transfer, error);
		if (thread)
			return transfer;
		g_mutex_lock(&all_lock);
		all = g_list_remove(all, transfer);
		g_mutex_unlock(&all_lock);
		transfer_unref(transfer);
	}
	give_back();
	transfer_unref(transfer);
	return NULL;
}

void transfers_stop(void)
{
	g_mutex_lock(&all_lock);
	stopped = TRUE;
	for (GList *item = all; item; item = item->next)
		transfer_cancel(item->data);
	while (all_count > 0)
		g_cond_wait(&all_changed, &all_lock);
	g_mutex_unlock(&all_lock);
}
