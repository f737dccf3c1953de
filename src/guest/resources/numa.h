/* Where on the host the guest's NUMA nodes are: whose memory they have, and on which CPUs their processors run. */
#pragma once
#include <json-c/json.h>

#include "qemu/processors.h"

/* Whether `numa` of a document names nodes of the guest, and nodes that this host has and that are large enough; the
 * latter is not asked again of what is as in `present` (may be NULL). The error names the field. */
gboolean numa_check(const Processors *processors, json_object *present, json_object *document, GError **error);
/* Whether each of the host's nodes has as many huge pages free as are bound to it; ERROR_CONFLICT says how to set them.
 * root: "", or where a test has its own /sys. */
gboolean numa_check_pages(const char *root, json_object *document, GError **error);

/* The guest's node that one of its virtual CPUs is in. */
guint numa_node_of_cpu(json_object *document, gint64 cpu);
/* The CPUs of the host that the processors of one of the guest's nodes run on: those of `cpu.pin`, or else those of the
 * host's nodes that it is on; of these the ones of `cpu.kind`. */
gboolean numa_choose_cpus(const Processors *processors, json_object *document, guint node, Cpus *ret_cpus,
			  GError **error);
/* What comes of it for one of the guest's nodes, as a sentence for a plan; NULL: it is not placed. Caller frees both. */
char *numa_explain(const Processors *processors, json_object *document, guint node, char **ret_text_ja);
