/* The files of a bundle, kept in memory until it is written. */
#pragma once
#include <glib.h>

#include "doctor/host.h"

enum {
	ARCHIVE_MAX = 48 << 20,   /* of all files; further ones are left out */
	ARCHIVE_FILE_MAX = 4 << 20,
};

typedef struct Archive Archive;

Archive *archive_new(void);
void archive_free(Archive *archive);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_free)
/* Adds a text, after taking out what looks like a secret and cutting it to ARCHIVE_FILE_MAX (its end is kept); `what` says
 * what it is, for the index. */
void archive_add(Archive *archive, const char *name, const char *what, const char *text, gsize length);
/* Something that should be in the bundle is not. */
void archive_miss(Archive *archive, const char *name, const char *what, const char *reason);
/* Writes all as tar.gz below a directory, its README first; FALSE if that failed. */
gboolean archive_write(Archive *archive, const char *directory, const char *intro, int output);
