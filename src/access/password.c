/* Passwords: yescrypt with the parameters that Debian takes for /etc/shadow, so that the hashes are as good as the
 * host's own, and get better with it. All that a password was copied to is wiped. */
#include "access/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/error.h"

static const char method[] = "$y$", guest_method[] = "$6$";

void secret_free(char *secret)
{
	if (secret)
		OPENSSL_cleanse(secret, strlen(secret));
	g_free(secret);
}

static void crypt_data_free(struct crypt_data *data)
{
	OPENSSL_cleanse(data, sizeof *data);
	g_free(data);
}

/* crypt(3) takes at most 511 bytes, 256 characters may have 1,024: a longer one stands as its SHA-512. */
static char *dup_phrase(const char *password)
{
	guint8 digest[EVP_MAX_MD_SIZE];
	guint length;
	if (strlen(password) < CRYPT_MAX_PASSPHRASE_SIZE)
		return g_strdup(password);
	if (!EVP_Digest(password, strlen(password), digest, &length, EVP_sha512(), NULL))
		return NULL;
	char *phrase = g_base64_encode(digest, length);
	OPENSSL_cleanse(digest, sizeof digest);
	return phrase;
}

/* NULL if it cannot; caller frees. */
static char *run(const char *password, const char *setting)
{
	struct crypt_data *data = g_new0(struct crypt_data, 1);
	char *phrase = dup_phrase(password);
	const char *result = phrase ? crypt_r(phrase, setting, data) : NULL;
	char *hash = result && *result != '*' ? g_strdup(result) : NULL;
	secret_free(phrase);
	crypt_data_free(data);
	return hash;
}

/* `setting` has parameters and salt (of a hash: its own); NULL: new ones of that method. */
static char *make_hash(const char *password, const char *setting, const char *new_method, GError **error)
{
	char salted[CRYPT_GENSALT_OUTPUT_SIZE];
	if (!setting && crypt_gensalt_rn(new_method, 0, NULL, 0, salted, sizeof salted))
		setting = salted;
	char *hash = setting ? run(password, setting) : NULL;
	if (!hash)
		error_set(error, ERROR_UNAVAILABLE, "try again; it takes 16 MiB of memory", "cannot hash the password");
	return hash;
}

char *password_hash(const char *password, GError **error)
{
	return make_hash(password, NULL, method, error);
}

char *password_hash_for_guest(const char *password, GError **error)
{
	return make_hash(password, NULL, guest_method, error);
}

gboolean password_verify(const char *password, const char *hash, gboolean *ret_right, GError **error)
{
	char *made = make_hash(password, hash, method, error);
	if (!made)
		return FALSE;
	*ret_right = hash && strlen(made) == strlen(hash) && CRYPTO_memcmp(made, hash, strlen(hash)) == 0;
	secret_free(made);
	return TRUE;
}

static gboolean refuse(GError **error, const char *hint, const char *why)
{
	error_set_field(error, ERROR_INVALID, "password", hint, "cannot take that password: it %s", why);
	return FALSE;
}

gboolean password_check(const char *password, const char *user, const PasswordRules *rules, GError **error)
{
	gboolean lower = FALSE, upper = FALSE, digit = FALSE, special = FALSE;
	guint length = 0;
	if (!g_utf8_validate(password, -1, NULL))
		return refuse(error, NULL, "is not UTF-8");
	for (const char *c = password; *c; c = g_utf8_next_char(c), length++) {
		gunichar character = g_utf8_get_char(c);
		lower |= g_unichar_islower(character);
		upper |= g_unichar_isupper(character);
		digit |= g_unichar_isdigit(character);
		special |= !g_unichar_isalnum(character);
	}
	if (length < rules->length) {
		error_set_field(error, ERROR_INVALID, "password", "several words are easy to remember",
				"cannot take that password: it has %u characters, at least %u are needed", length,
				rules->length);
		return FALSE;
	}
	if (length > PASSWORD_LENGTH_MAX)
		return refuse(error, NULL, "has more than 256 characters");
	if (rules->lower && !lower)
		return refuse(error, NULL, "has no lower-case letter");
	if (rules->upper && !upper)
		return refuse(error, NULL, "has no upper-case letter");
	if (rules->digit && !digit)
		return refuse(error, NULL, "has no digit");
	if (rules->special && !special)
		return refuse(error, NULL, "has no character that is neither letter nor digit");
	if (g_ascii_strcasecmp(password, user) == 0)
		return refuse(error, "it is the first that anybody would try", "is the user's name");
	return TRUE;
}
