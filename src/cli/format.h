/* Values as people read them: by the kind of field, with widths as the terminal shows them. */
#pragma once
#include <stdio.h>

#include "cli/command.h"

typedef enum Style { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW, STYLE_CYAN } Style;
/* Escape sequences that begin and end a style on stdout or stderr; "" where colours are not wanted. */
const char *style_on(FILE *stream, Style style);
const char *style_off(FILE *stream);
/* The style of a state's name ("running", "failed"). */
Style style_of_state(const char *state);

/* How to read numbers that no table describes. */
extern const Field as_seconds, as_bytes, as_count;

/* Any JSON value; `field` (may be NULL) says how to read a number. "-" for what is absent. Control characters are
 * shown as '?': what a guest or an image is called must not drive the terminal. Caller frees. */
char *format_value(json_object *value, const Field *field);
/* "2026-11-21 22:14:03" in local time; what is no time stays as it is. Caller frees. */
char *format_time(const char *iso8601);
/* What is not printable becomes '?', in place; for text of others. */
char *format_safe(const char *text);
/* Seconds since then, or -1. */
gint64 format_age(const char *iso8601);
/* Columns that the text takes on a terminal. */
guint format_width(const char *text);
/* Prints the text and blanks up to the width. */
void format_pad(FILE *stream, const char *text, guint width);
