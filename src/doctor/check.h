/* Checks of the host: each is a function in a const table that looks at one theme and reports what it found. What can be
 * found is a const table too (Finding), with its texts in both languages. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "doctor/host.h"

typedef enum State {
	STATE_OK,
	STATE_NOTE,    /* worth knowing; nothing has to be done */
	STATE_UNKNOWN, /* could not be found out */
	STATE_WARNING, /* works, and costs something */
	STATE_PROBLEM, /* something does not work, or soon will not */
	STATE_COUNT,
} State;
const char *state_name(State state);

typedef struct Texts {
	const char *en, *ja;
} Texts;

/* {NAME} in a text stands for a parameter of the report. */
typedef struct Finding {
	const char *id; /* "kvm.no-flags", stable */
	State state;
	Texts found;  /* what is so */
	Texts cost;   /* what it costs; empty where it costs nothing */
	Texts remedy; /* how to get what is missing */
} Finding;

/* A finding whose text lacks a language, or that says that something is missing but not what it costs and what to do, does
 * not compile. */
#define FINDING(variable, id_, state_, found_, found_ja, cost_, cost_ja, remedy_, remedy_ja)                          \
	_Static_assert(sizeof(found_) > 1 && sizeof(found_ja) > 1, "what is found, in both languages");               \
	_Static_assert((sizeof(cost_) > 1) == (sizeof(cost_ja) > 1), "what it costs, in both languages");             \
	_Static_assert((sizeof(remedy_) > 1) == (sizeof(remedy_ja) > 1), "what to do, in both languages");            \
	_Static_assert((state_) == STATE_OK || (sizeof(cost_) > 1 && sizeof(remedy_) > 1),                            \
		"what is missing costs something and can be had");                                                    \
	static const Finding variable = {id_, state_, {found_, found_ja}, {cost_, cost_ja}, {remedy_, remedy_ja}}
/* All is well. */
#define FINDING_OK(variable, id_, found_, found_ja) FINDING(variable, id_, STATE_OK, found_, found_ja, "", "", "", "")

typedef struct Report Report;

typedef struct Check {
	const char *id;    /* "kvm"; NULL ends the table */
	Texts title;
	guint deadline_ms; /* 0: CHECK_DEADLINE_MS */
	void (*look)(const Host *host, Report *report);
	const Finding *const *findings; /* all that it may report, NULL-terminated */
} Check;
enum { CHECK_DEADLINE_MS = 5000 };

/* Adds a finding; the parameters are pairs of name and text, ending with NULL. */
void report(Report *report, const Finding *finding, ...) G_GNUC_NULL_TERMINATED;
/* A check that cannot be made says why, in the words of the system. */
void report_unknown(Report *report, const char *reason);
extern const Finding *const common_findings[]; /* of every check: not known, and too late */

/* One table a theme; all of them, for who walks over them. */
extern const Check processor_checks[], device_checks[], cgroup_checks[], module_checks[], package_checks[],
	program_checks[], clock_checks[], storage_checks[], database_checks[], identity_checks[], limit_checks[],
	memory_checks[], front_checks[], name_checks[], log_checks[], daemon_checks[];
extern const Check *const check_tables[]; /* NULL-terminated */
const Check *check_find(const char *id);

/* Runs them side by side, each up to its deadline. `only`: NULL, or ids. {"summary","checks":[…]} as doctor_table says; new
 * reference. A check that hangs is left running: the process is to end soon after. */
json_object *checks_run(const Host *host, const char *const *only);
/* The page of docs/reference: every finding with its cost and remedy; caller frees. */
char *checks_reference(gboolean japanese);
