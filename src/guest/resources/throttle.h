/* Limits of a guest's disks, in its process. */
#pragma once
#include <json-c/json.h>

#include "qemu/qmp.h"

/* Before the guest runs: those of all its disks. */
gboolean throttle_start(Qmp *qmp, json_object *document, GError **error);
/* Of one disk, from what it is limited to now. */
gboolean throttle_disk(Qmp *qmp, json_object *document, const char *key, GError **error);
