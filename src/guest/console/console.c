/* The serial consoles.
 *
 * All sockets are non-blocking and their sources run on the monitor thread; clients are added from API threads, so the
 * console's lock guards the lists (nothing blocks under it). Guest output goes to the ring and to every client; a
 * client that lets 256 KiB pile up is let go. What the writer types waits while QEMU's socket is full: its source is
 * taken off until then, so the pressure reaches the person's terminal and nothing is dropped. */
#include "guest/console/console.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/console/ring.h"
#include "guest/run/needs.h"

enum { CLIENT_QUEUE_MAX = 256 * 1024, CLIENTS_MAX = 32, CHUNK = 16384 };

typedef struct Client {
	Console *console; /* a reference */
	int fd;
	char *user;
	gboolean writer;
	gboolean closed;
	GByteArray *queue; /* not yet taken by the client */
	GSource *in, *out;
} Client;

struct Console {
	gatomicrefcount refs;
	GMutex lock;
	int fd; /* to QEMU; -1 once closed */
	Ring *ring;
	GList *clients;
	GByteArray *typed; /* not yet taken by QEMU */
	GSource *in, *out;
};

static gboolean on_client_readable(int fd, GIOCondition condition, gpointer data);
static gboolean on_client_writable(int fd, GIOCondition condition, gpointer data);
static gboolean on_guest_writable(int fd, GIOCondition condition, gpointer data);

static void console_unref(Console *console)
{
	if (!g_atomic_ref_count_dec(&console->refs))
		return;
	fd_close(console->fd);
	ring_free(console->ring);
	g_byte_array_unref(console->typed);
	g_mutex_clear(&console->lock);
	g_free(console);
}

static void client_free(gpointer data)
{
	Client *client = data;
	fd_close(client->fd);
	g_byte_array_unref(client->queue);
	g_free(client->user);
	console_unref(client->console);
	g_free(client);
}

static GSource *attach(int fd, GIOCondition condition, GUnixFDSourceFunc callback, gpointer data)
{
	GSource *source = g_unix_fd_source_new(fd, condition);
	g_source_set_callback(source, G_SOURCE_FUNC(callback), data, NULL);
	g_source_attach(source, qmp_monitor_context());
	return source;
}

static void detach(GSource **source)
{
	if (*source) {
		g_source_destroy(*source);
		g_clear_pointer(source, g_source_unref);
	}
}

static gboolean free_later(gpointer data)
{
	Client *client = data;
	/* Who dropped it may hold the lock still, and look at it. */
	g_mutex_lock(&client->console->lock);
	g_mutex_unlock(&client->console->lock);
	client_free(client);
	return G_SOURCE_REMOVE;
}

/* With the lock held. The memory goes on the monitor thread, where a callback of this client may be waiting. */
static void drop_client(Client *client)
{
	if (client->closed)
		return;
	client->closed = TRUE;
	detach(&client->in);
	detach(&client->out);
	client->console->clients = g_list_remove(client->console->clients, client);
	shutdown(client->fd, SHUT_RDWR);
	GSource *later = g_idle_source_new();
	g_source_set_callback(later, free_later, client, NULL);
	g_source_attach(later, qmp_monitor_context());
	g_source_unref(later);
}

/* With the lock held: writes what it can and queues the rest. */
static void send_client(Client *client, const guint8 *data, gsize length)
{
	if (client->queue->len == 0) {
		ssize_t n = send(client->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			drop_client(client);
			return;
		}
		gsize sent = n > 0 ? (gsize)n : 0;
		data += sent;
		length -= sent;
	}
	if (length == 0)
		return;
	if (client->queue->len + length > CLIENT_QUEUE_MAX) {
		g_info("console client of %s does not read and is let go", client->user);
		drop_client(client);
		return;
	}
	g_byte_array_append(client->queue, data, (guint)length);
	if (!client->out)
		client->out = attach(client->fd, G_IO_OUT, on_client_writable, client);
}

static gboolean on_client_writable(int fd, GIOCondition condition, gpointer data)
{
	Client *client = data;
	(void)condition;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&client->console->lock);
	if (client->closed)
		return G_SOURCE_REMOVE;
	ssize_t n = send(fd, client->queue->data, client->queue->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		drop_client(client);
		return G_SOURCE_REMOVE;
	}
	if (n > 0)
		g_byte_array_remove_range(client->queue, 0, (guint)n);
	if (client->queue->len > 0)
		return G_SOURCE_CONTINUE;
	detach(&client->out);
	return G_SOURCE_REMOVE;
}

/* With the lock held: FALSE if QEMU has gone. Watches for room if something is left. */
static gboolean flush_typed(Console *console)
{
	while (console->typed->len > 0) {
		ssize_t n = send(console->fd, console->typed->data, console->typed->len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return FALSE;
		if (n < 0) {
			if (!console->out)
				console->out = attach(console->fd, G_IO_OUT, on_guest_writable, console);
			return TRUE;
		}
		g_byte_array_remove_range(console->typed, 0, (guint)n);
	}
	return TRUE;
}

static gboolean on_guest_writable(int fd, GIOCondition condition, gpointer data)
{
	Console *console = data;
	(void)fd;
	(void)condition;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&console->lock);
	if (console->fd < 0 || !flush_typed(console))
		return G_SOURCE_REMOVE;
	if (console->typed->len > 0)
		return G_SOURCE_CONTINUE;
	detach(&console->out);
	for (GList *item = console->clients; item; item = item->next) {
		Client *client = item->data;
		if (!client->in)
			client->in = attach(client->fd, G_IO_IN | G_IO_HUP, on_client_readable, client);
	}
	return G_SOURCE_REMOVE;
}

static gboolean on_client_readable(int fd, GIOCondition condition, gpointer data)
{
	Client *client = data;
	Console *console = client->console;
	guint8 chunk[CHUNK];
	(void)condition;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&console->lock);
	if (client->closed)
		return G_SOURCE_REMOVE;
	ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (n <= 0) {
		drop_client(client);
		return G_SOURCE_REMOVE;
	}
	/* A reader's keys go nowhere. */
	if (!client->writer || console->fd < 0)
		return G_SOURCE_CONTINUE;
	g_byte_array_append(console->typed, chunk, (guint)n);
	if (flush_typed(console) && console->typed->len == 0)
		return G_SOURCE_CONTINUE;
	detach(&client->in);
	return G_SOURCE_REMOVE;
}

static void close_clients(Console *console)
{
	while (console->clients)
		drop_client(console->clients->data);
}

static gboolean on_guest_readable(int fd, GIOCondition condition, gpointer data)
{
	Console *console = data;
	guint8 chunk[CHUNK];
	(void)condition;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&console->lock);
	if (console->fd < 0)
		return G_SOURCE_REMOVE;
	ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (n <= 0) {
		close_clients(console);
		return G_SOURCE_REMOVE;
	}
	ring_append(console->ring, chunk, (gsize)n);
	for (GList *item = console->clients, *next; item; item = next) {
		next = item->next;
		send_client(item->data, chunk, (gsize)n);
	}
	return G_SOURCE_CONTINUE;
}

static int connect_serial(Vm *vm, const char *name, GError **error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_autofree char *path = vm_socket_path(vm, name);
	g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	fd_auto int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		error_set_errno(error, errno, "cannot connect to the serial port '%s'", path);
		return -1;
	}
	return fd_steal(&fd);
}

static gboolean open_port(Vm *vm, guint port, GError **error)
{
	g_autofree char *name = qemu_serial_name(port);
	g_mutex_lock(&vm->lock);
	gboolean open = vm->consoles[port - 1] != NULL;
	g_mutex_unlock(&vm->lock);
	if (open)
		return TRUE;
	g_autofree char *path = g_strdup_printf("%s/%s.ring", vm->run_dir, name);
	Ring *ring = ring_open(path, vm_get_state(vm) == VM_STARTING, error);
	if (!ring)
		return FALSE;
	int fd = connect_serial(vm, name, error);
	if (fd < 0) {
		ring_free(ring);
		return FALSE;
	}
	Console *console = g_new0(Console, 1);
	g_atomic_ref_count_init(&console->refs);
	g_mutex_init(&console->lock);
	console->fd = fd;
	console->ring = ring;
	console->typed = g_byte_array_new();
	g_mutex_lock(&vm->lock);
	gboolean alive = vm->pidfd >= 0; /* else nobody would close it */
	if (alive)
		vm->consoles[port - 1] = console;
	g_mutex_unlock(&vm->lock);
	if (!alive) {
		console_unref(console);
		return TRUE;
	}
	g_mutex_lock(&console->lock);
	console->in = attach(fd, G_IO_IN | G_IO_HUP, on_guest_readable, console);
	g_mutex_unlock(&console->lock);
	return TRUE;
}

gboolean console_open(Vm *vm, GError **error)
{
	json_auto json_object *hardware = vm_dup_applied(vm);
	guint ports = hardware ? qemu_serial_count(hardware) : 0;
	for (guint port = 1; port <= ports; port++)
		if (!open_port(vm, port, error))
			return FALSE;
	return TRUE;
}

static gboolean unref_later(gpointer data)
{
	console_unref(data);
	return G_SOURCE_REMOVE;
}

static void close_port(Vm *vm, guint port)
{
	g_mutex_lock(&vm->lock);
	Console *console = g_steal_pointer(&vm->consoles[port - 1]);
	g_mutex_unlock(&vm->lock);
	if (!console)
		return;
	g_mutex_lock(&console->lock);
	detach(&console->in);
	detach(&console->out);
	close_clients(console);
	fd_close(fd_steal(&console->fd));
	g_mutex_unlock(&console->lock);
	/* A callback may be waiting for the lock on the monitor thread: the last reference goes there. */
	GSource *later = g_idle_source_new();
	g_source_set_callback(later, unref_later, console, NULL);
	g_source_attach(later, qmp_monitor_context());
	g_source_unref(later);
}

void console_close(Vm *vm)
{
	for (guint port = 1; port <= QEMU_SERIAL_PORTS; port++)
		close_port(vm, port);
}

/* With a reference, so that it outlives the guest's own. */
static Console *ref_console(Vm *vm, guint port)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	Console *console = port >= 1 && port <= QEMU_SERIAL_PORTS ? vm->consoles[port - 1] : NULL;
	if (console)
		g_atomic_ref_count_inc(&console->refs);
	return console;
}

/* With the console's lock held. */
static Client *find_writer(Console *console)
{
	for (GList *item = console->clients; item; item = item->next)
		if (((Client *)item->data)->writer)
			return item->data;
	return NULL;
}

static gboolean become_writer(Console *console, const char *label, const char *user, gboolean take_over,
			      GError **error)
{
	Client *former = find_writer(console);
	if (!former)
		return TRUE;
	if (!take_over) {
		error_set(error, ERROR_CONFLICT, "take it over, or look on with --read-only",
			  "the console of %s is in use by %s", label, former->user);
		return FALSE;
	}
	g_autofree char *notice = g_strdup_printf("\r\n[%s took over this console; you are looking on]\r\n", user);
	former->writer = FALSE;
	send_client(former, (const guint8 *)notice, strlen(notice));
	return TRUE;
}

int console_attach(Vm *vm, guint port, const char *user, gboolean writer, gboolean take_over, GError **error)
{
	g_autofree char *label = vm_label(vm);
	int pair[2];

	Console *console = ref_console(vm, port);
	if (!console && port > 1) {
		error_set_field(error, ERROR_CONFLICT, "port", "give it one: 'yado vm set ID --serial-ports NUMBER'",
				"%s has no serial port %u now", label, port);
		return -1;
	}
	if (!console) {
		error_set(error, ERROR_CONFLICT, "start it; a guest without a serial port has 'yado vnc'",
			  "%s has no serial console now", label);
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error_set_errno(error, errno, "cannot make a socket pair");
		console_unref(console);
		return -1;
	}
	fd_auto int ours = pair[0], theirs = pair[1];
	g_mutex_lock(&console->lock);
	gboolean ok = console->fd >= 0;
	if (!ok)
		error_set(error, ERROR_CONFLICT, "start it again", "%s is just ending", label);
	else if (g_list_length(console->clients) >= CLIENTS_MAX) {
		ok = FALSE;
		error_set(error, ERROR_TOO_MANY, "close some of them", "%s has %d console clients already", label,
			  CLIENTS_MAX);
	} else if (writer) {
		ok = become_writer(console, label, user, take_over, error);
	}
	if (ok) {
		Client *client = g_new0(Client, 1);
		client->console = console;
		g_atomic_ref_count_inc(&console->refs);
		client->fd = fd_steal(&ours);
		client->user = g_strdup(user);
		client->writer = writer;
		client->queue = g_byte_array_new();
		console->clients = g_list_append(console->clients, client);
		g_autoptr(GBytes) before = ring_read(console->ring);
		gsize length;
		const guint8 *data = g_bytes_get_data(before, &length);
		send_client(client, data, length);
		if (!client->closed)
			client->in = attach(client->fd, G_IO_IN | G_IO_HUP, on_client_readable, client);
	}
	g_mutex_unlock(&console->lock);
	console_unref(console);
	return ok ? fd_steal(&theirs) : -1;
}

char *console_dup_writer(Vm *vm, guint port)
{
	Console *console = ref_console(vm, port);
	if (!console)
		return NULL;
	g_mutex_lock(&console->lock);
	Client *writer = find_writer(console);
	char *user = writer ? g_strdup(writer->user) : NULL;
	g_mutex_unlock(&console->lock);
	console_unref(console);
	return user;
}
