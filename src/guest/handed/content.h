/* Whether what is handed over can be read by those it is for. */
#pragma once
#include "guest/handed/handed.h"

/* A checked request of user-data or of an installer's answers. ERROR_INVALID with the field "content": it is too long,
 * or its reader would take nothing from it, or something else than it says. */
gboolean handed_check_content(Handed what, json_object *request, GError **error);
