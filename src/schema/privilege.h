/* Privileges: what a person may do, each asked on a path ("/vms/100"). Roles are sets of them (schema/tables/access.c
 * has the table of roles, access/ who has which where). */
#pragma once
#include <glib.h>

typedef enum Privilege {
	PRIVILEGE_NONE, /* nothing has to be granted */
	PRIVILEGE_VM_READ,
	PRIVILEGE_VM_POWER,
	PRIVILEGE_VM_CONSOLE,
	PRIVILEGE_VM_GUEST,
	PRIVILEGE_VM_CONFIGURE,
	PRIVILEGE_VM_CREATE,
	PRIVILEGE_VM_DELETE,
	PRIVILEGE_IMAGE_READ,
	PRIVILEGE_IMAGE_MANAGE,
	PRIVILEGE_STORAGE_READ,
	PRIVILEGE_STORAGE_USE,
	PRIVILEGE_STORAGE_MANAGE,
	PRIVILEGE_NETWORK_USE,
	PRIVILEGE_MAPPING_READ,
	PRIVILEGE_MAPPING_USE,
	PRIVILEGE_MAPPING_MANAGE,
	PRIVILEGE_NODE_READ,
	PRIVILEGE_NODE_MANAGE,
	PRIVILEGE_HISTORY_READ,
	PRIVILEGE_HISTORY_RESTORE,
	PRIVILEGE_METRICS_READ,
	PRIVILEGE_ACCESS_READ,
	PRIVILEGE_ACCESS_MANAGE,
	PRIVILEGE_AUDIT_READ,
	PRIVILEGE_COUNT,
} Privilege;

/* A set of privileges: bit N is Privilege N. */
typedef guint32 Privileges;
G_STATIC_ASSERT(PRIVILEGE_COUNT <= 32);
static inline Privileges privilege_bit(Privilege privilege)
{
	return (Privileges)1 << privilege;
}

typedef struct PrivilegeInfo {
	const char *name; /* "vm.power", stable */
	const char *help, *help_ja;
} PrivilegeInfo;
extern const PrivilegeInfo privileges[PRIVILEGE_COUNT];

/* PRIVILEGE_NONE if there is none of that name. */
Privilege privilege_from_name(const char *name);
/* As a FieldCheck: completes "must …". */
const char *check_privilege(const char *value);

/* Roles that are always there and cannot be changed. */
typedef struct BuiltinRole {
	const char *name;
	Privileges privileges;
	const char *help, *help_ja;
} BuiltinRole;
extern const BuiltinRole builtin_roles[]; /* ends with a NULL name */
