/* Transfers: bytes on their way between a socket and a file, carried by a yado-pump in a cage. yadod touches none of
 * them: it hears how far they came, and can cut them. */
#pragma once
#include <glib.h>

typedef struct Transfer Transfer;

enum { TRANSFERS_MAX = 64, TRANSFER_STALL_S = 60 };

typedef struct TransferOptions {
	/* lent; one a regular file at its offset, the other a socket that nobody else reads or writes */
	int source, target;
	guint64 limit;      /* to a file: at most so many; from a file: exactly so many */
	gboolean sync;      /* to a file: durable as it goes */
	guint stall_s;      /* 0: TRANSFER_STALL_S */
	/* Both from a thread of the transfer's, the second exactly once, when the pump is gone. error NULL: it came to
	 * its end, which to a file may be before the limit. ERROR_CANCELLED: cut; ERROR_TOO_LARGE: the socket held more
	 * than the limit; ERROR_TIMEOUT: the peer did nothing for too long; ERROR_NO_SPACE; ERROR_FAILED. */
	void (*synced)(guint64 bytes, gpointer data); /* may be NULL */
	void (*ended)(guint64 bytes, const GError *error, gpointer data);
	gpointer data;
} TransferOptions;

/* New reference, or NULL (ERROR_TOO_MANY past TRANSFERS_MAX) without a call of `ended`. run_root: for its cage. */
Transfer *transfer_start(const char *run_root, const TransferOptions *options, GError **error);
Transfer *transfer_ref(Transfer *transfer);
void transfer_unref(Transfer *transfer);
guint64 transfer_bytes(Transfer *transfer); /* so far */
/* Ends it at once; from any thread, also more than once. */
void transfer_cancel(Transfer *transfer);
/* Cuts all and waits until their last call of `ended` has returned. Further ones are refused. */
void transfers_stop(void);
