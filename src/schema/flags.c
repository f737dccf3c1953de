/* The command's flags, read into a document or a merge patch.
 *
 * Each argument is looked up in the list of flags that the table gives, its text is typed by the field, and the value
 * is put at the field's path in the result; what is there already was given twice. A map's entries without a key wait
 * until all others are read, so that the order of the arguments does not decide which names are free. */
#include "schema/flags.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/units.h"
#include "schema/flag-list.h"
#include "schema/spelling.h"
#include "schema/value.h"

typedef struct Parse {
	const Table *table;
	FlagsMode mode;
	json_object *current;  /* borrowed; may be NULL */
	json_object *document; /* the result so far */
	GPtrArray *unnamed;    /* UnnamedEntry, in the order given */
} Parse;

typedef struct UnnamedEntry {
	const Flag *flag;
	json_object *entry;
} UnnamedEntry;

static void unnamed_free(gpointer data)
{
	UnnamedEntry *unnamed = data;
	json_object_put(unnamed->entry);
	g_free(unnamed);
}

/* ---- texts to values ---- */

static gboolean read_bool(const char *text, gboolean *ret_value)
{
	static const char *const yes[] = {"yes", "true", "on", NULL};
	static const char *const no[] = {"no", "false", "off", NULL};
	if (!g_strv_contains(yes, text) && !g_strv_contains(no, text))
		return FALSE;
	*ret_value = g_strv_contains(yes, text);
	return TRUE;
}

static json_object *read_list(const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, ",", -1);
	json_object *list = json_object_new_array();
	for (char **word = words; *word; word++)
		json_object_array_add(list, json_object_new_string(g_strstrip(*word)));
	return list;
}

/* `what` is how an error calls the value, "--memory" or "--disk: size"; `path` is the field for programs. */
static json_object *read_value(const Field *field, const char *path, const char *what, const char *text,
			       GError **error)
{
	const char *phrase = NULL;
	gboolean truth = FALSE;
	gint64 number = 0;
	guint64 bytes = 0;
	if (!g_utf8_validate(text, -1, NULL)) {
		error_set_field(error, ERROR_INVALID, path, NULL, "%s must be valid UTF-8", what);
		return NULL;
	}
	switch (field->type) {
	case FIELD_BOOL:
		if (read_bool(text, &truth))
			return json_object_new_boolean(truth);
		phrase = "be yes or no";
		break;
	case FIELD_INT:
		if (g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL))
			return json_object_new_int64(number);
		phrase = "be a whole number";
		break;
	case FIELD_SIZE:
		if (units_parse_size(text, &bytes, NULL))
			return json_object_new_int64((gint64)bytes);
		phrase = "be a size such as 512M or 10G";
		break;
	case FIELD_LIST:
		return read_list(text);
	case FIELD_STRING:
	case FIELD_ENUM:
	case FIELD_OBJECT:
	case FIELD_MAP:
	case FIELD_ITEMS:
	case FIELD_NUMBERS:
	case FIELD_ANY:
		return json_object_new_string(text);
	}
	g_autofree char *quoted = value_quote(text);
	error_set_field(error, ERROR_INVALID, path, NULL, "%s must %s, not '%s'", what, phrase, quoted);
	return NULL;
}

/* ---- putting values where they belong ---- */

static void refuse_twice(const char *what, GError **error)
{
	error_set(error, ERROR_INVALID, "give it once", "%s is given twice, or contradicts another flag", what);
}

/* The object at those steps of the result, made where it is missing; NULL if --unset removed it. */
static json_object *reach(json_object *object, char **steps, guint count)
{
	for (guint i = 0; i < count; i++) {
		json_object *inner = NULL;
		if (!json_object_object_get_ex(object, steps[i], &inner)) {
			inner = json_object_new_object();
			json_set(object, steps[i], inner);
		}
		if (!inner)
			return NULL;
		object = inner;
	}
	return object;
}

/* Takes the value over, also on failure; it may be NULL for null. */
static gboolean put(Parse *parse, char **steps, json_object *value, const char *what, GError **error)
{
	guint last = g_strv_length(steps) - 1;
	json_object *object = reach(parse->document, steps, last);
	if (!object || json_object_object_get_ex(object, steps[last], NULL)) {
		refuse_twice(what, error);
		json_object_put(value);
		return FALSE;
	}
	json_set(object, steps[last], value);
	return TRUE;
}

static gboolean put_path(Parse *parse, const char *path, json_object *value, const char *what, GError **error)
{
	g_auto(GStrv) steps = g_strsplit(path, ".", -1);
	return put(parse, steps, value, what, error);
}

/* Keys are one step, whatever they contain: a bad one is for schema_create to refuse. */
static gboolean put_entry(Parse *parse, const Flag *flag, const char *key, json_object *entry, GError **error)
{
	g_auto(GStrv) steps = g_strsplit(flag->path, ".", -1);
	guint count = g_strv_length(steps);
	g_autofree char *quoted = value_quote(key);
	g_autofree char *what = g_strdup_printf("%s %s", flag->name, quoted);
	steps = g_renew(char *, steps, count + 2);
	steps[count] = g_strdup(key);
	steps[count + 1] = NULL;
	return put(parse, steps, entry, what, error);
}

/* ---- entries of maps ---- */

static void refuse_entry_field(const Flag *flag, const char *name, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	for (const Field *field = flag->field->table->fields; field->name; field++)
		if (flag_sets_in_entry(field))
			g_ptr_array_add(names, (char *)field->name);
	g_ptr_array_add(names, NULL);
	const char *closest = spelling_closest(name, (const char *const *)names->pdata);
	g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
	g_autofree char *hint = closest ? g_strdup_printf("did you mean '%s'?", closest)
					: g_strdup_printf("known fields are %s", list);
	g_autofree char *quoted = value_quote(name);
	error_set(error, ERROR_INVALID, hint, "%s: unknown field '%s'", flag->name, quoted);
}

static gboolean read_entry_part(const Flag *flag, const char *part, json_object *entry, GError **error)
{
	const char *equals = strchr(part, '=');
	g_autofree char *quoted = value_quote(part);
	if (!equals) {
		g_autofree char *hint = g_strdup_printf("write %s [KEY:]FIELD=VALUE,FIELD=VALUE", flag->name);
		error_set(error, ERROR_INVALID, hint, "%s: '%s' is not FIELD=VALUE", flag->name, quoted);
		return FALSE;
	}
	g_autofree char *name = g_strndup(part, (gsize)(equals - part));
	g_autofree char *what = g_strdup_printf("%s: %s", flag->name, name);
	const Field *field = flag_entry_field(flag->field, name);
	if (!field) {
		refuse_entry_field(flag, name, error);
		return FALSE;
	}
	if (json_object_object_get_ex(entry, name, NULL)) {
		refuse_twice(what, error);
		return FALSE;
	}
	json_object *value = NULL;
	gboolean unset = equals[1] == '\0' && field->flags & FIELD_NULLABLE;
	if (!unset) {
		value = read_value(field, flag->path, what, equals + 1, error);
		if (!value)
			return FALSE;
	}
	json_set(entry, name, value);
	return TRUE;
}

/* "size=8G,serial=a,,b": parts end at a comma, two commas are one in a value (as QEMU's own options have it). */
static json_object *read_entry(const Flag *flag, const char *text, GError **error)
{
	json_auto json_object *entry = json_object_new_object();
	g_autoptr(GString) part = g_string_new(NULL);
	if (*text == '\0')
		return g_steal_pointer(&entry);
	for (const char *c = text;; c++) {
		if (c[0] == ',' && c[1] == ',') {
			g_string_append_c(part, *c++);
		} else if (*c != ',' && *c != '\0') {
			g_string_append_c(part, *c);
		} else {
			if (!read_entry_part(flag, part->str, entry, error))
				return NULL;
			g_string_truncate(part, 0);
			if (*c == '\0')
				return g_steal_pointer(&entry);
		}
	}
}

/* "role=db": everything behind the first '=' is the value. */
static gboolean parse_pair(Parse *parse, const Flag *flag, const char *text, GError **error)
{
	const char *equals = strchr(text, '=');
	if (!equals) {
		g_autofree char *hint = g_strdup_printf("write %s KEY=VALUE", flag->name);
		g_autofree char *quoted = value_quote(text);
		error_set(error, ERROR_INVALID, hint, "%s: '%s' is not KEY=VALUE", flag->name, quoted);
		return FALSE;
	}
	const Field *field = flag->field->table->fields;
	json_object *value = read_value(field, flag->path, flag->name, equals + 1, error);
	if (!value)
		return FALSE;
	json_object *entry = json_object_new_object();
	json_set(entry, field->name, value);
	g_autofree char *key = g_strndup(text, (gsize)(equals - text));
	return put_entry(parse, flag, key, entry, error);
}

static gboolean parse_entry(Parse *parse, const Flag *flag, const char *text, GError **error)
{
	if (flag_is_pairs(flag->field))
		return parse_pair(parse, flag, text, error);
	/* A colon before anything else ends a key; those of a MAC address come after "mac=". */
	gsize length = strcspn(text, ":=,");
	gboolean named = text[length] == ':';
	json_object *entry = read_entry(flag, named ? text + length + 1 : text, error);
	if (!entry)
		return FALSE;
	if (named) {
		g_autofree char *key = g_strndup(text, length);
		return put_entry(parse, flag, key, entry, error);
	}
	UnnamedEntry *unnamed = g_new0(UnnamedEntry, 1);
	unnamed->flag = flag;
	unnamed->entry = entry;
	g_ptr_array_add(parse->unnamed, unnamed);
	return TRUE;
}

/* The first key that is neither taken now nor named, even for removal, by another flag. */
static gboolean name_entries(Parse *parse, GError **error)
{
	for (guint i = 0; i < parse->unnamed->len; i++) {
		UnnamedEntry *unnamed = parse->unnamed->pdata[i];
		const Field *field = unnamed->flag->field;
		json_object *present = json_get_path(parse->current, unnamed->flag->path);
		json_object *given = json_get_path(parse->document, unnamed->flag->path);
		for (guint number = 0;; number++) {
			g_autofree char *key =
				g_strdup_printf("%s%u", field->key ? field->key : field->singular, number);
			if (json_get(present, key) || (given && json_object_object_get_ex(given, key, NULL)))
				continue;
			if (!put_entry(parse, unnamed->flag, key, json_object_get(unnamed->entry), error))
				return FALSE;
			break;
		}
	}
	return TRUE;
}

static gboolean parse_remove(Parse *parse, const Flag *flag, const char *key, GError **error)
{
	json_object *map = json_get_path(parse->current, flag->path);
	if (parse->current && !json_get(map, key)) {
		g_autoptr(GString) hint = g_string_new(NULL);
		if (map) {
			json_object_object_foreach (map, present, entry) {
				(void)entry;
				g_string_append_printf(hint, "%s%s", hint->len ? ", " : "there are ", present);
			}
		}
		g_autofree char *quoted = value_quote(key);
		error_set_field(error, ERROR_INVALID, flag->path, hint->len ? hint->str : "there is none",
				"%s: there is no '%s' to remove", flag->name, quoted);
		return FALSE;
	}
	return put_entry(parse, flag, key, NULL, error);
}

/* ---- the rest ---- */

/* "disks.disk0.size" with the keys as KEY, to compare with what --unset takes. */
static char *path_pattern(const Table *table, const char *path)
{
	g_auto(GStrv) steps = g_strsplit(path, ".", -1);
	g_autoptr(GString) so_far = g_string_new(NULL);
	for (char **step = steps; *step; step++) {
		g_autofree char *parent = g_strdup(so_far->str);
		const Field *field = *parent ? schema_find(table, parent) : NULL;
		gboolean key = field && field->type == FIELD_MAP && !g_str_has_suffix(parent, ".KEY");
		g_string_append_printf(so_far, "%s%s", *parent ? "." : "", key ? "KEY" : *step);
	}
	return g_strdup(so_far->str);
}

static gboolean parse_unset(Parse *parse, const char *path, GError **error)
{
	g_autoptr(GPtrArray) known = g_ptr_array_new_with_free_func(g_free);
	flag_list_nullable(known, parse->table, "");
	g_ptr_array_add(known, NULL);
	g_autofree char *pattern = path_pattern(parse->table, path);
	g_autofree char *quoted = value_quote(path);
	if (!g_strv_contains((const char *const *)known->pdata, pattern)) {
		g_autofree char *list = g_strjoinv(", ", (char **)known->pdata);
		g_autofree char *hint = g_strdup_printf("fields that can be unset are %s", list);
		error_set_field(error, ERROR_INVALID, quoted, hint, "--unset: '%s' cannot be unset", quoted);
		return FALSE;
	}
	/* In a patch, null inside an entry that is not there would make the entry. */
	const char *dot = strrchr(path, '.');
	g_autofree char *parent = dot ? g_strndup(path, (gsize)(dot - path)) : NULL;
	if (parent && parse->current && !json_get_path(parse->current, parent)) {
		error_set_field(error, ERROR_INVALID, quoted, NULL, "--unset: there is no '%s'", parent);
		return FALSE;
	}
	g_autofree char *what = g_strdup_printf("--unset %s", quoted);
	return put_path(parse, path, NULL, what, error);
}

static gboolean parse_flag(Parse *parse, const Flag *flag, const char *text, GError **error)
{
	switch (flag->kind) {
	case FLAG_ENTRY:
		return parse_entry(parse, flag, text, error);
	case FLAG_REMOVE:
		return parse_remove(parse, flag, text, error);
	case FLAG_UNSET:
		return parse_unset(parse, text, error);
	case FLAG_NO:
	case FLAG_YES:
	case FLAG_VALUE:
		break;
	}
	json_object *value = NULL;
	/* '' is the list without values, not one empty word. */
	if (flag->field->type == FIELD_LIST && *text == '\0')
		value = json_object_new_array();
	else
		value = read_value(flag->field, flag->path, flag->name, text, error);
	return value && put_path(parse, flag->path, value, flag->name, error);
}

static void refuse_flag(const Parse *parse, GPtrArray *list, const char *name, GError **error)
{
	g_autofree char *quoted = value_quote(name);
	g_autoptr(GPtrArray) created = flag_list_new(parse->table, FLAGS_CREATE);
	if (flag_list_find(created, name)) {
		error_set(error, ERROR_INVALID, "it can be chosen only at creation", "%s cannot be changed", name);
		return;
	}
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	/* Without the dashes, which would make all flags alike. */
	for (guint i = 0; i < list->len; i++)
		g_ptr_array_add(names, ((const Flag *)list->pdata[i])->name + strlen("--"));
	g_ptr_array_add(names, NULL);
	const char *closest = spelling_closest(name + strspn(name, "-"), (const char *const *)names->pdata);
	g_autofree char *hint = closest ? g_strdup_printf("did you mean '--%s'?", closest) : NULL;
	error_set(error, ERROR_INVALID, hint ? hint : "see --help", "unknown flag '%s'", quoted);
}

/* Reads the flag at **argument; moves *argument to the last that it took. */
static gboolean parse_argument(Parse *parse, GPtrArray *list, char ***argument, GError **error)
{
	char *equals = strchr(**argument, '=');
	g_autofree char *name = equals ? g_strndup(**argument, (gsize)(equals - **argument)) : g_strdup(**argument);
	const char *text = equals ? equals + 1 : NULL;
	const Flag *flag = flag_list_find(list, name);
	if (!flag) {
		refuse_flag(parse, list, name, error);
		return FALSE;
	}
	if (flag->kind == FLAG_NO && text) {
		error_set(error, ERROR_INVALID, NULL, "%s takes no value", name);
		return FALSE;
	}
	if (flag->kind == FLAG_NO || flag->kind == FLAG_YES)
		return parse_flag(parse, flag, text ? text : flag->kind == FLAG_YES ? "yes" : "no", error);
	if (!text) {
		text = (*argument)[1];
		if (!text) {
			error_set(error, ERROR_INVALID, "see --help", "%s needs a value", name);
			return FALSE;
		}
		(*argument)++;
	}
	return parse_flag(parse, flag, text, error);
}

gboolean flags_parse(const Table *table, FlagsMode mode, json_object *current, char ***inout_args,
		     json_object **ret_document, GError **error)
{
	json_auto json_object *document = json_object_new_object();
	g_autoptr(GPtrArray) unnamed = g_ptr_array_new_with_free_func(unnamed_free);
	g_autoptr(GPtrArray) list = flag_list_new(table, mode);
	g_autoptr(GPtrArray) positional = g_ptr_array_new();
	Parse parse = {.table = table, .mode = mode, .current = current, .document = document, .unnamed = unnamed};
	gboolean ended = FALSE;
	for (char **argument = *inout_args; *argument; argument++) {
		if (!ended && strcmp(*argument, "--") == 0)
			ended = TRUE;
		else if (ended || **argument != '-' || strcmp(*argument, "-") == 0)
			g_ptr_array_add(positional, *argument);
		else if (!parse_argument(&parse, list, &argument, error))
			return FALSE;
	}
	if (!name_entries(&parse, error))
		return FALSE;
	g_ptr_array_add(positional, NULL);
	char **rest = g_strdupv((char **)positional->pdata);
	g_strfreev(*inout_args);
	*inout_args = rest;
	*ret_document = g_steal_pointer(&document);
	return TRUE;
}

gboolean flags_takes_value(const Table *table, const char *flag)
{
	g_autoptr(GPtrArray) list = flag_list_new(table, FLAGS_CREATE);
	g_autoptr(GPtrArray) change = flag_list_new(table, FLAGS_CHANGE);
	const Flag *found = flag_list_find(list, flag);
	if (!found)
		found = flag_list_find(change, flag);
	return found && found->kind != FLAG_YES && found->kind != FLAG_NO;
}
