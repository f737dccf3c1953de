/* Small read-only drives from a few files, made by yado-seed in a cage. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* files: name -> text. The drive (ISO 9660) as a sealed file in memory; -1 on failure. Takes some milliseconds. */
int seed_make(const char *run_root, const char *label, json_object *files, GError **error);
