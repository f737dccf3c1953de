/* A guest's firmware: OVMF's files, and the volumes that keep its variables and the TPM's state. Both lie with the
 * first disk when they are made, and are deleted with the guest. */
#pragma once
#include <json-c/json.h>

#include "guest/services.h"

/* The file of the node that the guest's UEFI runs from; an error says what to install. -1 or a descriptor (caller
 * closes). */
int firmware_open_code(json_object *document, GError **error);
/* The storage that has the guest's volume of that role ("firmware", "tpm"), wherever the disks have gone since it was
 * made. ERROR_CONFLICT if there is none. Caller frees, as the volume's name. */
char *firmware_find_volume(Services *services, gint64 vm, const char *role, GError **error);
char *firmware_volume_name(gint64 vm, const char *role);
int firmware_open_volume(Services *services, gint64 vm, const char *role, GError **error);
/* With less memory OVMF crashes: at once, or where it unpacks a kernel and its RAM disk to start them directly. */
gint64 firmware_memory_min(gboolean kernel);
/* Whether this node can give the guest what its document asks of the firmware; `present` (may be NULL): what it had is
 * not looked for again. */
gboolean firmware_check(json_object *present, json_object *document, GError **error);
/* The volumes that the document asks for and the guest does not have: role names, ended by NULL. Free with g_free. */
const char **firmware_missing(Services *services, json_object *document);
gboolean firmware_create_missing(Services *services, Task *task, json_object *document, GError **error);
