/* Settings that do nothing in the guest as it is: they are no mistake, and whoever makes one is told. */
#pragma once
#include "guest/vm.h"

/* Those of a guest, as vm_status_table has them: [{"field","why","why_ja"}]. NULL: none. New reference. The first time
 * for each revision of its document they are looked for, and QEMU may be asked meanwhile. */
json_object *no_effect_describe(Vm *vm);
gboolean no_effect_is_known(Vm *vm); /* whether that was done */

/* Adds a sentence to `effects`, and to `effects_ja` in Japanese, for each that `document` has and `before` (NULL: a new
 * guest) had not in this way. */
void no_effect_tell(Services *services, json_object *before, json_object *document, json_object *effects,
		    json_object *effects_ja);
