/* The command's flags, as they follow from the field tables: parsed, completed, explained. */
#include "schema-fixture.h"

#include "schema/flags.h"

static json_object *parse_flags(FlagsMode mode, json_object *current, const char *line, const char *rest,
				GError **error)
{
	g_auto(GStrv) args = NULL;
	json_object *document = NULL;
	if (*line == '\0')
		args = g_new0(char *, 1);
	else
		g_assert_true(g_shell_parse_argv(line, NULL, &args, NULL));
	g_autofree char *before = g_strjoinv(" ", args);
	gboolean parsed = flags_parse(&vm_table, mode, current, &args, &document, error);
	g_autofree char *after = g_strjoinv(" ", args);
	g_assert_cmpstr(after, ==, parsed ? rest : before);
	g_assert_true(parsed == (document != NULL));
	return document;
}

typedef struct FlagCase {
	const char *line, *document, *rest;
} FlagCase;

static void check_flags(FlagsMode mode, json_object *current, const FlagCase *cases, guint count)
{
	for (guint i = 0; i < count; i++) {
		g_autoptr(GError) error = NULL;
		g_test_message("%s", cases[i].line);
		json_auto json_object *document = parse_flags(mode, current, cases[i].line,
							      cases[i].rest ? cases[i].rest : "", &error);
		g_assert_no_error(error);
		assert_json(document, cases[i].document);
	}
}

static void test_flags_create(void)
{
	static const FlagCase cases[] = {
		{"", "{}", NULL},
		{"web", "{}", "web"},
		{"a --memory 2G b", "{\"memory\":2147483648}", "a b"},
		{"--memory=512M --name web", "{\"memory\":536870912,\"name\":\"web\"}", NULL},
		{"--cpu-cores 4 --cpu-model max", "{\"cpu\":{\"cores\":4,\"model\":\"max\"}}", NULL},
		{"--agent x --no-serial", "{\"agent\":true,\"serial\":false}", "x"},
		{"--agent=off --serial=yes", "{\"agent\":false,\"serial\":true}", NULL},
		{"--autostart", "{\"autostart\":{\"enabled\":true}}", NULL},
		{"--no-autostart --autostart-order 5", "{\"autostart\":{\"enabled\":false,\"order\":5}}", NULL},
		{"--autostart-enabled", "{\"autostart\":{\"enabled\":true}}", NULL},
		{"--tags 'a, b'", "{\"tags\":[\"a\",\"b\"]}", NULL},
		{"--tags ''", "{\"tags\":[]}", NULL},
		{"--guestinfo role=a=b,c: --guestinfo empty=",
		 "{\"guestinfo\":{\"role\":{\"value\":\"a=b,c:\"},\"empty\":{\"value\":\"\"}}}", NULL},
		{"--no-cloud-init --cloud-init-nic address=192.0.2.1/24",
		 "{\"cloud_init\":{\"enabled\":false,\"nics\":{\"nic0\":{\"address\":\"192.0.2.1/24\"}}}}", NULL},
		{"--boot=disk0", "{\"boot\":[\"disk0\"]}", NULL},
		{"--firmware uefi", "{\"firmware\":\"uefi\"}", NULL},
		{"--description --weird", "{\"description\":\"--weird\"}", NULL},
		{"-- --memory - x", "{}", "--memory - x"},
		{"-", "{}", "-"},
		{"--disk size=8G,bus=ide --disk ''",
		 "{\"disks\":{\"disk0\":{\"size\":8589934592,\"bus\":\"ide\"},"
		 "\"disk1\":{}}}",
		 NULL},
		/* The order does not decide which names are free. */
		{"--disk size=8G --disk disk0:discard=no",
		 "{\"disks\":{\"disk0\":{\"discard\":false},\"disk1\":{\"size\":8589934592}}}", NULL},
		{"--nic mac=52:54:00:12:34:56 --nic lan:mode=bridge,bridge=br0,link=off",
		 "{\"nics\":{\"lan\":{\"mode\":\"bridge\",\"bridge\":\"br0\",\"link\":false},"
		 "\"nic0\":{\"mac\":\"52:54:00:12:34:56\"}}}",
		 NULL},
		{"--disk serial=a,,b,size=1G", "{\"disks\":{\"disk0\":{\"serial\":\"a,b\",\"size\":1073741824}}}",
		 NULL},
		{"--disk image=,cache=none", "{\"disks\":{\"disk0\":{\"image\":null,\"cache\":\"none\"}}}", NULL},
		{"--kernel-image tiny --kernel-append 'a=b c'",
		 "{\"kernel\":{\"image\":\"tiny\",\"append\":\"a=b c\"}}", NULL},
	};
	check_flags(FLAGS_CREATE, NULL, cases, G_N_ELEMENTS(cases));
}

static void test_flags_change(void)
{
	static const FlagCase cases[] = {
		{"100 --memory 2G", "{\"memory\":2147483648}", "100"},
		{"--disk disk0:size=9G", "{\"disks\":{\"disk0\":{\"size\":9663676416}}}", NULL},
		{"--numa host_nodes=0", "{\"numa\":{\"node0\":{\"host_nodes\":\"0\"}}}", NULL},
		{"--disk size=1G --disk size=2G",
		 "{\"disks\":{\"disk1\":{\"size\":1073741824},"
		 "\"disk2\":{\"size\":2147483648}}}",
		 NULL},
		/* A name that is given up in the same change is not taken again: it would be a change of that entry. */
		{"--no-disk disk0 --disk size=1G", "{\"disks\":{\"disk0\":null,\"disk1\":{\"size\":1073741824}}}",
		 NULL},
		{"--unset kernel --unset disks.disk0.size", "{\"kernel\":null,\"disks\":{\"disk0\":{\"size\":null}}}",
		 NULL},
		{"--cdrom cd:image=", "{\"cdroms\":{\"cd\":{\"image\":null}}}", NULL},
	};
	json_auto json_object *current = stored();
	check_flags(FLAGS_CHANGE, current, cases, G_N_ELEMENTS(cases));
}

static void check_flag_refusals(FlagsMode mode, json_object *current, const Refusal *refusals, guint count)
{
	for (guint i = 0; i < count; i++) {
		g_autoptr(GError) error = NULL;
		g_test_message("%s", refusals[i].input);
		json_auto json_object *document = parse_flags(mode, current, refusals[i].input, NULL, &error);
		g_assert_null(document);
		assert_error(error, refusals[i].field, refusals[i].message, refusals[i].hint);
		g_assert_cmpint(error_code(error), ==, ERROR_INVALID);
	}
}

static void test_flags_refuse(void)
{
	static const Refusal create_cases[] = {
		{"--memroy 2G", NULL, "unknown flag '--memroy'", "did you mean '--memory'?"},
		{"--id 5", NULL, "unknown flag '--id'", "see --help"},
		{"-m 2G", NULL, "unknown flag '-m'", "see --help"},
		{"--unset kernel", NULL, "unknown flag '--unset'", "see --help"},
		{"--memory", NULL, "--memory needs a value", "see --help"},
		{"--no-agent=yes", NULL, "--no-agent takes no value", NULL},
		{"--memory 1.5G", "memory", "--memory must be a size such as 512M or 10G, not '1.5G'", NULL},
		{"--cpu-cores four", "cpu.cores", "--cpu-cores must be a whole number, not 'four'", NULL},
		{"--cpu-cores ''", "cpu.cores", "--cpu-cores must be a whole number, not ''", NULL},
		{"--agent=maybe", "agent", "--agent must be yes or no, not 'maybe'", NULL},
		{"--memory 1G --memory 2G", NULL, "--memory is given twice, or contradicts another flag",
		 "give it once"},
		{"--agent --no-agent", NULL, "--no-agent is given twice, or contradicts another flag", "give it once"},
		{"--disk 8G", NULL, "--disk: '8G' is not FIELD=VALUE", "write --disk [KEY:]FIELD=VALUE,FIELD=VALUE"},
		{"--disk size=8G,", NULL, "--disk: '' is not FIELD=VALUE",
		 "write --disk [KEY:]FIELD=VALUE,FIELD=VALUE"},
		{"--disk sise=8G", NULL, "--disk: unknown field 'sise'", "did you mean 'size'?"},
		{"--cdrom address=1", NULL, "--cdrom: unknown field 'address'", "known fields are image, bus"},
		{"--disk size=big", "disks", "--disk: size must be a size such as 512M or 10G, not 'big'", NULL},
		{"--disk size=1G,size=2G", NULL, "--disk: size is given twice, or contradicts another flag",
		 "give it once"},
		{"--disk a:size=1G --disk a:bus=ide", NULL, "--disk a is given twice, or contradicts another flag",
		 "give it once"},
	};
	static const Refusal change_cases[] = {
		{"--firmware uefi", NULL, "--firmware cannot be changed", "it can be chosen only at creation"},
		{"--no-disk disk7", "disks", "--no-disk: there is no 'disk7' to remove", "there are disk0"},
		{"--no-cdrom a", "cdroms", "--no-cdrom: there is no 'a' to remove", "there is none"},
		{"--no-disk disk0 --disk disk0:cache=none", NULL,
		 "--disk disk0 is given twice, or contradicts another flag", "give it once"},
		{"--unset memory", "memory", "--unset: 'memory' cannot be unset",
		 "fields that can be unset are hostname, os, …"},
		{"--unset disks.disk7.size", "disks.disk7.size", "--unset: there is no 'disks.disk7'", NULL},
		{"--unset kernel --kernel-append x", NULL,
		 "--kernel-append is given twice, or contradicts another flag", "give it once"},
	};
	json_auto json_object *current = stored();
	check_flag_refusals(FLAGS_CREATE, NULL, create_cases, G_N_ELEMENTS(create_cases));
	check_flag_refusals(FLAGS_CHANGE, current, change_cases, G_N_ELEMENTS(change_cases));
}

static void test_flags_bad_utf8(void)
{
	g_autoptr(GError) error = NULL;
	json_object *document = NULL;
	const char *const words[] = {"--name", "a\xff", NULL};
	g_auto(GStrv) args = g_strdupv((char **)words);
	g_assert_false(flags_parse(&vm_table, FLAGS_CREATE, NULL, &args, &document, &error));
	assert_error(error, "name", "--name must be valid UTF-8", NULL);
}

static void test_flags_unique(void)
{
	for (const Table *const *table = schema_tables; *table; table++) {
		for (int mode = FLAGS_CREATE; mode <= FLAGS_CHANGE; mode++) {
			g_auto(GStrv) names = flags_complete(*table, (FlagsMode)mode);
			g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
			for (char **name = names; *name; name++)
				g_assert_true(g_hash_table_add(seen, *name));
		}
	}
}

static void test_flags_complete(void)
{
	g_auto(GStrv) create_names = flags_complete(&vm_table, FLAGS_CREATE);
	g_auto(GStrv) change_names = flags_complete(&vm_table, FLAGS_CHANGE);
	const char *const *in_create = (const char *const *)create_names;
	const char *const *in_change = (const char *const *)change_names;
	g_assert_true(g_strv_contains(in_create, "--no-autostart"));
	g_assert_true(g_strv_contains(in_create, "--firmware"));
	g_assert_false(g_strv_contains(in_create, "--no-disk"));
	g_assert_false(g_strv_contains(in_create, "--id"));
	g_assert_false(g_strv_contains(in_create, "--kernel-build"));
	g_assert_false(g_strv_contains(in_change, "--firmware"));
	g_assert_true(g_strv_contains(in_change, "--no-disk"));
	g_assert_true(g_strv_contains(in_change, "--unset"));

	static const struct {
		const char *flag, *values;
	} cases[] = {
		{"--display", "vga virtio qxl vmware cirrus bochs none"},
		{"firmware", "bios uefi"},
		{"--agent", "yes no"},
		{"--no-agent", ""},
		{"--memory", ""},
		{"--nothing", ""},
		{"--cdrom", "image= bus=sata bus=ide bus=virtio-scsi"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(GStrv) values = flags_complete_values(&vm_table, cases[i].flag);
		g_autofree char *joined = g_strjoinv(" ", values);
		g_assert_cmpstr(joined, ==, cases[i].values);
	}
	g_auto(GStrv) unset = flags_complete_values(&vm_table, "--unset");
	g_assert_true(g_strv_contains((const char *const *)unset, "kernel.append"));
	g_assert_true(g_strv_contains((const char *const *)unset, "disks.KEY.size"));
	g_assert_false(g_strv_contains((const char *const *)unset, "memory"));
	g_assert_true(flags_takes_value(&vm_table, "--memory"));
	g_assert_true(flags_takes_value(&vm_table, "--no-disk"));
	g_assert_false(flags_takes_value(&vm_table, "--agent"));
	g_assert_false(flags_takes_value(&vm_table, "--no-agent"));
	g_assert_false(flags_takes_value(&vm_table, "--nothing"));
}

static void test_flags_help(void)
{
	g_autofree char *create_help = flags_help(&vm_table, FLAGS_CREATE, FALSE);
	g_autofree char *change_help = flags_help(&vm_table, FLAGS_CHANGE, FALSE);
	g_autofree char *create_ja = flags_help(&vm_table, FLAGS_CREATE, TRUE);
	static const char *const in_create[] = {
		"  --name TEXT                 unique name (required)\n",
		"  --memory SIZE               memory, in whole MiB (default: 1 GiB)\n",
		"  --[no-]agent                port for the QEMU guest agent (default: yes)\n",
		"  --[no-]autostart            start when the node starts (default: no)\n",
		"  --tags A,B,…                labels to find and group guests by\n",
		"  --shutdown-timeout N        how long a shutdown may take (default: 90 s)\n",
		"  --firmware bios|uefi        what starts the guest's system: BIOS (SeaBIOS), or UEFI (OVMF), whose variables are kept with the guest (default: bios)\n",
		"  --nic [KEY:]FIELD=VALUE,…   Network card; can be repeated; without KEY it adds one\n",
		"\n      mode=user|bridge        'user' ",
		"\n      cache=none|writeback|writethrough\n                              use of ",
	};
	for (guint i = 0; i < G_N_ELEMENTS(in_create); i++) {
		g_test_message("%s", in_create[i]);
		g_assert_nonnull(strstr(create_help, in_create[i]));
	}
	g_assert_null(strstr(create_help, "autostart-enabled"));
	g_assert_null(strstr(create_help, "--id"));
	/* Needed only by those who want the optional object that it belongs to. */
	g_assert_null(strstr(create_help, "without a boot loader (required)"));
	g_assert_null(strstr(change_help, "--firmware"));
	g_assert_nonnull(strstr(change_help, "  --shutdown-timeout N        how long a shutdown may take (in s)\n"));
	g_assert_nonnull(strstr(change_help, "  --no-disk KEY               Disk to remove\n"));
	g_assert_nonnull(strstr(create_ja, "  --name TEXT                 一意な名前（必須）\n"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/flags/create makes documents", test_flags_create);
	g_test_add_func("/flags/change makes patches", test_flags_change);
	g_test_add_func("/flags/errors name the flag", test_flags_refuse);
	g_test_add_func("/flags/text must be UTF-8", test_flags_bad_utf8);
	g_test_add_func("/flags/names are unique in every table", test_flags_unique);
	g_test_add_func("/flags/completion knows names and values", test_flags_complete);
	g_test_add_func("/flags/help is aligned and complete", test_flags_help);
	return g_test_run();
}
