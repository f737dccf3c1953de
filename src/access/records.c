/* Users, roles, tokens and settings as they are now, for who asks to see them: copies of the tables' texts, read
 * without a lock, since a JSON value belongs to one thread. */
#include <string.h>

#include "access/internal.h"
#include "base/error.h"
#include "base/json.h"

static const Kind kinds[] = {
	{"user", &user_table, "user", "yado user list", USERS_MAX},
	{"role", &role_table, "role", "yado role list", ROLES_MAX},
	{"token", &token_table, "token", "yado token list", TOKENS_MAX},
	{"setting", &access_settings_table, "setting", NULL, 1},
};

/* The kinds are the code's own words, never a client's. */
const Kind *kind_find(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (g_str_equal(kinds[i].name, name))
			return &kinds[i];
	g_error("access has no documents of kind '%s'", name);
}

char *time_to_text(gint64 us)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(us / G_USEC_PER_SEC);
	return time ? g_date_time_format_iso8601(time) : g_strdup("");
}

gint64 time_from_text(const char *text)
{
	g_autoptr(GDateTime) time = text ? g_date_time_new_from_iso8601(text, NULL) : NULL;
	return time ? g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time) : 0;
}

/* Under the lock: the records of a kind. */
GHashTable *kind_table(Access *access, const Kind *kind)
{
	return kind->table == &user_table ? access->users : kind->table == &role_table ? access->roles : access->tokens;
}

static const Record *record_of(const Kind *kind, gconstpointer value)
{
	return kind->table == &user_table   ? &((const User *)value)->record
	       : kind->table == &role_table ? &((const Role *)value)->record
					    : &((const Token *)value)->record;
}

const Record *kind_find_record(Access *access, const Kind *kind, const char *name)
{
	if (kind->table == &access_settings_table)
		return g_str_equal(name, "access") ? &access->settings.record : NULL;
	gconstpointer value = g_hash_table_lookup(kind_table(access, kind), name);
	return value ? record_of(kind, value) : NULL;
}

/* A copy of what was found under the lock, to be read without it. */
typedef struct Found {
	GRefString *text;
	gint64 rev, last_used_us;
} Found;

static void found_free(Found *found)
{
	g_ref_string_release(found->text);
	g_free(found);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Found, found_free)

static json_object *found_to_json(const Kind *kind, const Found *found)
{
	json_object *json = json_parse(found->text, g_ref_string_length(found->text), NULL);
	if (kind->table == &token_table && found->last_used_us) {
		g_autofree char *text = time_to_text(found->last_used_us);
		json_set_str(json, "last_used", text);
	}
	return json;
}

static Found *found_new(const Kind *kind, const Record *record, gconstpointer value)
{
	Found *found = g_new0(Found, 1);
	found->text = g_ref_string_acquire(record->text);
	found->rev = record->rev;
	const Token *token = kind->table == &token_table ? value : NULL;
	found->last_used_us = token ? token->last_used_us : 0;
	return found;
}

static const char *sort_key(json_object *document)
{
	return json_get_str(document, "name", "");
}

static int compare(const void *a, const void *b)
{
	json_object *left = *(json_object *const *)a, *right = *(json_object *const *)b;
	int order = strcmp(sort_key(left), sort_key(right));
	return order ? order : strcmp(json_get_str(left, "id", ""), json_get_str(right, "id", ""));
}

json_object *access_list(Access *access, const char *kind_name)
{
	const Kind *kind = kind_find(kind_name);
	g_return_val_if_fail(kind->table != &access_settings_table, NULL);
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)found_free);
	GHashTableIter iter;
	gpointer value;
	g_mutex_lock(&access->lock);
	g_hash_table_iter_init(&iter, kind_table(access, kind));
	while (g_hash_table_iter_next(&iter, NULL, &value))
		g_ptr_array_add(list, found_new(kind, record_of(kind, value), value));
	g_mutex_unlock(&access->lock);
	json_object *documents = json_object_new_array();
	for (guint i = 0; i < list->len; i++)
		json_object_array_add(documents, found_to_json(kind, list->pdata[i]));
	json_object_array_sort(documents, compare);
	return documents;
}

gboolean kind_refuse_missing(const Kind *kind, const char *name, GError **error)
{
	g_autofree char *hint =
		kind->command ? g_strdup_printf("'%s' shows those that there are", kind->command) : NULL;
	error_set(error, ERROR_NOT_FOUND, hint, "there is no %s '%s'", kind->title, name);
	return FALSE;
}

json_object *access_get(Access *access, const char *kind_name, const char *name, gint64 *ret_rev, GError **error)
{
	const Kind *kind = kind_find(kind_name);
	g_mutex_lock(&access->lock);
	const Record *record = kind_find_record(access, kind, name);
	gconstpointer token = kind->table == &token_table ? g_hash_table_lookup(access->tokens, name) : NULL;
	g_autoptr(Found) found = record ? found_new(kind, record, token) : NULL;
	g_mutex_unlock(&access->lock);
	if (!found) {
		kind_refuse_missing(kind, name, error);
		return NULL;
	}
	if (ret_rev)
		*ret_rev = found->rev;
	return found_to_json(kind, found);
}

json_object *access_get_settings(Access *access, gint64 *ret_rev)
{
	return access_get(access, "setting", "access", ret_rev, NULL);
}
