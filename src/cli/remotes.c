/* The file of saved remotes. */
#include "cli/remotes.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/messages/remote.h"

enum { SIZE_MAX_BYTES = 1 << 20, REMOTE_PORT_DEFAULT = 8006 };

static char *path_of(const char *name)
{
	return g_build_filename(g_get_user_config_dir(), "yado", name, NULL);
}

json_object *remotes_load(GError **error)
{
	g_autofree char *path = path_of("remotes.json");
	struct stat status;
	if (lstat(path, &status) < 0 && errno == ENOENT)
		return json_object_new_object();
	if (lstat(path, &status) == 0 && (status.st_mode & 077 || status.st_uid != geteuid())) {
		error_set(error, ERROR_FORBIDDEN, T(m_remotes_open_hint), T(m_remotes_open), path);
		return NULL;
	}
	g_autofree char *text = NULL;
	gsize length;
	if (!file_read(path, SIZE_MAX_BYTES, &text, &length, error))
		return NULL;
	json_object *remotes = json_parse(text, length, error);
	explicit_bzero(text, length);
	if (!remotes)
		g_prefix_error(error, "%s: ", path);
	return remotes;
}

gboolean remotes_save(json_object *remotes, GError **error)
{
	g_autofree char *dir = path_of(NULL), *path = path_of("remotes.json");
	if (!dir_make(dir, 0700, error))
		return FALSE;
	const char *text =
		json_object_to_json_string_ext(remotes, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	return file_write_atomic(path, text, strlen(text), 0600, error);
}

json_object *remotes_part(json_object *remotes, const char *key)
{
	json_object *part = json_get(remotes, key);
	if (!json_object_is_type(part, json_type_object)) {
		part = json_object_new_object();
		json_set(remotes, key, part);
	}
	return part;
}

json_object *remotes_find(json_object *remotes, const char *name)
{
	return json_get(json_get(remotes, "remotes"), name);
}

char *remotes_url(const char *text)
{
	g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
	const char *host = uri ? g_uri_get_host(uri) : NULL;
	if (!host || !*host || g_strcmp0(g_uri_get_scheme(uri), "https") != 0 || g_uri_get_userinfo(uri) ||
		g_uri_get_query(uri) || g_uri_get_fragment(uri) || strlen(g_uri_get_path(uri)) > 1)
		return g_strdup(text);
	int port = g_uri_get_port(uri);
	return g_strdup_printf(strchr(host, ':') ? "https://[%s]:%d" : "https://%s:%d", host,
		port > 0 ? port : REMOTE_PORT_DEFAULT);
}
