/* Errors: every fallible function ends in `GError **error`. Errors of our own domain carry a code that the
 * API maps to a status and a stable name, and optionally the field at fault and a hint with the next step.
 * The message says what was asked, what stood in the way; the hint says what to do. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

typedef enum ErrorCode {
	ERROR_INVALID,      /* 400 a value is wrong; field names it */
	ERROR_UNAUTHORIZED, /* 401 */
	ERROR_FORBIDDEN,    /* 403 */
	ERROR_NOT_FOUND,    /* 404 */
	ERROR_METHOD,       /* 405 */
	ERROR_CONFLICT,     /* 409 state or claim stands in the way */
	ERROR_EXISTS,       /* 409 name taken */
	ERROR_STALE,        /* 412 revision is not the expected one */
	ERROR_TOO_LARGE,    /* 413 */
	ERROR_UNSUPPORTED,  /* 422 well-formed, but this node or state cannot */
	ERROR_TOO_MANY,     /* 429 */
	ERROR_CANCELLED,    /* 499 */
	ERROR_FAILED,       /* 500 an operation failed; message has the cause */
	ERROR_UNAVAILABLE,  /* 503 */
	ERROR_TIMEOUT,      /* 504 a deadline passed */
	ERROR_NO_SPACE,     /* 507 disk or quota full */
} ErrorCode;

#define ERROR (error_quark())
GQuark error_quark(void);

/* Sets *error (if not NULL) with a formatted message; field and hint are copied and may be NULL. */
void error_set(GError **error, ErrorCode code, const char *hint, const char *format, ...) G_GNUC_PRINTF(4, 5);
void error_set_field(GError **error, ErrorCode code, const char *field, const char *hint, const char *format, ...)
	G_GNUC_PRINTF(5, 6);
/* The same, to be left with: return error_refuse(…). Always FALSE. */
#define error_refuse(...) (error_set_field(__VA_ARGS__), FALSE)
/* From an errno value: ENOSPC/EDQUOT -> NO_SPACE, ENOENT -> NOT_FOUND, otherwise FAILED. Appends ": strerror". */
void error_set_errno(GError **error, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Borrowed strings, NULL where the error has none or is of another domain. */
const char *error_field(const GError *error);
const char *error_hint(const GError *error);
/* Errors of other domains count as ERROR_FAILED. */
ErrorCode error_code(const GError *error);
const char *error_code_name(ErrorCode code); /* "invalid", "not-found", … stable */
int error_code_status(ErrorCode code);       /* HTTP status */
ErrorCode error_code_from_name(const char *name);
/* {"code","message","field"?,"hint"?}; new reference. */
json_object *error_to_json(const GError *error);
/* The reverse; missing members get defaults. Caller owns. */
GError *error_new_from_json(json_object *json);
