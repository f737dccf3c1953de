/* JSON on json-c: bounded parsing, short getters, RFC 7396 merge patch, and differences. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

static inline void json_clear(json_object **json)
{
	if (*json)
		json_object_put(*json);
}
/* `json_auto json_object *x = NULL;` drops the reference at the end of the scope. */
#define json_auto __attribute__((cleanup(json_clear)))

enum { JSON_DEPTH_MAX = 32 };

/* Parses exactly one value: valid UTF-8, no trailing bytes, at most JSON_DEPTH_MAX levels, no NUL inside, not
 * a bare null. text may be NULL if there are no bytes (which is no value either).
 * New reference, or NULL with ERROR_INVALID. */
json_object *json_parse(const char *text, gsize length, GError **error);
/* The same of what a peer made up: of at most so many values (ERROR_TOO_LARGE), since json-c takes some hundred bytes
 * for one of two letters. */
json_object *json_parse_bounded(const char *text, gsize length, gsize values_max, GError **error);
/* Compact text, caller frees. */
char *json_dup_text(json_object *json);

/* Getters: borrowed values; the fallback where the member is missing or of another type. json may be NULL. */
json_object *json_get(json_object *json, const char *key);
const char *json_get_str(json_object *json, const char *key, const char *fallback);
gint64 json_get_int(json_object *json, const char *key, gint64 fallback);
gboolean json_get_bool(json_object *json, const char *key, gboolean fallback);
/* How many elements; 0 of what is no array: json-c ends the process over that, and who answers may be hostile. */
gsize json_get_count(json_object *json);
/* A dotted path: "disks.disk0.size". NULL where a step is missing. */
json_object *json_get_path(json_object *json, const char *path);

/* Setters take copies of strings; json_set takes over the reference. */
void json_set(json_object *json, const char *key, json_object *value);
void json_set_str(json_object *json, const char *key, const char *value); /* NULL -> JSON null */
void json_set_int(json_object *json, const char *key, gint64 value);
void json_set_bool(json_object *json, const char *key, gboolean value);

json_object *json_copy(json_object *json); /* deep; new reference; NULL stays NULL */
/* Deep equality; numbers 1 and 1.0 differ. */
gboolean json_equal(json_object *a, json_object *b);

/* RFC 7396: the target changed by the patch, as a new value; the inputs stay as they are. */
json_object *json_merge_patch(json_object *target, json_object *patch);
/* Leaf differences as an array of {"path":"cpu.cores","before":…,"after":…}; a missing side is left out. */
json_object *json_diff(json_object *before, json_object *after);
