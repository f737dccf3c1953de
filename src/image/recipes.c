/* What recipes there are, and what they take; see recipes.h. They are read when they are asked for, so that one that is
 * put there can be used at once. */
#include "image/recipes.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "schema/schema.h"

enum { RECIPE_MAX_BYTES = 16 << 10 };

static gboolean is_parameter(const char *name)
{
	return strcmp(name, "recipe") && strcmp(name, "name") && schema_find(&image_build_table, name);
}

static gboolean has(json_object *recipe, const char *list, const char *name)
{
	json_object *names = json_get(recipe, list);
	for (gsize i = 0; names && i < json_object_array_length(names); i++)
		if (!strcmp(json_object_get_string(json_object_array_get_idx(names, i)), name))
			return TRUE;
	return FALSE;
}

static gboolean check_parameters(json_object *recipe, const char *list, GError **error)
{
	json_object *names = json_get(recipe, list);
	for (gsize i = 0; names && i < json_object_array_length(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));
		if (is_parameter(name))
			continue;
		error_set(error, ERROR_INVALID, NULL, "'%s' in its %s is no parameter of an image's build", name, list);
		return FALSE;
	}
	return TRUE;
}

static gboolean check_description(json_object *recipe, GError **error)
{
	if (json_get(recipe, "description"))
		return TRUE;
	error_set(error, ERROR_INVALID, NULL, "it has no description");
	return FALSE;
}

/* What the recipe sets is checked like what a client sends. */
static gboolean check_sets(json_object *recipe, GError **error)
{
	json_object *sets = json_get(recipe, "sets");
	if (!sets)
		return TRUE;
	if (!json_object_is_type(sets, json_type_object)) {
		error_set(error, ERROR_INVALID, NULL, "its 'sets' is no object");
		return FALSE;
	}
	json_auto json_object *input = json_copy(sets);
	json_set_str(input, "recipe", json_get_str(recipe, "name", ""));
	json_auto json_object *whole = schema_create(&image_build_table, input, error);
	return whole != NULL;
}

static json_object *read_recipe(ImageContext *context, const char *name, GError **error)
{
	g_autofree char *path = g_build_filename(context->recipe_dir, name, "recipe.json", NULL);
	g_autofree char *text = NULL;
	gsize length;
	if (!file_read(path, RECIPE_MAX_BYTES, &text, &length, error))
		return NULL;
	json_auto json_object *recipe = json_parse(text, length, error);
	if (recipe && json_object_is_type(recipe, json_type_object))
		json_set_str(recipe, "name", name);
	if (!recipe || !schema_check(&recipe_table, recipe, error) || !check_description(recipe, error) ||
	    !check_parameters(recipe, "needs", error) || !check_parameters(recipe, "takes", error) ||
	    !check_sets(recipe, error)) {
		g_prefix_error(error, "'%s': ", path);
		return NULL;
	}
	return json_object_get(recipe);
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of the directories with a recipe.json, sorted. */
static GPtrArray *recipe_names(ImageContext *context, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	DIR *dir = opendir(context->recipe_dir);
	if (!dir) {
		error_set_errno(error, errno, "cannot read the recipes' directory '%s'", context->recipe_dir);
		return NULL;
	}
	for (struct dirent *entry; (entry = readdir(dir));) {
		g_autofree char *path = g_build_filename(context->recipe_dir, entry->d_name, "recipe.json", NULL);
		if (!schema_check_key(entry->d_name) && g_file_test(path, G_FILE_TEST_IS_REGULAR))
			g_ptr_array_add(names, g_strdup(entry->d_name));
	}
	closedir(dir);
	g_ptr_array_sort(names, compare_names);
	return g_steal_pointer(&names);
}

json_object *recipe_get(ImageContext *context, const char *name, GError **error)
{
	g_autoptr(GPtrArray) names = recipe_names(context, error);
	if (!names)
		return NULL;
	for (guint i = 0; i < names->len; i++)
		if (!strcmp(names->pdata[i], name))
			return read_recipe(context, name, error);
	g_ptr_array_add(names, NULL);
	g_autofree char *known = g_strjoinv(", ", (char **)names->pdata);
	g_autofree char *hint = g_strdup_printf("there are %s; 'yado image recipes' tells what they make", known);
	error_set_field(error, ERROR_NOT_FOUND, "recipe", hint, "there is no recipe '%s'", name);
	return NULL;
}

json_object *recipes_list(ImageContext *context, GError **error)
{
	g_autoptr(GPtrArray) names = recipe_names(context, error);
	if (!names)
		return NULL;
	json_auto json_object *recipes = json_object_new_array();
	for (guint i = 0; i < names->len; i++) {
		json_object *recipe = read_recipe(context, names->pdata[i], error);
		if (!recipe)
			return NULL;
		json_object_array_add(recipes, recipe);
	}
	return json_object_get(recipes);
}

gboolean recipe_check(ImageContext *context, json_object *input, GError **error)
{
	const char *name = json_get_str(input, "recipe", "");
	json_auto json_object *recipe = recipe_get(context, name, error);
	if (!recipe)
		return FALSE;
	json_object *needs = json_get(recipe, "needs");
	for (gsize i = 0; needs && i < json_object_array_length(needs); i++) {
		const char *parameter = json_object_get_string(json_object_array_get_idx(needs, i));
		if (json_get(input, parameter))
			continue;
		error_set_field(error, ERROR_INVALID, parameter, NULL, "recipe '%s' needs %s", name, parameter);
		return FALSE;
	}
	json_object_object_foreach (input, key, value) {
		if (!value || !is_parameter(key) || has(recipe, "needs", key) || has(recipe, "takes", key))
			continue;
		const char *program = json_get_str(recipe, "program", NULL);
		g_autofree char *hint =
			json_get(json_get(recipe, "sets"), key)
				? g_strdup_printf("it is always %s there; use recipe '%s' for another",
						  json_object_get_string(json_get(json_get(recipe, "sets"), key)),
						  program ? program : name)
				: g_strdup("'yado image recipes' shows what each takes");
		error_set_field(error, ERROR_INVALID, key, hint, "recipe '%s' takes no %s", name, key);
		return FALSE;
	}
	return TRUE;
}

char *recipe_program(ImageContext *context, json_object *recipe)
{
	const char *owner = json_get_str(recipe, "program", json_get_str(recipe, "name", ""));
	return g_build_filename(context->recipe_dir, owner, "build", NULL);
}

static char *value_text(json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return g_strdup(json_object_get_string(value));
	GString *text = g_string_new(NULL);
	for (gsize i = 0; i < json_object_array_length(value); i++)
		g_string_append_printf(text, "%s%s", i ? "," : "",
				       json_object_get_string(json_object_array_get_idx(value, i)));
	return g_string_free(text, FALSE);
}

char **recipe_parameters(json_object *recipe, json_object *input)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
	for (const Field *field = image_build_table.fields; field->name; field++) {
		json_object *value = json_get(json_get(recipe, "sets"), field->name);
		if (!value)
			value = json_get(input, field->name);
		if (!value || !is_parameter(field->name))
			continue;
		g_autofree char *text = value_text(value);
		g_ptr_array_add(words, g_strdup_printf("%s=%s", field->name, text));
	}
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}
