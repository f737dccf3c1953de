/* What a guest has taken of the host's devices, as a file beside its process: a mapping may mean another device by the
 * time that the guest ends, and the guest's end may be seen by another daemon than its start.
 *
 *   {"pci":{KEY:{"address","group","bound"}},"usb":{KEY:{"port","node"}}}
 *
 * bound: it was taken from another driver than vfio-pci. It is written before a device is touched. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* An empty object if there is none. New reference. */
json_object *taken_read(const char *run_dir);
gboolean taken_write(const char *run_dir, json_object *taken, GError **error);

/* Entries as they stand in the file, before they are taken. New references; NULL: the device is not there. */
json_object *taken_describe_pci(const char *sysfs, const char *address, int group);
json_object *taken_describe_usb(const char *sysfs, json_object *mapping, GError **error);

/* Whether both mean one device, or devices that only go together. part: "pci" or "usb". */
gboolean taken_overlaps(const char *part, json_object *one, json_object *other);

/* The host has the device back: its drivers look at it again. Nobody may have it open any more. */
gboolean taken_return(const char *sysfs, const char *part, json_object *entry, GError **error);
