/* Secrets on their way in: from a terminal without echo, a file, or standard input; never from arguments. */
#pragma once
#include <glib.h>

/* The first line of the file, "-" being standard input. Caller frees with secret_free(). */
char *secret_read(const char *path, GError **error);
/* Asked on the terminal; NULL with an error if there is none, or nothing was typed. */
char *secret_ask(const char *prompt, GError **error);
/* Asked twice; both must be the same. */
char *secret_ask_twice(const char *prompt, const char *again, GError **error);
/* 24 letters and digits (142 bits) that are not taken for one another, in groups: it passes any rule of the
 * settings. */
char *secret_generate(void);
void secret_free(char *secret);
static inline void secret_clear(char **secret)
{
	secret_free(*secret);
}
/* `secret_auto char *password = NULL;` is wiped and freed at the end of the scope. */
#define secret_auto __attribute__((cleanup(secret_clear)))
