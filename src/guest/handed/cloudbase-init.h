/* cloud-init's drive for Windows, where cloudbase-init reads it. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* Whether the guest's system is one that has cloudbase-init. */
gboolean cloudbase_reads(json_object *document);
/* Where the document is to get a drive and nobody has said how it hangs in the machine: on a bus that Windows knows.
 * os: what the guest is for; input: makes the document or changes it. TRUE: it was set; *ret_why…: static texts. */
gboolean cloudbase_choose_bus(const char *os, json_object *present, json_object *input, const char **ret_why,
			      const char **ret_why_ja);
/* Whether it does all that the document hands over; ERROR_UNSUPPORTED with the field. present: may be NULL. */
gboolean cloudbase_check(json_object *present, json_object *document, GError **error);
/* The drive's files, made for cloud-init, in the words of cloudbase-init; `metadata`: what meta-data will say. */
void cloudbase_translate(json_object *document, gboolean own_user_data, json_object *metadata, json_object *files);
