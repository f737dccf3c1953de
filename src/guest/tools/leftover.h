/* What work in a guest would leave behind in it if this daemon died: it is on record while it is there, and the next
 * daemon ends it. */
#pragma once
#include "guest/vm.h"

typedef enum LeftoverKind {
	LEFTOVER_HANDLE,  /* a file that the agent has open for us: its number */
	LEFTOVER_PROCESS, /* a command: its number */
	LEFTOVER_FILE,    /* a file that takes another's place when all of it is there: its path */
} LeftoverKind;

void leftover_note(Vm *vm, LeftoverKind kind, const char *what);
void leftover_note_number(Vm *vm, LeftoverKind kind, gint64 number);
void leftover_forget(Vm *vm, LeftoverKind kind, const char *what);
void leftover_forget_number(Vm *vm, LeftoverKind kind, gint64 number);
/* All handles: their agent has ended. */
void leftover_forget_handles(Vm *vm);
/* Reads what a former daemon has left on record, if it is of this process. */
void leftover_adopt(Vm *vm);
/* With a connected agent: ends that. Waits for the agent. */
void leftover_end(Vm *vm);
/* The process has ended. */
void leftover_clear(Vm *vm);
