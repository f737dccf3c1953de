/* Secrets: AES-256-GCM under the key in DIR/secret.key, in a table of their own without history.
 *
 * A value is sealed with a random 96-bit nonce and its name as additional data (so that one secret cannot be passed
 * off as another); the 16-byte tag follows the ciphertext. Each row tells which key sealed it by the first bytes of
 * the key's SHA-256, so that a wrong key and an altered row are told apart. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "store/internal.h"

enum { NONCE_SIZE = 12, TAG_SIZE = 16 };

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

/* ret_sealed has room for length + TAG_SIZE. */
static gboolean seal(
	const Store *store, const char *name, const guint8 *nonce, const void *value, int length, guint8 *ret_sealed)
{
	g_autoptr(EVP_CIPHER_CTX) context = EVP_CIPHER_CTX_new();
	int n;
	return context && EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), store->secret_key, nonce, NULL) &&
	       EVP_EncryptUpdate(context, NULL, &n, (const guint8 *)name, (int)strlen(name)) &&
	       EVP_EncryptUpdate(context, ret_sealed, &n, value, length) &&
	       EVP_EncryptFinal_ex(context, ret_sealed + length, &n) &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, ret_sealed + length);
}

static gboolean unseal(
	const Store *store, const char *name, const guint8 *nonce, const guint8 *sealed, int length, guint8 *ret_value)
{
	g_autoptr(EVP_CIPHER_CTX) context = EVP_CIPHER_CTX_new();
	int n;
	return context && EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), store->secret_key, nonce, NULL) &&
	       EVP_DecryptUpdate(context, NULL, &n, (const guint8 *)name, (int)strlen(name)) &&
	       EVP_DecryptUpdate(context, ret_value, &n, sealed, length) &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, (void *)(sealed + length)) &&
	       EVP_DecryptFinal_ex(context, ret_value + length, &n);
}

static gboolean add_sealed(
	Store *store, Batch *batch, OpType type, const char *name, const void *value, gsize length, GError **error)
{
	if (!store_check_name("secret", name, PATH_LENGTH_MAX, error))
		return FALSE;
	if (length > SECRET_SIZE_MAX) {
		error_set(error, ERROR_TOO_LARGE, NULL, "cannot store secret '%s': it takes %zu bytes, %d are allowed",
			name, length, SECRET_SIZE_MAX);
		return FALSE;
	}
	guint8 nonce[NONCE_SIZE];
	g_autofree guint8 *sealed = g_malloc(length + TAG_SIZE);
	if (RAND_bytes(nonce, sizeof nonce) != 1 || !seal(store, name, nonce, value, (int)length, sealed)) {
		error_set(error, ERROR_FAILED, NULL, "cannot encrypt secret '%s'", name);
		return FALSE;
	}
	batch_add(batch, (Op){.type = type,
				 .path = g_strdup(name),
				 .nonce = g_bytes_new(nonce, sizeof nonce),
				 .sealed = g_bytes_new_take(g_steal_pointer(&sealed), length + TAG_SIZE)});
	return TRUE;
}

gboolean batch_set_secret(
	Store *store, Batch *batch, const char *name, const void *value, gsize length, GError **error)
{
	return add_sealed(store, batch, OP_SECRET_SET, name, value, length, error);
}

gboolean batch_renew_secret(
	Store *store, Batch *batch, const char *name, const void *value, gsize length, GError **error)
{
	return add_sealed(store, batch, OP_SECRET_RENEW, name, value, length, error);
}

void batch_drop_secret(Batch *batch, const char *name)
{
	batch_add(batch, (Op){.type = OP_SECRET_DROP, .path = g_strdup(name)});
}

gboolean store_secret_set(Store *store, const char *name, const void *value, gsize length, GError **error)
{
	g_autoptr(Batch) batch = batch_new("system", 0);
	return batch_set_secret(store, batch, name, value, length, error) && commit_submit(store, batch, error);
}

gboolean store_secret_delete(Store *store, const char *name, GError **error)
{
	if (!store_check_name("secret", name, PATH_LENGTH_MAX, error))
		return FALSE;
	g_autoptr(Batch) batch = batch_new("system", 0);
	batch_add(batch, (Op){.type = OP_SECRET_DELETE, .path = g_strdup(name)});
	return commit_submit(store, batch, error);
}

static gboolean list_secrets(Connection *connection, const char *prefix, GPtrArray *names, GError **error)
{
	statement_auto sqlite3_stmt *list = database_prepare(connection, STATEMENT_SECRET_LIST, error);
	if (!list)
		return FALSE;
	statement_bind_prefix(list, 1, prefix);
	int result;
	while ((result = sqlite3_step(list)) == SQLITE_ROW)
		g_ptr_array_add(names, g_strdup((const char *)sqlite3_column_text(list, 0)));
	if (result != SQLITE_DONE)
		database_fail(connection, error, "cannot list the secrets '%s'", prefix);
	return result == SQLITE_DONE;
}

GPtrArray *store_secret_list(Store *store, const char *prefix, GError **error)
{
	if (!store_check_prefix(prefix, error))
		return NULL;
	Connection *connection = reader_take(store, error);
	if (!connection)
		return NULL;
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	gboolean ok = list_secrets(connection, prefix, names, error);
	reader_give(store, connection);
	return ok ? g_steal_pointer(&names) : NULL;
}

static gboolean get_secret(
	Store *store, Connection *connection, const char *name, void **ret_value, gsize *ret_length, GError **error)
{
	statement_auto sqlite3_stmt *get = database_prepare(connection, STATEMENT_SECRET_GET, error);
	if (!get)
		return FALSE;
	statement_bind_text(get, 1, name, -1);
	int result = sqlite3_step(get);
	if (result == SQLITE_DONE) {
		error_set(error, ERROR_NOT_FOUND, NULL, "there is no secret '%s'", name);
		return FALSE;
	}
	if (result != SQLITE_ROW) {
		database_fail(connection, error, "cannot read secret '%s'", name);
		return FALSE;
	}
	const void *key_id = sqlite3_column_blob(get, 0);
	if (sqlite3_column_bytes(get, 0) != SECRET_KEY_ID_SIZE ||
		memcmp(key_id, store->secret_key_id, SECRET_KEY_ID_SIZE) != 0) {
		error_set(error, ERROR_FAILED,
			"put the secret.key that belongs to this store back, or set the secret anew",
			"cannot decrypt secret '%s': it was encrypted under another key than the one in "
			"'%s/secret.key'",
			name, store->dir);
		return FALSE;
	}
	const guint8 *nonce = sqlite3_column_blob(get, 1);
	const guint8 *sealed = sqlite3_column_blob(get, 2);
	int length = sqlite3_column_bytes(get, 2) - TAG_SIZE;
	g_autofree guint8 *value = g_malloc((gsize)MAX(length, 0) + 1);
	if (sqlite3_column_bytes(get, 1) != NONCE_SIZE || length < 0 ||
		!unseal(store, name, nonce, sealed, length, value)) {
		error_set(error, ERROR_FAILED, "set the secret anew",
			"cannot decrypt secret '%s': its record in '%s/store.db' was altered", name, store->dir);
		return FALSE;
	}
	value[length] = 0;
	*ret_value = g_steal_pointer(&value);
	*ret_length = (gsize)length;
	return TRUE;
}

gboolean store_secret_get(Store *store, const char *name, void **ret_value, gsize *ret_length, GError **error)
{
	if (!store_check_name("secret", name, PATH_LENGTH_MAX, error))
		return FALSE;
	Connection *connection = reader_take(store, error);
	if (!connection)
		return FALSE;
	gboolean ok = get_secret(store, connection, name, ret_value, ret_length, error);
	reader_give(store, connection);
	return ok;
}

static gboolean count_secrets(Store *store, gint64 *ret_count, GError **error)
{
	statement_auto sqlite3_stmt *count = database_prepare(store->writer, STATEMENT_SECRET_COUNT, error);
	if (!count)
		return FALSE;
	if (sqlite3_step(count) != SQLITE_ROW) {
		database_fail(store->writer, error, "cannot read the secrets");
		return FALSE;
	}
	*ret_count = sqlite3_column_int64(count, 0);
	return TRUE;
}

/* A new key would make the secrets that are there unreadable for good, so it is made only where there are none. */
static gboolean make_key(Store *store, const char *path, GError **error)
{
	gint64 secrets;
	if (!count_secrets(store, &secrets, error))
		return FALSE;
	if (secrets > 0) {
		error_set(error, ERROR_FAILED,
			"put secret.key back from your backup; to give the secrets up: sqlite3 store.db 'DELETE FROM "
			"secret'",
			"cannot open the store in '%s': it has %" G_GINT64_FORMAT
			" secrets, but their key '%s' is missing",
			store->dir, secrets, path);
		return FALSE;
	}
	if (RAND_priv_bytes(store->secret_key, SECRET_KEY_SIZE) != 1) {
		error_set(error, ERROR_FAILED, NULL, "cannot make '%s': no random numbers", path);
		return FALSE;
	}
	return file_write_atomic(path, (const char *)store->secret_key, SECRET_KEY_SIZE, 0600, error);
}

static gboolean read_key(Store *store, const char *path, GError **error)
{
	struct stat info;
	if (stat(path, &info) == 0 && (info.st_mode & 077)) {
		error_set(error, ERROR_FAILED, "chmod 600 it, and consider the secrets in it known to others",
			"cannot use '%s': others may read it (mode %03o)", path, (unsigned)info.st_mode & 0777);
		return FALSE;
	}
	g_autofree char *data = NULL;
	gsize length;
	if (!file_read(path, SECRET_KEY_SIZE, &data, &length, error))
		return FALSE;
	if (length != SECRET_KEY_SIZE) {
		error_set(error, ERROR_FAILED, "put secret.key back from your backup",
			"cannot use '%s': a key has %d bytes, this file has %zu", path, SECRET_KEY_SIZE, length);
		return FALSE;
	}
	memcpy(store->secret_key, data, SECRET_KEY_SIZE);
	OPENSSL_cleanse(data, length);
	return TRUE;
}

gboolean secret_key_load(Store *store, GError **error)
{
	g_autofree char *path = g_build_filename(store->dir, "secret.key", NULL);
	gboolean present = g_file_test(path, G_FILE_TEST_EXISTS);
	if (!(present ? read_key(store, path, error) : make_key(store, path, error)))
		return FALSE;
	guint8 digest[EVP_MAX_MD_SIZE];
	if (!EVP_Digest(store->secret_key, SECRET_KEY_SIZE, digest, NULL, EVP_sha256(), NULL)) {
		error_set(error, ERROR_FAILED, NULL, "cannot use '%s': no SHA-256", path);
		return FALSE;
	}
	memcpy(store->secret_key_id, digest, SECRET_KEY_ID_SIZE);
	return TRUE;
}
