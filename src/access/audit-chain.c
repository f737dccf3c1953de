/* The chain: one row an entry, its number, its hash, and its text.
 *
 * The hash is SHA-256 over the hexadecimal hash of the entry before (64 zeros before the first) and the bytes of the
 * text. What can be searched for (user, object, outcome) are columns that SQLite computes from the text, so that there
 * is no second copy that could be altered alone. When the oldest entries are dropped, the number and hash of the last
 * of them stay as the anchor, from which the chain is still verified, and an entry says so within the chain: an anchor
 * that no entry speaks of was set by somebody else. */
#include "access/audit-internal.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/error.h"

const char *const audit_migrations[] = {
	"CREATE TABLE entry (seq INTEGER PRIMARY KEY, hash TEXT NOT NULL, text TEXT NOT NULL,"
	" user TEXT AS (text ->> '$.user') VIRTUAL, object TEXT AS (text ->> '$.object') VIRTUAL,"
	" outcome TEXT AS (text ->> '$.outcome') VIRTUAL) STRICT;"
	"CREATE INDEX entry_user ON entry (user);"
	"CREATE INDEX entry_object ON entry (object);"
	"CREATE INDEX entry_outcome ON entry (outcome);"
	/* 'anchor': of the last entry that was dropped; 'commit': the last commit whose entries were written. */
	"CREATE TABLE mark (name TEXT PRIMARY KEY NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;",
	NULL,
};

static void set_start(ChainEnd *end)
{
	end->seq = 0;
	memset(end->hash, '0', AUDIT_HASH_LENGTH);
	end->hash[AUDIT_HASH_LENGTH] = '\0';
}

/* The start of the chain if there is no such row. */
static gboolean read_end(sqlite3 *db, const char *sql, ChainEnd *ret_end, GError **error)
{
	gboolean row;
	sql_auto sqlite3_stmt *statement = sql_prepare(db, error, sql, "");
	if (!statement || !sql_step(statement, &row, error))
		return FALSE;
	set_start(ret_end);
	if (row) {
		ret_end->seq = sqlite3_column_int64(statement, 0);
		g_strlcpy(ret_end->hash, (const char *)sqlite3_column_text(statement, 1), sizeof ret_end->hash);
	}
	return TRUE;
}

gboolean chain_anchor(sqlite3 *db, ChainEnd *ret_anchor, GError **error)
{
	return read_end(db, "SELECT seq, hash FROM mark WHERE name = 'anchor'", ret_anchor, error);
}

gboolean chain_head(sqlite3 *db, ChainEnd *ret_head, GError **error)
{
	ChainEnd head;
	if (!read_end(db, "SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1", &head, error))
		return FALSE;
	if (head.seq == 0 && !chain_anchor(db, &head, error))
		return FALSE;
	*ret_head = head;
	return TRUE;
}

gboolean chain_recorded_rev(sqlite3 *db, gint64 *ret_rev, GError **error)
{
	ChainEnd mark;
	if (!read_end(db, "SELECT seq, hash FROM mark WHERE name = 'commit'", &mark, error))
		return FALSE;
	*ret_rev = mark.seq;
	return TRUE;
}

static gboolean set_mark(sqlite3 *db, const char *name, gint64 seq, const char *hash, GError **error)
{
	return sql_run(db, error, "INSERT OR REPLACE INTO mark (name, seq, hash) VALUES (?, ?, ?)", "sis", name, seq,
		       hash);
}

void chain_hash(const char *former, const char *text, char ret_hash[AUDIT_HASH_LENGTH + 1])
{
	guchar digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL) ||
	    !EVP_DigestUpdate(context, former, strlen(former)) || !EVP_DigestUpdate(context, text, strlen(text)) ||
	    !EVP_DigestFinal_ex(context, digest, NULL))
		g_error("no memory for a SHA-256");
	EVP_MD_CTX_free(context);
	for (guint i = 0; i < AUDIT_HASH_LENGTH / 2; i++)
		g_snprintf(ret_hash + 2 * i, 3, "%02x", digest[i]);
}

/* The number goes in front of what is known since it happened. */
static gboolean append(sqlite3 *db, ChainEnd *head, const char *text, GError **error)
{
	char hash[AUDIT_HASH_LENGTH + 1];
	g_autofree char *full = g_strdup_printf("{\"seq\":%" G_GINT64_FORMAT ",%s", head->seq + 1, text + 1);
	chain_hash(head->hash, full, hash);
	if (!sql_run(db, error, "INSERT INTO entry (seq, hash, text) VALUES (?, ?, ?)", "iss", head->seq + 1, hash,
		     full))
		return FALSE;
	head->seq++;
	memcpy(head->hash, hash, sizeof hash);
	return TRUE;
}

static gboolean prune(sqlite3 *db, ChainEnd *head, const AuditLimits *limits, GError **error)
{
	ChainEnd anchor;
	gboolean row = FALSE;
	if (!chain_anchor(db, &anchor, error))
		return FALSE;
	if (head->seq - anchor.seq <= (gint64)limits->keep + limits->slack)
		return TRUE;
	gint64 last = head->seq - limits->keep;
	{
		sql_auto sqlite3_stmt *statement =
			sql_prepare(db, error, "SELECT hash FROM entry WHERE seq = ?", "i", last);
		if (!statement || !sql_step(statement, &row, error))
			return FALSE;
		if (!row) {
			g_warning("the audit log has no entry %" G_GINT64_FORMAT ": nothing of it is dropped", last);
			return TRUE;
		}
		g_strlcpy(anchor.hash, (const char *)sqlite3_column_text(statement, 0), sizeof anchor.hash);
	}
	g_autofree char *members = g_strdup_printf(
		"\"user\":\"yado\",\"via\":\"\",\"address\":\"\",\"action\":\"prune\",\"object\":\"audit\",\"outcome\":\"done\",\"message\":\"the entries up to %" G_GINT64_FORMAT
		" were dropped\",\"anchor\":{\"seq\":%" G_GINT64_FORMAT ",\"hash\":\"%s\"}}",
		last, last, anchor.hash);
	g_autofree char *text = audit_text(g_get_real_time(), 0, members);
	return set_mark(db, "anchor", last, anchor.hash, error) &&
	       sql_run(db, error, "DELETE FROM entry WHERE seq <= ?", "i", last) && append(db, head, text, error);
}

gboolean chain_append(sqlite3 *db, const GPtrArray *texts, gint64 rev, const AuditLimits *limits, GError **error)
{
	ChainEnd head;
	if (!chain_head(db, &head, error))
		return FALSE;
	for (guint i = 0; i < texts->len; i++)
		if (!append(db, &head, texts->pdata[i], error))
			return FALSE;
	if (rev && !set_mark(db, "commit", rev, "", error))
		return FALSE;
	return prune(db, &head, limits, error);
}
