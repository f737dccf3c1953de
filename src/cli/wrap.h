/* Text in lines that fit the terminal. */
#pragma once
#include <glib.h>
#include <stdio.h>

/* Prints the text from column `column` on, where the cursor is already, in lines up to `width`; further ones begin at
 * the same column. Without a terminal's width (0) it stays one line. What is not printable becomes '?'. */
void wrap_print(FILE *stream, const char *text, guint column, guint width);
