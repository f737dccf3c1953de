/* What yado-httpd tells on stderr: whole lines, no secrets, and not more than a bounded number a minute, as most of
 * them are caused by strangers. */
#pragma once
#include <glib.h>

void log_set_debug(gboolean debug);
void log_debug(const char *format, ...) G_GNUC_PRINTF(1, 2);
void log_warning(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* Not bounded: what the program itself does. */
void log_message(const char *format, ...) G_GNUC_PRINTF(1, 2);
