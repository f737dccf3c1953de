/* Requests over HTTPS, by libcurl. Not by libwebsockets' client, which carries the WebSockets: it does not read an
 * answer that comes before the request's body has been sent, so that a refused upload would look like a lost
 * connection.
 *
 * Proxies are not used, whatever the environment says: what is managed is near, and a WebSocket would not go the same
 * way. */
#include "remote/http.h"

#include <curl/curl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/frame.h"
#include "base/json.h"
#include "remote/words.h"

enum {
	CONNECT_TIMEOUT_MS = 10000,
	STALLED_S = 60, /* without a byte of a file */
	POLL_MS = 1000,
};

struct Http {
	Peer *peer;
	Control *control;
	CURLM *multi;
	CURL *easy;
	char *session; /* "__Host-yado=SECRET", after a sign-in; NULL: none */
};

/* The call in work, as libcurl's callbacks see it. */
typedef struct Transfer {
	Http *http;
	HttpCall *call;
	gint64 sent;
	gboolean begun, is_file, too_large;
} Transfer;

void http_call_clear(HttpCall *call)
{
	if (call->answer)
		g_byte_array_unref(call->answer);
	call->answer = NULL;
	g_clear_pointer(&call->etag, g_free);
}

Http *http_new(Peer *peer, Control *control)
{
	Http *http = g_new0(Http, 1);
	http->peer = peer;
	http->control = control;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	http->multi = curl_multi_init();
	http->easy = curl_easy_init();
	return http;
}

static void wipe(char **secret)
{
	if (*secret)
		explicit_bzero(*secret, strlen(*secret));
	g_clear_pointer(secret, g_free);
}

void http_free(Http *http)
{
	wipe(&http->session);
	curl_easy_cleanup(http->easy);
	curl_multi_cleanup(http->multi);
	curl_global_cleanup();
	g_free(http);
}

static CURLcode on_context(CURL *easy, void *context, void *data)
{
	(void)easy;
	Http *http = data;
	return trust_apply(&http->peer->trust, context) ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

static size_t on_read(char *buffer, size_t size, size_t count, void *data)
{
	Transfer *transfer = data;
	HttpCall *call = transfer->call;
	gint64 left = call->length - transfer->sent;
	ssize_t n = pread(call->file, buffer, (gsize)MIN((gint64)(size * count), left), call->offset + transfer->sent);
	if (n < 0 || (n == 0 && left > 0))
		return CURL_READFUNC_ABORT; /* the file became shorter */
	transfer->sent += n;
	if (call->sent)
		call->sent(transfer->sent, call->data);
	return (size_t)n;
}

static int on_seek(void *data, curl_off_t offset, int origin)
{
	Transfer *transfer = data;
	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	transfer->sent = offset;
	return CURL_SEEKFUNC_OK;
}

/* At the answer's first byte: whether it is a file. */
static gboolean begin(Transfer *transfer)
{
	CURL *easy = transfer->http->easy;
	const char *type = NULL;
	curl_off_t length = -1;
	long status = 0;
	transfer->begun = TRUE;
	curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
	curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	transfer->is_file = transfer->call->begin && status >= 200 && status < 300 && length >= 0 && type &&
			    g_str_has_prefix(type, "application/octet-stream");
	transfer->call->status = (int)status;
	return !transfer->is_file || transfer->call->begin(length, transfer->call->data);
}

static size_t on_write(char *bytes, size_t size, size_t count, void *data)
{
	Transfer *transfer = data;
	HttpCall *call = transfer->call;
	if (!transfer->begun && !begin(transfer))
		return CURL_WRITEFUNC_ERROR;
	if (transfer->is_file)
		return call->take(bytes, size * count, call->data) ? size * count : CURL_WRITEFUNC_ERROR;
	if (call->answer->len + size * count > FRAME_LENGTH_MAX) {
		transfer->too_large = TRUE;
		return CURL_WRITEFUNC_ERROR;
	}
	g_byte_array_append(call->answer, (const guint8 *)bytes, (guint)(size * count));
	return size * count;
}

/* Who asks: the token, or the session where its CSRF token comes along; never both. */
static struct curl_slist *add_credential(const Http *http, const HttpCall *call, struct curl_slist *list)
{
	gboolean by_session = http->session && json_get(call->headers, "x-csrf-token");
	const char *secret = by_session ? http->session : http->peer->token;
	if (!secret)
		return list;
	g_autofree char *line = g_strconcat(by_session ? "cookie: " : "authorization: Bearer ", secret, NULL);
	list = curl_slist_append(list, line);
	explicit_bzero(line, strlen(line));
	return list;
}

static void keep_session(Http *http)
{
	struct curl_header *cookie = NULL;
	if (curl_easy_header(http->easy, "set-cookie", 0, CURLH_HEADER, -1, &cookie) != CURLHE_OK ||
		!g_str_has_prefix(cookie->value, "__Host-yado="))
		return;
	wipe(&http->session);
	http->session = g_strndup(cookie->value, strcspn(cookie->value, ";"));
}

static struct curl_slist *headers_of(const Http *http, const HttpCall *call)
{
	struct curl_slist *list = curl_slist_append(NULL, "expect:"); /* nothing is gained by asking first */
	list = add_credential(http, call, list);
	list = curl_slist_append(list, call->file >= 0 ? "content-type: application/octet-stream"
				       : call->body    ? "content-type: application/json"
						       : "content-type:");
	if (!call->headers)
		return list;
	json_object_object_foreach(call->headers, name, value) {
		const char *text = json_object_get_string(value);
		gboolean bare = strcmp(name, "if-match") == 0 && text[0] != '"';
		g_autofree char *line = g_strdup_printf(bare ? "%s: \"%s\"" : "%s: %s", name, text);
		list = curl_slist_append(list, line);
	}
	return list;
}

static void set_options(Http *http, Transfer *transfer, struct curl_slist *headers, char *message)
{
	CURL *easy = http->easy;
	HttpCall *call = transfer->call;
	g_autofree char *url = g_strconcat(http->peer->url, call->path, NULL);
	curl_easy_reset(easy); /* keeps connections */
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, message);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* one request at a time */
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* Certificate and host name are checked by trust.c, which also knows whose word counts. */
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, http);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "yado/" YADO_VERSION);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	if (call->timeout_ms > 0) {
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
	} else {
		curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)STALLED_S);
	}
	if (call->file >= 0) {
		curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
		curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->length);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
		curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
	} else if (call->body || strcmp(call->method, "POST") == 0) {
		const char *body = call->body ? call->body : "";
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
}

/* Until the answer is complete, the call has failed, or the command has lost interest. */
static CURLcode run(Http *http)
{
	struct curl_waitfd command = {.fd = http->control->fd, .events = CURL_WAIT_POLLIN};
	CURLcode result = CURLE_ABORTED_BY_CALLBACK;
	curl_multi_add_handle(http->multi, http->easy);
	for (int running = 1; running && control_is_wanted(http->control);) {
		if (curl_multi_perform(http->multi, &running) != CURLM_OK)
			break;
		int left;
		CURLMsg *done = curl_multi_info_read(http->multi, &left);
		if (done && done->msg == CURLMSG_DONE)
			result = done->data.result;
		if (running)
			curl_multi_poll(http->multi, &command, 1, POLL_MS, NULL);
	}
	curl_multi_remove_handle(http->multi, http->easy);
	return result;
}

static void explain(Http *http, const Transfer *transfer, CURLcode result, const char *message, GError **error)
{
	const char *authority = http->peer->authority;
	double connected = 0;
	curl_easy_getinfo(http->easy, CURLINFO_APPCONNECT_TIME, &connected);
	const char *why = *message ? message : curl_easy_strerror(result);
	if (!control_is_wanted(http->control))
		error_set(error, ERROR_CANCELLED, NULL, "the request was given up");
	else if (transfer->too_large)
		error_set(error, ERROR_TOO_LARGE, "ask for less at a time", "the answer of '%s' is over 1 MiB",
			  authority);
	else if ((result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CONNECT_ERROR) &&
		 trust_explain(&http->peer->trust, authority, error))
		return;
	else if (result == CURLE_SSL_CONNECT_ERROR)
		error_set(error, ERROR_UNAVAILABLE,
			  SAY("is it yado-httpd that listens on that port?",
			      "そのポートで待ち受けているのは yado-httpd ですか?"),
			  SAY("no TLS connection to '%s': %s", "'%s' とTLSで接続できません: %s"), authority, why);
	else if (result == CURLE_OPERATION_TIMEDOUT && connected > 0)
		error_set(error, ERROR_TIMEOUT, NULL,
			  SAY("'%s' did not answer in time", "'%s' が時間内に応答しませんでした"), authority);
	else if (result == CURLE_READ_ERROR)
		error_set(error, ERROR_FAILED, "leave it alone while it is sent",
			  "the file was changed or cannot be read");
	else if (connected > 0)
		error_set(error, ERROR_UNAVAILABLE, SAY("look whether what was asked for was done, then try again",
			      "要求が実行されたか確認してから、やり直してください"),
			  SAY("the connection to '%s' was lost: %s", "'%s' との接続が切れました: %s"), authority, why);
	else
		error_set(error, ERROR_UNAVAILABLE,
			  SAY("check the address, and that yado-httpd runs there and its port is open",
			      "アドレスと、そこで yado-httpd が動きポートが開いていることを確認してください"),
			  SAY("cannot connect to '%s': %s", "'%s' に接続できません: %s"), authority, why);
}

gboolean http_perform(Http *http, HttpCall *call, GError **error)
{
	char message[CURL_ERROR_SIZE] = "";
	Transfer transfer = {.http = http, .call = call};
	http_call_clear(call);
	call->answer = g_byte_array_new();
	call->status = 0;
	struct curl_slist *headers = headers_of(http, call);
	set_options(http, &transfer, headers, message);
	CURLcode result = run(http);
	if (result == CURLE_OK && !transfer.begun)
		begin(&transfer); /* without a body */
	long status = 0;
	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
	call->status = (int)status;
	struct curl_header *etag = NULL;
	if (curl_easy_header(http->easy, "etag", 0, CURLH_HEADER, -1, &etag) == CURLHE_OK) {
		const char *text = etag->value + strspn(etag->value, "W/\"");
		call->etag = g_strndup(text, strcspn(text, "\""));
	}
	keep_session(http);
	/* An error that came while the body was on its way counts, though the rest of the body could not be sent. */
	gboolean answered =
		result == CURLE_OK || (result == CURLE_SEND_ERROR && status >= 400 && call->answer->len > 0);
	if (!answered)
		explain(http, &transfer, result, message, error);
	curl_slist_free_all(headers);
	return answered;
}
