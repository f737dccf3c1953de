/* Settings that do nothing in the guest as it is: they are no mistake, and whoever makes one is told. */
#pragma once
#include "guest/services.h"

/* Adds a sentence to `effects`, and to `effects_ja` in Japanese, for each that `document` has and `before` (NULL: a new
 * guest) had not in this way. */
void no_effect_tell(Services *services, json_object *before, json_object *document, json_object *effects,
		    json_object *effects_ja);
