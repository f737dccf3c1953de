/* Following a task.
 *
 * The daemon sends an event on each visible change; a second thread redraws the line four times a second, so that the
 * clock runs while nothing is heard. Both take `lock`. SIGINT is answered in its handler with a message that was made
 * before: the main thread may be anywhere in a blocking read. */
#include "cli/progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/task.h"
#include "cli/relay.h"

enum { BAR_WIDTH = 20, REDRAW_US = 250000, ESTIMATE_FROM = 30 };

typedef struct Progress {
	Cli *cli;
	gboolean live;  /* a line on a terminal */
	gboolean lines; /* instead of that: the task's log, as it grows */
	gint64 begun_us;
	GMutex lock;
	GCond changed;
	gboolean over;
	json_object *task;
	gint64 next_line; /* of the task's log: the first that was not printed */
} Progress;

static char interrupted_message[512];

static void on_interrupt(int number)
{
	(void)number;
	/* Nothing is left to do if stderr is gone. */
	(void)!write(STDERR_FILENO, interrupted_message, strlen(interrupted_message));
	_exit(EXIT_INTERRUPTED);
}

gboolean progress_has_ended(json_object *task)
{
	const char *state = json_get_str(task, "state", "");
	return strcmp(state, "done") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
}

/* "vm.start vm/100" */
static char *title_of(json_object *task)
{
	g_autofree char *title =
		g_strdup_printf("%s %s", json_get_str(task, "kind", "?"), json_get_str(task, "object", ""));
	return format_safe(g_strchomp(title));
}

static char *times_of(const Progress *progress, gint64 done)
{
	gint64 elapsed = (g_get_monotonic_time() - progress->begun_us) / G_USEC_PER_SEC;
	g_autofree char *spent = units_format_duration((guint64)elapsed);
	if (done < ESTIMATE_FROM || done >= 1000 || elapsed < 2)
		return g_steal_pointer(&spent);
	g_autofree char *left = units_format_duration((guint64)(elapsed * (1000 - done) / done));
	return g_strdup_printf(T(m_time_left), spent, left);
}

/* Cuts the text to the width, whole characters only. */
static void cut(char *text, guint width)
{
	char *end = text;
	for (guint used = 0; *end; end = g_utf8_next_char(end)) {
		used += g_unichar_iswide(g_utf8_get_char(end)) ? 2 : 1;
		if (used > width)
			break;
	}
	*end = 0;
}

static void draw(Progress *progress)
{
	if (!progress->task)
		return;
	gint64 done = CLAMP(json_get_int(progress->task, "progress", 0), 0, 1000);
	GString *bar = g_string_new(NULL);
	for (gint64 i = 0; i < BAR_WIDTH; i++)
		g_string_append(bar, i * 1000 < done * BAR_WIDTH ? "█" : "░");
	g_autofree char *title = title_of(progress->task);
	g_autofree char *step = format_safe(json_get_str(progress->task, "step", ""));
	g_autofree char *times = times_of(progress, done);
	g_autofree char *line =
		g_strdup_printf("%s  %s %3d %%  %s  %s", title, bar->str, (int)(done / 10), times, step);
	g_string_free(bar, TRUE);
	cut(line, terminal_width() - 1);
	fprintf(stderr, "\r%s\033[K", line);
	fflush(stderr);
}

static gpointer redraw(gpointer data)
{
	Progress *progress = data;
	g_mutex_lock(&progress->lock);
	while (!progress->over) {
		draw(progress);
		g_cond_wait_until(&progress->changed, &progress->lock, g_get_monotonic_time() + REDRAW_US);
	}
	g_mutex_unlock(&progress->lock);
	return NULL;
}

static void take_task(Progress *progress, json_object *task)
{
	g_mutex_lock(&progress->lock);
	json_clear(&progress->task);
	progress->task = json_object_get(task);
	g_cond_signal(&progress->changed);
	g_mutex_unlock(&progress->lock);
}

static void print_line(const Progress *progress, json_object *line)
{
	g_autofree char *title = title_of(progress->task);
	g_autofree char *text = format_safe(json_get_str(line, "text", ""));
	fprintf(stderr, "%s: %s\n", title, text);
}

static gboolean on_event(json_object *event, gpointer data)
{
	Progress *progress = data;
	json_object *line = json_get(event, "log");
	if (line && progress->lines) {
		print_line(progress, line);
		progress->next_line++;
	}
	json_object *task = json_get(event, "task");
	if (task)
		take_task(progress, task);
	return !(task && progress_has_ended(task));
}

gboolean progress_read_log(Cli *cli, const char *path, gint64 *next, void (*take)(json_object *page, gpointer data),
			   gpointer data, Exit *ret_exit)
{
	for (;;) {
		g_autofree char *rest = g_strdup_printf("%s?from=%" G_GINT64_FORMAT, path, *next);
		g_autoptr(Reply) reply = ask(cli, "GET", rest, NULL, ret_exit);
		if (!reply)
			return FALSE;
		take(reply->body, data);
		gint64 after = json_get_int(reply->body, "next", *next);
		if (after <= *next)
			return TRUE;
		*next = after;
	}
}

static void print_page(json_object *page, gpointer data)
{
	json_object *lines = json_get(page, "lines");
	gsize count = json_get_count(lines);
	for (gsize i = 0; i < count; i++)
		print_line(data, json_object_array_get_idx(lines, i));
}

/* Until the task has ended; FALSE after printing. */
static gboolean follow(Progress *progress, gint64 id, Exit *ret_exit)
{
	g_autofree char *path = g_strdup_printf("/tasks/%" G_GINT64_FORMAT, id);
	g_autofree char *stream = g_strconcat("/api/v1", path, "/follow", NULL);
	g_autofree char *wait = g_strconcat(path, "/wait?timeout=20", NULL);
	g_autofree char *log = g_strconcat(path, "/log", NULL);
	if (progress->lines) {
		/* Each line has the task's title, which the first ones come before. */
		g_autoptr(Reply) reply = ask(progress->cli, "GET", path, NULL, ret_exit);
		if (!reply)
			return FALSE;
		take_task(progress, reply->body);
	}
	g_autoptr(GError) error = NULL;
	Client *client = ask_client(progress->cli, &error);
	gboolean heard = client && client_follow(client, stream, on_event, progress, &error);
	if (!heard && (!client || error_code(error) == ERROR_UNAVAILABLE || error_code(error) == ERROR_NOT_FOUND)) {
		*ret_exit = report(error);
		return FALSE;
	}
	/* The stream may have ended early: the task itself is what counts. */
	while (!progress->task || !progress_has_ended(progress->task)) {
		g_autoptr(Reply) reply = ask(progress->cli, "GET", wait, NULL, ret_exit);
		if (!reply)
			return FALSE;
		take_task(progress, reply->body);
	}
	if (progress->lines &&
	    !progress_read_log(progress->cli, log, &progress->next_line, print_page, progress, ret_exit))
		return FALSE;
	/* Result and error are complete only in the task as it is read after its end. */
	g_autoptr(Reply) reply = ask(progress->cli, "GET", path, NULL, ret_exit);
	if (!reply)
		return FALSE;
	take_task(progress, reply->body);
	return TRUE;
}

Exit progress_outcome(Cli *cli, json_object *task)
{
	const char *state = json_get_str(task, "state", "");
	gint64 id = json_get_int(task, "id", 0);
	g_autofree char *title = title_of(task);
	if (strcmp(state, "done") == 0) {
		gint64 age = format_age(json_get_str(task, "started", NULL));
		gint64 since = format_age(json_get_str(task, "ended", NULL));
		g_autofree char *spent = units_format_duration((guint64)MAX(age - MAX(since, 0), 0));
		if (!cli->quiet)
			fprintf(stderr, T(m_task_done), title, style_on(stderr, STYLE_GREEN), style_off(stderr), spent);
		return EXIT_DONE;
	}
	if (strcmp(state, "cancelled") == 0) {
		fprintf(stderr, T(m_task_cancelled), title, id);
		return EXIT_TIMED_OUT;
	}
	json_object *details = json_get(task, "error");
	if (json_object_is_type(details, json_type_object)) {
		g_autoptr(GError) error = error_new_from_json(details);
		report(error);
	} else {
		g_autofree char *why = format_safe(json_object_is_type(details, json_type_string)
							  ? json_object_get_string(details)
							  : state);
		fprintf(stderr, "yado: %s: %s\n", title, why);
	}
	fprintf(stderr, T(m_task_see_log), id);
	return EXIT_TASK_FAILED;
}

Exit progress_follow(Cli *cli, gint64 id, json_object **ret_task)
{
	Progress progress = {
		.cli = cli,
		.live = isatty(STDERR_FILENO) && !cli->quiet && g_strcmp0(g_getenv("TERM"), "dumb") != 0,
		.begun_us = g_get_monotonic_time(),
	};
	progress.lines = cli->verbose && !progress.live;
	g_mutex_init(&progress.lock);
	g_cond_init(&progress.changed);
	snprintf(interrupted_message, sizeof interrupted_message, T(m_interrupted), id, id, id);
	struct sigaction former, act = {.sa_handler = on_interrupt};
	sigaction(SIGINT, &act, &former);
	GThread *painter = progress.live ? g_thread_new("progress", redraw, &progress) : NULL;

	Exit code = EXIT_REFUSED;
	gboolean ended = follow(&progress, id, &code);

	g_mutex_lock(&progress.lock);
	progress.over = TRUE;
	g_cond_signal(&progress.changed);
	g_mutex_unlock(&progress.lock);
	if (painter)
		g_thread_join(painter);
	sigaction(SIGINT, &former, NULL);
	if (progress.live)
		fprintf(stderr, "\r\033[K");
	if (ended)
		code = progress_outcome(cli, progress.task);
	if (ended && ret_task)
		*ret_task = json_object_get(progress.task);
	json_clear(&progress.task);
	g_mutex_clear(&progress.lock);
	g_cond_clear(&progress.changed);
	return code;
}
