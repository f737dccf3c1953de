/* Why a guest is in its state, in the reader's language. */
#pragma once
#include <json-c/json.h>

/* From an object with "reason" (English, for people) and "reason_code" (stable): the reason as it is in English; in
 * Japanese by its code, with the English text behind it where that has details. Safe for a terminal. Caller frees. */
char *reason_text(json_object *status);
