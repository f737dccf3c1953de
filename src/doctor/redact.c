/* Redaction is the second line: nothing that is known to hold secrets is collected at all. It errs on the side of taking
 * out too much. */
#include "doctor/redact.h"

#include <string.h>

#include "base/json.h"

#define NOTE "[taken out]"
/* What a secret is called, anywhere in a name. */
#define NAMES "(?:pass(?:word|wd|phrase)|secret|token|api[-_]?key|private[-_]?key|credential|csrf|cookie)"

/* Repetitions are bounded, so that no text takes longer than its length. */
static const struct {
	const char *pattern, *replacement;
} rules[] = {
	{"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\\z)", "[taken out: a private key]"},
	/* "authorization: Bearer …", "Set-Cookie: …", to the end of the line. */
	{"(?i)\\b((?:proxy-)?authorization|(?:set-)?cookie|x-csrf-token|x-auth-token)(\\s*[:=]\\s*)[^\\n]*", "\\1\\2" NOTE},
	{"(?i)\\b(bearer|basic)\\s+[A-Za-z0-9._~+/=-]{8,}", "\\1 " NOTE},
	{"yado_[a-z0-9]{6,16}_[A-Za-z0-9_-]{16,}", NOTE},
	/* 256 bits in base64url: sessions, tickets. */
	{"(?<![A-Za-z0-9_+/=-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_+/=-])", NOTE},
	/* crypt(5). */
	{"\\$(?:y|gy|7|1|5|6|2[abxy]?|argon2[a-z]*)\\$[./A-Za-z0-9$,=+]{8,}", NOTE},
	{"(://)[^/\\s@:]{1,256}:[^/\\s@]{1,256}@", "\\1" NOTE "@"},
	/* "password": "x", password=x, PASSWORD: x; then --password x. */
	{"(?i)([\"']?[\\w.-]{0,24}" NAMES "[\\w.-]{0,24}[\"']?\\s*[:=]\\s*)(?!\\s|\\[taken)(?:\"(?:[^\"\\\\\\n]|\\\\.)*\"|'[^'\\n]*'|[^\\s,;}\\]]+)",
	 "\\1" NOTE},
	{"(?i)(--?[\\w-]{0,24}" NAMES "[\\w-]{0,24}\\s+)(?!-)\\S+", "\\1" NOTE},
};

static char *replace_all(char *text)
{
	for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GRegex) regex = g_regex_new(rules[i].pattern, G_REGEX_RAW | G_REGEX_DOTALL | G_REGEX_OPTIMIZE, 0, &error);
		char *cleaned = regex ? g_regex_replace(regex, text, -1, 0, rules[i].replacement, 0, &error) : NULL;
		g_free(text);
		/* Rather nothing than a text of which nobody knows what is in it. */
		if (!cleaned)
			return g_strdup_printf("[taken out: it could not be searched for secrets: %s]\n",
					       error ? error->message : "?");
		text = cleaned;
	}
	return text;
}

char *redact_text(const char *text, gsize length)
{
	char *valid = g_utf8_make_valid(text, (gssize)length);
	for (char *at = valid; *at; at++)
		if (((guchar)*at < ' ' && *at != '\n' && *at != '\t') || *at == 0x7f)
			*at = '?';
	return replace_all(valid);
}

static gboolean is_secret_name(const char *name)
{
	return g_regex_match_simple("(?i)" NAMES "|user[-_]?data|(?:^|[-_])key$|hash", name, 0, 0);
}

static gboolean is_free_text(const char *name)
{
	static const char *const names[] = {"description", "notes", "comment", NULL};
	return g_strv_contains(names, name);
}

static void redact_member(json_object *json, const char *name, json_object *value)
{
	const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
	if (is_secret_name(name) && value && !json_object_is_type(value, json_type_boolean)) {
		json_set_str(json, name, NOTE);
	} else if (text && *text && is_free_text(name)) {
		g_autofree char *note = g_strdup_printf("[taken out: %zu bytes]", strlen(text));
		json_set_str(json, name, note);
	} else {
		redact_json(value);
	}
}

void redact_json(json_object *json)
{
	if (json_object_is_type(json, json_type_array)) {
		for (gsize i = 0; i < json_object_array_length(json); i++)
			redact_json(json_object_array_get_idx(json, i));
	} else if (json_object_is_type(json, json_type_object)) {
		/* Setting a member of the same name keeps the order, so the walk goes on. */
		json_object_object_foreach(json, name, value)
			redact_member(json, name, value);
	}
}
