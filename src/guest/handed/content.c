/* What is handed over is read in the guest, where nobody is told what is wrong with it: so what is sure to be wrong is
 * refused here.
 *
 * - cloud-init (and cloudbase-init on Windows) tells by the first words what kind of user-data it has, and passes over
 * what it does not know: https://docs.cloud-init.io/en/22.4.2/topics/format.html
 * - A script whose lines end in CR LF asks for an interpreter of the name "/bin/sh\r"; debconf-set-selections(1) makes
 * the CR a part of each answer. Windows takes either. */
#include "guest/handed/content.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "schema/schema.h"

static const char *const marks[] = {"#cloud-config", "#!", "#include", "#cloud-boothook", "#part-handler",
				    "#upstart-job", "## template:", "content-type:", "mime-version:", "#ps1", "rem cmd",
				    "<powershell>", "<script>"};

static gboolean has_mark(const char *content)
{
	while (g_ascii_isspace(*content))
		content++;
	for (guint i = 0; i < G_N_ELEMENTS(marks); i++)
		if (g_ascii_strncasecmp(content, marks[i], strlen(marks[i])) == 0)
			return TRUE;
	return FALSE;
}

/* Whether the reader takes the CR at a line's end for a part of it. */
static gboolean keeps_returns(Handed what, json_object *request, const char *content)
{
	if (what == HANDED_USER_DATA)
		return g_str_has_prefix(content, "#!");
	return !g_str_equal(json_get_str(request, "kind", ""), "autounattend");
}

gboolean handed_check_content(Handed what, json_object *request, GError **error)
{
	const char *content = json_get_str(request, "content", "");
	gsize length = strlen(content);
	if (length > HANDED_BYTES_MAX)
		return error_refuse(error, ERROR_INVALID, "content", NULL,
				    "content has %zu bytes, at most %d are taken", length, HANDED_BYTES_MAX);
	if (what == HANDED_USER_DATA && !has_mark(content))
		return error_refuse(error, ERROR_INVALID, "content",
				    "put '#cloud-config' above YAML, or '#!/bin/sh' above a script",
				    "content does not begin as cloud-init's user-data does, "
				    "so cloud-init would pass over it");
	if (what != HANDED_PASSWORD && strstr(content, "\r\n") && keeps_returns(what, request, content))
		return error_refuse(error, ERROR_INVALID, "content", "convert it first, as by: sed -i 's/\\r$//' FILE",
				    "content has lines that end in CR LF, as Windows writes them; what reads it in the "
				    "guest takes the CR for a part of the line");
	return TRUE;
}
