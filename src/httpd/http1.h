/* HTTP/1.1 on a connection: one request after another. */
#pragma once
#include "httpd/connection.h"

void http1_start(Connection *connection);
