/* From an HTTP request to the head of a frame and from the head of a response to HTTP (docs/front.md). Pure. */
#pragma once
#include <json-c/json.h>

#include "httpd/head.h"

/* Whom a request is for. */
typedef enum Destination { DESTINATION_PAGE, DESTINATION_API } Destination;

/* Checks target, host and credentials, each whatever the destination. */
gboolean translate_check(const Head *head, Refusal *refusal);
Destination translate_destination(const Head *head);
/* The head for yadod; NULL if it is refused. Checked before. New reference. */
json_object *translate_request(const Head *head, const char *address, Refusal *refusal);
gboolean translate_has_credentials(const Head *head);
/* Whether the body is of bytes, and goes past the frame. */
gboolean translate_is_bulk(const Head *head);

/* A response's fields for HTTP: names in lower case, of static strings or borrowed from the response's head. */
typedef struct Field {
	const char *name;
	const char *value;
} Field;
enum { FIELDS_MAX = 32 };
typedef struct Fields {
	Field items[FIELDS_MAX];
	guint count;
	char etag[96];
	char number[24];
	char location[64];
} Fields;
void fields_add(Fields *fields, const char *name, const char *value);
/* What each response has, whatever it is. `page`: it is a file of the page, not an answer of the API. */
void fields_add_security(Fields *fields, gboolean page);
/* Those of yadod's response that the front passes; with content-type. */
void fields_add_response(Fields *fields, json_object *head, gboolean has_body);
/* HTTP status; 502 if it is none. */
int translate_status(json_object *head);
const char *status_text(int status);
/* Whether an answer of this status never has a body (RFC 9110 §6.4.1). */
gboolean answer_is_empty(int status);
/* The error form of the API; caller frees. */
char *refusal_body(const Refusal *refusal);
