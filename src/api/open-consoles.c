/* The sockets go from the front to the guest and never through yadod; it holds a duplicate of the front's end, and cuts by
 * shutdown(), which ends the socket for everybody who has it.
 *
 * The duplicate also keeps the socket open when the front has closed its own. So a stream stands for the console: it ends
 * when the front says so or is gone. The other way round, the guest's side that closes shows as a hang-up here. */
#include "api/open-consoles.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"
#include "guest/guests.h"
#include "guest/vm.h"

enum { CONSOLES_MAX = 512, CONSOLES_OF_ONE = 48 };

typedef struct OpenConsole {
	Services *services;
	Principal *principal;
	gint64 vm;
	int socket;
	Stream *stream;
	GSource *hang_up;
} OpenConsole;

static GMutex lock;
static GHashTable *consoles; /* number -> OpenConsole */
static gsize last_number;

/* Of one that is in the table no more: for all who have the socket it ends, and for the front its stream. */
static void cut(gpointer data)
{
	OpenConsole *console = data;
	g_source_destroy(console->hang_up);
	g_source_unref(console->hang_up);
	shutdown(console->socket, SHUT_RDWR);
	fd_close(console->socket);
	stream_close(console->stream);
	stream_unref(console->stream);
	principal_unref(console->principal);
	g_free(console);
}

/* The numbers are never used twice: a callback that comes late finds nothing. */
static void cut_number(gpointer number)
{
	g_mutex_lock(&lock);
	OpenConsole *console = g_hash_table_lookup(consoles, number);
	if (console)
		g_hash_table_remove(consoles, number);
	g_mutex_unlock(&lock);
	if (console)
		cut(console);
}

static gboolean on_hang_up(int fd, GIOCondition condition, gpointer number)
{
	(void)fd;
	(void)condition;
	cut_number(number);
	return G_SOURCE_REMOVE;
}

/* Nothing is queued on the stream, so this is its end. */
static void on_stream_end(Stream *stream, gpointer number)
{
	(void)stream;
	cut_number(number);
}

/* With the lock. */
static gboolean check_room(const char *user, GError **error)
{
	GHashTableIter iter;
	gpointer value;
	guint own = 0;
	g_hash_table_iter_init(&iter, consoles);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		own += g_str_equal(((OpenConsole *)value)->principal->user, user);
	if (own < CONSOLES_OF_ONE && g_hash_table_size(consoles) < CONSOLES_MAX)
		return TRUE;
	error_set(error, ERROR_TOO_MANY, "close one of them",
		  "'%s' has %u consoles open (at most %d), and all users together %u (at most %d)", user, own,
		  CONSOLES_OF_ONE, g_hash_table_size(consoles), CONSOLES_MAX);
	return FALSE;
}

gboolean open_consoles_add(Services *services, Principal *principal, gint64 vm, int socket, Stream *stream,
			   GError **error)
{
	fd_auto int duplicate = fcntl(socket, F_DUPFD_CLOEXEC, 3);
	if (duplicate < 0) {
		error_set_errno(error, errno, "cannot keep hold of a console");
		return FALSE;
	}
	g_mutex_lock(&lock);
	if (!consoles)
		consoles = g_hash_table_new(NULL, NULL);
	if (!check_room(principal->user, error)) {
		g_mutex_unlock(&lock);
		return FALSE;
	}
	gpointer number = GSIZE_TO_POINTER(++last_number);
	OpenConsole *console = g_new(OpenConsole, 1);
	*console = (OpenConsole){services,	     principal_ref(principal), vm, fd_steal(&duplicate),
				 stream_ref(stream), NULL};
	/* No condition is asked for: a hang-up is told anyway. */
	console->hang_up = g_unix_fd_source_new(console->socket, 0);
	g_source_set_callback(console->hang_up, G_SOURCE_FUNC(on_hang_up), number, NULL);
	g_hash_table_insert(consoles, number, console);
	g_source_attach(console->hang_up, NULL);
	g_mutex_unlock(&lock);
	stream_set_drained(stream, on_stream_end, number);
	/* The right may have gone between its check and now. */
	open_consoles_check();
	return TRUE;
}

static gboolean is_allowed(const OpenConsole *console)
{
	Services *services = console->services;
	if (!access_is_valid(services->access, console->principal))
		return FALSE;
	g_autoptr(Rights) rights = access_rights(services->access, console->principal);
	g_autoptr(Vm) vm = guests_get(services->guests, console->vm);
	if (!vm)
		return FALSE;
	char **tags = vm_ref_tags(vm);
	gboolean allowed = rights_allow(rights, PRIVILEGE_VM_CONSOLE, vm->path, (const char *const *)tags);
	vm_tags_unref(tags);
	return allowed;
}

void open_consoles_check(void)
{
	g_autoptr(GPtrArray) refused = g_ptr_array_new_with_free_func(cut);
	GHashTableIter iter;
	gpointer value;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	if (!consoles)
		return;
	g_hash_table_iter_init(&iter, consoles);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		if (is_allowed(value))
			continue;
		g_hash_table_iter_remove(&iter);
		g_ptr_array_add(refused, value);
	}
	g_clear_pointer(&locker, g_mutex_locker_free);
}
