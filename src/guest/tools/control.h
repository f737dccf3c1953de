/* Setting things in a guest. */
#pragma once
#include "guest/vm.h"

/* The password is nowhere kept or told. */
gboolean tools_set_password(Vm *vm, const char *user, const char *password, GError **error);
/* Sets the guest's clock to the node's; as guest_time_table. New reference. */
json_object *tools_sync_time(Vm *vm, GError **error);
