/* yado node: the machines that guests run on. */
#include "base/json.h"
#include "cli/ask.h"
#include "cli/baseline.h"
#include "cli/measurements.h"
#include "cli/messages/columns.h"
#include "cli/messages/node.h"
#include "cli/resource.h"

static const Column columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "version", .heading = TEXT(m_col_version)},
	{.path = "qemu", .heading = TEXT(m_col_qemu)},
	{.path = "acceleration", .heading = TEXT(m_col_acceleration)},
	{.path = "cpus", .heading = TEXT(m_col_cpus)},
	{.path = "memory", .heading = TEXT(m_col_memory)},
	{.path = "memory_free", .heading = TEXT(m_col_free)},
	{.path = "uptime", .heading = TEXT(m_col_uptime)},
	{.path = "running", .heading = TEXT(m_col_running)},
	{0}};

const Resource node_resource = {"/nodes", &node_table, columns, TEXT(m_node_none), "self"};

static const Option shutdown_guests_options[] = {
	{"timeout", 0, "SECONDS", NULL, COMPLETE_NOTHING, TEXT(m_opt_shutdown_guests_timeout)},
	{0}};

static Exit shutdown_guests_exec(Cli *cli, Arguments *arguments)
{
	json_auto json_object *body = NULL;
	gint64 timeout = 0;
	if (!arguments_number(arguments, "timeout", 1, 3600, &timeout))
		return EXIT_USAGE;
	if (timeout) {
		body = json_object_new_object();
		json_set_int(body, "timeout", timeout);
	}
	Exit code = EXIT_DONE;
	const char *node = arguments->words->len ? arguments_word(arguments, 0) : "self";
	g_autofree char *path = ask_path("/nodes/", node, "/shutdown-guests");
	Reply *reply = ask(cli, "POST", path, body, &code);
	return reply ? finish(cli, reply, NULL, NULL) : code;
}

/* Shown, or with flags changed. */
static Exit memory_exec(Cli *cli, Arguments *arguments)
{
	const char *node = arguments->words->len ? arguments_word(arguments, 0) : "self";
	g_autofree char *path = ask_path("/nodes/", node, "/memory");
	Exit code = EXIT_DONE;
	if (arguments->flags->len == 0) {
		g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, &code);
		return reply ? resource_print(cli, reply->body, &node_memory_table) : code;
	}
	json_auto json_object *patch = arguments_document(arguments, NULL);
	if (!patch)
		return EXIT_USAGE;
	Reply *reply = ask(cli, "PATCH", path, patch, &code);
	return reply ? finish(cli, reply, &node_memory_table, T(m_node_memory_changed)) : code;
}

static Exit stats_exec(Cli *cli, Arguments *arguments)
{
	const char *node = arguments->words->len ? arguments_word(arguments, 0) : "self";
	const char *span = arguments_get(arguments, "span", NULL);
	gboolean watch = arguments_has(arguments, "watch");
	g_autofree char *path = ask_path("/nodes/", node, NULL);
	if (span && watch)
		return usage_error(NULL, T(m_stats_span_watch));
	if (span)
		return measurements_show(cli, path, span, &node_measurements_table);
	return measurements_follow(cli, path, watch, &node_measurements_table);
}

const Command node_commands[] = {{.name = "list",
				  .alias = "ls",
				  .help = TEXT(m_node_list_help),
				  .resource = &node_resource,
				  .options = resource_list_options,
				  .exec = resource_list_exec},
				 {.name = "show",
				  .usage = "[NAME]",
				  .help = TEXT(m_node_show_help),
				  .max_words = 1,
				  .complete = COMPLETE_NODE,
				  .resource = &node_resource,
				  .exec = resource_show_exec},
				 {.name = "devices",
				  .usage = "[NAME]",
				  .help = TEXT(m_node_devices_help),
				  .max_words = 1,
				  .complete = COMPLETE_NODE,
				  .exec = devices_exec},
				 {.name = "stats",
				  .usage = "[NAME]",
				  .help = TEXT(m_node_stats_help),
				  .max_words = 1,
				  .complete = COMPLETE_NODE,
				  .options = stats_options,
				  .exec = stats_exec},
				 {.name = "cpu-features",
				  .usage = "[NAME]",
				  .help = TEXT(m_node_cpu_features_help),
				  .max_words = 1,
				  .complete = COMPLETE_NODE,
				  .exec = cpu_features_exec},
				 {.name = "baseline",
				  .usage = "FILE…",
				  .help = TEXT(m_node_baseline_help),
				  .min_words = 1,
				  .max_words = 64,
				  .complete = COMPLETE_FILE,
				  .exec = baseline_exec},
				 {.name = "memory",
				  .usage = "[NAME]",
				  .help = TEXT(m_node_memory_help),
				  .max_words = 1,
				  .complete = COMPLETE_NODE,
				  .table = &node_memory_table,
				  .mode = FLAGS_CHANGE,
				  .changes = TRUE,
				  .exec = memory_exec},
				 {.name = "shutdown-guests",
				  .usage = "[NAME]",
				  .help = TEXT(m_node_shutdown_guests_help),
				  .max_words = 1,
				  .complete = COMPLETE_NODE,
				  .options = shutdown_guests_options,
				  .changes = TRUE,
				  .exec = shutdown_guests_exec},
				 {0}};
