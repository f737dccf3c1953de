/* What this host is called, and where it is reached. */
#pragma once
#include <glib.h>

/* Its name, the name's first part, and the addresses of its interfaces, each once; NULL-terminated, caller frees
 * (g_strfreev). For a certificate: link-local addresses, which nobody can write into a URL, are left out. */
char **host_names(void);
