/* The filter of a list.
 *
 * A text becomes terms, each with the field of the row's table that it asks for and a value of that field's type. A row
 * that is text is walked over once, for where the values of the fields that are asked for begin; these alone are
 * parsed. */
#include "api/filter.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/units.h"

typedef enum Operator { EQUAL, PART, MORE, MORE_EQUAL, LESS, LESS_EQUAL } Operator;

/* The longer ones first. */
static const struct {
	const char *sign;
	Operator operator;
} operators[] = {{">=", MORE_EQUAL}, {"<=", LESS_EQUAL}, {":", EQUAL}, {"~", PART}, {">", MORE}, {"<", LESS}};

typedef struct Term {
	const Field *field; /* NULL: a bare word, looked for in all of filter->words */
	guint member;       /* of filter->members */
	char *rest;         /* path below that member, or NULL */
	Operator operator;
	gboolean negated;
	char *text, *folded;
	gboolean ascii;
	gint64 number; /* of INT, SIZE; 1 for true */
} Term;

struct Filter {
	const Table *table;
	GPtrArray *terms;   /* Term */
	GPtrArray *members; /* names of the top-level fields that are asked for, owned by the table */
	GArray *words;      /* guint: members in which bare words are looked for */
	json_tokener *tokener;
	gsize *lengths;       /* of the members' names */
	json_object **values; /* of the row at hand, one for each member */
};

static void term_free(gpointer data)
{
	Term *term = data;
	g_free(term->rest);
	g_free(term->text);
	g_free(term->folded);
	g_free(term);
}

void filter_free(Filter *filter)
{
	if (!filter)
		return;
	g_ptr_array_unref(filter->terms);
	g_ptr_array_unref(filter->members);
	g_array_unref(filter->words);
	g_clear_pointer(&filter->tokener, json_tokener_free);
	g_free(filter->lengths);
	g_free(filter->values);
	g_free(filter);
}

/* ---- reading ---- */

static guint add_member(Filter *filter, const char *name)
{
	for (guint i = 0; i < filter->members->len; i++)
		if (g_str_equal(filter->members->pdata[i], name))
			return i;
	g_ptr_array_add(filter->members, (char *)name);
	return filter->members->len - 1;
}

static gboolean is_word_column(const Table *table, const Field *field)
{
	if (g_str_equal(field->name, "id") || g_str_equal(field->name, "name"))
		return TRUE;
	return !schema_find(table, "name") && field->type == FIELD_STRING && field->flags & FIELD_ROW;
}

static void add_word_columns(Filter *filter)
{
	if (filter->words->len > 0)
		return;
	for (const Field *field = filter->table->fields; field->name; field++) {
		if (!is_word_column(filter->table, field))
			continue;
		guint member = add_member(filter, field->name);
		g_array_append_val(filter->words, member);
	}
}

static void refuse(GError **error, const char *field, const char *phrase)
{
	error_set_field(error, ERROR_INVALID, "filter", NULL, "filter: %s %s", field, phrase);
}

/* The field of a path through objects, and the top-level one above it. */
static const Field *find_field(const Table *table, const char *path, const Field **ret_top, GError **error)
{
	g_auto(GStrv) steps = g_strsplit(path, ".", 8);
	const Field *field = NULL, *top = NULL;
	for (char **step = steps; *step; step++) {
		const Table *within = field ? (field->type == FIELD_OBJECT ? field->table : NULL) : table;
		field = within && **step ? schema_find(within, *step) : NULL;
		if (!field)
			break;
		top = top ? top : field;
	}
	if (!field) {
		g_autoptr(GString) list = g_string_new("fields are");
		for (const Field *known = table->fields; known->name; known++)
			g_string_append_printf(list, "%s %s", known == table->fields ? "" : ",", known->name);
		error_set_field(error, ERROR_INVALID, "filter", list->str, "filter: unknown field '%s'", path);
		return NULL;
	}
	*ret_top = top;
	return field;
}

static gboolean read_value(Term *term, const char *name, GError **error)
{
	const Field *field = term->field;
	gboolean compared = term->operator >= MORE;
	guint64 bytes = 0;
	switch (field->type) {
	case FIELD_STRING:
		return TRUE;
	case FIELD_LIST:
		if (!compared)
			return TRUE;
		refuse(error, name, "is a list: ask with : or ~");
		return FALSE;
	case FIELD_ENUM:
		if (compared)
			refuse(error, name, "has no order: ask with : or ~");
		else if (term->operator == EQUAL && *term->text && !g_strv_contains(field->values, term->text)) {
			g_autofree char *list = g_strjoinv(", ", (char **)field->values);
			g_autofree char *phrase = g_strdup_printf("must be one of %s", list);
			refuse(error, name, phrase);
		} else {
			return TRUE;
		}
		return FALSE;
	case FIELD_BOOL:
		term->number = g_str_equal(term->text, "true");
		if (term->operator == EQUAL && (term->number || g_str_equal(term->text, "false") || !*term->text))
			return TRUE;
		refuse(error, name, "must be :true or :false");
		return FALSE;
	case FIELD_INT:
		if (term->operator == EQUAL && !*term->text)
			return TRUE;
		if (term->operator != PART &&
		    g_ascii_string_to_signed(term->text, 10, G_MININT64, G_MAXINT64, &term->number, NULL))
			return TRUE;
		refuse(error, name, "must be compared with a whole number, by : > >= < or <=");
		return FALSE;
	case FIELD_SIZE:
		if (term->operator == EQUAL && !*term->text)
			return TRUE;
		if (term->operator != PART && units_parse_size(term->text, &bytes, NULL)) {
			term->number = (gint64)bytes;
			return TRUE;
		}
		refuse(error, name, "must be compared with a size such as 512M or 10G, by : > >= < or <=");
		return FALSE;
	case FIELD_OBJECT:
	case FIELD_MAP:
	case FIELD_ITEMS:
	case FIELD_NUMBERS:
	case FIELD_ANY:
		break;
	}
	refuse(error, name, field->type == FIELD_OBJECT ? "has fields of its own: name one of them, after a dot"
							: "cannot be asked for");
	return FALSE;
}

/* A value up to a space, of which parts may be quoted. NULL if a quote has no end. */
static char *read_text(const char **text)
{
	g_autoptr(GString) value = g_string_new(NULL);
	gboolean quoted = FALSE;
	const char *c = *text;
	for (; *c && (quoted || *c != ' '); c++) {
		if (*c == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *c == '\\' && c[1])
			c++;
		g_string_append_c(value, *c);
	}
	*text = c;
	return quoted ? NULL : g_string_free(g_steal_pointer(&value), FALSE);
}

/* The length of a field's name and of the operator after it; FALSE for a bare word. */
static gboolean find_operator(const char *text, gsize *ret_name, guint *ret_operator)
{
	gsize name = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
	for (guint i = 0; name > 0 && i < G_N_ELEMENTS(operators); i++)
		if (g_str_has_prefix(text + name, operators[i].sign)) {
			*ret_name = name;
			*ret_operator = i;
			return TRUE;
		}
	return FALSE;
}

static Term *read_term(Filter *filter, const char **text, GError **error)
{
	Term *term = g_new0(Term, 1);
	g_ptr_array_add(filter->terms, term);
	g_autofree char *name = NULL;
	gsize length;
	guint sign;
	term->negated = **text == '-' && (*text)[1] && (*text)[1] != ' ';
	*text += term->negated;
	gboolean named = find_operator(*text, &length, &sign);
	if (named) {
		name = g_strndup(*text, length);
		term->operator = operators[sign].operator;
		*text += length + strlen(operators[sign].sign);
	}
	term->text = read_text(text);
	if (!term->text) {
		error_set_field(error, ERROR_INVALID, "filter", NULL, "filter: a \" has no other one after it");
		return NULL;
	}
	term->folded = g_utf8_casefold(term->text, -1);
	term->ascii = g_str_is_ascii(term->text);
	if (!named) {
		add_word_columns(filter);
		return term;
	}
	const Field *top = NULL;
	term->field = find_field(filter->table, name, &top, error);
	if (!term->field || !read_value(term, name, error))
		return NULL;
	term->member = add_member(filter, top->name);
	const char *dot = strchr(name, '.');
	term->rest = dot ? g_strdup(dot + 1) : NULL;
	return term;
}

Filter *filter_new(const Table *table, const char *text, GError **error)
{
	g_autoptr(Filter) filter = g_new0(Filter, 1);
	filter->table = table;
	filter->terms = g_ptr_array_new_with_free_func(term_free);
	filter->members = g_ptr_array_new();
	filter->words = g_array_new(FALSE, FALSE, sizeof(guint));
	filter->tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	if (strlen(text) > FILTER_LENGTH_MAX || !g_utf8_validate(text, -1, NULL)) {
		error_set_field(error, ERROR_INVALID, "filter", NULL, "filter must be text of at most %d bytes",
				FILTER_LENGTH_MAX);
		return NULL;
	}
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		if (filter->terms->len >= FILTER_TERMS_MAX) {
			error_set_field(error, ERROR_INVALID, "filter", NULL, "filter must have at most %d terms",
					FILTER_TERMS_MAX);
			return NULL;
		}
		if (!read_term(filter, &text, error))
			return NULL;
	}
	filter->values = g_new0(json_object *, filter->members->len + 1);
	filter->lengths = g_new0(gsize, filter->members->len + 1);
	for (guint i = 0; i < filter->members->len; i++)
		filter->lengths[i] = strlen(filter->members->pdata[i]);
	return g_steal_pointer(&filter);
}

/* ---- matching ---- */

static gboolean contains(const char *text, const Term *term)
{
	if (term->ascii && g_str_is_ascii(text))
		return strcasestr(text, term->text) != NULL;
	g_autofree char *folded = g_utf8_casefold(text, -1);
	return strstr(folded, term->folded) != NULL;
}

static gboolean ordered(int comparison, Operator operator)
{
	switch (operator) {
	case MORE:
		return comparison > 0;
	case MORE_EQUAL:
		return comparison >= 0;
	case LESS:
		return comparison < 0;
	case LESS_EQUAL:
		return comparison <= 0;
	case EQUAL:
	case PART:
		break;
	}
	return comparison == 0;
}

static gboolean text_holds(const char *text, const Term *term)
{
	return term->operator == PART ? contains(text, term) : ordered(strcmp(text, term->text), term->operator);
}

static gboolean list_holds(json_object *list, const Term *term)
{
	gsize count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	for (gsize i = 0; i < count; i++) {
		const char *element = json_object_get_string(json_object_array_get_idx(list, i));
		if (element && text_holds(element, term))
			return TRUE;
	}
	return count == 0 && term->operator == EQUAL && !*term->text;
}

static gboolean value_holds(json_object *value, const Term *term)
{
	if (!value)
		return term->operator == EQUAL && !*term->text;
	switch (term->field->type) {
	case FIELD_STRING:
	case FIELD_ENUM:
		return text_holds(json_object_get_string(value), term);
	case FIELD_LIST:
		return list_holds(value, term);
	case FIELD_BOOL:
		return *term->text && json_object_get_boolean(value) == term->number;
	case FIELD_INT:
	case FIELD_SIZE: {
		gint64 number = json_object_get_int64(value);
		return (*term->text || term->operator != EQUAL) &&
		       ordered(number < term->number ? -1 : number > term->number, term->operator);
	}
	case FIELD_OBJECT:
	case FIELD_MAP:
	case FIELD_ITEMS:
	case FIELD_NUMBERS:
	case FIELD_ANY:
		break;
	}
	g_return_val_if_reached(FALSE);
}

static gboolean word_holds(const Filter *filter, const Term *term)
{
	for (guint i = 0; i < filter->words->len; i++) {
		json_object *value = filter->values[g_array_index(filter->words, guint, i)];
		if (value && contains(json_object_get_string(value), term))
			return TRUE;
	}
	return FALSE;
}

static gboolean terms_hold(const Filter *filter)
{
	for (guint i = 0; i < filter->terms->len; i++) {
		const Term *term = g_ptr_array_index(filter->terms, i);
		json_object *value = term->field ? filter->values[term->member] : NULL;
		if (term->rest)
			value = json_object_is_type(value, json_type_object) ? json_get_path(value, term->rest) : NULL;
		if ((term->field ? value_holds(value, term) : word_holds(filter, term)) == term->negated)
			return FALSE;
	}
	return TRUE;
}

gboolean filter_match(Filter *filter, json_object *row)
{
	for (guint i = 0; i < filter->members->len; i++)
		filter->values[i] = json_get(row, filter->members->pdata[i]);
	return terms_hold(filter);
}

/* The end of a string whose opening quote stands at `at`, or NULL. */
static const char *skip_string(const char *at, const char *end)
{
	while (++at < end) {
		const char *quote = memchr(at, '"', (gsize)(end - at));
		const char *backslash = quote ? memchr(at, '\\', (gsize)(quote - at)) : NULL;
		if (!quote || !backslash)
			return quote ? quote + 1 : NULL;
		at = backslash + 1;
	}
	return NULL;
}

/* The end of a value: where the ',' or '}' after it stands. */
static const char *skip_value(const char *at, const char *end)
{
	guint depth = 0;
	while (at && at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
			continue;
		}
		if (depth == 0 && (*at == ',' || *at == '}'))
			return at;
		if (*at == '{' || *at == '[')
			depth++;
		else if ((*at == '}' || *at == ']') && depth-- == 0)
			return NULL;
		at++;
	}
	return NULL;
}

/* Plain strings and whole numbers, which are most of what is asked for, are taken as they stand. The tokener is given the delimiter after
 * a value too, without which it would wait for more digits of a number. */
static gboolean parse_value(Filter *filter, const char *start, const char *end, json_object **ret_value)
{
	gsize length = (gsize)(end - start);
	if (length >= 2 && *start == '"' && end[-1] == '"' && !memchr(start, '\\', length)) {
		*ret_value = json_object_new_string_len(start + 1, (int)length - 2);
		return TRUE;
	}
	/* The delimiter ends the number; what is longer may be too large. */
	if (length <= 18 && strspn(start, "0123456789") == length) {
		*ret_value = json_object_new_int64(g_ascii_strtoll(start, NULL, 10));
		return TRUE;
	}
	json_tokener_reset(filter->tokener);
	*ret_value = json_tokener_parse_ex(filter->tokener, start, (int)length + 1);
	return json_tokener_get_error(filter->tokener) == json_tokener_success;
}

static gboolean take_members(Filter *filter, const char *at, const char *end)
{
	guint missing = filter->members->len;
	if (at >= end || *at++ != '{')
		return FALSE;
	while (at < end && *at == '"') {
		const char *name = at + 1, *name_end = skip_string(at, end);
		if (!name_end || name_end >= end || *name_end != ':')
			return FALSE;
		const char *value = name_end + 1, *value_end = skip_value(value, end);
		if (!value_end || value_end == value)
			return FALSE;
		gsize length = (gsize)(name_end - 1 - name);
		for (guint i = 0; i < filter->members->len; i++) {
			if (filter->lengths[i] != length || filter->values[i] ||
			    memcmp(filter->members->pdata[i], name, length) != 0)
				continue;
			if (!parse_value(filter, value, value_end, &filter->values[i]))
				return FALSE;
			missing--;
		}
		if (missing == 0)
			return TRUE;
		at = value_end + (*value_end == ',');
	}
	return at < end && *at == '}';
}

gboolean filter_match_text(Filter *filter, const char *row, gsize length)
{
	memset(filter->values, 0, filter->members->len * sizeof *filter->values);
	gboolean match = length < G_MAXINT && take_members(filter, row, row + length) && terms_hold(filter);
	for (guint i = 0; i < filter->members->len; i++)
		g_clear_pointer(&filter->values[i], json_object_put);
	return match;
}
