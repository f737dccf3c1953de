/* Reading /proc, /sys and /etc below the root. Nothing here says what was wrong with a file: what cannot be read is not
 * known, and each check says what that means for it. */
#include "doctor/host.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

enum { FACTS_MAX = 1 << 20, LINE_MAX_BYTES = 65536, PROCESSES_MAX = 100000 };

static char *below(const Host *host, const char *path)
{
	return g_strconcat(host->root, path, NULL);
}

char *host_read(const Host *host, const char *path, gsize max_bytes)
{
	g_autofree char *full = below(host, path);
	char *text = NULL;
	return file_read(full, max_bytes, &text, NULL, NULL) ? text : NULL;
}

char *host_read_line(const Host *host, const char *path)
{
	char *text = host_read(host, path, LINE_MAX_BYTES);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	return text ? g_strstrip(text) : NULL;
}

gboolean host_exists(const Host *host, const char *path)
{
	g_autofree char *full = below(host, path);
	return access(full, F_OK) == 0;
}

gboolean host_readable(const Host *host, const char *path)
{
	g_autofree char *full = below(host, path);
	return access(full, R_OK) == 0;
}

char *host_link(const Host *host, const char *path)
{
	char target[PATH_MAX];
	g_autofree char *full = below(host, path);
	ssize_t length = readlink(full, target, sizeof target - 1);
	return length < 0 ? NULL : g_strndup(target, (gsize)length);
}

static int compare(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **host_list(const Host *host, const char *path)
{
	g_autofree char *full = below(host, path);
	g_autoptr(GDir) dir = g_dir_open(full, 0, NULL);
	GPtrArray *names = g_ptr_array_new();
	for (const char *name; dir && (name = g_dir_read_name(dir));)
		g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

guint host_count(const Host *host, const char *path)
{
	g_auto(GStrv) names = host_list(host, path);
	return g_strv_length(names);
}

gint64 host_number(const char *text, const char *key)
{
	gsize length = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && strchr(": \t", line[length]) && line[length])
			return g_ascii_strtoll(line + length + 1, NULL, 10);
		if (!*line)
			break;
	}
	return -1;
}

json_object *host_fact(const Host *host, const char *name)
{
	if (!host->recorded)
		return NULL;
	g_autofree char *text = host_read(host, "/facts.json", FACTS_MAX);
	json_auto json_object *facts = text ? json_parse(text, strlen(text), NULL) : NULL;
	json_object *fact = json_get(facts, name);
	return fact ? json_object_get(fact) : NULL;
}

gint64 host_now(const Host *host)
{
	json_auto json_object *now = host_fact(host, "now");
	return now ? json_object_get_int64(now) : g_get_real_time() / G_USEC_PER_SEC;
}

static void process_free(gpointer data)
{
	HostProcess *process = data;
	g_free(process->name);
	g_free(process->program);
	g_free(process->arguments);
	g_free(process);
}

static char *read_arguments(const Host *host, const char *pid)
{
	g_autofree char *path = g_strconcat(host->root, "/proc/", pid, "/cmdline", NULL);
	char *text = NULL;
	gsize length = 0;
	if (!file_read(path, 1 << 20, &text, &length, NULL))
		return g_strdup("");
	for (gsize i = 0; i + 1 < length; i++)
		if (!text[i])
			text[i] = ' ';
	return text;
}

GPtrArray *host_processes(const Host *host, const char *const *names)
{
	static const char deleted[] = " (deleted)";
	GPtrArray *found = g_ptr_array_new_with_free_func(process_free);
	g_auto(GStrv) entries = host_list(host, "/proc");
	for (char **entry = entries; *entry; entry++) {
		if (!g_ascii_isdigit(**entry))
			continue;
		g_autofree char *exe = g_strconcat("/proc/", *entry, "/exe", NULL);
		g_autofree char *program = host_link(host, exe);
		if (!program)
			continue; /* a thread of the kernel, or gone */
		gboolean replaced = g_str_has_suffix(program, deleted);
		if (replaced)
			program[strlen(program) - strlen(deleted)] = '\0';
		g_autofree char *name = g_path_get_basename(program);
		if (!g_strv_contains(names, name))
			continue;
		HostProcess *process = g_new0(HostProcess, 1);
		process->pid = atoi(*entry);
		process->name = g_steal_pointer(&name);
		process->program = g_steal_pointer(&program);
		process->replaced = replaced;
		process->arguments = read_arguments(host, *entry);
		g_ptr_array_add(found, process);
	}
	return found;
}
