/* With whom the command speaks: the daemon's socket on this host, or another host through yado-remote. */
#pragma once
#include "cli/command.h"

/* Where --remote or --socket say, else $YADO_REMOTE, $YADO_SOCKET, `yado remote use`, in this order, else this host. */
Client *connection_open(Cli *cli, GError **error);
/* The socket on this host that it would be; NULL: another host. Caller frees. */
char *connection_socket(Cli *cli);
/* The token that --token, --token-file or $YADO_TOKEN gives, in this order; NULL without an error if none does. Caller
 * frees with secret_free(). */
char *connection_token(Cli *cli, GError **error);

/* A remote host, as it is connected to. */
typedef struct Target {
	char *url;
	char *token;       /* NULL: none */
	char *fingerprint; /* pinned; NULL: the system's authorities decide */
} Target;
void target_clear(Target *target);
/* Starts yado-remote. Unless the certificate is pinned it is looked at first: one that is not trusted is shown and
 * asked about, and with a yes pinned in the target (the caller keeps it). The target's URL becomes complete. */
Client *target_connect(Cli *cli, Target *target, GError **error);

/* Takes --token and $YADO_TOKEN out of what `ps` and /proc show of this process, before anything else is done;
 * in `argv` stand copies then. */
void connection_hide_secrets(int argc, char **argv);
