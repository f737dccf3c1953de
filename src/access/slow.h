/* Slowing of who guesses: whether an attempt may be made now, from what has failed before. No thread ever sleeps for
 * it: who comes too early is refused and told when to come again. Thread-safe. */
#pragma once
#include <glib.h>

enum {
	SLOW_PAIR_FREE = 3,      /* failures without a delay: of one account from one source */
	SLOW_SOURCE_FREE = 10,   /* of all accounts from one source, behind which may be several people */
	SLOW_SECRET_FREE = 60,   /* wrong tokens and ended sessions from one source */
	SLOW_ENTRIES_MAX = 8192,
};
#define SLOW_DELAY_MAX_US ((gint64)15 * 60 * G_USEC_PER_SEC)
#define SLOW_FORGET_US ((gint64)15 * 60 * G_USEC_PER_SEC) /* after so long one failure is forgotten */

typedef struct Slow Slow;
Slow *slow_new(void);
void slow_free(Slow *slow);

/* What counts as one source: an IPv4 address, or an IPv6 network of 64 bits (any host has all of its addresses). "" of
 * the local socket stays "", which is never slowed. Caller frees. */
char *slow_source(const char *address);

/* How long until the account may be tried from that source; 0: now. `known`: somebody has signed in to this account
 * from there, and is not slowed by what others behind the same address get wrong with other accounts. */
gint64 slow_login_wait(Slow *slow, const char *user, const char *source, gboolean known, gint64 now_us);
void slow_login_failed(Slow *slow, const char *user, const char *source, gint64 now_us);
void slow_login_succeeded(Slow *slow, const char *user, const char *source, gint64 now_us);
/* Counts a wrong token or session, unless the source is slowed for these: then how long. */
gint64 slow_secret_failed(Slow *slow, const char *source, gint64 now_us);
/* "try again in 4 s"; caller frees. */
char *slow_hint(gint64 wait_us);
