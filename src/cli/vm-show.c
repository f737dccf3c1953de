/* yado vm show: one guest for people to read; everything there is comes with -o json. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/shared.h"
#include "cli/messages/vm.h"
#include "cli/reason.h"
#include "cli/output.h"
#include "cli/vm-settings.h"

static void print_state(json_object *vm)
{
	json_object *status = json_get(vm, "status");
	const char *state = json_get_str(status, "state", "?");
	g_autofree char *name = format_safe(json_get_str(vm, "name", "?"));
	printf("%s%s%s (%" G_GINT64_FORMAT ")  %s%s%s", style_on(stdout, STYLE_BOLD), name, style_off(stdout),
		json_get_int(vm, "id", 0), style_on(stdout, style_of_state(state)), state, style_off(stdout));
	const char *since = json_get_str(status, "since", NULL);
	if (since) {
		g_autofree char *at = format_time(since);
		g_autofree char *age = units_format_duration((guint64)MAX(format_age(since), 0));
		printf(T(m_since), at, age);
	}
	fputc('\n', stdout);
	g_autofree char *reason = reason_text(status);
	if (*reason)
		printf("  %s\n", reason);
}

static void add_value(Pairs *pairs, const char *label, json_object *vm, const char *path)
{
	json_object *value = json_get_path(vm, path);
	if (!value || (json_object_is_type(value, json_type_string) && json_object_get_string_len(value) == 0) ||
		(json_object_is_type(value, json_type_array) && json_object_array_length(value) == 0))
		return;
	g_autofree char *text = format_value(value, schema_find(&vm_table, path));
	pairs_add(pairs, label, text);
}

/* Addresses are strings, or objects that have one as "address". */
static void add_addresses(Pairs *pairs, json_object *addresses)
{
	GString *text = g_string_new(NULL);
	for (gsize i = 0; json_object_is_type(addresses, json_type_array) && i < json_object_array_length(addresses);
		i++) {
		json_object *address = json_object_array_get_idx(addresses, i);
		const char *plain = json_object_is_type(address, json_type_string)
					    ? json_object_get_string(address)
					    : json_get_str(address, "address", NULL);
		if (plain)
			g_string_append_printf(text, "%s%s", text->len ? ", " : "", plain);
	}
	g_autofree char *joined = g_string_free(text, FALSE);
	g_autofree char *safe = format_safe(joined);
	pairs_add(pairs, T(m_addresses), safe);
}

static void add_agent(Pairs *pairs, json_object *agent)
{
	const char *state = json_get_str(agent, "state", NULL), *version = json_get_str(agent, "version", NULL);
	if (!state)
		return;
	const char *until = json_get_str(agent, "frozen_until", NULL);
	g_autofree char *at = until ? format_time(until) : NULL;
	g_autofree char *frozen = at ? g_strdup_printf(T(m_frozen_until), at) : g_strdup("");
	g_autofree char *text = g_strconcat(state, version ? " " : "", version ? version : "", frozen, NULL);
	g_autofree char *safe = format_safe(text);
	pairs_add(pairs, T(m_agent), safe);
}

static char *describe_cpu(json_object *vm)
{
	gint64 sockets = json_get_int(json_get(vm, "cpu"), "sockets", 1),
	       cores = json_get_int(json_get(vm, "cpu"), "cores", 1);
	gint64 threads = json_get_int(json_get(vm, "cpu"), "threads", 1);
	gint64 online = json_get_int(json_get(vm, "cpu"), "online", sockets * cores * threads);
	g_autofree char *model = format_safe(json_get_str(json_get(vm, "cpu"), "model", "?"));
	return g_strdup_printf(T(m_cpu_line), online, sockets, cores, threads, model);
}

static void print_facts(json_object *vm)
{
	json_object *status = json_get(vm, "status");
	g_autoptr(Pairs) pairs = pairs_new();
	add_addresses(pairs, json_get(status, "addresses"));
	add_agent(pairs, json_get(status, "agent"));
	g_autofree char *cpu = describe_cpu(vm);
	pairs_add(pairs, T(m_cpu), cpu);
	add_value(pairs, T(m_memory), vm, "memory");
	add_value(pairs, T(m_memory_in_guest), vm, "status.memory.guest_used");
	if (json_get_int(json_get(json_get(vm, "status"), "memory"), "taken_back", 0))
		add_value(pairs, T(m_memory_taken_back), vm, "status.memory.taken_back");
	add_value(pairs, T(m_acceleration), vm, "status.acceleration");
	add_value(pairs, T(m_os), vm, "os");
	add_value(pairs, T(m_image), vm, "image");
	add_value(pairs, T(m_kernel), vm, "kernel.image");
	add_value(pairs, T(m_machine), vm, "machine");
	add_value(pairs, T(m_firmware), vm, "firmware");
	add_value(pairs, T(m_display), vm, "display");
	add_value(pairs, T(m_boot), vm, "boot");
	add_value(pairs, "cloud-init", vm, "cloud_init.enabled");
	add_value(pairs, T(m_answers), vm, "answers.kind");
	add_value(pairs, T(m_autostart), vm, "autostart.enabled");
	add_value(pairs, T(m_restart), vm, "restart.policy");
	add_value(pairs, T(m_console_writer), vm, "status.console.writer");
	add_value(pairs, T(m_process), vm, "status.pid");
	add_value(pairs, T(m_node), vm, "node");
	add_value(pairs, T(m_tags), vm, "tags");
	add_value(pairs, T(m_description), vm, "description");
	add_value(pairs, "UUID", vm, "uuid");
	pairs_print(pairs, "  ");
}

/* One line an entry: its key, then the named fields that it has. */
static void print_map(json_object *vm, const char *map, const char *heading, const char *const *fields)
{
	json_object *entries = json_get(vm, map);
	if (!json_object_is_type(entries, json_type_object) || json_object_object_length(entries) == 0)
		return;
	printf("\n%s\n", heading);
	g_autoptr(Pairs) pairs = pairs_new();
	json_object_object_foreach(entries, key, entry) {
		GString *line = g_string_new(NULL);
		for (const char *const *field = fields; *field; field++) {
			json_object *value = json_get(entry, *field);
			if (!value ||
				(json_object_is_type(value, json_type_string) && !json_object_get_string_len(value)))
				continue;
			g_autofree char *path = g_strconcat(map, ".", key, ".", *field, NULL);
			const Field *known = schema_find(&vm_table, path);
			g_autofree char *text = format_value(value, known);
			gboolean named = known && known->type == FIELD_BOOL;
			g_string_append_printf(
				line, "%s%s%s%s", line->len ? "  " : "", named ? *field : "", named ? "=" : "", text);
		}
		vm_settings_add_limits(line, entry, schema_find(&vm_table, map)->table);
		g_autofree char *text = g_string_free(line, FALSE);
		pairs_add(pairs, key, *text ? text : "-");
	}
	pairs_print(pairs, "  ");
}

/* What has failed since the process beside QEMU that serves it has ended. */
static void print_broken(json_object *parts)
{
	for (gsize i = 0; i < json_get_count(parts); i++) {
		json_object *part = json_object_array_get_idx(parts, i);
		const char *kind = json_get_str(part, "kind", "");
		g_autofree char *name = format_safe(json_get_str(part, "part", ""));
		g_autofree char *problem = format_safe(json_get_str(part, "problem", ""));
		const char *remedy = g_str_equal(kind, "nic")     ? T(m_broken_nic)
				     : g_str_equal(kind, "share") ? T(m_broken_share)
				     : g_str_equal(kind, "tpm")   ? T(m_broken_tpm)
								  : json_get_str(part, "remedy", "");
		printf("%s%s%s: %s; %s%s\n", i ? "" : "\n", style_on(stdout, STYLE_RED), name, problem, remedy,
		       style_off(stdout));
	}
}

static void print_conflicts(json_object *conflicts)
{
	if (json_get_count(conflicts) == 0)
		return;
	printf("\n%s%s%s\n", style_on(stdout, STYLE_RED), T(m_conflicts), style_off(stdout));
	g_autoptr(Pairs) pairs = pairs_new();
	for (gsize i = 0; i < json_get_count(conflicts); i++) {
		json_object *conflict = json_object_array_get_idx(conflicts, i);
		g_autofree char *value = format_safe(json_get_str(conflict, "value", ""));
		g_autofree char *text =
			g_strdup_printf("%s  VM %" G_GINT64_FORMAT, value, json_get_int(conflict, "vm", 0));
		pairs_add(pairs, json_get_str(conflict, "path", ""), text);
	}
	pairs_print(pairs, "  ");
}

Exit vm_show_exec(Cli *cli, Arguments *arguments)
{
	static const char *const disk_fields[] = {
		"size", "storage", "volume", "format", "bus", "image", "cache", "serial", "wwn", NULL};
	static const char *const cdrom_fields[] = {"image", "bus", NULL};
	static const char *const nic_fields[] = {"mode", "bridge", "model", "mac", "link", NULL};
	static const char *const guestinfo_fields[] = {"value", NULL};
	static const char *const usb_fields[] = {"type", "mapping", "address", NULL};
	static const char *const mapped_fields[] = {"mapping", "tag", "read_only", "address", NULL};
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/vms/", arguments_word(arguments, 0), NULL);
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, &code);
	if (!reply)
		return code;
	json_object *vm = reply->body;
	if (cli->json) {
		output_json(vm);
		return EXIT_DONE;
	}
	print_state(vm);
	print_facts(vm);
	print_map(vm, "disks", T(m_disks), disk_fields);
	print_map(vm, "cdroms", T(m_cdroms), cdrom_fields);
	print_map(vm, "nics", T(m_nics), nic_fields);
	print_map(vm, "guestinfo", T(m_guestinfo), guestinfo_fields);
	print_map(vm, "usb", T(m_usb), usb_fields);
	print_map(vm, "pci", T(m_pci), mapped_fields);
	print_map(vm, "shares", T(m_shares), mapped_fields);
	vm_settings_print(vm);
	print_broken(json_get_path(vm, "status.broken"));
	print_conflicts(json_get_path(vm, "status.conflicts"));
	if (json_get_path(vm, "status.no_effect"))
		printf("\n%s%s%s\n", style_on(stdout, STYLE_YELLOW), T(m_no_effect), style_off(stdout));
	vm_settings_print_no_effect(vm, NULL, "  ");
	json_object *setup = json_get_path(vm, "status.firmware_setup");
	if (setup && json_object_get_boolean(setup))
		printf("\n%s%s%s\n", style_on(stdout, STYLE_YELLOW), T(m_vm_setup_waits), style_off(stdout));
	json_object *pending = json_get_path(vm, "status.pending");
	if (json_object_is_type(pending, json_type_array) && json_object_array_length(pending) > 0) {
		printf("\n%s%s%s\n", style_on(stdout, STYLE_YELLOW), T(m_pending), style_off(stdout));
		changes_print(pending, &vm_table, "  ");
	}
	return EXIT_DONE;
}
