/* What yado-remote says itself, in the language of the command that started it. */
#pragma once
#include <glib.h>

extern gboolean speak_japanese;
#define SAY(english, japanese) (speak_japanese ? japanese : english)
