/* HTTP/2 (RFC 9113) on a connection, by nghttp2. */
#pragma once
#include "httpd/connection.h"

void http2_start(Connection *connection);
