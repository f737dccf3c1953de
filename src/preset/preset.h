/* What the makers of Yado recommend for the guests of an operating system: hardware that the system has drivers for,
 * and why.
 *
 * The recommendations are data (presets.json), a part of the program. They are taken over into a guest's document when
 * it is made, so another release of Yado with other recommendations changes no guest that there is. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* A value of one field of a guest's document. In `field` a '*' stands for each entry of a map: "disks.*.bus". */
typedef struct PresetChoice {
	char *field;
	json_object *value;  /* never handed out: json-c's counts are not atomic */
	const char *why, *why_ja;
} PresetChoice;

typedef struct Preset {
	const char *name, *title, *title_ja;
	const char *group, *group_title, *group_title_ja;
	GPtrArray *usual;   /* PresetChoice */
	GPtrArray *copied;  /* instead, for disks that come with a system on them */
	/* instead, where the disk of drivers below is at hand and the system is yet to be installed */
	GPtrArray *drivers;
	/* of the images that hold such a disk (their `os`, or how their name begins); NULL: it needs none */
	const char *drivers_os;
	const char *drivers_cdrom; /* the drive that it is put into */
	const char *drivers_why, *drivers_why_ja;
} Preset;

/* In the order in which people should see them; made once, never freed. */
const GPtrArray *presets_all(void);
/* Borrowed; NULL with ERROR_INVALID, which says where to look. */
const Preset *preset_find(const char *name, GError **error);
/* Whether an image can be of that: the name of a preset, or a disk of drivers. ERROR_INVALID otherwise. */
gboolean preset_check_os(const char *os, GError **error);
/* {"name", "title", …}, and with `settings` what it recommends, as preset_table has it. New reference. */
json_object *preset_describe(const Preset *preset, gboolean settings);

/* What the guest that is made is like, as far as it counts here. */
typedef struct PresetSituation {
	gboolean kernel;           /* started by its kernel: firmware has nothing to say */
	gboolean has_memory;       /* its image says how much it needs */
	const char *drivers_image; /* image of the disk of drivers; NULL: there is none */
} PresetSituation;

/* Sets what a client left open in `input` (what it sent to make a guest; may be wrong in any way, which is found out
 * later) and adds {"field", "value", "why", "why_ja"} for each to the array `chosen`. */
void preset_fill(const Preset *preset, const PresetSituation *situation, json_object *input, json_object *chosen);
/* One more entry of `chosen`; takes over the reference to the value. */
void preset_tell(json_object *chosen, const char *field, json_object *value, const char *why, const char *why_ja);
