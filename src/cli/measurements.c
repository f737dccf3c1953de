/* yado vm stats --span, yado node stats: what was measured over a span of time, and of a node what is measured now. */
#include "cli/measurements.h"

#include <math.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/columns.h"
#include "cli/messages/measurements.h"
#include "cli/output.h"

enum { GRAPH_WIDTH = 45 };

static const Column history_columns[] = {
	{.path = "series", .heading = TEXT(m_col_series)},
	{.path = "min", .heading = TEXT(m_col_min), .as = &as_count},
	{.path = "avg", .heading = TEXT(m_col_average), .as = &as_count},
	{.path = "max", .heading = TEXT(m_col_max), .as = &as_count},
	{.path = "now", .heading = TEXT(m_col_now), .as = &as_count},
	{.path = "graph", .heading = TEXT(m_col_graph)},
	{0}};

static const Column live_columns[] = {
	{.path = "cpu", .heading = TEXT(m_col_cpu), .as = &as_count},
	{.path = "load", .heading = TEXT(m_col_load), .as = &as_count},
	{.path = "memory", .heading = TEXT(m_col_memory), .as = &as_count},
	{.path = "disk_read", .heading = TEXT(m_col_read), .as = &as_count},
	{.path = "disk_write", .heading = TEXT(m_col_write), .as = &as_count},
	{.path = "net_receive", .heading = TEXT(m_col_receive), .as = &as_count},
	{.path = "net_send", .heading = TEXT(m_col_send), .as = &as_count},
	{0}};

/* NAN: it is not known. */
static double number(json_object *value)
{
	gboolean known = json_object_is_type(value, json_type_double) || json_object_is_type(value, json_type_int);
	return known ? json_object_get_double(value) : (double)NAN;
}

/* By the unit of the series' field. */
static char *format_measured(const Field *field, double value)
{
	if (isnan(value) || value < 0)
		return g_strdup("-");
	if (g_str_equal(field->name, "cpu"))
		return g_strdup_printf("%.1f %%", value * 100);
	if (g_strcmp0(field->unit, "B") != 0 && g_strcmp0(field->unit, "B/s") != 0)
		return g_strdup_printf(field->unit ? "%.1f/s" : "%.2f", value);
	g_autofree char *size = units_format_size((guint64)value);
	return g_strconcat(size, field->unit + 1, NULL);
}

static void set_measured(json_object *row, const char *key, const Field *field, double value)
{
	g_autofree char *text = format_measured(field, value);
	json_set_str(row, key, text);
}

/* The mean of what is known from one place to before another. */
static double mean(json_object *values, gsize from, gsize to)
{
	double sum = 0;
	gsize known = 0;
	for (gsize i = from; i < to; i++) {
		double value = number(json_object_array_get_idx(values, i));
		if (isnan(value))
			continue;
		sum += value;
		known++;
	}
	return known ? sum / (double)known : (double)NAN;
}

/* One block a few intervals, from nothing to the greatest of them; a blank where nothing is known. */
static char *draw(json_object *values)
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	gsize count = json_get_count(values);
	double columns[GRAPH_WIDTH], greatest = 0;
	for (gsize i = 0; i < GRAPH_WIDTH; i++) {
		columns[i] = mean(values, i * count / GRAPH_WIDTH, (i + 1) * count / GRAPH_WIDTH);
		if (columns[i] > greatest)
			greatest = columns[i];
	}
	GString *graph = g_string_new(NULL);
	for (gsize i = 0; i < GRAPH_WIDTH; i++) {
		gsize level = greatest > 0 ? (gsize)(columns[i] / greatest * (G_N_ELEMENTS(blocks) - 0.01)) : 0;
		g_string_append(graph, isnan(columns[i]) ? " " : blocks[level]);
	}
	return g_string_free(graph, FALSE);
}

static json_object *make_row(const Field *field, json_object *values)
{
	json_object *row = json_object_new_object();
	gsize count = json_get_count(values);
	double least = (double)NAN, greatest = (double)NAN, now = (double)NAN;
	for (gsize i = 0; i < count; i++) {
		double value = number(json_object_array_get_idx(values, i));
		if (isnan(value))
			continue;
		least = fmin(least, value);
		greatest = fmax(greatest, value);
		if (i + 2 >= count) /* the last interval may just have begun */
			now = value;
	}
	g_autofree char *graph = draw(values);
	json_set_str(row, "series", field->name);
	set_measured(row, "min", field, least);
	set_measured(row, "avg", field, mean(values, 0, count));
	set_measured(row, "max", field, greatest);
	set_measured(row, "now", field, now);
	json_set_str(row, "graph", graph);
	return row;
}

Exit measurements_show(Cli *cli, const char *path, const char *span, const Table *table)
{
	Exit code = EXIT_DONE;
	g_autofree char *whole = g_strconcat(path, "/measurements?span=", span, NULL);
	json_auto json_object *history = ask_to_show(cli, whole, &code);
	if (!history)
		return code;
	json_auto json_object *list = json_object_new_object();
	json_object *rows = json_object_new_array(), *series = json_get(history, "series");
	json_set(list, "items", rows);
	for (const Field *field = schema_find(table, "series")->table->fields; field->name; field++)
		json_object_array_add(rows, make_row(field, json_get(series, field->name)));
	return output_list(cli, list, NULL, history_columns, "");
}

typedef struct Live {
	Cli *cli;
	const Table *table;
	gboolean watch;
	guint samples;
	Exit code;
} Live;

static Exit print_sample(Live *live, json_object *sample)
{
	if (live->cli->json) {
		output_json(sample);
		return EXIT_DONE;
	}
	json_auto json_object *list = json_object_new_object();
	json_object *rows = json_object_new_array(), *row = json_object_new_object(),
		    *values = json_get(sample, "values");
	json_object_array_add(rows, row);
	json_set(list, "items", rows);
	for (const Field *field = schema_find(live->table, "series")->table->fields; field->name; field++)
		set_measured(row, field->name, field, number(json_get(values, field->name)));
	if (live->watch && isatty(STDOUT_FILENO))
		printf("\033[H\033[2J");
	return output_list(live->cli, list, NULL, live_columns, "");
}

static gboolean on_sample(json_object *sample, gpointer data)
{
	Live *live = data;
	live->samples++;
	live->code = print_sample(live, sample);
	return fflush(stdout) == 0 && live->watch && live->code == EXIT_DONE;
}

Exit measurements_follow(Cli *cli, const char *path, gboolean watch, const Table *table)
{
	Live live = {cli, table, watch, 0, EXIT_DONE};
	g_autofree char *whole = g_strconcat("/api/v1", path, "/measurements/follow", NULL);
	g_autoptr(GError) error = NULL;
	Client *client = ask_client(cli, &error);
	if (client && (client_follow(client, whole, on_sample, &live, &error) || live.samples > 0))
		return live.code;
	return report(error);
}
