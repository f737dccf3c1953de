/* The progress of a file. */
#include "cli/bytes.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/units.h"
#include "cli/format.h"
#include "cli/messages/files.h"
#include "cli/relay.h"

enum { BAR_WIDTH = 20, REDRAW_US = 200000 };

static const struct {
	const char *step;
	Text title;
} steps[] = {
	{"digest", TEXT(m_step_digest)},
	{"upload", TEXT(m_step_upload)},
	{"retry", TEXT(m_step_retry)},
	{"download", TEXT(m_step_download)},
};

Bytes *bytes_new(Cli *cli)
{
	Bytes *bytes = g_new0(Bytes, 1);
	bytes->cli = cli;
	bytes->live = isatty(STDERR_FILENO) && !cli->quiet && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
	return bytes;
}

void bytes_free(Bytes *bytes)
{
	if (!bytes)
		return;
	if (bytes->live && bytes->drawn_us)
		fprintf(stderr, "\r\033[K");
	g_free(bytes->step);
	g_free(bytes);
}

static const char *title_of(const char *step)
{
	for (gsize i = 0; i < G_N_ELEMENTS(steps); i++)
		if (strcmp(steps[i].step, step) == 0)
			return text_of(steps[i].title);
	return "";
}

static void draw(const Bytes *bytes, gint64 done, gint64 total, gint64 now)
{
	GString *bar = g_string_new(NULL);
	for (gint64 i = 0; i < BAR_WIDTH; i++)
		g_string_append(bar, i * total < done * BAR_WIDTH ? "█" : "░");
	g_autofree char *so_far = units_format_size((guint64)done);
	g_autofree char *whole = units_format_size((guint64)total);
	gint64 spent_us = now - bytes->begun_us, moved = done - bytes->begun_at;
	g_autofree char *rate =
		units_format_size(spent_us > 0 ? (guint64)((double)moved / (double)spent_us * G_USEC_PER_SEC) : 0);
	fprintf(stderr, "\r%s  %s %3d %%  %s / %s  %s/s\033[K", title_of(bytes->step), bar->str,
		(int)(total > 0 ? done * 100 / total : 100), so_far, whole, rate);
	fflush(stderr);
	g_string_free(bar, TRUE);
}

void bytes_show(Bytes *bytes, const char *step, gint64 done, gint64 total)
{
	gint64 now = g_get_monotonic_time();
	if (g_strcmp0(step, bytes->step) != 0) {
		g_free(bytes->step);
		bytes->step = g_strdup(step);
		bytes->begun_us = now;
		bytes->begun_at = done;
		bytes->drawn_us = 0;
		if (!bytes->live && bytes->cli->verbose)
			fprintf(stderr, "%s\n", title_of(step));
	}
	if (!bytes->live || (now - bytes->drawn_us < REDRAW_US && done < total))
		return;
	bytes->drawn_us = now;
	draw(bytes, MAX(done, 0), MAX(total, 0), now);
}

void bytes_on_progress(json_object *progress, gpointer data)
{
	bytes_show(data, json_get_str(progress, "step", ""), json_get_int(progress, "done", 0),
		json_get_int(progress, "total", 0));
}
