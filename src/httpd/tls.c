/* The pair is held here and given to each handshake (SSL_CTX_set_cert_cb), so that replacing it needs nothing of the
 * connections that are there, and a new key may be of another kind than the old one.
 *
 * Self-made: EC P-256, as every client knows it, for ten years, for the names given, localhost and the loopback
 * addresses; people compare its fingerprint, or replace it. The key is written first: without a certificate the pair
 * does not exist, and is made anew at the next start. */
#include "httpd/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "httpd/log.h"

enum { WATCH_MS = 3000, PEM_MAX = 1 << 20, DAYS = 3650 };

struct Tls {
	char *cert_path, *key_path;
	X509 *certificate;
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
	struct stat cert_info, key_info;
	uv_timer_t timer;
	SSL_CTX *context; /* lws's */
};

static void set_openssl_error(GError **error, const char *what)
{
	char text[256];
	unsigned long code = ERR_get_error();
	ERR_error_string_n(code, text, sizeof text);
	ERR_clear_error();
	error_set(error, ERROR_FAILED, NULL, "%s: %s", what, code ? text : "not valid PEM");
}

/* The certificate's name of the host, as it is in the certificate. */
static char *alternative_names(const char *const *names)
{
	GString *text = g_string_new("DNS:localhost,IP:127.0.0.1,IP:::1");
	for (; names && *names; names++) {
		gboolean address = g_hostname_is_ip_address(*names);
		/* What would add names of its own is no name. */
		if (strchr(*names, ',') || !**names)
			continue;
		g_string_append_printf(text, ",%s:%s", address ? "IP" : "DNS", *names);
	}
	return g_string_free(text, FALSE);
}

static gboolean add_extension(X509 *certificate, int id, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
	gboolean added = extension && X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return added;
}

static X509 *make_certificate(EVP_PKEY *key, const char *const *names)
{
	g_autofree char *alternatives = alternative_names(names);
	const char *common = names && *names && strlen(*names) <= 64 ? *names : "localhost";
	X509 *certificate = X509_new();
	BIGNUM *serial = BN_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	/* Browsers remember a certificate by issuer and serial: a new one needs another. */
	gboolean made = BN_rand(serial, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
			BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) &&
			X509_set_version(certificate, X509_VERSION_3) &&
			X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
			X509_time_adj_ex(X509_getm_notAfter(certificate), DAYS, 0, NULL) &&
			X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const guchar *)"Yado", -1, -1, 0) &&
			X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const guchar *)common, -1, -1, 0) &&
			X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key) &&
			add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
			add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
			add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
			add_extension(certificate, NID_subject_alt_name, alternatives) &&
			add_extension(certificate, NID_subject_key_identifier, "hash") &&
			X509_sign(certificate, key, EVP_sha256()) > 0;
	BN_free(serial);
	if (made)
		return certificate;
	X509_free(certificate);
	return NULL;
}

static gboolean write_pem(const char *path, BIO *memory, GError **error)
{
	char *data;
	long length = BIO_get_mem_data(memory, &data);
	return file_write_atomic(path, data, (gsize)length, 0600, error);
}

gboolean tls_make(const char *directory, const char *const *names, GError **error)
{
	g_autofree char *cert_path = g_build_filename(directory, "cert.pem", NULL);
	g_autofree char *key_path = g_build_filename(directory, "key.pem", NULL);
	if (g_file_test(cert_path, G_FILE_TEST_EXISTS))
		return TRUE;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = key ? make_certificate(key, names) : NULL;
	BIO *key_pem = BIO_new(BIO_s_mem()), *cert_pem = BIO_new(BIO_s_mem());
	gboolean done = FALSE;
	if (certificate && PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) &&
		PEM_write_bio_X509(cert_pem, certificate))
		done = write_pem(key_path, key_pem, error) && write_pem(cert_path, cert_pem, error);
	else
		set_openssl_error(error, "cannot make a certificate");
	BIO_free(key_pem);
	BIO_free(cert_pem);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return done;
}

static STACK_OF(X509) * parse_certificates(const char *pem, gsize length)
{
	BIO *memory = BIO_new_mem_buf(pem, (int)length);
	STACK_OF(X509) *list = sk_X509_new_null();
	X509 *certificate;
	while ((certificate = PEM_read_bio_X509(memory, NULL, NULL, NULL)))
		sk_X509_push(list, certificate);
	ERR_clear_error();
	BIO_free(memory);
	return list;
}

/* Nobody is there to type a passphrase. */
static int no_passphrase(char *buffer, int size, int writing, void *data)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)data;
	return 0;
}

/* The pair of the files replaces that in memory, or nothing changes. */
static gboolean load(Tls *tls, GError **error)
{
	g_autofree char *cert_text = NULL, *key_text = NULL;
	gsize cert_length, key_length;
	if (!file_read(tls->cert_path, PEM_MAX, &cert_text, &cert_length, error) ||
		!file_read(tls->key_path, PEM_MAX, &key_text, &key_length, error))
		return FALSE;
	BIO *memory = BIO_new_mem_buf(key_text, (int)key_length);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(memory, NULL, no_passphrase, NULL);
	STACK_OF(X509) *chain = parse_certificates(cert_text, cert_length);
	X509 *certificate = sk_X509_shift(chain);
	BIO_free(memory);
	OPENSSL_cleanse(key_text, key_length);
	if (key && certificate && X509_check_private_key(certificate, key)) {
		X509_free(tls->certificate);
		sk_X509_pop_free(tls->chain, X509_free);
		EVP_PKEY_free(tls->key);
		tls->certificate = certificate;
		tls->chain = chain;
		tls->key = key;
		return TRUE;
	}
	if (!certificate)
		error_set(error, ERROR_INVALID, NULL, "%s has no certificate in PEM form", tls->cert_path);
	else if (!key)
		error_set(error, ERROR_INVALID, "it must be in PEM form, without a passphrase",
			"%s has no private key that can be read", tls->key_path);
	else
		error_set(error, ERROR_INVALID, NULL, "the key in %s is not that of the certificate in %s",
			tls->key_path, tls->cert_path);
	ERR_clear_error();
	X509_free(certificate);
	sk_X509_pop_free(chain, X509_free);
	EVP_PKEY_free(key);
	return FALSE;
}

static void log_pair(const Tls *tls)
{
	guchar digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	X509_digest(tls->certificate, EVP_sha256(), digest, &length);
	g_autoptr(GString) text = g_string_new(NULL);
	for (unsigned i = 0; i < length; i++)
		g_string_append_printf(text, "%s%02X", i ? ":" : "", digest[i]);
	log_message("serves the certificate with SHA-256 fingerprint %s", text->str);
}

Tls *tls_new(const char *directory, GError **error)
{
	Tls *tls = g_new0(Tls, 1);
	tls->cert_path = g_build_filename(directory, "cert.pem", NULL);
	tls->key_path = g_build_filename(directory, "key.pem", NULL);
	stat(tls->cert_path, &tls->cert_info);
	stat(tls->key_path, &tls->key_info);
	if (!load(tls, error))
		return NULL; /* the program ends */
	log_pair(tls);
	return tls;
}

static int on_certificate(SSL *ssl, void *data)
{
	Tls *tls = data;
	SSL_certs_clear(ssl);
	return SSL_use_cert_and_key(ssl, tls->certificate, tls->key, tls->chain, 1);
}

/* What SSL_get0_alpn_selected() would say, kept with the connection (see there). */
static int http2_index(void)
{
	static int index = -1;
	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

static int on_alpn(SSL *ssl, const guchar **out, guchar *out_length, const guchar *in, unsigned in_length, void *data)
{
	static const guchar offers[] = "\x02h2\x08http/1.1";
	(void)data;
	if (SSL_select_next_proto((guchar **)out, out_length, offers, sizeof offers - 1, in, in_length) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 §3.2 */
	SSL_set_ex_data(ssl, http2_index(), *out_length == 2 ? (void *)offers : NULL);
	return SSL_TLSEXT_ERR_OK;
}

gboolean tls_chose_http2(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, http2_index()) != NULL;
}

/* libwebsockets asks OpenSSL this after each handshake, and would put its own HTTP/2 on a connection that has agreed
 * on "h2", which cannot be turned off alone. The program's definition stands before libssl's: for lws there was no
 * agreement, and the connection stays a raw one (connection.c says why). */
void SSL_get0_alpn_selected(const SSL *ssl, const unsigned char **data, unsigned *length)
{
	(void)ssl;
	*data = NULL;
	*length = 0;
}

/* TLS 1.2 with forward secrecy and AEAD, or 1.3. No renegotiation (it only costs), no sessions kept in memory (tickets
 * are with the clients), buffers given back while a connection is idle. */
gboolean tls_setup(Tls *tls, SSL_CTX *context)
{
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					     SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 1);
	SSL_CTX_set_cert_cb(context, on_certificate, tls);
	tls->context = context;
	return SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL") == 1;
}

static gboolean is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void on_timer(uv_timer_t *timer)
{
	Tls *tls = timer->data;
	struct stat cert_info, key_info;
	if (stat(tls->cert_path, &cert_info) < 0 || stat(tls->key_path, &key_info) < 0)
		return; /* being replaced, or gone: the pair in memory stays */
	if (is_same_file(&cert_info, &tls->cert_info) && is_same_file(&key_info, &tls->key_info))
		return;
	tls->cert_info = cert_info;
	tls->key_info = key_info;
	g_autoptr(GError) error = NULL;
	if (load(tls, &error))
		log_pair(tls);
	else
		log_warning("the new certificate is not taken, the old one stays: %s", error->message);
}

void tls_begin(Tls *tls, uv_loop_t *loop)
{
	SSL_CTX_set_alpn_select_cb(tls->context, on_alpn, NULL);
	uv_timer_init(loop, &tls->timer);
	tls->timer.data = tls;
	uv_timer_start(&tls->timer, on_timer, WATCH_MS, WATCH_MS);
}
