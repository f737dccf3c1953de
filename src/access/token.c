/* API tokens: "yado_ID_SECRET". The id leads to the token's document, the SHA-256 of the whole to whether it is the one
 * that was given out; the secret itself is shown once and kept nowhere. */
#include <string.h>

#include "access/internal.h"
#include "base/error.h"
#include "base/json.h"
#include "schema/checks.h"

static const char prefix[] = "yado_";
enum { PREFIX_LENGTH = sizeof prefix - 1, TOKEN_LENGTH = PREFIX_LENGTH + ID_LENGTH + 1 + SECRET_LENGTH };

char *token_id_of(const char *secret)
{
	if (strlen(secret) != TOKEN_LENGTH || !g_str_has_prefix(secret, prefix) ||
	    secret[PREFIX_LENGTH + ID_LENGTH] != '_')
		return NULL;
	return g_strndup(secret + PREFIX_LENGTH, ID_LENGTH);
}

/* The document and what lets its bearer in, in one commit. */
static gboolean commit_token(
	Access *access, const char *id, json_object *document, const Digest *digest, const char *author, GError **error)
{
	g_autofree char *path = g_strconcat("token/", id, NULL);
	g_autoptr(Batch) batch = batch_new(author, 0);
	batch_put(batch, path, REV_ABSENT, document);
	if (!batch_set_secret(access->store, batch, path, digest->bytes, DIGEST_SIZE, error) ||
	    !store_commit(access->store, batch, error))
		return FALSE;
	g_mutex_lock(&access->lock);
	Token *token = g_hash_table_lookup(access->tokens, id);
	if (token) {
		token->digest = *digest;
		token->has_digest = TRUE;
	}
	g_mutex_unlock(&access->lock);
	return TRUE;
}

json_object *access_create_token(Access *access, json_object *input, const char *author, char **ret_secret,
				 GError **error)
{
	json_auto json_object *completed = json_copy(input);
	if (!json_get(completed, "user") && check_user_name(author)) { /* root, on the local socket */
		error_set_field(error, ERROR_INVALID, "user", "name the user whose it is to be",
				"cannot make a token for '%s': it has none", author);
		return NULL;
	}
	if (!json_get(completed, "user"))
		json_set_str(completed, "user", author);
	g_autofree char *id = id_new();
	char *random = secret_new();
	char *secret = id && random ? g_strconcat(prefix, id, "_", random, NULL) : NULL;
	secret_free(random);
	if (!secret) {
		error_set(error, ERROR_FAILED, NULL, "cannot make a token: no random numbers");
		return NULL;
	}
	Digest digest = digest_of(secret, strlen(secret));
	g_mutex_lock(&access->writing);
	json_auto json_object *document = access_prepare_create(access, "token", completed, error);
	if (document)
		json_set_str(document, "id", id);
	gboolean ok = document && commit_token(access, id, document, &digest, author, error);
	g_mutex_unlock(&access->writing);
	if (!ok) {
		secret_free(secret);
		return NULL;
	}
	*ret_secret = secret;
	return g_steal_pointer(&document);
}
