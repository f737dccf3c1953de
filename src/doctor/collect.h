/* What goes into a bundle. Each of these adds its files, or says what is missing; none fails. */
#pragma once
#include "doctor/archive.h"

void collect_files(const Host *host, Archive *archive);     /* of /proc, /sys, /etc */
void collect_commands(const Host *host, Archive *archive, gint64 deadline_us); /* what other programs say */
void collect_databases(const Host *host, Archive *archive); /* documents, changes, tasks */
void collect_guests(const Host *host, Archive *archive);    /* run records, QEMU's logs and arguments */
void collect_daemon(const Host *host, Archive *archive);    /* the processes of Yado, and its directories */
