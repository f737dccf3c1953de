/* Guest tools: what can be done inside a guest through its agent. What an agent answers is a guest's word: it is
 * bounded, checked for its types, and cleaned before anybody sees it. */
#pragma once
#include "guest/vm.h"

enum { TOOLS_TIMEOUT_MS = 5000 };

/* One command to the agent, which takes one at a time. arguments: reference is taken over, may be NULL. New reference.
 * ERROR_UNAVAILABLE without an agent; ERROR_UNSUPPORTED where it has or allows no such command. */
json_object *tools_ask(Vm *vm, const char *command, json_object *arguments, guint timeout_ms, GError **error);
/* Of any text: valid UTF-8, at most `most` bytes, what is not printable as '?'. Caller frees; NULL stays NULL. */
char *tools_clean(const char *text, gsize most);

/* --- tools-info.c --- */
/* As guest_info_table; what the agent does not say is null. */
json_object *tools_info(Vm *vm, GError **error);
/* Array of guest_filesystem_table. */
json_object *tools_filesystems(Vm *vm, GError **error);
/* The same of answers: guest-get-fsinfo's, the hardware's document, and query-pci's (may be NULL). Pure. */
json_object *tools_read_filesystems(json_object *fsinfo, json_object *hardware, json_object *pci);
/* The tools whose commands guest-info does not name or does not enable: array of names. Pure. */
json_object *tools_disabled(json_object *guest_info);

/* --- tools-control.c --- */
/* The password is nowhere kept or told. */
gboolean tools_set_password(Vm *vm, const char *user, const char *password, GError **error);
/* Sets the guest's clock to the node's; as guest_time_table. */
json_object *tools_sync_time(Vm *vm, GError **error);
