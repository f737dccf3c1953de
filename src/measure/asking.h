/* Questions to many QEMUs at once. */
#pragma once
#include "guest/run/counters.h"

typedef struct Asking Asking;
typedef struct Question Question;

Asking *asking_new(void);
/* Waits for the questions that are being asked, for half a second at most. */
void asking_free(Asking *asking);

/* For its disks' counters; with_agent: then the agent for those of its cards, for a later reading of the guest. Where
 * it is awaited, asking_wait() waits for the answer. */
Question *asking_ask(Asking *asking, Vm *vm, gboolean with_agent, gboolean awaited);
/* Until all that are awaited have been answered, or the deadline (monotonic). */
void asking_wait(Asking *asking, gint64 deadline_us);
/* FALSE while there is no answer. What was not answered in time leaves the counters unknown. */
gboolean question_read(Question *question, Counters *ret_disks);
/* NULL is fine. One that is not answered goes on, for nobody. */
void question_unref(Question *question);
