/* The front's certificate, and what TLS is allowed to be. */
#pragma once
#include <glib.h>
#include <openssl/ssl.h>
#include <uv.h>

#include "httpd/front.h"

/* Makes a self-signed pair for the names as cert.pem and key.pem of the directory, if there is none. */
gboolean tls_make(const char *directory, const char *const *names, GError **error);
/* Loads the pair of the directory. */
Tls *tls_new(const char *directory, GError **error);
/* Sets lws's SSL_CTX up. */
gboolean tls_setup(Tls *tls, SSL_CTX *context);
/* When lws has made its context, in which it has set itself up for ALPN: takes that over. From then on it looks each
 * few seconds whether the files were replaced; new connections get the new pair. */
void tls_begin(Tls *tls, uv_loop_t *loop);
/* What was agreed on in the handshake. */
gboolean tls_chose_http2(const SSL *ssl);
