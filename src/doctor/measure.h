/* How much room a directory's file system has, and how quick it is. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "doctor/host.h"

/* In a process of its own, so that a file system that does not answer hangs nobody else. {"device","total","free","inodes",
 * "inodes_free","read_only"} and, if the speed was asked for, {"sync_us","read_bps","write_bps"} where they could be
 * measured, or {"error"}. New reference; NULL if it did not end in time. */
json_object *measure_directory(const Host *host, const char *path, gboolean speed, guint timeout_ms);
/* What that process does: prints the same as one line. */
int measure_main(const char *path, gboolean speed);
