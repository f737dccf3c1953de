/* What the node's QEMU can do, asked of the real one; and the acceleration probe's firmware. */
#include "qemu/host.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "qemu/acceleration.h"

static char *run_dir;
static char *probe_rom; /* of this build: beside the test in ../../src/qemu */

static void test_rom(void)
{
	g_autofree char *program = g_find_program_in_path("qemu-system-x86_64");
	g_autofree char *reason = NULL;
	g_assert_nonnull(program);
	g_assert_true(qemu_acceleration_run(program, probe_rom, "tcg", 20000, &reason));
	g_assert_true(g_str_has_prefix(reason, "64-bit guest code ran under TCG in "));
}

/* A firmware that only spins, and one that resets at once: neither may count as guest code that ran. */
static void test_bad_rom(void)
{
	static const char *const words[] = {"within 1 s", "before it reached 64-bit mode"};
	static const guint8 spin[] = {0xeb, 0xfe}, reset[] = {0xb0, 0xfe, 0xe6, 0x64, 0xf4};
	g_autofree char *program = g_find_program_in_path("qemu-system-x86_64");
	g_autofree char *path = g_build_filename(run_dir, "bad.rom", NULL);
	for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
		g_autofree char *rom = g_malloc0(65536), *reason = NULL;
		memcpy(rom + 0xfff0, i == 0 ? spin : reset, i == 0 ? sizeof spin : sizeof reset);
		g_assert_true(g_file_set_contents(path, rom, 65536, NULL));
		g_assert_false(qemu_acceleration_run(program, path, "tcg", i == 0 ? 1000 : 20000, &reason));
		g_assert_nonnull(strstr(reason, words[i]));
	}
}

static void test_probe(void)
{
	g_autoptr(GError) error = NULL;
	gint64 started = g_get_monotonic_time();
	g_autoptr(QemuHost) host = qemu_host_probe(run_dir, probe_rom, &error);
	gint64 took = g_get_monotonic_time() - started;
	g_assert_no_error(error);
	g_test_message("QEMU %s, %s, KVM %s: %s (%" G_GINT64_FORMAT " ms)", host->version, host->newest_machine,
		       host->kvm ? "yes" : "no", host->acceleration_reason, took / 1000);
	g_assert_true(g_path_is_absolute(host->program));
	g_assert_true(g_ascii_isdigit(*host->version));
	g_assert_true(g_str_has_prefix(host->newest_machine, "pc-q35-"));
	g_assert_true(qemu_host_has_machine(host, host->newest_machine));
	g_assert_true(qemu_host_has_machine(host, "pc-q35-5.2"));
	g_assert_false(qemu_host_has_machine(host, "q35"));
	g_assert_true(g_strv_contains((const char *const *)host->cpu_models, "qemu64"));
	g_assert_cmpint(took, <, 20 * G_USEC_PER_SEC);
	if (!host->kvm)
		g_assert_false(g_str_has_prefix(host->acceleration_reason, "64-bit"));

	started = g_get_monotonic_time();
	g_autoptr(QemuHost) cached = qemu_host_probe(run_dir, "/no/such/rom", &error);
	g_assert_no_error(error);
	g_assert_cmpint(g_get_monotonic_time() - started, <, G_USEC_PER_SEC / 5);
	g_assert_cmpstr(cached->version, ==, host->version);
	g_assert_cmpstr(cached->acceleration_reason, ==, host->acceleration_reason);
	g_assert_true(g_strv_equal((const char *const *)cached->machines, (const char *const *)host->machines));
	g_assert_true(g_strv_equal((const char *const *)cached->cpu_models, (const char *const *)host->cpu_models));
}

static void test_cache(void)
{
	static const char *const damaged[] = {"", "{", "{}", "[1]", "{\"stamp\":{\"boot\":\"of another boot\"}}"};
	g_autofree char *path = g_build_filename(run_dir, "qemu.json", NULL);
	for (guint i = 0; i < G_N_ELEMENTS(damaged); i++) {
		g_autoptr(GError) error = NULL;
		g_assert_true(g_file_set_contents(path, damaged[i], -1, NULL));
		g_autoptr(QemuHost) host = qemu_host_probe(run_dir, "/no/such/rom", &error);
		g_assert_no_error(error);
		g_assert_true(g_str_has_prefix(host->newest_machine, "pc-q35-"));
		g_assert_false(host->kvm);
		g_assert_nonnull(*host->acceleration_reason ? host->acceleration_reason : NULL);
	}
}

static void test_no_run_dir(void)
{
	g_autoptr(GError) error = NULL;
	g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*cannot keep what QEMU can do*");
	g_autoptr(QemuHost) host = qemu_host_probe("/no/such/directory", probe_rom, &error);
	g_test_assert_expected_messages();
	g_assert_no_error(error);
	g_assert_true(g_str_has_prefix(host->newest_machine, "pc-q35-"));
}

static void test_machine_versions(void)
{
	g_assert_true(qemu_machine_is_older("pc-q35-7.1", "pc-q35-7.2"));
	g_assert_true(qemu_machine_is_older("pc-q35-7.2", "pc-q35-10.0"));
	g_assert_true(qemu_machine_is_older("pc-q35-7.2", "pc-q35-8.0"));
	g_assert_false(qemu_machine_is_older("pc-q35-7.2", "pc-q35-7.2"));
	g_assert_false(qemu_machine_is_older("pc-q35-8.0", "pc-q35-7.2"));
	g_assert_false(qemu_machine_is_older("q35", "pc-q35-7.2"));
}

int main(int argc, char **argv)
{
	g_autofree char *here = g_canonicalize_filename(argv[0], NULL);
	g_autofree char *folder = g_path_get_dirname(here);
	g_test_init(&argc, &argv, NULL);
	probe_rom = g_build_filename(folder, "..", "..", "src", "qemu", "probe.rom", NULL);
	run_dir = g_dir_make_tmp("yado-host-XXXXXX", NULL);
	g_test_add_func("/acceleration/the probe's firmware runs to its end", test_rom);
	g_test_add_func("/acceleration/a guest that gets nowhere does not count", test_bad_rom);
	g_test_add_func("/host/which of two machine versions is older", test_machine_versions);
	g_test_add_func("/host/asks QEMU once a boot", test_probe);
	g_test_add_func("/host/a damaged or foreign cache is asked anew", test_cache);
	g_test_add_func("/host/without a run directory nothing is kept", test_no_run_dir);
	int result = g_test_run();
	dir_remove(run_dir, NULL);
	g_free(run_dir);
	g_free(probe_rom);
	return result;
}
