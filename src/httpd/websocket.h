/* WebSockets (RFC 6455): events and consoles of yadod, for one client each. */
#pragma once
#include "httpd/connection.h"
#include "httpd/head.h"

/* Answers the handshake and makes the connection a WebSocket. FALSE if the handshake is refused. */
gboolean websocket_start(Connection *connection, const Head *head, Refusal *refusal);
