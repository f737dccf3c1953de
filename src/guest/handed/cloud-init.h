/* What cloud-init is to find on its drive (NoCloud:
 * https://docs.cloud-init.io/en/22.4.2/topics/datasources/nocloud.html), made from a guest's document. Pure. */
#pragma once
#include <json-c/json.h>

/* Name of file -> its text, as a JSON object; new reference. password_hash and user_data may be NULL. */
json_object *cloud_init_files(json_object *document, const char *password_hash, const char *user_data);
