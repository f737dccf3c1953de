/* Verifying the chain: every hash made anew from the texts, a page at a time, so that writing goes on meanwhile. */
#include "access/audit-internal.h"

#include <string.h>

#include "base/json.h"

enum { PAGE = 2000 };

typedef struct Check {
	ChainEnd anchor; /* from which the chain is verified */
	ChainEnd last;   /* the last entry that was found good */
	gint64 entries;
	gboolean told;   /* an entry speaks of the anchor */
	gint64 known_seq;
	char known_hash[AUDIT_HASH_LENGTH + 1]; /* what the chain has there; empty: not seen */
	gint64 broken_at;
	char *problem;
} Check;

static void G_GNUC_PRINTF(3, 4) set_broken(Check *check, gint64 seq, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	check->broken_at = seq;
	g_free(check->problem);
	check->problem = g_strdup_vprintf(format, args);
	va_end(args);
}

static void start(Check *check, const ChainEnd *anchor)
{
	check->anchor = check->last = *anchor;
	check->entries = 0;
	check->told = FALSE;
	if (anchor->seq && anchor->seq == check->known_seq)
		g_strlcpy(check->known_hash, anchor->hash, sizeof check->known_hash);
}

/* The entry that was written when those before the anchor were dropped says so. */
static void note_anchor(Check *check, const char *text)
{
	if (!strstr(text, "\"action\":\"prune\""))
		return;
	json_auto json_object *entry = json_parse(text, strlen(text), NULL);
	json_object *anchor = json_get(entry, "anchor");
	check->told |= g_str_equal(json_get_str(entry, "action", ""), "prune") &&
		       json_get_int(anchor, "seq", 0) == check->anchor.seq &&
		       g_str_equal(json_get_str(anchor, "hash", ""), check->anchor.hash);
}

static void check_row(Check *check, gint64 seq, const char *stored, const char *text)
{
	char hash[AUDIT_HASH_LENGTH + 1];
	g_autofree char *number = g_strdup_printf("{\"seq\":%" G_GINT64_FORMAT ",", seq);
	chain_hash(check->last.hash, text, hash);
	if (seq != check->last.seq + 1)
		set_broken(check, check->last.seq + 1, "entry %" G_GINT64_FORMAT " is missing", check->last.seq + 1);
	else if (!g_str_equal(hash, stored) || !g_str_has_prefix(text, number))
		set_broken(check, seq,
			   "entry %" G_GINT64_FORMAT " is not what was written, or does not follow the one before",
			   seq);
	if (check->broken_at)
		return;
	note_anchor(check, text);
	check->entries++;
	check->last.seq = seq;
	memcpy(check->last.hash, hash, sizeof hash);
	if (seq == check->known_seq)
		memcpy(check->known_hash, hash, sizeof hash);
}

/* 1: more may follow; 0: this was all, or it is broken; -1: failed. */
static int check_page(Check *check, sqlite3 *db, GError **error)
{
	ChainEnd anchor;
	gboolean row;
	if (!chain_anchor(db, &anchor, error))
		return -1;
	/* Entries were dropped since the last page. */
	if (anchor.seq > check->last.seq)
		start(check, &anchor);
	sql_auto sqlite3_stmt *statement =
		sql_prepare(db, error, "SELECT seq, hash, text FROM entry WHERE seq > ? ORDER BY seq LIMIT ?", "ii",
			    check->last.seq, (gint64)PAGE);
	if (!statement)
		return -1;
	for (guint i = 0; i < PAGE; i++) {
		if (!sql_step(statement, &row, error))
			return -1;
		if (!row)
			return 0;
		const char *hash = (const char *)sqlite3_column_text(statement, 1);
		const char *text = (const char *)sqlite3_column_text(statement, 2);
		check_row(check, sqlite3_column_int64(statement, 0), hash ? hash : "", text ? text : "");
		if (check->broken_at)
			return 0;
	}
	return 1;
}

/* An anchor that no entry speaks of was not set by dropping the oldest entries. */
static void check_anchor(Check *check)
{
	if (!check->broken_at && !check->told && check->anchor.seq)
		set_broken(check, check->anchor.seq + 1, "the log begins after entry %" G_GINT64_FORMAT
			   ", and no entry says that those before were dropped", check->anchor.seq);
}

static const char *check_known(Check *check, const char *known_hash)
{
	if (check->broken_at && *check->known_hash == '\0')
		return "unknown";
	if (*check->known_hash && g_ascii_strcasecmp(check->known_hash, known_hash) == 0)
		return "kept";
	if (check->known_seq < check->anchor.seq)
		return "dropped";
	if (*check->known_hash) {
		set_broken(check, check->known_seq,
			   "entry %" G_GINT64_FORMAT " has another hash than it had: the log was made anew",
			   check->known_seq);
		return "changed";
	}
	set_broken(check, check->last.seq + 1,
		   "entry %" G_GINT64_FORMAT " is gone: the log ends with %" G_GINT64_FORMAT, check->known_seq,
		   check->last.seq);
	return "gone";
}

json_object *audit_verify(Audit *audit, gint64 known_seq, const char *known_hash, GError **error)
{
	Check check = {.known_seq = known_seq};
	ChainEnd anchor;
	int more;
	sqlite3 *db = journal_lend_reader(audit_journal(audit));
	gboolean ok = chain_anchor(db, &anchor, error);
	journal_give_back(audit_journal(audit));
	if (!ok)
		return NULL;
	start(&check, &anchor);
	do {
		db = journal_lend_reader(audit_journal(audit));
		more = check_page(&check, db, error);
		journal_give_back(audit_journal(audit));
	} while (more > 0);
	if (more < 0) {
		g_free(check.problem);
		return NULL;
	}
	check_anchor(&check);
	json_object *result = json_object_new_object();
	if (known_seq)
		json_set_str(result, "known", check_known(&check, known_hash));
	json_set_int(result, "entries", check.entries);
	json_set_int(result, "first", check.anchor.seq + 1);
	json_set_int(result, "last", check.last.seq);
	json_set_str(result, "hash", check.last.hash);
	json_set_bool(result, "intact", check.broken_at == 0);
	if (check.broken_at) {
		json_set_int(result, "broken_at", check.broken_at);
		json_set_str(result, "problem", check.problem);
	}
	g_free(check.problem);
	return result;
}
