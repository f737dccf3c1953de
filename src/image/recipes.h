/* The recipes of this node: RECIPES/NAME/recipe.json says what one makes and which parameters of an image-build it
 * takes; RECIPES/NAME/build is its program. A recipe without a program of its own names another's and sets parameters
 * of it. */
#pragma once
#include "image/image.h"

/* The recipe's document (recipe_table); new reference. ERROR_NOT_FOUND with the names that there are. */
json_object *recipe_get(ImageContext *context, const char *name, GError **error);
/* All of them by name, as an array of documents; one that cannot be read is an error. New reference. */
json_object *recipes_list(ImageContext *context, GError **error);
/* Whether what is asked for (a valid document of image_build_table) has all that its recipe needs and nothing that it
 * does not take. ERROR_NOT_FOUND, ERROR_INVALID with the field. */
gboolean recipe_check(ImageContext *context, json_object *input, GError **error);
/* The program's path, and its parameters as words "suite=bookworm"; callers free. */
char *recipe_program(ImageContext *context, json_object *recipe);
char **recipe_parameters(json_object *recipe, json_object *input);
