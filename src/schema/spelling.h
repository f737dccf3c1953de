/* The word that someone probably meant. */
#pragma once

/* The known word (NULL-terminated list) that is at most a few typing errors away, or NULL; borrowed. */
const char *spelling_closest(const char *word, const char *const *known);
