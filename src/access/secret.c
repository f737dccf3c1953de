/* Random secrets and ids, and the digests by which secrets are known: 256 random bits need no salt and no slow hash. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "access/internal.h"

char *secret_new(void)
{
	guint8 bytes[32];
	if (RAND_priv_bytes(bytes, sizeof bytes) != 1)
		return NULL;
	char *text = g_base64_encode(bytes, sizeof bytes);
	OPENSSL_cleanse(bytes, sizeof bytes);
	g_strdelimit(text, "+", '-');
	g_strdelimit(text, "/", '_');
	text[SECRET_LENGTH] = '\0'; /* the padding */
	return text;
}

char *id_new(void)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32 that are not taken for each other */
	guint8 bytes[ID_LENGTH];
	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return NULL;
	char *id = g_malloc0(ID_LENGTH + 1);
	for (guint i = 0; i < ID_LENGTH; i++)
		id[i] = letters[bytes[i] & 31];
	return id;
}

/* Looked up once: EVP_sha256() has it looked up by its name at each use. */
static const EVP_MD *sha256(void)
{
	static EVP_MD *algorithm;
	static gsize fetched;
	if (g_once_init_enter(&fetched)) {
		algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
		g_once_init_leave(&fetched, 1);
	}
	return algorithm;
}

Digest digest_of(const void *data, gsize length)
{
	Digest digest;
	if (!sha256() || !EVP_Digest(data, length, digest.bytes, NULL, sha256(), NULL))
		g_error("there is no SHA-256");
	return digest;
}

gboolean digest_equal(const Digest *a, const Digest *b)
{
	return CRYPTO_memcmp(a, b, sizeof *a) == 0;
}

char *digest_to_hex(const Digest *digest)
{
	GString *hex = g_string_sized_new(2 * DIGEST_SIZE);
	for (guint i = 0; i < DIGEST_SIZE; i++)
		g_string_append_printf(hex, "%02x", digest->bytes[i]);
	return g_string_free(hex, FALSE);
}

gboolean digest_from_hex(const char *hex, Digest *ret_digest)
{
	Digest digest;
	if (strlen(hex) != 2 * DIGEST_SIZE || strspn(hex, "0123456789abcdef") != 2 * DIGEST_SIZE)
		return FALSE;
	for (guint i = 0; i < DIGEST_SIZE; i++)
		digest.bytes[i] =
			(guint8)(g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
	*ret_digest = digest;
	return TRUE;
}
