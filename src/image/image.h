/* The image library: DIR/NAME/BUILD/{disk,kernel,kernel-efi,initrd,manifest.json}. A build is never changed after it
 * was published (renamed into place); guests keep using the build that they were made with. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "store/store.h"
#include "task/task.h"

typedef struct ImageContext { /* lent */
	Store *store;
	const char *dir;        /* library, "STATE/images" */
	const char *run_dir;    /* for workers */
	const char *recipe_dir; /* where the recipes' scripts are ("share/yado/recipes") */
} ImageContext;

/* What an image is made of, lent. */
typedef struct ImageSource {
	int fd;             /* a regular file, read-only */
	const char *path;   /* of an upload: nobody changes it, so it need not be copied. NULL: somebody else's file */
	const char *digest; /* the SHA-256 that it should have, or NULL */
} ImageSource;
/* Imports: inspects the file in a worker, refuses hostile headers, converts disks to qcow2, hashes (SHA-256;
 * ERROR_INVALID if another digest was announced), publishes, commits "image/NAME". input: a valid document of
 * image_table. */
gboolean image_import(ImageContext *context, Task *task, json_object *input, const ImageSource *source, GError **error);
/* Runs the recipe's program, which gets an output directory and writes files and manifest.json, publishes and commits.
 * input: a valid document of image_build_table, which recipe_check() has let through. */
gboolean image_build(ImageContext *context, Task *task, json_object *input, GError **error);
/* Removes the document and each build that no guest needs. Refuses (ERROR_CONFLICT naming the guests) while a guest's
 * kernel.image or a CD drive is the image. */
gboolean image_delete(ImageContext *context, Task *task, const char *name, GError **error);
/* FALSE with ERROR_CONFLICT, naming the guests, while the image may not be deleted. */
gboolean image_check_unused(ImageContext *context, const char *name, GError **error);
/* file: "disk" (always qcow2, or raw for an ISO), "initrd", "kernel" (ELF with a PVH entry: starts fastest, from BIOS
 * only, and shows nothing on a VGA console), "kernel-efi" (bzImage: for UEFI, and where a VGA console is wanted).
 * build NULL: the present one. Caller closes. */
int image_open(ImageContext *context, const char *name, const char *build, const char *file, GError **error);
json_object *image_get(ImageContext *context, const char *name, GError **error); /* document; new reference */
/* Rolls back or forward what a crash left: removes unpublished directories and builds that nothing names. */
gboolean image_recover(ImageContext *context, Task *task, json_object *steps, GError **error);
