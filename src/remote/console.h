/* A console: the command gets a descriptor, behind which a process of its own carries its bytes over a WebSocket. */
#pragma once
#include "remote/transfer.h"

gboolean console_is_asked_for(const Frame *request);
void console_open(Remote *remote, Frame *request);
