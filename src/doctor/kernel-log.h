/* The kernel's log of this boot. */
#pragma once
#include "doctor/host.h"

/* A line a message, "[seconds] text", the newest at the end; NULL with the reason. Caller frees both. */
char *kernel_log_read(const Host *host, char **ret_reason);
