/* Merging of equal pages by the node's kernel. root: "", or where a test has its own /sys. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* "on", "off" or "absent"; static. */
const char *ksm_state(const char *root);
/* What there is of it, into a node's memory. */
void ksm_describe(const char *root, json_object *memory);

/* Whether it can be made what is wanted: "on", "off", "leave". ERROR_UNSUPPORTED with the field. */
gboolean ksm_check(const char *root, const char *node, const char *wanted, GError **error);
/* Makes it so. *ret_before: for ksm_restore(). */
gboolean ksm_apply(const char *root, const char *wanted, gint64 *ret_before, GError **error);
void ksm_restore(const char *root, gint64 before);
