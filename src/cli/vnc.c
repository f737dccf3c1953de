/* yado vnc ID: a local door to a guest's screen, for any VNC viewer.
 *
 * Listens on 127.0.0.1 or on a Unix socket; each viewer that comes gets a descriptor of its own from the daemon over
 * which its bytes are carried, in a thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/ask.h"
#include "cli/messages/console.h"
#include "cli/relay.h"

enum { VNC_PORT_FIRST = 5900, VNC_PORT_LAST = 5999 };

const Option vnc_options[] = {
	{"listen", 'l', "PATH|PORT", NULL, COMPLETE_FILE, TEXT(m_opt_listen)},
	{"once", '1', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_once)},
	{0}};

static char unix_path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

static void on_signal(int number)
{
	if (unix_path[0])
		unlink(unix_path);
	raise(number); /* SA_RESETHAND: now the default */
}

static int listen_unix(const char *path, GError **error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path) {
		error_set(error, ERROR_INVALID, NULL, T(m_path_too_long), path);
		return -1;
	}
	strcpy(address.sun_path, path);
	fd_auto int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mode_t former = umask(0077);
	int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
	int errnum = errno;
	umask(former);
	if (bound < 0 || listen(fd, 8) < 0) {
		error_set_errno(error, bound < 0 ? errnum : errno, T(m_cannot_listen), path);
		return -1;
	}
	strcpy(unix_path, path);
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	return fd_steal(&fd);
}

static int listen_port(guint first, guint last, guint *ret_port, GError **error)
{
	int errnum = 0;
	for (guint port = first; port <= last; port++) {
		struct sockaddr_in address = {
			.sin_family = AF_INET,
			.sin_port = htons((guint16)port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};
		fd_auto int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
		if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 8) == 0) {
			*ret_port = port;
			return fd_steal(&fd);
		}
		errnum = errno;
	}
	g_autofree char *where = g_strdup_printf("127.0.0.1:%u", first);
	error_set_errno(error, errnum, T(m_cannot_listen), where);
	return -1;
}

typedef struct Viewer {
	int viewer, guest;
} Viewer;

static gpointer serve(gpointer data)
{
	g_autofree Viewer *viewer = data;
	relay_sockets(viewer->viewer, viewer->guest);
	fd_close(viewer->viewer);
	fd_close(viewer->guest);
	return NULL;
}

/* The screen's descriptor, or -1 after printing. */
static int open_screen(Cli *cli, const char *path, Exit *ret_exit)
{
	g_autoptr(Reply) reply = ask(cli, "POST", path, NULL, ret_exit);
	if (!reply)
		return -1;
	if (reply->fds[0] < 0)
		*ret_exit = EXIT_REFUSED;
	return fd_steal(&reply->fds[0]);
}

static Exit accept_viewers(Cli *cli, int listener, const char *path, gboolean once)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			return EXIT_REFUSED;
		Exit code = EXIT_DONE;
		int guest = open_screen(cli, path, &code);
		if (guest < 0) {
			fd_close(fd);
			return code;
		}
		Viewer *viewer = g_new0(Viewer, 1);
		*viewer = (Viewer){.viewer = fd, .guest = guest};
		if (once) {
			serve(viewer);
			return EXIT_DONE;
		}
		g_thread_unref(g_thread_new("viewer", serve, viewer));
	}
}

Exit vnc_exec(Cli *cli, Arguments *arguments)
{
	const char *id = arguments_word(arguments, 0), *where = arguments_get(arguments, "listen", NULL);
	g_autofree char *path = ask_path("/vms/", id, "/console/vnc");
	Exit code = EXIT_DONE;
	/* Refused now rather than when a viewer comes. */
	fd_auto int probe = open_screen(cli, path, &code);
	if (probe < 0)
		return code;
	fd_close(fd_steal(&probe));

	guint64 port = 0;
	guint bound = 0;
	gboolean is_port = where && g_ascii_string_to_unsigned(where, 10, 1, 65535, &port, NULL);
	g_autoptr(GError) error = NULL;
	fd_auto int listener = where && !is_port ? listen_unix(where, &error)
				       : listen_port(is_port ? (guint)port : VNC_PORT_FIRST,
						 is_port ? (guint)port : VNC_PORT_LAST, &bound, &error);
	if (listener < 0)
		return report(error);
	if (unix_path[0])
		printf("%s\n", unix_path);
	else
		printf("127.0.0.1:%u\n", bound);
	fflush(stdout);
	if (!cli->quiet && bound)
		fprintf(stderr, T(m_vnc_port), bound);
	else if (!cli->quiet)
		fprintf(stderr, T(m_vnc_unix), unix_path);
	code = accept_viewers(cli, listener, path, arguments_has(arguments, "once"));
	if (unix_path[0])
		unlink(unix_path);
	return code;
}
