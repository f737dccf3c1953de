/* How import and recipes put a build into the library; see library.c. */
#pragma once
#include "image/image.h"

/* A directory that is filled before it becomes a build. Cleared, it is removed with all that is in it. */
typedef struct Stage {
	char *path;
	Task *task;
} Stage;
/* Records the intent on the task, then makes the directory (0700). */
gboolean stage_init(Stage *stage, ImageContext *context, Task *task, const char *name, GError **error);
void stage_clear(Stage *stage);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Stage, stage_clear)

/* Makes what is in the stage durable, renames it to NAME/BUILD, commits the document (borrowed; complete but for
 * "build" and "created"), and removes builds of the name that no guest needs any more. expected_rev: as batch_put. */
gboolean library_publish(ImageContext *context, Stage *stage, json_object *document, const char *build,
	gint64 expected_rev, GError **error);
/* The document (caller frees) and its revision; NULL and REV_ABSENT if there is none. */
gboolean library_revision(ImageContext *context, const char *name, gint64 *ret_rev, Doc **ret_doc, GError **error);
/* Opens (or makes, 0600) a file of the stage. Caller closes. */
int stage_open(const Stage *stage, const char *file, int flags, GError **error);

enum { DIGEST_TEXT = 65 /* SHA-256 in hex and NUL */, BUILD_LENGTH = 16 };
