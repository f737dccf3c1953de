/* Measurements, for people. */
#pragma once
#include "cli/command.h"

/* A guest's or node's over a span: least, mean, greatest and last value of each series, and a graph of it. `path` is
 * below /api/v1 ("/vms/100"), `table` that of the answer. */
Exit measurements_show(Cli *cli, const char *path, const char *span, const Table *table);
/* As they are made: the first one, or (watch) until the connection ends. */
Exit measurements_follow(Cli *cli, const char *path, gboolean watch, const Table *table);
