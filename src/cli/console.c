/* yado console ID: a guest's serial port on this terminal, or on a pipe.
 *
 * The daemon hands over a socket that carries the bytes both ways, beginning with what the guest printed before. On a
 * terminal the keys go through raw, except for the escape key: it makes the next key a command. From a pipe, input is
 * sent as it comes; after its end the console is read on for --linger seconds. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/console.h"
#include "cli/output.h"
#include "cli/relay.h"

enum { CHUNK = 16384, INPUT_MAX = 65536, PORT_MAX = 4, LINGER_DEFAULT_S = 2 };

typedef struct Console {
	Cli *cli;
	char *path;
	gint64 port;
	int fd;
	gboolean read_only, on_terminal;
	guchar escape;     /* 0: none */
	gboolean escaped;  /* the escape key was the last one */
	gboolean leaving, input_ended, lost;
	gint64 leave_at_us; /* once the input has ended */
	gint64 linger_us;
	GByteArray *pending; /* for the guest */
} Console;

const Option console_options[] = {
	{"port", 'p', "NUMBER", NULL, COMPLETE_NOTHING, TEXT(m_opt_port)},
	{"read-only", 'r', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_read_only)},
	{"take-over", 't', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_take_over)},
	{"escape", 'e', "KEY", NULL, COMPLETE_NOTHING, TEXT(m_opt_escape)},
	{"linger", 0, "SECONDS", NULL, COMPLETE_NOTHING, TEXT(m_opt_linger)},
	{0}};

/* A descriptor of the console, or -1 with the error. */
static int open_console(Console *console, gboolean take_over, GError **error)
{
	json_auto json_object *body = json_object_new_object();
	json_set_str(body, "mode", console->read_only ? "read" : "write");
	json_set_bool(body, "take_over", take_over);
	if (console->port > 1)
		json_set_int(body, "port", console->port);
	g_autoptr(Reply) reply = ask_quietly(console->cli, "POST", console->path, body, NULL, 0, error);
	if (!reply)
		return -1;
	if (reply->fds[0] < 0)
		error_set(error, ERROR_FAILED, NULL, "%s", T(m_no_descriptor));
	return fd_steal(&reply->fds[0]);
}

/* Opens it, asking whether to take over what somebody else uses. */
static gboolean connect_console(Console *console, gboolean take_over, Exit *ret_exit)
{
	g_autoptr(GError) error = NULL;
	console->fd = open_console(console, take_over, &error);
	if (console->fd < 0 && error_code(error) == ERROR_CONFLICT && !take_over && can_confirm()) {
		g_autofree char *message = format_safe(error->message);
		if (!confirm(T(m_confirm_take_over), message)) {
			*ret_exit = EXIT_CONFLICT;
			return FALSE;
		}
		g_clear_error(&error);
		console->fd = open_console(console, TRUE, &error);
	}
	if (console->fd < 0) {
		*ret_exit = report(error);
		if (error_code(error) == ERROR_CONFLICT && !error_hint(error))
			fprintf(stderr, "  → %s\n", T(m_take_over_hint));
	}
	return console->fd >= 0;
}

static void say(const char *text)
{
	fprintf(stderr, "\r\n[%s]\r\n", text);
}

static void take_over_now(Console *console)
{
	g_autoptr(GError) error = NULL;
	gboolean former = console->read_only;
	console->read_only = FALSE;
	int fd = open_console(console, TRUE, &error);
	if (fd < 0) {
		console->read_only = former;
		g_autofree char *message = format_safe(error->message);
		say(message);
		return;
	}
	fd_close(console->fd);
	console->fd = fd;
	g_byte_array_set_size(console->pending, 0);
	say(T(m_taken_over));
}

/* The key after the escape key. */
static void command_key(Console *console, guchar key)
{
	switch (key) {
	case '.':
	case 'q':
		console->leaving = TRUE;
		break;
	case 't':
		take_over_now(console);
		break;
	case '?':
		say(T(m_console_keys));
		break;
	default:
		if (key == console->escape && !console->read_only)
			g_byte_array_append(console->pending, &key, 1);
	}
}

static void take_keys(Console *console, const guchar *keys, gsize length)
{
	for (gsize i = 0; i < length && !console->leaving; i++) {
		if (console->escaped) {
			console->escaped = FALSE;
			command_key(console, keys[i]);
		} else if (console->escape && keys[i] == console->escape) {
			console->escaped = TRUE;
		} else if (!console->read_only) {
			g_byte_array_append(console->pending, &keys[i], 1);
		}
	}
}

static void read_input(Console *console)
{
	guchar keys[CHUNK];
	ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
	if (n > 0)
		take_keys(console, keys, (gsize)n);
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		console->input_ended = TRUE;
}

static void read_guest(Console *console)
{
	guchar bytes[CHUNK];
	ssize_t n = recv(console->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0)
		console->lost = TRUE;
	else if (!fd_write_all(STDOUT_FILENO, bytes, (gsize)n))
		console->leaving = TRUE;
}

/* How long poll() may wait: the time left to linger once all input is with the guest. */
static int wait_ms(Console *console)
{
	if (!console->input_ended || console->pending->len > 0)
		return -1;
	gint64 now = g_get_monotonic_time();
	if (!console->leave_at_us)
		console->leave_at_us = now + console->linger_us;
	return (int)(MAX(console->leave_at_us - now, 0) / 1000);
}

static void relay(Console *console)
{
	while (!console->leaving && !console->lost) {
		gboolean wants_input = !console->input_ended && console->pending->len < INPUT_MAX;
		struct pollfd ends[2] = {
			{.fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN},
			{.fd = console->fd, .events = (short)(POLLIN | (console->pending->len ? POLLOUT : 0))},
		};
		int ready = poll(ends, 2, wait_ms(console));
		if (ready < 0 && errno != EINTR)
			return;
		if (ready == 0 && console->leave_at_us && g_get_monotonic_time() >= console->leave_at_us)
			return;
		if (ready <= 0)
			continue;
		if (ends[1].revents & (POLLIN | POLLHUP | POLLERR))
			read_guest(console);
		if (ends[0].revents)
			read_input(console);
		if (!relay_flush(console->fd, console->pending))
			console->lost = TRUE;
		/* Output may go on for ever: the time to linger counts all the same. */
		if (console->leave_at_us && g_get_monotonic_time() >= console->leave_at_us)
			return;
	}
}

/* "^]", "^A", "none", or one character. */
static gboolean parse_escape(const char *text, guchar *ret_key)
{
	if (strcmp(text, "none") == 0) {
		*ret_key = 0;
		return TRUE;
	}
	if (text[0] == '^' && text[1] >= '?' && text[1] <= '~' && !text[2]) {
		*ret_key = text[1] == '?' ? 127 : (guchar)(g_ascii_toupper(text[1]) & 0x1f);
		return TRUE;
	}
	*ret_key = (guchar)text[0];
	return text[0] > 0 && !text[1];
}

static char *key_name(guchar key)
{
	return key < 32 ? g_strdup_printf("Ctrl-%c", key | 0x40) : g_strdup_printf("%c", key);
}

Exit console_exec(Cli *cli, Arguments *arguments)
{
	guchar escape;
	gint64 linger = LINGER_DEFAULT_S, port = 1;
	if (!parse_escape(arguments_get(arguments, "escape", "^]"), &escape))
		return usage_error(T(m_escape_hint), T(m_escape_wrong));
	if (!arguments_number(arguments, "linger", 0, 86400, &linger) ||
	    !arguments_number(arguments, "port", 1, PORT_MAX, &port))
		return EXIT_USAGE;
	const char *id = arguments_word(arguments, 0);
	g_autofree char *path = ask_path("/vms/", id, "/console/serial");
	g_autoptr(GByteArray) pending = g_byte_array_new();
	Console console = {
		.cli = cli,
		.path = path,
		.port = port,
		.read_only = arguments_has(arguments, "read-only"),
		.on_terminal = isatty(STDIN_FILENO) == 1,
		.linger_us = linger * G_USEC_PER_SEC,
		.pending = pending,
	};
	/* In a pipe every byte is meant for the guest. */
	console.escape = console.on_terminal ? escape : 0;
	Exit code = EXIT_DONE;
	if (!connect_console(&console, arguments_has(arguments, "take-over"), &code))
		return code;
	/* First, as it drops what was typed before: from the welcome on, all that is typed counts. */
	if (console.on_terminal)
		terminal_raw(STDIN_FILENO);
	if (console.on_terminal && !cli->quiet) {
		g_autofree char *key = key_name(escape);
		fprintf(stderr, escape ? T(m_console_welcome) : T(m_console_welcome_bare), id, key);
		fputc('\r', stderr);
	}
	relay(&console);
	terminal_restore();
	fd_close(console.fd);
	if (!cli->quiet && (console.on_terminal || console.lost))
		fprintf(stderr, "%s%s\n", console.on_terminal ? "\n" : "",
			console.lost ? T(m_console_closed) : T(m_console_left));
	return EXIT_DONE;
}
