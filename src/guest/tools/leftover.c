/* What work in a guest would leave behind.
 *
 * RUN/vm/ID/work has a line for each: "process 712". The agent keeps its numbers of handles across its own restarts,
 * and knows a process only if it has begun it itself: so nobody ends what has got the number since. */
#include "guest/tools/leftover.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/tools/exec.h"
#include "guest/tools/file.h"

enum { RECORD_MAX = 512 << 10, LINES_MAX = 256, LENGTH_MAX = 1024, REMOVE_TIMEOUT_MS = 10000 };

static const char *const words[] = {"handle ", "process ", "file "};
static GMutex writing; /* the record is written in the order of its changes */

static char *record_path(const Vm *vm)
{
	return g_build_filename(vm->run_dir, "work", NULL);
}

/* Takes the lines with it. */
static void write_record(Vm *vm)
{
	g_autofree char *path = record_path(vm);
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	g_mutex_lock(&vm->lock);
	guint count = vm->work ? vm->work->len : 0;
	g_string_append_printf(text, "start %" G_GUINT64_FORMAT "\n", vm->start_time);
	for (guint i = 0; i < count; i++)
		g_string_append_printf(text, "%s\n", (char *)vm->work->pdata[i]);
	g_mutex_unlock(&vm->lock);
	if (count == 0 ? unlink(path) < 0 && errno != ENOENT : !file_replace(path, text->str, text->len, 0600, &error))
		g_warning("%s cannot be written: %s", path, error ? error->message : g_strerror(errno));
}

void leftover_note(Vm *vm, LeftoverKind kind, const char *what)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&writing);
	if (strchr(what, '\n') || strlen(what) > LENGTH_MAX)
		return;
	g_mutex_lock(&vm->lock);
	if (!vm->work)
		vm->work = g_ptr_array_new_with_free_func(g_free);
	if (vm->work->len < LINES_MAX)
		g_ptr_array_add(vm->work, g_strconcat(words[kind], what, NULL));
	g_mutex_unlock(&vm->lock);
	write_record(vm);
}

void leftover_forget(Vm *vm, LeftoverKind kind, const char *what)
{
	g_autofree char *line = g_strconcat(words[kind], what, NULL);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&writing);
	guint index;
	g_mutex_lock(&vm->lock);
	gboolean found = vm->work && g_ptr_array_find_with_equal_func(vm->work, line, g_str_equal, &index);
	if (found)
		g_ptr_array_remove_index_fast(vm->work, index);
	g_mutex_unlock(&vm->lock);
	if (found)
		write_record(vm);
}

void leftover_note_number(Vm *vm, LeftoverKind kind, gint64 number)
{
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, number);
	leftover_note(vm, kind, text);
}

void leftover_forget_number(Vm *vm, LeftoverKind kind, gint64 number)
{
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, number);
	leftover_forget(vm, kind, text);
}

void leftover_forget_handles(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&writing);
	gboolean some = FALSE;
	g_mutex_lock(&vm->lock);
	for (guint i = vm->work ? vm->work->len : 0; i-- > 0;) {
		if (!g_str_has_prefix(vm->work->pdata[i], words[LEFTOVER_HANDLE]))
			continue;
		g_ptr_array_remove_index_fast(vm->work, i);
		some = TRUE;
	}
	g_mutex_unlock(&vm->lock);
	if (some)
		write_record(vm);
}

void leftover_clear(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&writing);
	g_mutex_lock(&vm->lock);
	gboolean some = vm->work && vm->work->len > 0;
	g_clear_pointer(&vm->work, g_ptr_array_unref);
	g_clear_pointer(&vm->left, g_ptr_array_unref);
	g_mutex_unlock(&vm->lock);
	if (some)
		write_record(vm);
}

void leftover_adopt(Vm *vm)
{
	g_autofree char *path = record_path(vm), *text = NULL;
	guint64 start;
	gsize length;
	if (!file_read(path, RECORD_MAX, &text, &length, NULL))
		return;
	g_auto(GStrv) lines = g_strsplit(text, "\n", LINES_MAX + 2);
	gboolean same = lines[0] && g_str_has_prefix(lines[0], "start ") &&
			g_ascii_string_to_unsigned(lines[0] + strlen("start "), 10, 0, G_MAXUINT64, &start, NULL);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	if (!same || start != vm->start_time) {
		unlink(path);
		return;
	}
	vm->work = g_ptr_array_new_with_free_func(g_free);
	vm->left = g_ptr_array_new_with_free_func(g_free);
	for (char **line = lines + 1; *line; line++) {
		if (!**line)
			continue;
		g_ptr_array_add(vm->work, g_strdup(*line));
		g_ptr_array_add(vm->left, g_strdup(*line));
	}
}

static gboolean remove_file(Vm *vm, const char *path, GError **error)
{
	const char *const command[] = {"/bin/rm", "-f", "--", path, NULL};
	g_autofree char *said = guest_exec_run(vm, command, REMOVE_TIMEOUT_MS, error);
	return said != NULL;
}

/* FALSE: the agent does not answer. What it refuses is not asked for again. */
static gboolean end_one(Vm *vm, const char *line)
{
	g_autoptr(GError) error = NULL;
	for (guint kind = 0; kind < G_N_ELEMENTS(words); kind++) {
		if (!g_str_has_prefix(line, words[kind]))
			continue;
		const char *what = line + strlen(words[kind]);
		gint64 number = g_ascii_strtoll(what, NULL, 10);
		gboolean done = kind == LEFTOVER_FILE      ? remove_file(vm, what, &error)
				: kind == LEFTOVER_PROCESS ? guest_exec_end_left(vm, number, &error)
							   : guest_file_close_number(vm, number, &error);
		if (!done && error_code(error) != ERROR_FAILED && error_code(error) != ERROR_UNSUPPORTED)
			return FALSE;
		g_message("VM %" G_GINT64_FORMAT ": %s%s that a former daemon left in the guest %s", vm->id,
			  words[kind], kind == LEFTOVER_FILE ? "" : what, done ? "is ended" : "cannot be ended");
		leftover_forget(vm, kind, what);
	}
	return TRUE;
}

void leftover_end(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	GPtrArray *left = g_steal_pointer(&vm->left);
	g_mutex_unlock(&vm->lock);
	while (left && left->len > 0 && end_one(vm, left->pdata[left->len - 1]))
		g_ptr_array_remove_index(left, left->len - 1);
	if (!left || left->len == 0) {
		g_clear_pointer(&left, g_ptr_array_unref);
		return;
	}
	g_mutex_lock(&vm->lock);
	vm->left = left;
	g_mutex_unlock(&vm->lock);
}
