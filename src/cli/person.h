/* In person: signed in with a password instead of a token, for what no token may do on another host (make tokens, set
 * passwords). On the local socket one is root and needs neither. */
#pragma once
#include "cli/command.h"

/* Requests go as that user until person_sign_out(). */
gboolean person_sign_in(Cli *cli, const char *user, const char *password, GError **error);
void person_sign_out(Cli *cli);
