/* Making a support bundle: the doctor's answer first, then what it was found from. */
#include "doctor/bundle.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "doctor/check.h"
#include "doctor/collect.h"

enum { COMMANDS_END_MS = 42000 };

static const char intro[] =
	"A support bundle of Yado: what a report of a fault needs. Look through it before you give it to somebody.\n"
	"\n"
	"It has names and addresses of this host and its networks, of guests, storages and images, names of users, and the\n"
	"times of what was done. It does not have passwords and their hashes, API tokens, sessions, keys of certificates,\n"
	"what guests showed on their consoles, their disks or memory, descriptions of guests, or other programs' arguments.\n"
	"What looked like a secret all the same was replaced by [taken out].\n";

static void add_checks(const Host *host, Archive *archive)
{
	json_auto json_object *result = checks_run(host, NULL);
	const char *text = json_object_to_json_string_ext(
		result, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
	archive_add(archive, "doctor.json", "what 'yado doctor' says", text, strlen(text));
}

int bundle_write(const Host *host, int output)
{
	gint64 commands_end = g_get_monotonic_time() + COMMANDS_END_MS * 1000;
	g_autoptr(Archive) archive = archive_new();
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%Y%m%d-%H%M%S");
	g_autofree char *directory = g_strdup_printf("yado-support-%s", time);
	g_autofree char *version = g_strdup_printf("Yado %s\nmade %s UTC\nstate %s\nrun %s\n", YADO_VERSION, time, host->state,
						   host->run);
	/* Programs are taken from Debian's places and say what they have to say in English. */
	clearenv();
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	archive_add(archive, "version", "version and places", version, strlen(version));
	add_checks(host, archive);
	collect_daemon(host, archive);
	collect_databases(host, archive);
	collect_guests(host, archive);
	collect_files(host, archive);
	collect_commands(host, archive, commands_end);
	return archive_write(archive, directory, intro, output) ? 0 : 1;
}
