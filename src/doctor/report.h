/* A report from its beginning to its end; for who runs the checks. */
#pragma once
#include "doctor/check.h"

Report *report_new(const Check *check);
void report_free(Report *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Report, report_free)
void report_late(Report *report, guint deadline_ms);
json_object *report_items(const Report *report); /* borrowed */
guint report_count(const Report *report, State state);
