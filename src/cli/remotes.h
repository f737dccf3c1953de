/* Saved remotes: ~/.config/yado/remotes.json, {"current"?,"remotes":{NAME:{"url","token"?,"fingerprint"?}},
 * "certificates":{URL:FINGERPRINT}}. It has secrets: only its owner may read it, or it is not used. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* New reference; an empty one if there is no file. */
json_object *remotes_load(GError **error);
gboolean remotes_save(json_object *remotes, GError **error);
/* The entry, or NULL. Borrowed. */
json_object *remotes_find(json_object *remotes, const char *name);
/* The member, made if it is missing. Borrowed. */
json_object *remotes_part(json_object *remotes, const char *key);
/* "https://host:8006" without a path and with a port, as it is compared; what is no such URL comes back as it is.
 * Caller frees. */
char *remotes_url(const char *text);
