/* What is known of one task, as plain values: the same for a live task, a row of the database and an answer. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "task/task.h"

typedef struct Record {
	gint64 id;
	char *kind, *object, *user;
	TaskState state;
	gint64 created_us, started_us, ended_us; /* UTC, microseconds; 0: not yet */
	guint64 done, total;
	char *unit;
	gint64 eta_s; /* -1: unknown */
	char *step;
	char *result, *error; /* JSON text, or NULL */
	gboolean interrupted; /* a former daemon ended while this ran */
	gboolean cancelling;  /* was asked to stop */
} Record;

Record *record_dup(const Record *record);
void record_clear(Record *record); /* frees what it holds */
void record_free(Record *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Record, record_free)

/* As the API shows it; new reference. */
json_object *record_to_json(const Record *record);

const char *task_state_name(TaskState state);
/* FALSE if there is no such state. */
gboolean task_state_from_name(const char *name, TaskState *ret_state);
gboolean task_state_ended(TaskState state);
/* Whether the table of states has the step from one to the other. */
gboolean task_state_allowed(TaskState from, TaskState to);
/* "2026-01-31T08:15:00.123Z"; caller frees. */
char *task_time_text(gint64 time_us);
