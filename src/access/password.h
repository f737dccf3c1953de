/* Passwords: yescrypt (crypt(5)), and the rules for new ones. */
#pragma once
#include <glib.h>

enum { PASSWORD_LENGTH_MAX = 256, PASSWORD_GUEST_MAX = 120 }; /* characters */

typedef struct PasswordRules {
	guint length; /* at least, in characters */
	gboolean lower, upper, digit, special;
} PasswordRules;

/* ERROR_INVALID with the field "password". */
gboolean password_check(const char *password, const char *user, const PasswordRules *rules, GError **error);
/* With a new salt; caller frees. Takes a core for some 20 ms and 16 MiB. */
char *password_hash(const char *password, GError **error);
/* The same as SHA-512 (crypt(5)), which every guest's system knows; of at most PASSWORD_GUEST_MAX characters. */
char *password_hash_for_guest(const char *password, GError **error);
/* Takes as long as password_hash(), also without a hash (NULL: no such user, or one without a password), which nothing
 * fits. FALSE only if it could not be found out. */
gboolean password_verify(const char *password, const char *hash, gboolean *ret_right, GError **error);
/* Frees a string that was secret. */
void secret_free(char *secret);
