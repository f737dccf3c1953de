/* The cage around the program, built by the process that becomes it. */
#pragma once
#include "spec.h"

/* Builds the cage, waits for a byte on `go` and executes the program; does not return. What fails is written to
 * `status` as text, and the process ends with CAGE_FAILED; so it does when `go` ends without a byte. */
#define CAGE_FAILED 125
__attribute__((noreturn)) void cage_enter(const Spec *spec, int go, int status);
