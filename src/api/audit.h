/* What the API writes into the audit log. */
#pragma once
#include "api/route.h"

/* After the handler, before the answer goes out. failure NULL: it is in the response. */
void audit_call(Call *call, const GError *failure);
