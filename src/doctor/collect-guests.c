/* Guests that run or have run in this boot: how their process was started and ended, and what QEMU said. Their consoles are
 * not read. */
#include <stdio.h>
#include <string.h>

#include "doctor/collect.h"

enum { GUESTS_MAX = 300, LOG_MAX = 1 << 20, TAIL = 65536, PID_MAX = 4096 };

static const struct {
	const char *file, *what;
} files[] = {
	{"pid", "the process"},
	{"exit", "how it ended"},
	{"log", "what QEMU and its launcher said, and QEMU's events"},
	{"applied.json", "the hardware that it runs with"},
	{"memory.json", "what the daemon knows of it"},
};

static void add_files(const Host *host, Archive *archive, const char *guest)
{
	for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(host->run, "vm", guest, files[i].file, NULL);
		g_autofree char *name = g_strdup_printf("guests/%.20s/%s", guest, files[i].file);
		if (!host_exists(host, path))
			continue; /* a guest that runs has not ended */
		g_autofree char *text = host_read(host, path, LOG_MAX * 16);
		gsize length = text ? strlen(text) : 0;
		const char *line = length > TAIL ? strchr(text + length - TAIL, '\n') : NULL;
		if (text)
			archive_add(archive, name, files[i].what, line ? line + 1 : text, strlen(line ? line + 1 : text));
		else
			archive_miss(archive, name, files[i].what, "larger than 16 MiB, or not to be read");
	}
}

static void note_pid(const Host *host, GHashTable *pids, const char *dir)
{
	g_autofree char *path = g_build_filename(dir, "pid", NULL);
	g_autofree char *text = host_read(host, path, PID_MAX);
	int pid;
	if (text && sscanf(text, "pid %d", &pid) == 1)
		g_hash_table_add(pids, GINT_TO_POINTER(pid));
}

/* Each guest's QEMU, and what serves its network cards (passt) and its TPM (swtpm). */
static GHashTable *list_pids(const Host *host, const char *dir, char **guests)
{
	GHashTable *pids = g_hash_table_new(NULL, NULL);
	for (char **guest = guests; *guest; guest++) {
		g_autofree char *own = g_build_filename(dir, *guest, NULL);
		g_auto(GStrv) entries = host_list(host, own);
		note_pid(host, pids, own);
		for (char **entry = entries; *entry; entry++) {
			g_autofree char *card = g_build_filename(own, *entry, NULL);
			if (g_str_has_prefix(*entry, "nic-") || g_str_equal(*entry, "tpm"))
				note_pid(host, pids, card);
		}
	}
	return pids;
}

/* Their arguments say how they were started, and hold no secrets. Those of others might. */
static void add_commands(const Host *host, Archive *archive, GHashTable *pids)
{
	static const char *const names[] = {"qemu-system-x86_64", "passt", "passt.avx2", "swtpm", NULL};
	g_autoptr(GPtrArray) processes = host_processes(host, names);
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < processes->len && text->len < ARCHIVE_FILE_MAX; i++) {
		const HostProcess *process = processes->pdata[i];
		if (!g_hash_table_contains(pids, GINT_TO_POINTER(process->pid)))
			continue;
		g_string_append_printf(text, "%d %s%s\n\n", process->pid, process->arguments,
				       process->replaced ? " (its file was replaced)" : "");
	}
	archive_add(archive, "guests/processes", "command lines of guests' QEMU, passt and swtpm", text->str, text->len);
}

void collect_guests(const Host *host, Archive *archive)
{
	g_autofree char *dir = g_build_filename(host->run, "vm", NULL);
	g_auto(GStrv) guests = host_list(host, dir);
	for (guint i = 0; guests[i] && i < GUESTS_MAX; i++)
		add_files(host, archive, guests[i]);
	if (g_strv_length(guests) > GUESTS_MAX)
		archive_miss(archive, "guests/…", "further guests", "there are too many");
	g_autoptr(GHashTable) pids = list_pids(host, dir, guests);
	add_commands(host, archive, pids);
}
