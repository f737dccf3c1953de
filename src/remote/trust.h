/* Whether the certificate of the other side is the right one: known by its SHA-256 (pinned), or by the authorities that
 * this system trusts. The same check serves HTTPS and WebSockets. */
#pragma once
#include <glib.h>
#include <openssl/ssl.h>

typedef struct Trust {
	char *host;        /* for whom a certificate must be made, unless it is pinned */
	char *fingerprint; /* pinned: 64 lower-case hexadecimal digits; NULL: the system's authorities decide */
	char *seen;        /* that of the last certificate that was looked at; may be NULL */
	const char *problem; /* what was wrong with it; NULL: nothing */
} Trust;

void trust_clear(Trust *trust);
/* Makes connections of this context end unless the certificate is the right one. The trust outlives it. */
gboolean trust_apply(Trust *trust, SSL_CTX *context);
/* Sets the error for a connection that ended so; FALSE if the certificate was not the reason. */
gboolean trust_explain(const Trust *trust, const char *peer, GError **error);
/* "AB:CD:…" or plain digits to 64 lower-case ones; NULL if it is no SHA-256. Caller frees. */
char *trust_parse_fingerprint(const char *text);
