/* The audit log: who asked for what, how it went, and every commit with what it changed, each entry chained to the one
 * before by a hash, in STATE/audit.db. Secrets never come here: documents hold none.
 *
 * An entry's hash is SHA-256 over the former entry's hash and its own text. Whoever alters or removes an entry must
 * make all later hashes anew, which shows against any copy of one of them. Same refusals within a minute are one entry
 * and a count, so that a flood does not fill the disk. Thread-safe. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "store/store.h"

typedef struct Audit Audit;

/* Opens or makes DIR/audit.db; entries of commits that a former daemon did not get to write are made up for. */
Audit *audit_open(const char *dir, Store *store, GError **error);
void audit_close(Audit *audit);

typedef struct AuditEntry {
	const char *user, *via, *address, *action, *object; /* lent; "" where there is none */
	const char *outcome;                               /* "done", "refused", "failed" */
	int status;
	const char *message; /* may be NULL */
	gint64 task, rev;    /* 0: none */
} AuditEntry;
/* Durable when it returns (commits of other threads share the fsync), except for what is refused or fails in the same
 * way again within a minute, which is counted. FALSE if it cannot be written now (a full disk): it then waits in memory
 * and is written as soon as that is possible; the caller says so in the log. */
gboolean audit_add(Audit *audit, const AuditEntry *entry, GError **error);

/* Waits a moment for commits that have just been made. Newest first: {"items":[fields of audit_table, of commits also
 * "changes":[{path,before,after}]],"next":SEQ}; filters may be NULL; an object that ends with '/' is all below it. New
 * reference. */
json_object *audit_list(Audit *audit, const char *user, const char *object, const char *outcome, gint64 before_seq,
			guint limit, GError **error);
/* Recomputes the chain: {"entries":N,"first":SEQ,"last":SEQ,"hash":HEX,"intact":bool,"broken_at":SEQ?,"problem"?}.
 * known_seq and known_hash (0 and NULL: none) are of an entry that somebody took down earlier: if it is not in the log
 * as it was then, that is not intact either; "known":"kept", "changed", "gone" or "dropped" (it was too old). */
json_object *audit_verify(Audit *audit, gint64 known_seq, const char *known_hash, GError **error);
/* Number of the newest entry, and how many wait in memory until they can be written. */
gboolean audit_count(Audit *audit, gint64 *ret_last, guint *ret_waiting, GError **error);
