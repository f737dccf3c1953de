/* JSON helpers on json-c. */
#include "base/json.h"

#include <string.h>

#include "base/error.h"

/* A tokener keeps room for the longest string that it has seen. */
enum { KEPT_TOKENER_BYTES = 65536 };

static json_tokener *new_tokener(void)
{
	/* json-c counts the outermost value as a level. */
	json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	return tokener;
}

static void free_tokener(gpointer tokener)
{
	json_tokener_free(tokener);
}

/* The thread's own: to make one costs more than to parse most of what comes. */
static json_tokener *lend_tokener(void)
{
	static GPrivate kept = G_PRIVATE_INIT(free_tokener);
	json_tokener *tokener = g_private_get(&kept);
	if (!tokener)
		g_private_set(&kept, tokener = new_tokener());
	json_tokener_reset(tokener);
	return tokener;
}

json_object *json_parse(const char *text, gsize length, GError **error)
{
	if (length > G_MAXINT - 1) {
		error_set(error, ERROR_TOO_LARGE, NULL, "JSON of %zu bytes is too large", length);
		return NULL;
	}
	if (length == 0)
		text = ""; /* it may be NULL, as of an empty GBytes */
	if (memchr(text, 0, length)) {
		error_set(error, ERROR_INVALID, NULL, "JSON contains a NUL byte");
		return NULL;
	}
	if (!g_utf8_validate(text, (gssize)length, NULL)) {
		error_set(error, ERROR_INVALID, NULL, "JSON is not valid UTF-8");
		return NULL;
	}
	gboolean own = length > KEPT_TOKENER_BYTES;
	json_tokener *tokener = own ? new_tokener() : lend_tokener();
	json_object *json = json_tokener_parse_ex(tokener, text, (int)length);
	enum json_tokener_error state = json_tokener_get_error(tokener);
	if (state == json_tokener_continue) {
		/* A bare number is complete only once something follows it. */
		json = json_tokener_parse_ex(tokener, "\n", 1);
		state = json_tokener_get_error(tokener);
		if (state == json_tokener_success && length == 0)
			state = json_tokener_error_parse_eof;
	} else if (state == json_tokener_success && json_tokener_get_parse_end(tokener) < length) {
		state = json_tokener_error_parse_unexpected;
	}
	if (own)
		json_tokener_free(tokener);
	if (state != json_tokener_success) {
		if (json)
			json_object_put(json);
		const char *why = state == json_tokener_continue ? "it ends too early"
				  : state == json_tokener_error_depth
					  ? "it is nested too deep"
					  : json_tokener_error_desc(state);
		error_set(error, ERROR_INVALID, NULL, "not valid JSON: %s", why);
		return NULL;
	}
	/* json-c shows null as NULL, which callers could not tell from a failure; nothing here needs a bare null. */
	if (!json)
		error_set(error, ERROR_INVALID, NULL, "JSON is null");
	return json;
}

/* At least as many as the text has: each value but the first is behind one of these. */
static gsize count_values(const char *text, gsize length)
{
	gsize count = 1;
	gboolean quoted = FALSE;
	for (gsize i = 0; i < length; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else
			count += !quoted && (text[i] == ',' || text[i] == '[' || text[i] == '{');
	}
	return count;
}

json_object *json_parse_bounded(const char *text, gsize length, gsize values_max, GError **error)
{
	if (length <= values_max || count_values(text, length) <= values_max)
		return json_parse(text, length, error);
	error_set(error, ERROR_TOO_LARGE, NULL, "JSON of more than %zu values is too large", values_max);
	return NULL;
}

char *json_dup_text(json_object *json)
{
	return g_strdup(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

json_object *json_get(json_object *json, const char *key)
{
	json_object *value = NULL;
	if (!json || !json_object_is_type(json, json_type_object))
		return NULL;
	json_object_object_get_ex(json, key, &value);
	return value;
}

const char *json_get_str(json_object *json, const char *key, const char *fallback)
{
	json_object *value = json_get(json, key);
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : fallback;
}

gint64 json_get_int(json_object *json, const char *key, gint64 fallback)
{
	json_object *value = json_get(json, key);
	return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : fallback;
}

gboolean json_get_bool(json_object *json, const char *key, gboolean fallback)
{
	json_object *value = json_get(json, key);
	return json_object_is_type(value, json_type_boolean) ? json_object_get_boolean(value) : fallback;
}

gsize json_get_count(json_object *json)
{
	return json_object_is_type(json, json_type_array) ? json_object_array_length(json) : 0;
}

json_object *json_get_path(json_object *json, const char *path)
{
	g_auto(GStrv) steps = g_strsplit(path, ".", -1);
	for (char **step = steps; *step && json; step++)
		json = json_get(json, *step);
	return json;
}

void json_set(json_object *json, const char *key, json_object *value)
{
	json_object_object_add(json, key, value);
}

void json_set_str(json_object *json, const char *key, const char *value)
{
	json_object_object_add(json, key, value ? json_object_new_string(value) : NULL);
}

void json_set_int(json_object *json, const char *key, gint64 value)
{
	json_object_object_add(json, key, json_object_new_int64(value));
}

void json_set_bool(json_object *json, const char *key, gboolean value)
{
	json_object_object_add(json, key, json_object_new_boolean(value));
}

json_object *json_copy(json_object *json)
{
	json_object *copy = NULL;
	if (json)
		json_object_deep_copy(json, &copy, NULL);
	return copy;
}

gboolean json_equal(json_object *a, json_object *b)
{
	if (!a || !b)
		return a == b;
	return json_object_equal(a, b) != 0;
}

json_object *json_merge_patch(json_object *target, json_object *patch)
{
	if (!json_object_is_type(patch, json_type_object))
		return json_copy(patch);
	json_object *result = json_object_is_type(target, json_type_object) ? json_copy(target)
									    : json_object_new_object();
	json_object_object_foreach (patch, key, value) {
		if (!value)
			json_object_object_del(result, key);
		else
			json_set(result, key, json_merge_patch(json_get(result, key), value));
	}
	return result;
}

static void diff_into(json_object *list, const char *path, json_object *before, json_object *after)
{
	if (json_equal(before, after))
		return;
	gboolean object_before = json_object_is_type(before, json_type_object);
	gboolean object_after = json_object_is_type(after, json_type_object);
	if ((object_before || !before) && (object_after || !after) && (object_before || object_after)) {
		if (object_before) {
			json_object_object_foreach (before, key, value) {
				g_autofree char *inner = *path ? g_strdup_printf("%s.%s", path, key) : g_strdup(key);
				diff_into(list, inner, value, json_get(after, key));
			}
		}
		if (object_after) {
			json_object_object_foreach (after, new_key, new_value) {
				if (json_get(before, new_key))
					continue;
				g_autofree char *inner =
					*path ? g_strdup_printf("%s.%s", path, new_key) : g_strdup(new_key);
				diff_into(list, inner, NULL, new_value);
			}
		}
		return;
	}
	json_object *entry = json_object_new_object();
	json_set_str(entry, "path", path);
	if (before)
		json_set(entry, "before", json_copy(before));
	if (after)
		json_set(entry, "after", json_copy(after));
	json_object_array_add(list, entry);
}

json_object *json_diff(json_object *before, json_object *after)
{
	json_object *list = json_object_new_array();
	diff_into(list, "", before, after);
	return list;
}
