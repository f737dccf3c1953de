/* Values of fields that have no fields of their own, and the wording that errors share; for this folder. */
#pragma once
#include "schema/schema.h"

/* The value (STRING, BOOL, INT, SIZE, ENUM, LIST, ANY) checked against its field and in its stored form: a new
 * reference, or NULL with ERROR_INVALID whose field is `path`. `stored` refuses what only people write (a size as
 * "10G"). */
json_object *value_take(const Field *field, const char *path, json_object *value, gboolean stored, GError **error);
/* ERROR_INVALID "PATH must PHRASE". */
void value_refuse(GError **error, const char *path, const char *phrase);
/* Text of others made fit for a message: at most 40 characters, control characters replaced; caller frees. */
char *value_quote(const char *text);
/* A bound in the field's unit, for people: "16 MiB", "90 s"; caller frees. */
char *value_format(const Field *field, gint64 value);
