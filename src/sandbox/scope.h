/* Transient scopes: systemd's units for processes that somebody else has started. */
#pragma once
#include <glib.h>
#include <sys/types.h>

#include "sandbox/cgroup.h"

typedef struct UnitScope {
	const char *unit;        /* "yado-vm-100.scope" */
	const char *description; /* for people */
	const char *slice;       /* "yado-guests.slice"; NULL: system.slice */
	const char *const *before, *const *after; /* units, NULL-terminated; NULL: none */
	CpuBounds cpu; /* weight 0: as systemd has it */
} UnitScope;

/* Has systemd make the scope around these processes, and waits until that is done; below it the groups are ours. A
 * former scope of the name, whose last process has just ended, is waited for. ERROR_UNAVAILABLE when systemd cannot be
 * asked, or takes in no more since the machine goes down; ERROR_TIMEOUT. */
gboolean scope_start(const UnitScope *scope, const pid_t *pids, guint count, guint timeout_ms, GError **error);
/* Has systemd bound what is in the scope, until it ends; bounds that are written past systemd are lost when it next
 * writes its own. ERROR_NOT_FOUND without such a scope. */
gboolean scope_set_cpu(const char *unit, const CpuBounds *bounds, guint timeout_ms, GError **error);
