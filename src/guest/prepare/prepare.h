/* Completing and checking a guest's document before it is committed: what a client left open is decided here, once,
 * and written down, so that no later change of a default alters an existing guest. Errors name the field. */
#pragma once
#include <json-c/json.h>

#include "guest/prepare/choose.h"
#include "guest/services.h"

/* What a client sent, with what the image, the preset of its system (choose.h), the node and chance decide. The id and
 * the volumes' names are still missing. chosen: as preset_fill() has it. New reference. */
json_object *prepare_create(Services *services, json_object *input, const Asker *asker, json_object *chosen,
			    GError **error);
/* The present document changed by a merge patch, new devices completed. New reference. */
json_object *prepare_change(Services *services, json_object *present, json_object *patch, GError **error);
/* Names the volumes of disks that have none yet: "vm-ID-KEY", with a number where a detached volume has that name. */
void prepare_name_volumes(Services *services, json_object *document, gint64 id);
/* A MAC address that no guest has, and a disk's serial number; caller frees. */
char *prepare_random_mac(Services *services);
char *prepare_random_serial(void);
/* An image of one of the kinds (kind_b may be NULL); the error names the field. New reference. */
json_object *prepare_find_image(Services *services, const char *name, const char *kind_a, const char *kind_b,
				const char *field, GError **error);
/* The volume that a disk of the document names; the error names its field. New reference. */
json_object *prepare_find_volume(Services *services, const char *key, json_object *disk, GError **error);

/* Everything about a complete document that the table alone cannot know: storages, images, bridges, machine, CPU model,
 * memory in whole MiB, boot order, and that QEMU's command line can be built. `present` (may be NULL): what is as it
 * was there is not checked against the outside again. */
gboolean prepare_check(Services *services, json_object *present, json_object *document, GError **error);
/* Of that: whether this node's QEMU has the machine version; a start asks that too. */
gboolean prepare_check_machine(Services *services, json_object *document, GError **error);
/* Of that: graphics, watchdog, sound and vsock (what this node's QEMU and kernel have), and limits of network cards. */
gboolean prepare_check_devices(Services *services, json_object *present, json_object *document, GError **error);
/* Of that: what cloud-init is told of the network, each field in sense with the others. */
gboolean prepare_check_cloud_init(json_object *document, GError **error);
