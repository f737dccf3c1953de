/* Limits of a disk's requests and bytes. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* Arguments of block_set_io_throttle; without limits those that take all off. New reference. */
json_object *qemu_disk_throttle(json_object *vm, const char *key);
gboolean qemu_disk_is_limited(json_object *disk);
/* Whether the field of a disk is one of the limits. */
gboolean qemu_is_disk_limit(const char *field);
/* ERROR_INVALID where limits of the disk contradict each other; the error names the field. */
gboolean qemu_check_throttle(const char *key, json_object *disk, GError **error);
