/* Streams that follow one task: its log and its state, until it has ended. */
#pragma once
#include "api/server.h"
#include "guest/services.h"

/* Sends {"task":…} and {"log":…} until the task has ended, then ends the stream. Takes references. ERROR_TOO_MANY. */
gboolean task_follow(Services *services, Stream *stream, Principal *principal, gint64 task, GError **error);
/* There is something new of it. */
void task_follow_notify(Services *services, gint64 task);
/* Gives up the streams of those who may not see their task any more. */
void task_follow_check(Services *services);
void task_follow_stop(void);
