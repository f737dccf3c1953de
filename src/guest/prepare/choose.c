/* Finding the system that a new guest is for, and having its preset fill what is open. */
#include "guest/prepare/choose.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/handed/cloudbase-init.h"
#include "preset/preset.h"
#include "qemu/addresses.h"

/* The preset that the image names; NULL if it names none, or a release of Yado that knew others wrote it. */
static const Preset *preset_of_image(json_object *image)
{
	const char *os = json_get_str(image, "os", NULL);
	return os ? preset_find(os, NULL) : NULL;
}

/* Of the ISO in the first CD drive that has one of a system: what is to be installed. Caller frees *ret_image. */
static const Preset *preset_of_cdroms(Services *services, json_object *input, json_object **ret_image)
{
	json_object *cdroms = json_get(input, "cdroms");
	const Preset *preset = NULL;
	if (!json_object_is_type(cdroms, json_type_object))
		return NULL;
	g_autoptr(GPtrArray) keys = qemu_sorted_keys(cdroms);
	for (guint i = 0; i < keys->len && !preset; i++) {
		const char *name = json_get_str(json_get(cdroms, keys->pdata[i]), "image", NULL);
		json_auto json_object *image = name ? image_get(&services->image, name, NULL) : NULL;
		preset = preset_of_image(image);
		if (preset)
			*ret_image = json_object_get(image);
	}
	return preset;
}

static void tell_os(json_object *chosen, const Preset *preset, json_object *image)
{
	const char *name = json_get_str(image, "name", "");
	g_autofree char *why = g_strdup_printf("that is what image '%s' is of", name);
	g_autofree char *why_ja = g_strdup_printf("イメージ '%s' のOSのため", name);
	preset_tell(chosen, "os", json_object_new_string(preset->name), why, why_ja);
}

static gboolean holds_drivers(json_object *image, const char *os)
{
	const char *of = json_get_str(image, "os", NULL);
	return !strcmp(json_get_str(image, "kind", ""), "iso") &&
	       (of ? !strcmp(of, os) : g_str_has_prefix(json_get_str(image, "name", ""), os));
}

/* The newest image with those drivers that may be used; caller frees. NULL: none. */
static char *find_drivers(Services *services, const char *os, const Asker *asker)
{
	g_autoptr(GPtrArray) images = store_list(services->store, "image/", NULL);
	json_object *newest = NULL;
	for (guint i = 0; images && i < images->len; i++) {
		json_object *image = ((Doc *)images->pdata[i])->body;
		if (holds_drivers(image, os) && asker->may_use(json_get_str(image, "name", ""), asker->who) &&
		    strcmp(json_get_str(image, "created", ""), json_get_str(newest, "created", "")) > 0)
			newest = image;
	}
	return g_strdup(json_get_str(newest, "name", NULL));
}

gboolean choose_by_system(Services *services, json_object *image, const Asker *asker, json_object *input,
			  json_object *chosen, GError **error)
{
	const char *os = json_get_str(input, "os", NULL);
	json_auto json_object *medium = NULL;
	const Preset *preset = os ? preset_find(os, error) : preset_of_image(image);
	if (os && !preset)
		return FALSE;
	if (!preset && !image)
		preset = preset_of_cdroms(services, input, &medium);
	if (!preset)
		return TRUE;
	if (!os) {
		json_set_str(input, "os", preset->name);
		tell_os(chosen, preset, image ? image : medium);
	}
	PresetSituation situation = {.kernel = json_get(input, "kernel") != NULL,
				     .has_memory = json_get_int(image, "memory", 0) > 0};
	/* Something has to be there to install it on. */
	if (!json_get(input, "disks") && !situation.kernel) {
		json_object *disks = json_object_new_object();
		json_set(disks, "disk0", json_object_new_object());
		json_set(input, "disks", disks);
	}
	g_autofree char *drivers = preset->drivers_os ? find_drivers(services, preset->drivers_os, asker) : NULL;
	situation.drivers_image = drivers;
	preset_fill(preset, &situation, input, chosen);
	const char *why, *why_ja;
	if (cloudbase_choose_bus(preset->name, NULL, input, &why, &why_ja))
		preset_tell(chosen, "cloud_init.bus", json_object_new_string("sata"), why, why_ja);
	return TRUE;
}
