/* A line that tells how far a file has come on its way: redrawn on a terminal; elsewhere its steps with --verbose. */
#pragma once
#include "cli/command.h"

typedef struct Bytes {
	Cli *cli;
	gboolean live;
	gint64 begun_us, drawn_us, begun_at; /* of the present step, and where it began */
	char *step;
} Bytes;

Bytes *bytes_new(Cli *cli);
void bytes_free(Bytes *bytes); /* takes the line away */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bytes, bytes_free)
/* step: "digest", "upload", "retry", "download". */
void bytes_show(Bytes *bytes, const char *step, gint64 done, gint64 total);
/* As a ClientProgress; data is the Bytes. */
void bytes_on_progress(json_object *progress, gpointer data);
