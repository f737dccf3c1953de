/* Tickets for consoles: a secret that opens one console once, for programs that cannot send a header with a WebSocket. */
#pragma once
#include "access/access.h"

enum { TICKET_LIFE_S = 30 };

typedef enum ConsoleKind { CONSOLE_SERIAL, CONSOLE_VNC } ConsoleKind;

/* What a ticket opens. */
typedef struct Ticket {
	Principal *principal; /* who has made it */
	gint64 vm;
	ConsoleKind kind;
	guint port; /* of a serial console, from 1, as the next */
	gboolean writer, take_over;
} Ticket;
void ticket_clear(Ticket *ticket);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Ticket, ticket_clear)

/* The secret, of which only a hash is kept; caller frees. The ticket is copied. ERROR_TOO_MANY. */
char *tickets_make(const Ticket *ticket, GError **error);
/* Who has made the ticket, which stays good; new reference. ERROR_UNAUTHORIZED if it is none, or none any more. */
Principal *tickets_find(const char *secret, GError **error);
/* Uses it up, whatever becomes of it. ERROR_UNAUTHORIZED as above. */
gboolean tickets_use(const char *secret, Ticket *ret_ticket, GError **error);
