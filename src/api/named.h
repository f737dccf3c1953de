/* Documents that are known by their names, which nothing but the store keeps: storages, mappings. */
#pragma once
#include "api/route.h"

/* The one that the first argument names; ERROR_NOT_FOUND. Free with doc_free. */
Doc *named_find(Call *call, const char *kind, GError **error);
/* ERROR_EXISTS if there is one. */
gboolean named_check_free(Call *call, const char *kind, const char *name, GError **error);
/* Answers the plan, refuses (`refusal` is freed; NULL: nothing stands in the way), or deletes it. To end a handler with. */
gboolean named_forget(Call *call, const char *kind, const Doc *doc, GError *refusal, const char *effect, GError **error);
