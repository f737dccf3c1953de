/* What the preset of an operating system (preset/) decides in a new guest. */
#pragma once
#include <json-c/json.h>

#include "guest/services.h"

typedef gboolean (*MayUseImage)(const char *name, gconstpointer who);
/* On whose behalf an image is taken that nobody has named. */
typedef struct Asker {
	MayUseImage may_use;
	gconstpointer who;
} Asker;

/* The system is the one that `input` names, else that of its image, else that of an ISO in its CD drives; without any,
 * nothing is decided. It is set in the input as `os`, with all that the preset decides where the client gave nothing.
 * image: the document of the input's image, whose disk the input has already; may be NULL. chosen: as preset_fill() has
 * it. */
gboolean choose_by_system(Services *services, json_object *image, const Asker *asker, json_object *input,
			  json_object *chosen, GError **error);
