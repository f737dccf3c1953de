/* The check of a certificate, in place of OpenSSL's own for the pinned case and around it for the other. */
#include "remote/trust.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "base/error.h"
#include "remote/words.h"

enum { DIGITS = 64 };

void trust_clear(Trust *trust)
{
	g_clear_pointer(&trust->host, g_free);
	g_clear_pointer(&trust->fingerprint, g_free);
	g_clear_pointer(&trust->seen, g_free);
}

char *trust_parse_fingerprint(const char *text)
{
	g_autoptr(GString) digits = g_string_new(NULL);
	for (; *text; text++) {
		if (g_ascii_isxdigit(*text))
			g_string_append_c(digits, g_ascii_tolower(*text));
		else if (*text != ':' && *text != ' ')
			return NULL;
	}
	return digits->len == DIGITS ? g_strdup(digits->str) : NULL;
}

static char *fingerprint_of(X509 *certificate)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	if (!certificate || !X509_digest(certificate, EVP_sha256(), digest, &length))
		return NULL;
	GString *text = g_string_new(NULL);
	for (unsigned i = 0; i < length; i++)
		g_string_append_printf(text, "%02x", digest[i]);
	return g_string_free(text, FALSE);
}

static int verify(X509_STORE_CTX *store, void *data)
{
	Trust *trust = data;
	g_free(trust->seen);
	trust->seen = fingerprint_of(X509_STORE_CTX_get0_cert(store));
	trust->problem = NULL;
	if (trust->fingerprint) {
		gboolean same = g_strcmp0(trust->seen, trust->fingerprint) == 0;
		X509_STORE_CTX_set_error(store, same ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
		if (!same)
			trust->problem = "it is not the pinned one";
		return same;
	}
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(store);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (!X509_VERIFY_PARAM_set1_ip_asc(param, trust->host))
		X509_VERIFY_PARAM_set1_host(param, trust->host, 0);
	if (X509_verify_cert(store) == 1)
		return 1;
	trust->problem = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
	return 0;
}

gboolean trust_apply(Trust *trust, SSL_CTX *context)
{
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(context, verify, trust);
	/* The authorities are read only where they decide: that takes longer than the rest of a connection. */
	return (trust->fingerprint || SSL_CTX_set_default_verify_paths(context) == 1) &&
	       SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
}

gboolean trust_explain(const Trust *trust, const char *peer, GError **error)
{
	if (!trust->problem)
		return FALSE;
	if (trust->fingerprint)
		error_set(error, ERROR_FORBIDDEN,
			  SAY("if it was renewed on purpose, compare its fingerprint there and pin the new one (yado "
			      "remote trust NAME, or --fingerprint); otherwise somebody may stand between, "
			      "and nothing was sent",
			      "意図した更新なら、向こうの値と比べて登録し直してください（yado remote trust NAME、または --fingerprint）。"
			      "そうでなければ途中に誰かがいる恐れがあります。何も送っていません"),
			  SAY("the certificate of '%s' has changed: it is %s, pinned is %s",
			      "'%s' の証明書が変わりました: 現在 %s、登録済み %s"),
			  peer, trust->seen, trust->fingerprint);
	else
		error_set(error, ERROR_FORBIDDEN,
			  SAY("compare its fingerprint with that on the host, then give it with --fingerprint",
			      "ホスト側の値と比べ、--fingerprint で渡してください"),
			  SAY("the certificate of '%s' is not trusted (%s); its fingerprint is %s",
			      "'%s' の証明書は信頼されていません（%s）。フィンガープリントは %s"),
			  peer, trust->problem,
			  trust->seen ? trust->seen : "?");
	return TRUE;
}
