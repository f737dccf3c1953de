/* The terminal in raw mode, given back whatever happens. */
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/relay.h"

static struct termios saved;
static volatile sig_atomic_t raw_fd = -1;

void terminal_restore(void)
{
	int fd = raw_fd;
	raw_fd = -1;
	if (fd >= 0)
		tcsetattr(fd, TCSAFLUSH, &saved);
}

/* tcsetattr() and raise() are async-signal-safe; SA_RESETHAND makes the second signal the default one. */
static void on_signal(int number)
{
	terminal_restore();
	raise(number);
}

/* Sets what `changed` says, and has it undone whatever happens. */
static gboolean set_terminal(int fd, const struct termios *changed)
{
	static gboolean registered;
	if (!registered) {
		static const int signals[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
		struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
		for (gsize i = 0; i < G_N_ELEMENTS(signals); i++)
			sigaction(signals[i], &act, NULL);
		atexit(terminal_restore);
		registered = TRUE;
	}
	if (tcsetattr(fd, TCSAFLUSH, changed) < 0)
		return FALSE;
	raw_fd = fd;
	return TRUE;
}

gboolean terminal_raw(int fd)
{
	if (!isatty(fd) || tcgetattr(fd, &saved) < 0)
		return FALSE;
	struct termios raw = saved;
	cfmakeraw(&raw);
	/* Our own messages end in \r\n; the guest's bytes pass as they are. */
	return set_terminal(fd, &raw);
}

gboolean terminal_hide(int fd)
{
	if (!isatty(fd) || tcgetattr(fd, &saved) < 0)
		return FALSE;
	struct termios hidden = saved;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	return set_terminal(fd, &hidden);
}

guint terminal_width(void)
{
	struct winsize size;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
		return size.ws_col;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
		return size.ws_col;
	return 80;
}
