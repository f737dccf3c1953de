/* /presets: what is recommended for guests of each operating system. They are the same for everybody. */
#include "api/route.h"
#include "base/error.h"
#include "preset/preset.h"
#include "schema/schema.h"

static gboolean list_presets(Call *call, GError **error)
{
	json_object *items = json_object_new_array();
	const GPtrArray *presets = presets_all();
	for (guint i = 0; i < presets->len; i++)
		json_object_array_add(items, preset_describe(presets->pdata[i], FALSE));
	return answer_page(call, items, error);
}

static gboolean get_preset(Call *call, GError **error)
{
	const Preset *preset = preset_find(call->args[0], NULL);
	if (preset)
		return answer_json(call, 200, preset_describe(preset, TRUE));
	error_set(error, ERROR_NOT_FOUND, "'yado preset list' shows what there is", "there is no preset '%s'", call->args[0]);
	return FALSE;
}

const Route preset_routes[] = {
	{"GET", "/presets", list_presets, "operating systems that there are presets for", PRIVILEGE_NONE, SCOPE_SELF,
	 .query = LIST_QUERY, .answer = ANSWER_LIST, .result = &preset_table,
	 .summary_ja = "OSのプリセットの一覧"},
	{"GET", "/presets/{}", get_preset, "what a preset decides, and why", PRIVILEGE_NONE, SCOPE_SELF,
	 .answer = ANSWER_DOCUMENT, .result = &preset_table,
	 .summary_ja = "プリセットが決める値とその理由"},
	{NULL},
};
