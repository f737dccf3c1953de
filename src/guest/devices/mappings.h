/* Mappings as guests use them: documents "mapping/NAME" of the store. */
#pragma once
#include <json-c/json.h>

#include "guest/services.h"

/* The mapping that a part of a guest's document ("shares.media") names, checked to be of that kind. New reference;
 * errors name the field. */
json_object *mappings_get(Services *services, const char *name, const char *kind, const char *field, GError **error);
/* Name of a mapping -> GArray of gint64, the guests that name it now or in what runs. Free with g_hash_table_unref. */
GHashTable *mappings_users(Services *services);
/* For a directory that is to be shared: what Yado itself lives in must not be reached by a guest. */
gboolean mappings_check_path(Services *services, const char *path, GError **error);
