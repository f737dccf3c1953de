/* What the files of the audit log share among themselves (and what its tests reach in for); not for other folders. */
#pragma once
#include <sqlite3.h>

#include "access/audit.h"
#include "store/journal.h"

enum { AUDIT_HASH_LENGTH = 64 }; /* hexadecimal SHA-256 */

typedef struct AuditLimits {
	guint keep;        /* entries that stay when the oldest are dropped */
	guint slack;       /* entries more than that before it happens */
	gint64 window_us;  /* how long the same refusal is counted instead of written again */
	guint windows;     /* of these at once */
	guint kinds;       /* different refusals of one source within a window, before they are taken together */
	guint late;        /* entries that wait in memory for free space */
} AuditLimits;
Audit *audit_open_with(const char *dir, Store *store, const AuditLimits *limits, GError **error);

/* audit-text.c: an entry's text is {"seq":N,"at":…,members}; the members are fixed when it happens. */
/* `"user":"alice",…}` with everything cut to the bounds of audit_table; caller frees. */
char *audit_members(const AuditEntry *entry);
/* The same of a change of a document by a commit. */
char *audit_members_of_change(const Change *change);
/* `{"at":…,members`; repeated 0: none. Caller frees. */
char *audit_text(gint64 at_us, guint repeated, const char *members);

/* audit-chain.c: the rows of entries. */
extern const char *const audit_migrations[];
/* Appends the texts (array of char *), each chained to the one before, notes that commits up to `rev` are recorded
 * (0: leaves that as it is), and drops the oldest entries beyond the limits. Inside a transaction; repeatable. */
gboolean chain_append(sqlite3 *db, const GPtrArray *texts, gint64 rev, const AuditLimits *limits, GError **error);
gboolean chain_recorded_rev(sqlite3 *db, gint64 *ret_rev, GError **error);
typedef struct ChainEnd {
	gint64 seq; /* 0: there is none */
	char hash[AUDIT_HASH_LENGTH + 1];
} ChainEnd;
/* The newest entry, and the last one that was dropped. */
gboolean chain_head(sqlite3 *db, ChainEnd *ret_head, GError **error);
gboolean chain_anchor(sqlite3 *db, ChainEnd *ret_anchor, GError **error);
/* SHA-256 over the former hash and the text. */
void chain_hash(const char *former, const char *text, char ret_hash[AUDIT_HASH_LENGTH + 1]);

/* audit-verify.c lends the journal from here. */
Journal *audit_journal(Audit *audit);

/* audit-repeats.c: the same refusal within a minute, counted. Not thread-safe: under the audit log's lock. */
typedef struct Repeats Repeats;
Repeats *repeats_new(const AuditLimits *limits);
void repeats_free(Repeats *repeats);
/* The members of the entry to be written now, or NULL: it was counted. Caller frees. */
char *repeats_note(Repeats *repeats, const AuditEntry *entry, gint64 now_us);
/* The text of an entry about a window that has ended by then (or, where there are too many, has to end) in which
 * something was counted; NULL: no more of them. Caller frees. */
char *repeats_take_ended(Repeats *repeats, gint64 now_us);
gint64 repeats_next_end(const Repeats *repeats); /* -1: no window is open */
