/* Yado's own processes (what each of their threads does, for a daemon that hangs), and the names in its directories. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/collect.h"

enum { DEPTH_MAX = 3, NAMES_MAX = 5000, THREADS_MAX = 300 };

/* Of each thread: its name, where it is in the kernel, and its state. */
static void add_threads(const Host *host, const HostProcess *process, GString *text)
{
	static const char *const files[] = {"comm", "wchan", "stack", "syscall"};
	g_autofree char *dir = g_strdup_printf("/proc/%d/task", process->pid);
	g_auto(GStrv) threads = host_list(host, dir);
	for (guint i = 0; threads[i] && i < THREADS_MAX; i++) {
		g_string_append_printf(text, "thread %s:", threads[i]);
		for (guint j = 0; j < G_N_ELEMENTS(files); j++) {
			g_autofree char *path = g_build_filename(dir, threads[i], files[j], NULL);
			g_autofree char *value = host_read(host, path, 16384);
			if (value)
				g_strdelimit(g_strstrip(value), "\n", '|');
			g_string_append_printf(text, " %s=%s", files[j], value ? value : "?");
		}
		g_string_append_c(text, '\n');
	}
}

static void add_processes(const Host *host, Archive *archive)
{
	static const char *const names[] = {"yadod", "yado-httpd", "yado-launch", "yado-pump", "yado-nvram", "yado-seed", NULL};
	static const char *const files[] = {"status", "limits", "io", "cgroup"};
	g_autoptr(GPtrArray) processes = host_processes(host, names);
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < processes->len; i++) {
		const HostProcess *process = processes->pdata[i];
		gboolean daemon = strcmp(process->name, "yadod") == 0 || strcmp(process->name, "yado-httpd") == 0;
		g_string_append_printf(text, "== %d %s%s\n%s\n", process->pid, process->program,
				       process->replaced ? " (its file was replaced)" : "", process->arguments);
		for (guint j = 0; daemon && j < G_N_ELEMENTS(files); j++) {
			g_autofree char *path = g_strdup_printf("/proc/%d/%s", process->pid, files[j]);
			g_autofree char *value = host_read(host, path, 65536);
			g_string_append_printf(text, "-- %s\n%s", files[j], value ? value : "?\n");
		}
		if (daemon)
			add_threads(host, process, text);
	}
	archive_add(archive, "yado/processes", "Yado's processes and their threads", text->str, text->len);
}

static void list_tree(const Host *host, const char *path, guint depth, guint *inout_left, GString *text)
{
	g_auto(GStrv) names = host_list(host, path);
	for (char **name = names; *name && *inout_left > 0; name++) {
		g_autofree char *below = g_build_filename(path, *name, NULL);
		g_autofree char *full = g_strconcat(host->root, below, NULL);
		struct stat info;
		if (lstat(full, &info) < 0)
			continue;
		(*inout_left)--;
		g_string_append_printf(text, "%06o %5u %5u %12lld %s\n", (unsigned)info.st_mode, info.st_uid, info.st_gid,
				       (long long)info.st_size, below);
		if (S_ISDIR(info.st_mode) && depth < DEPTH_MAX)
			list_tree(host, below, depth + 1, inout_left, text);
	}
}

static void add_tree(const Host *host, Archive *archive, const char *name, const char *path)
{
	g_autoptr(GString) text = g_string_new("mode  uid   gid          size path\n");
	guint left = NAMES_MAX;
	list_tree(host, path, 0, &left, text);
	archive_add(archive, name, "names, sizes and owners in it; not what is in the files", text->str, text->len);
}

void collect_daemon(const Host *host, Archive *archive)
{
	static const struct {
		const char *name, *file, *what;
	} files[] = {
		{"yado/qemu.json", "qemu.json", "what QEMU and the acceleration can do"},
		{"yado/httpd.log", "httpd/log", "the front's log"},
		{"yado/httpd.exit", "httpd/exit", "how the front ended"},
		{"yado/claim", "state", "which state belongs to the run directory"},
	};
	add_processes(host, archive);
	for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(host->run, files[i].file, NULL);
		g_autofree char *text = host_read(host, path, ARCHIVE_FILE_MAX);
		if (text)
			archive_add(archive, files[i].name, files[i].what, text, strlen(text));
		else
			archive_miss(archive, files[i].name, files[i].what, "not there, or not to be read");
	}
	add_tree(host, archive, "yado/state-files", host->state);
	add_tree(host, archive, "yado/run-files", host->run);
}
