/* The other side: where it is, how it is known, and with what we come. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "remote/trust.h"

typedef struct Peer {
	char *url;  /* "https://host:8006", without a path */
	char *host; /* without the brackets of an IPv6 address */
	int port;
	char *authority; /* "host:8006", as it stands in the URL */
	char *token; /* NULL: none */
	Trust trust;
} Peer;

/* From {"url","token"?,"fingerprint"?}. ERROR_INVALID. */
gboolean peer_configure(Peer *peer, json_object *from, GError **error);
void peer_clear(Peer *peer);
/* The status of an answer without a JSON body as an error body; new reference. */
json_object *peer_error_body(const Peer *peer, int status, const char *message);
