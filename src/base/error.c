/* Errors of our own domain, with code, field and hint. */
#include "base/error.h"

#include <errno.h>
#include <string.h>

typedef struct ErrorPrivate {
	char *field;
	char *hint;
} ErrorPrivate;

static void error_private_init(ErrorPrivate *priv)
{
	priv->field = NULL;
	priv->hint = NULL;
}

static void error_private_copy(const ErrorPrivate *src, ErrorPrivate *dest)
{
	dest->field = g_strdup(src->field);
	dest->hint = g_strdup(src->hint);
}

static void error_private_clear(ErrorPrivate *priv)
{
	g_free(priv->field);
	g_free(priv->hint);
}

/* Expands to error_get_private() and error_quark(). */
G_DEFINE_EXTENDED_ERROR(Error, error)

static const struct {
	const char *name;
	int status;
} codes[] = {
	[ERROR_INVALID] = {"invalid", 400},
	[ERROR_UNAUTHORIZED] = {"unauthorized", 401},
	[ERROR_FORBIDDEN] = {"forbidden", 403},
	[ERROR_NOT_FOUND] = {"not-found", 404},
	[ERROR_METHOD] = {"method-not-allowed", 405},
	[ERROR_CONFLICT] = {"conflict", 409},
	[ERROR_EXISTS] = {"exists", 409},
	[ERROR_STALE] = {"stale", 412},
	[ERROR_TOO_LARGE] = {"too-large", 413},
	[ERROR_UNSUPPORTED] = {"unsupported", 422},
	[ERROR_TOO_MANY] = {"too-many", 429},
	[ERROR_CANCELLED] = {"cancelled", 499},
	[ERROR_FAILED] = {"failed", 500},
	[ERROR_UNAVAILABLE] = {"unavailable", 503},
	[ERROR_TIMEOUT] = {"timeout", 504},
	[ERROR_NO_SPACE] = {"no-space", 507},
};

static void error_take(GError **error, ErrorCode code, const char *field, const char *hint, const char *format,
		       va_list args)
{
	if (!error)
		return;
	g_autofree char *message = g_strdup_vprintf(format, args);
	GError *made = g_error_new_literal(ERROR, (int)code, message);
	ErrorPrivate *priv = error_get_private(made);
	g_assert(priv); /* it is of our domain */
	priv->field = g_strdup(field);
	priv->hint = g_strdup(hint);
	g_propagate_error(error, made);
}

void error_set(GError **error, ErrorCode code, const char *hint, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	error_take(error, code, NULL, hint, format, args);
	va_end(args);
}

void error_set_field(GError **error, ErrorCode code, const char *field, const char *hint, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	error_take(error, code, field, hint, format, args);
	va_end(args);
}

void error_set_errno(GError **error, int errnum, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *what = g_strdup_vprintf(format, args);
	va_end(args);
	ErrorCode code = errnum == ENOSPC || errnum == EDQUOT ? ERROR_NO_SPACE
			 : errnum == ENOENT		      ? ERROR_NOT_FOUND
							      : ERROR_FAILED;
	const char *hint = code == ERROR_NO_SPACE ? "free space on that file system and try again" : NULL;
	error_set(error, code, hint, "%s: %s", what, g_strerror(errnum));
}

static const ErrorPrivate *private_of(const GError *error)
{
	return error && error->domain == ERROR ? error_get_private(error) : NULL;
}

const char *error_field(const GError *error)
{
	const ErrorPrivate *priv = private_of(error);
	return priv ? priv->field : NULL;
}

const char *error_hint(const GError *error)
{
	const ErrorPrivate *priv = private_of(error);
	return priv ? priv->hint : NULL;
}

ErrorCode error_code(const GError *error)
{
	if (!error || error->domain != ERROR)
		return ERROR_FAILED;
	return (ErrorCode)error->code;
}

const char *error_code_name(ErrorCode code)
{
	return code < G_N_ELEMENTS(codes) ? codes[code].name : "failed";
}

int error_code_status(ErrorCode code)
{
	return code < G_N_ELEMENTS(codes) ? codes[code].status : 500;
}

ErrorCode error_code_from_name(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
		if (g_strcmp0(codes[i].name, name) == 0)
			return (ErrorCode)i;
	return ERROR_FAILED;
}

json_object *error_to_json(const GError *error)
{
	json_object *json = json_object_new_object();
	json_object_object_add(json, "code", json_object_new_string(error_code_name(error_code(error))));
	json_object_object_add(json, "message", json_object_new_string(error->message));
	if (error_field(error))
		json_object_object_add(json, "field", json_object_new_string(error_field(error)));
	if (error_hint(error))
		json_object_object_add(json, "hint", json_object_new_string(error_hint(error)));
	return json;
}

static const char *member_string(json_object *json, const char *key)
{
	json_object *value = NULL;
	return json_object_object_get_ex(json, key, &value) ? json_object_get_string(value) : NULL;
}

GError *error_new_from_json(json_object *json)
{
	GError *error = NULL;
	const char *message = member_string(json, "message");
	error_set_field(&error, error_code_from_name(member_string(json, "code")), member_string(json, "field"),
			member_string(json, "hint"), "%s", message ? message : "the server gave no reason");
	return error;
}
