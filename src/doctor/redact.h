/* Taking out what looks like a secret. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* The text without keys in PEM, tokens and session secrets of Yado's form, password hashes, credentials in URLs and headers,
 * and the values of whatever is called password, secret, token or the like; a note stands in their place. Control
 * characters become '?'. Pure; caller frees. */
char *redact_text(const char *text, gsize length);
/* The same in a document, in place: members by their names, and free text that a person has written (descriptions). */
void redact_json(json_object *json);
