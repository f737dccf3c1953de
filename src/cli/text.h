/* Strings that people read, in English and Japanese. They are in messages/, a file for each group of commands.
 *
 * MESSAGE(name, english, japanese) makes two arrays, so that a missing translation does not compile and the compiler
 * checks the printf arguments against both. T(name) is the one for the language of this call; TEXT(name) initializes
 * a Text in a const table. What comes from the daemon (messages of errors, hints, plans) is passed on as it is. */
#pragma once
#include <glib.h>

extern gboolean speak_japanese;

typedef struct Text {
	const char *en, *ja;
} Text;

static inline const char *text_of(Text text)
{
	return speak_japanese ? text.ja : text.en;
}

#define MESSAGE(name, english, japanese)                                                                              \
	_Static_assert(sizeof(english) > 1 && sizeof(japanese) > 1, "a translation is missing");                      \
	static const char name##_en[] G_GNUC_UNUSED = english;                                                        \
	static const char name##_ja[] G_GNUC_UNUSED = japanese
#define T(name) (speak_japanese ? name##_ja : name##_en)
#define TEXT(name)                                                                                                    \
	{                                                                                                             \
		name##_en, name##_ja                                                                                  \
	}
