/* A stream of events: a WebSocket whose text messages become event frames. */
#pragma once
#include "remote/transfer.h"

void follow_events(Remote *remote, Frame *request);
