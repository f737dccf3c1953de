/* Streams of events: a task that is followed, and everything that happens. */
#pragma once
#include "api/server.h"
#include "guest/services.h"

/* Hooks into the store, the guests and the tasks. */
void events_start(Services *services);
void events_stop(Services *services);

/* Sends {"task":…} and {"log":…} until the task has ended, then ends the stream. Takes a reference of the stream. */
void events_follow_task(Services *services, Stream *stream, gint64 task);
