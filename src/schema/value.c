/* Values of fields that have no fields of their own. */
#include "schema/value.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/units.h"

enum { QUOTE_MAX = 40 };

char *value_quote(const char *text)
{
	GString *quoted = g_string_new(NULL);
	guint count = 0;
	for (const char *c = text; *c; count++) {
		gunichar letter = g_utf8_get_char_validated(c, -1);
		if (count == QUOTE_MAX) {
			g_string_append(quoted, "…");
			break;
		}
		if (letter >= (gunichar)-2) {
			g_string_append_c(quoted, '?');
			c++;
			continue;
		}
		g_string_append_unichar(quoted, g_unichar_iscntrl(letter) ? '?' : letter);
		c = g_utf8_next_char(c);
	}
	return g_string_free(quoted, FALSE);
}

char *value_format(const Field *field, gint64 value)
{
	if (field->type == FIELD_SIZE)
		return units_format_size((guint64)value);
	return field->unit ? g_strdup_printf("%" G_GINT64_FORMAT " %s", value, field->unit)
			   : g_strdup_printf("%" G_GINT64_FORMAT, value);
}

void value_refuse(GError **error, const char *path, const char *phrase)
{
	error_set_field(error, ERROR_INVALID, path, NULL, "%s must %s", path, phrase);
}

static json_object *take_number(const Field *field, const char *path, json_object *value, gboolean stored,
				GError **error)
{
	gint64 number = 0;
	gboolean size = field->type == FIELD_SIZE;
	if (json_object_is_type(value, json_type_int)) {
		number = json_object_get_int64(value); /* saturates, and then fails a bound */
	} else if (size && !stored && json_object_is_type(value, json_type_string)) {
		guint64 bytes = 0;
		if (strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value) ||
		    !units_parse_size(json_object_get_string(value), &bytes, NULL)) {
			value_refuse(error, path, "be a size such as 512M or 10G");
			return NULL;
		}
		number = (gint64)bytes;
	} else {
		value_refuse(error, path, !size ? "be a whole number" : stored ? "be a whole number of bytes"
									: "be a size such as 512M or 10G");
		return NULL;
	}
	if (number < field->min || number > field->max) {
		gboolean low = number < field->min;
		g_autofree char *bound = value_format(field, low ? field->min : field->max);
		g_autofree char *phrase = g_strdup_printf("be at %s %s", low ? "least" : "most", bound);
		value_refuse(error, path, phrase);
		return NULL;
	}
	return json_object_new_int64(number);
}

/* NULL, or a phrase. Text with a check of its own is one line; free text may have several. */
static const char *check_text(const Field *field, json_object *value)
{
	const char *text = json_object_get_string(value);
	gsize length = (gsize)json_object_get_string_len(value);
	if (memchr(text, 0, length))
		return "not contain control characters";
	if (!g_utf8_validate(text, (gssize)length, NULL))
		return "be valid UTF-8";
	for (const char *c = text; *c; c = g_utf8_next_char(c)) {
		gboolean break_or_tab = *c == '\n' || *c == '\t' || (*c == '\r' && c[1] == '\n');
		if (g_unichar_iscntrl(g_utf8_get_char(c)) && !(break_or_tab && !field->check))
			return "not contain control characters";
	}
	return NULL;
}

static json_object *take_string(const Field *field, const char *path, json_object *value, GError **error)
{
	if (!json_object_is_type(value, json_type_string)) {
		value_refuse(error, path, "be a string");
		return NULL;
	}
	const char *phrase = check_text(field, value);
	if (phrase) {
		value_refuse(error, path, phrase);
		return NULL;
	}
	const char *text = json_object_get_string(value);
	glong length = g_utf8_strlen(text, -1);
	g_autofree char *made = NULL;
	/* A check of a fixed format says more than "exactly 17 characters". */
	gboolean format = field->check && field->min == field->max;
	if (length == 0 && field->min > 0)
		phrase = "not be empty";
	else if (!format && field->max && length > field->max)
		phrase = made = g_strdup_printf("have at most %" G_GINT64_FORMAT " characters", field->max);
	else if (field->check)
		phrase = field->check(text);
	if (!phrase && (length < field->min || (field->max && length > field->max)))
		phrase = made = field->min == field->max
					? g_strdup_printf("have exactly %" G_GINT64_FORMAT " characters", field->min)
					: g_strdup_printf("have at least %" G_GINT64_FORMAT " characters", field->min);
	if (phrase) {
		value_refuse(error, path, phrase);
		return NULL;
	}
	return json_object_new_string(text);
}

static json_object *take_enum(const Field *field, const char *path, json_object *value, GError **error)
{
	const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
	if (text && strlen(text) == (size_t)json_object_get_string_len(value) && g_strv_contains(field->values, text))
		return json_object_new_string(text);
	g_autofree char *list = g_strjoinv(", ", (char **)field->values);
	g_autofree char *phrase = g_strdup_printf("be%s %s", field->values[1] ? " one of" : "", list);
	value_refuse(error, path, phrase);
	return NULL;
}

static json_object *take_list(const Field *field, const char *path, json_object *value, GError **error)
{
	if (!json_object_is_type(value, json_type_array)) {
		value_refuse(error, path, "be a list of strings");
		return NULL;
	}
	gint64 count = (gint64)json_object_array_length(value);
	if ((field->max && count > field->max) || count < field->min) {
		g_autofree char *phrase = g_strdup_printf("have at %s %" G_GINT64_FORMAT " values",
							  count > field->max ? "most" : "least",
							  count > field->max ? field->max : field->min);
		value_refuse(error, path, phrase);
		return NULL;
	}
	json_auto json_object *list = json_object_new_array();
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	for (gsize i = 0; i < (gsize)count; i++) {
		json_object *element = json_object_array_get_idx(value, i);
		if (!json_object_is_type(element, json_type_string)) {
			value_refuse(error, path, "be a list of strings");
			return NULL;
		}
		const char *text = json_object_get_string(element);
		const char *phrase = check_text(field, element);
		if (!phrase && field->check)
			phrase = field->check(text);
		if (phrase || (!g_hash_table_add(seen, (char *)text) && !(field->flags & FIELD_REPEATS))) {
			g_autofree char *quoted = value_quote(text);
			if (phrase)
				error_set_field(error, ERROR_INVALID, path, NULL, "%s: '%s' must %s", path, quoted,
						phrase);
			else
				error_set_field(error, ERROR_INVALID, path, NULL, "%s must not contain '%s' twice",
						path, quoted);
			return NULL;
		}
		json_object_array_add(list, json_object_new_string(text));
	}
	return g_steal_pointer(&list);
}

json_object *value_take(const Field *field, const char *path, json_object *value, gboolean stored, GError **error)
{
	switch (field->type) {
	case FIELD_STRING:
		return take_string(field, path, value, error);
	case FIELD_BOOL:
		if (json_object_is_type(value, json_type_boolean))
			return json_object_new_boolean(json_object_get_boolean(value));
		value_refuse(error, path, "be true or false");
		return NULL;
	case FIELD_INT:
	case FIELD_SIZE:
		return take_number(field, path, value, stored, error);
	case FIELD_ENUM:
		return take_enum(field, path, value, error);
	case FIELD_LIST:
		return take_list(field, path, value, error);
	case FIELD_ANY:
		return json_copy(value);
	case FIELD_OBJECT:
	case FIELD_MAP:
	case FIELD_ITEMS:
	case FIELD_NUMBERS:
		break;
	}
	g_return_val_if_reached(NULL);
}
