/* Passwords and tokens: asked for, read, made. */
#include "cli/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/messages/files.h"
#include "cli/relay.h"

enum { LINE_MAX_BYTES = 4096, GROUPS = 4, GROUP_LENGTH = 6 };

void secret_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	g_free(secret);
}

/* One line, byte by byte: what follows it stays for who reads next. */
static char *read_line(int fd, const char *what, GError **error)
{
	secret_auto char *line = g_malloc0(LINE_MAX_BYTES + 1);
	for (gsize length = 0; length < LINE_MAX_BYTES; length++) {
		ssize_t n = read(fd, line + length, 1);
		if (n < 0 && errno == EINTR) {
			length--;
			continue;
		}
		if (n < 0) {
			error_set_errno(error, errno, T(m_cannot_read), what);
			return NULL;
		}
		if (n > 0 && line[length] != '\n')
			continue;
		line[length] = 0;
		if (length > 0 && line[length - 1] == '\r')
			line[length - 1] = 0;
		if (!*line || !g_utf8_validate(line, -1, NULL)) {
			error_set(error, ERROR_INVALID, NULL, T(m_secret_empty), what);
			return NULL;
		}
		return g_steal_pointer(&line);
	}
	error_set(error, ERROR_TOO_LARGE, NULL, T(m_secret_long), what);
	return NULL;
}

char *secret_read(const char *path, GError **error)
{
	if (strcmp(path, "-") == 0)
		return read_line(STDIN_FILENO, T(m_stdin), error);
	fd_auto int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		error_set_errno(error, errno, T(m_cannot_open), path);
		return NULL;
	}
	return read_line(fd, path, error);
}

char *secret_ask(const char *prompt, GError **error)
{
	/* The echo goes first: what is typed at the sight of the prompt must not be shown, nor thrown away. */
	if (!terminal_hide(STDIN_FILENO)) {
		error_set(error, ERROR_INVALID, T(m_secret_no_terminal_hint), "%s", T(m_secret_no_terminal));
		return NULL;
	}
	fprintf(stderr, "%s", prompt);
	fflush(stderr);
	char *secret = read_line(STDIN_FILENO, T(m_terminal), error);
	terminal_restore();
	fputc('\n', stderr);
	return secret;
}

char *secret_ask_twice(const char *prompt, const char *again, GError **error)
{
	secret_auto char *first = secret_ask(prompt, error);
	secret_auto char *second = first ? secret_ask(again, error) : NULL;
	if (!second)
		return NULL;
	if (strcmp(first, second) != 0) {
		error_set(error, ERROR_INVALID, T(m_try_again), "%s", T(m_passwords_differ));
		return NULL;
	}
	return g_steal_pointer(&first);
}

/* A letter from the alphabet without bias: bytes past its last whole multiple are thrown away. */
static char random_letter(const char *alphabet)
{
	gsize count = strlen(alphabet), bound = 256 - 256 % count;
	for (;;) {
		guint8 byte;
		if (getrandom(&byte, 1, 0) == 1 && byte < bound)
			return alphabet[byte % count];
	}
}

char *secret_generate(void)
{
	/* One of each kind at fixed places satisfies every rule; the dashes between the groups are the special ones. */
	static const char lower[] = "abcdefghijkmnpqrstuvwxyz", upper[] = "ABCDEFGHJKLMNPQRSTUVWXYZ",
			  digits[] = "23456789";
	static const char all[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	GString *secret = g_string_new(NULL);
	for (int group = 0; group < GROUPS; group++) {
		if (group > 0)
			g_string_append_c(secret, '-');
		for (int i = 0; i < GROUP_LENGTH; i++)
			g_string_append_c(secret, random_letter(group == 0 && i == 0   ? lower
								: group == 1 && i == 0 ? upper
								: group == 2 && i == 0 ? digits
										       : all));
	}
	return g_string_free(secret, FALSE);
}
