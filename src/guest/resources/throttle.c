/* Limits of a guest's disks, in its process. */
#include "guest/resources/throttle.h"

#include "base/json.h"
#include "qemu/throttle.h"

enum { COMMAND_TIMEOUT_MS = 10000 };

gboolean throttle_disk(Qmp *qmp, json_object *document, const char *key, GError **error)
{
	return qmp_do(qmp, "block_set_io_throttle", qemu_disk_throttle(document, key), COMMAND_TIMEOUT_MS, error);
}

gboolean throttle_start(Qmp *qmp, json_object *document, GError **error)
{
	json_object *disks = json_get(document, "disks");
	if (!disks)
		return TRUE;
	json_object_object_foreach (disks, key, disk)
		if (qemu_disk_is_limited(disk) && !throttle_disk(qmp, document, key, error))
			return FALSE;
	return TRUE;
}
