/* A file that comes as an answer. */
#pragma once
#include "cli/command.h"

/* Writes it beside `path` with the mode, and gives it that name when all has come: no part is taken for the whole.
 * `what` is what the messages call it. */
gboolean download_save(Cli *cli, const char *what, const Reply *reply, const char *path, guint mode, GError **error);
/* A file that `write` fills, beside `path` and renamed like that. */
typedef gboolean (*DownloadWrite)(int file, const char *part, gpointer data, GError **error);
gboolean download_write(const char *path, guint mode, DownloadWrite write, gpointer data, GError **error);
