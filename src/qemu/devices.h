/* Parts of the command line that are made in devices.c and used by command.c. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* {"driver":…,"node-name":…,"read-only":…,"file":{…/dev/fdset/N}}: an image behind a descriptor. format "raw" or
 * "qcow2"; takes over nothing. */
json_object *qemu_file_blockdev(const char *format, const char *node, const char *file_node, int fdset,
				gboolean read_only);
/* Drive without bootindex; the medium is in it if the document names one. */
json_object *qemu_cdrom_device(json_object *vm, const char *key);
/* The drives that are made for the guest ("cloud_init", "answers"): read-only, and not booted from. */
json_object *qemu_handed_blockdev(const char *name, int fdset);
json_object *qemu_handed_device(json_object *vm, const char *name);
/* The place of a device in the boot order, from 1; 0: not booted from. */
int qemu_boot_index(json_object *vm, const char *map, const char *key);
