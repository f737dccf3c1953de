/* Bytes between descriptors, and the terminal in raw mode. */
#pragma once
#include <glib.h>

/* Copies both ways between two stream sockets until either side ends or fails; closes neither. */
void relay_sockets(int a, int b);
/* Writes what can be written; keeps the rest in `pending`. FALSE if the descriptor is gone. */
gboolean relay_flush(int fd, GByteArray *pending);

/* Raw mode with a promise: the terminal is given back by terminal_restore(), at exit, and on SIGTERM, SIGHUP, SIGINT
 * and SIGQUIT. */
gboolean terminal_raw(int fd);
gboolean terminal_hide(int fd); /* only turns off the echo, for a password */
void terminal_restore(void);
guint terminal_width(void); /* of stderr or stdout; 80 if unknown */
