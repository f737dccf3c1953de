/* yado vm stats: what guests use, as rates between two samples of the counters; or what one has used
 * (measurements.c). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/measurements.h"
#include "cli/messages/columns.h"
#include "cli/messages/vm.h"
#include "cli/output.h"

enum { FIRST_US = 1000000, WATCH_US = 2000000 };

const Option stats_options[] = {
	{"watch", 'w', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_watch)},
	{"span", 0, "SPAN", measurement_spans, COMPLETE_NOTHING, TEXT(m_opt_span)},
	{0}};

static const Column stats_columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "cpu", .heading = TEXT(m_col_cpu), .as = &as_count},
	{.path = "memory", .heading = TEXT(m_col_memory), .as = &as_count},
	{.path = "inside", .heading = TEXT(m_col_inside), .as = &as_count},
	{.path = "limit", .heading = TEXT(m_col_limit), .as = &as_count},
	{.path = "read", .heading = TEXT(m_col_read), .as = &as_count},
	{.path = "write", .heading = TEXT(m_col_write), .as = &as_count},
	{.path = "iops", .heading = TEXT(m_col_iops), .as = &as_count},
	{.path = "receive", .heading = TEXT(m_col_receive), .as = &as_count},
	{.path = "send", .heading = TEXT(m_col_send), .as = &as_count},
	{0}};

/* A counter of one sample; FALSE where it cannot be known. */
static gboolean counter(json_object *sample, const char *key, gint64 *ret_value)
{
	json_object *value = json_get(sample, key);
	if (!json_object_is_type(value, json_type_int))
		return FALSE;
	*ret_value = json_object_get_int64(value);
	return TRUE;
}

/* Per second, or -1. A counter that went back belongs to a guest that was started again. */
static double rate(json_object *before, json_object *after, const char *key, gint64 span_us)
{
	gint64 from, to;
	if (span_us <= 0 || !counter(before, key, &from) || !counter(after, key, &to) || to < from)
		return -1;
	return (double)(to - from) * 1e6 / (double)span_us;
}

static void set_bytes(json_object *row, const char *key, double per_second)
{
	g_autofree char *size = per_second >= 0 ? units_format_size((guint64)per_second) : NULL;
	g_autofree char *text = size ? g_strconcat(size, "/s", NULL) : g_strdup("-");
	json_set_str(row, key, text);
}

static double add(double sum, double part)
{
	return part < 0 ? sum : MAX(sum, 0) + part;
}

/* Rates of the devices of one map, each in a row of its own when asked; sums are added to *sums. */
static void device_rows(json_object *before, json_object *after, const char *map, const char *const keys[2],
	const char *const columns[2], gint64 span_us, json_object *rows, double sums[3])
{
	json_object *devices = json_get(after, map);
	if (!json_object_is_type(devices, json_type_object))
		return;
	json_object_object_foreach(devices, name, now) {
		json_object *then = json_get(json_get(before, map), name);
		double in = rate(then, now, keys[0], span_us), out = rate(then, now, keys[1], span_us);
		double operations = add(rate(then, now, "reads", span_us), rate(then, now, "writes", span_us));
		sums[0] = add(sums[0], in);
		sums[1] = add(sums[1], out);
		sums[2] = add(sums[2], operations);
		if (!rows)
			continue;
		json_object *row = json_object_new_object();
		g_autofree char *label = g_strconcat("  ", name, NULL);
		json_set_str(row, "name", label);
		set_bytes(row, columns[0], in);
		set_bytes(row, columns[1], out);
		if (operations >= 0)
			json_set_int(row, "iops", (gint64)(operations + 0.5));
		json_object_array_add(rows, row);
	}
}

static void set_size(json_object *row, const char *key, json_object *memory, const char *member)
{
	gint64 bytes;
	if (!counter(memory, member, &bytes) || bytes < 0)
		return;
	g_autofree char *text = units_format_size((guint64)bytes);
	json_set_str(row, key, text);
}

static void guest_rows(const char *name, json_object *before, json_object *after, gboolean devices, json_object *rows)
{
	static const char *const disk_keys[2] = {"read_bytes", "write_bytes"}, *const disk_columns[2] = {
										       "read", "write"};
	static const char *const nic_keys[2] = {"rx_bytes", "tx_bytes"}, *const nic_columns[2] = {"receive", "send"};
	gint64 span_us = json_get_int(after, "at_us", 0) - json_get_int(before, "at_us", 0);
	json_object *row = json_object_new_object();
	json_object_array_add(rows, row);
	json_set_str(row, "name", name);
	double cpu = rate(json_get(before, "cpu"), json_get(after, "cpu"), "usec", span_us);
	g_autofree char *percent = cpu >= 0 ? g_strdup_printf("%.1f %%", cpu / 1e4) : g_strdup("-");
	json_set_str(row, "cpu", percent);
	set_size(row, "memory", json_get(after, "memory"), "used");
	set_size(row, "inside", json_get(after, "memory"), "guest_used");
	set_size(row, "limit", json_get(after, "memory"), "limit");
	double disk[3] = {-1, -1, -1}, nic[3] = {-1, -1, -1};
	device_rows(before, after, "disks", disk_keys, disk_columns, span_us, devices ? rows : NULL, disk);
	device_rows(before, after, "nics", nic_keys, nic_columns, span_us, devices ? rows : NULL, nic);
	set_bytes(row, "read", disk[0]);
	set_bytes(row, "write", disk[1]);
	if (disk[2] >= 0)
		json_set_int(row, "iops", (gint64)(disk[2] + 0.5));
	set_bytes(row, "receive", nic[0]);
	set_bytes(row, "send", nic[1]);
}

/* The sample of one guest; NULL with *ret_exit when it was asked for by name, quietly when it just stopped. */
static json_object *sample(Cli *cli, const char *id, gboolean named, Exit *ret_exit)
{
	g_autofree char *path = ask_path("/vms/", id, "/stats");
	g_autoptr(GError) error = NULL;
	g_autoptr(Reply) reply = ask_quietly(cli, "GET", path, NULL, NULL, 0, &error);
	if (reply)
		return json_object_get(reply->body);
	if (named || error_code(error) == ERROR_UNAVAILABLE)
		*ret_exit = report(error);
	return NULL;
}

/* The named guests, or all that run; NULL after printing. */
static GPtrArray *guests(Cli *cli, Arguments *arguments, Exit *ret_exit)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < arguments->words->len; i++)
		g_ptr_array_add(names, g_strdup(arguments_word(arguments, i)));
	if (names->len > 0)
		return g_steal_pointer(&names);
	json_auto json_object *list = ask_list(cli, "/vms", ret_exit);
	if (!list)
		return NULL;
	json_object *items = json_get(list, "items");
	for (gsize i = 0; i < json_object_array_length(items); i++) {
		json_object *row = json_object_array_get_idx(items, i);
		const char *state = json_get_str(row, "state", "");
		if (strcmp(state, "running") == 0 || strcmp(state, "paused") == 0)
			g_ptr_array_add(names, g_strdup(json_get_str(row, "name", "")));
	}
	return g_steal_pointer(&names);
}

/* One sample of each guest into the table, name -> sample. */
static gboolean take_samples(Cli *cli, GPtrArray *names, gboolean named, GHashTable *samples, Exit *ret_exit)
{
	for (guint i = 0; i < names->len; i++) {
		Exit code = EXIT_DONE;
		json_object *one = sample(cli, names->pdata[i], named, &code);
		if (one)
			g_hash_table_insert(samples, g_strdup(names->pdata[i]), one);
		if (code != EXIT_DONE) {
			*ret_exit = code;
			return FALSE;
		}
	}
	return TRUE;
}

static void free_json(gpointer json)
{
	json_object_put(json);
}

static GHashTable *samples_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_json);
}

static Exit print_rates(Cli *cli, GPtrArray *names, GHashTable *before, GHashTable *after)
{
	json_auto json_object *list = json_object_new_object();
	json_object *rows = json_object_new_array();
	json_set(list, "items", rows);
	for (guint i = 0; i < names->len; i++) {
		json_object *then = g_hash_table_lookup(before, names->pdata[i]);
		json_object *now = g_hash_table_lookup(after, names->pdata[i]);
		if (then && now)
			guest_rows(names->pdata[i], then, now, names->len == 1, rows);
	}
	return output_list(cli, list, NULL, stats_columns, T(m_vm_none_running));
}

Exit vm_stats_exec(Cli *cli, Arguments *arguments)
{
	gboolean watch = arguments_has(arguments, "watch"), named = arguments->words->len > 0;
	const char *span = arguments_get(arguments, "span", NULL);
	Exit code = EXIT_DONE;
	if (span) {
		if (arguments->words->len != 1 || watch)
			return usage_error(NULL, T(m_stats_span_one));
		g_autofree char *path = ask_path("/vms/", arguments_word(arguments, 0), NULL);
		return measurements_show(cli, path, span, &vm_measurements_table);
	}
	if (cli->json) {
		if (arguments->words->len != 1 || watch)
			return usage_error(NULL, T(m_stats_json_one));
		json_auto json_object *one = sample(cli, arguments_word(arguments, 0), TRUE, &code);
		if (one)
			output_json(one);
		return code;
	}
	g_autoptr(GHashTable) before = samples_new();
	g_autoptr(GPtrArray) names = guests(cli, arguments, &code);
	if (!names || !take_samples(cli, names, named, before, &code))
		return code;
	do {
		if (names->len > 0 || watch)
			g_usleep(g_hash_table_size(before) > 0 && !watch ? FIRST_US : WATCH_US);
		g_autoptr(GHashTable) after = samples_new();
		g_autoptr(GPtrArray) fresh = guests(cli, arguments, &code);
		if (!fresh || !take_samples(cli, fresh, named, after, &code))
			return code;
		if (watch && isatty(STDOUT_FILENO))
			printf("\033[H\033[2J");
		code = print_rates(cli, fresh, before, after);
		fflush(stdout);
		g_hash_table_unref(before);
		before = g_steal_pointer(&after);
	} while (watch && code == EXIT_DONE && !ferror(stdout));
	return code;
}
