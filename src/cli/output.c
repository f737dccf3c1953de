/* Tables by libsmartcols, aligned pairs, JSON. */
#include "cli/output.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/format.h"
#include "cli/messages/command-line.h"

void output_json(json_object *json)
{
	printf("%s\n", json_object_to_json_string_ext(json,
			       JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static json_object *item_at(json_object *list, gsize index)
{
	return json_object_array_get_idx(json_get(list, "items"), index);
}

static gsize item_count(json_object *list)
{
	json_object *items = json_get(list, "items");
	return json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
}

void output_ids(json_object *list, const char *key)
{
	for (gsize i = 0; i < item_count(list); i++) {
		json_object *value = json_get_path(item_at(list, i), key);
		g_autofree char *text = format_value(value, NULL);
		printf("%s\n", text);
	}
}

static const Column *column_find(const Column *columns, const char *path)
{
	for (; columns->path; columns++)
		if (strcmp(columns->path, path) == 0)
			return columns;
	return NULL;
}

/* Nothing, "", [] and false say nothing in a column that is not always there. */
static gboolean says_something(json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return FALSE;
	case json_type_string:
		return json_object_get_string_len(value) > 0;
	case json_type_array:
		return json_object_array_length(value) > 0;
	case json_type_boolean:
		return json_object_get_boolean(value);
	default:
		return TRUE;
	}
}

static gboolean is_shown(json_object *list, const Column *column)
{
	gboolean any = FALSE;
	for (gsize i = 0; column->if_any && !any && i < item_count(list); i++)
		any = says_something(json_get_path(item_at(list, i), column->path));
	return !column->extra && (any || !column->if_any);
}

/* The columns to show: those that --fields names, in its order, else the usual ones. NULL after printing. A field of
 * the table that is no column of its own is headed by its name. */
static GArray *choose_columns(Cli *cli, json_object *list, const Table *table, const Column *columns)
{
	g_autoptr(GArray) chosen = g_array_new(FALSE, FALSE, sizeof(Column));
	for (const Column *column = columns; !cli->fields && column->path; column++)
		if (is_shown(list, column))
			g_array_append_vals(chosen, column, 1);
	for (char **name = cli->fields; name && *name; name++) {
		const Column *known = column_find(columns, *name);
		if (!known && !(table && schema_find(table, *name))) {
			g_autoptr(GPtrArray) names = g_ptr_array_new();
			for (const Column *column = columns; column->path; column++)
				g_ptr_array_add(names, (gpointer)column->path);
			g_ptr_array_add(names, NULL);
			g_autofree char *all = g_strjoinv(", ", (char **)names->pdata);
			usage_error(NULL, T(m_unknown_column), *name, all);
			return NULL;
		}
		Column own = {.path = *name, .heading = {*name, *name}};
		g_array_append_vals(chosen, known ? known : &own, 1);
	}
	return g_steal_pointer(&chosen);
}

static const Field *field_of(const Table *table, const Column *column)
{
	return column->as ? column->as : table ? schema_find(table, column->path) : NULL;
}

static void add_columns(struct libscols_table *view, const Table *table, const GArray *columns)
{
	for (guint i = 0; i < columns->len; i++) {
		const Column *column = &g_array_index(columns, Column, i);
		const Field *field = field_of(table, column);
		gboolean right = field && (field->type == FIELD_INT || field->type == FIELD_SIZE);
		int flags = (right ? SCOLS_FL_RIGHT : 0) | (column->may_cut ? SCOLS_FL_TRUNC : 0);
		scols_table_new_column(view, text_of(column->heading), 0, flags);
	}
}

static void add_line(struct libscols_table *view, const Table *table, const GArray *columns, json_object *item)
{
	struct libscols_line *line = scols_table_new_line(view, NULL);
	if (!line)
		return;
	for (guint i = 0; i < columns->len; i++) {
		const Column *column = &g_array_index(columns, Column, i);
		json_object *value = json_get_path(item, column->path);
		g_autofree char *text = format_value(value, field_of(table, column));
		scols_line_set_data(line, i, text);
		const char *sequence = strcmp(column->path, "state") == 0
					       ? style_on(stdout, style_of_state(json_object_get_string(value)))
					       : "";
		if (*sequence)
			scols_cell_set_color(scols_line_get_cell(line, i), sequence);
	}
}

Exit output_list(Cli *cli, json_object *list, const Table *table, const Column *columns, const char *empty)
{
	if (cli->json) {
		output_json(list);
		return EXIT_DONE;
	}
	g_autoptr(GArray) chosen = choose_columns(cli, list, table, columns);
	if (!chosen)
		return EXIT_USAGE;
	if (item_count(list) == 0) {
		if (!cli->quiet)
			fprintf(stderr, "%s\n", empty);
		return EXIT_DONE;
	}
	struct libscols_table *view = scols_new_table();
	scols_table_enable_colors(view, *style_on(stdout, STYLE_BOLD) != 0);
	add_columns(view, table, chosen);
	for (gsize i = 0; i < item_count(list); i++)
		add_line(view, table, chosen, item_at(list, i));
	scols_print_table(view);
	scols_unref_table(view);
	return EXIT_DONE;
}

/* An object of a list on one line: "node=0  cpus=0-3  memory=16 GiB". */
static char *item_line(json_object *item, const Table *table, const char *path)
{
	GString *line = g_string_new(NULL);
	json_object_object_foreach(item, key, member) {
		g_autofree char *below = g_strconcat(path, ".", key, NULL);
		g_autofree char *text = format_value(member, table ? schema_find(table, below) : NULL);
		g_string_append_printf(line, "%s%s=%s", line->len ? "  " : "", key, text);
	}
	return g_string_free(line, FALSE);
}

static void document_lines(Pairs *pairs, json_object *value, const Table *table, const char *path)
{
	if (json_object_is_type(value, json_type_object) && json_object_object_length(value) > 0) {
		json_object_object_foreach(value, key, member) {
			g_autofree char *below = *path ? g_strconcat(path, ".", key, NULL) : g_strdup(key);
			document_lines(pairs, member, table, below);
		}
		return;
	}
	gboolean items = json_get_count(value) > 0 &&
			 json_object_is_type(json_object_array_get_idx(value, 0), json_type_object);
	for (gsize i = 0; items && i < json_get_count(value); i++) {
		g_autofree char *line = item_line(json_object_array_get_idx(value, i), table, path);
		pairs_add(pairs, path, line);
	}
	if (items)
		return;
	g_autofree char *text = format_value(value, table ? schema_find(table, path) : NULL);
	pairs_add(pairs, path, text);
}

void output_document(json_object *document, const Table *table, const char *indent)
{
	g_autoptr(Pairs) pairs = pairs_new();
	document_lines(pairs, document, table, "");
	pairs_print(pairs, indent);
}

struct Pairs {
	GPtrArray *labels, *values;
};

Pairs *pairs_new(void)
{
	Pairs *pairs = g_new0(Pairs, 1);
	pairs->labels = g_ptr_array_new_with_free_func(g_free);
	pairs->values = g_ptr_array_new_with_free_func(g_free);
	return pairs;
}

void pairs_free(Pairs *pairs)
{
	if (!pairs)
		return;
	g_ptr_array_unref(pairs->labels);
	g_ptr_array_unref(pairs->values);
	g_free(pairs);
}

void pairs_add(Pairs *pairs, const char *label, const char *value)
{
	if (!value || !*value)
		return;
	g_ptr_array_add(pairs->labels, g_strdup(label));
	g_ptr_array_add(pairs->values, g_strdup(value));
}

guint pairs_count(const Pairs *pairs)
{
	return pairs->labels->len;
}

void pairs_print(Pairs *pairs, const char *indent)
{
	guint width = 0;
	for (guint i = 0; i < pairs->labels->len; i++)
		width = MAX(width, format_width(pairs->labels->pdata[i]));
	for (guint i = 0; i < pairs->labels->len; i++) {
		fputs(indent, stdout);
		fputs(style_on(stdout, STYLE_DIM), stdout);
		format_pad(stdout, pairs->labels->pdata[i], width);
		printf("%s  %s\n", style_off(stdout), (char *)pairs->values->pdata[i]);
	}
}

gboolean can_confirm(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

gboolean confirm(const char *format, ...)
{
	if (!can_confirm())
		return FALSE;
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " [y/N] ");
	fflush(stderr);
	char answer[64];
	if (!fgets(answer, sizeof answer, stdin)) {
		fputc('\n', stderr);
		return FALSE;
	}
	g_strstrip(answer);
	return g_ascii_strcasecmp(answer, "y") == 0 || g_ascii_strcasecmp(answer, "yes") == 0 ||
	       strcmp(answer, "はい") == 0;
}
