/* The text of an entry: the one form in which it is hashed, stored, and shown. */
#include "access/audit-internal.h"

#include <string.h>

#include "base/json.h"

enum { NAME_SIZE = 63, VIA_SIZE = 80, WORD_SIZE = 255, MESSAGE_SIZE = 1024, CHANGES_SIZE = 16 * 1024 };

/* Cut to `size` bytes at a character's end: some of it is what strangers have sent. */
static void set_cut(json_object *json, const char *key, const char *value, gsize size)
{
	g_autofree char *text = g_utf8_make_valid(value ? value : "", -1);
	if (strlen(text) > size)
		*g_utf8_find_prev_char(text, text + size + 1) = '\0';
	json_set_str(json, key, text);
}

static void set_number(json_object *json, const char *key, gint64 value)
{
	if (value > 0)
		json_set_int(json, key, value);
}

static char *finish(json_object *json)
{
	g_autofree char *text = json_dup_text(json);
	json_object_put(json);
	return g_strdup(text + 1); /* without the brace */
}

char *audit_members(const AuditEntry *entry)
{
	json_object *json = json_object_new_object();
	set_cut(json, "user", entry->user, NAME_SIZE);
	set_cut(json, "via", entry->via, VIA_SIZE);
	set_cut(json, "address", entry->address, NAME_SIZE);
	set_cut(json, "action", entry->action, WORD_SIZE);
	set_cut(json, "object", entry->object, WORD_SIZE);
	set_cut(json, "outcome", entry->outcome, NAME_SIZE);
	set_number(json, "status", entry->status);
	if (entry->message)
		set_cut(json, "message", entry->message, MESSAGE_SIZE);
	set_number(json, "task", entry->task);
	set_number(json, "rev", entry->rev);
	return finish(json);
}

char *audit_members_of_change(const Change *change)
{
	json_object *json = json_object_new_object();
	set_cut(json, "user", change->author, NAME_SIZE);
	json_set_str(json, "via", "");
	json_set_str(json, "address", "");
	json_set_str(json, "action", "commit");
	set_cut(json, "object", change->path, WORD_SIZE);
	json_set_str(json, "outcome", "done");
	set_number(json, "task", change->task);
	set_number(json, "rev", change->rev);
	json_object *changes = json_diff(change->before, change->after);
	gsize size = strlen(json_object_to_json_string_ext(changes, JSON_C_TO_STRING_PLAIN));
	if (size <= CHANGES_SIZE) {
		json_set(json, "changes", changes);
	} else {
		g_autofree char *message =
			g_strdup_printf("what it changed is too long for here (%zu bytes); 'yado history show %"
					G_GINT64_FORMAT "' has it", size, change->rev);
		json_set_str(json, "message", message);
		json_object_put(changes);
	}
	return finish(json);
}

char *audit_text(gint64 at_us, guint repeated, const char *members)
{
	g_autoptr(GDateTime) second = g_date_time_new_from_unix_utc(at_us / G_USEC_PER_SEC);
	g_autofree char *date = g_date_time_format(second, "%Y-%m-%dT%H:%M:%S");
	g_autofree char *count = repeated ? g_strdup_printf("\"repeated\":%u,", repeated) : g_strdup("");
	return g_strdup_printf("{\"at\":\"%s.%03dZ\",%s%s", date, (int)(at_us % G_USEC_PER_SEC / 1000), count, members);
}
