/* Parsing of heads. What two programs could read differently is refused, since that is what request smuggling lives
 * from: any Transfer-Encoding (a client of the API knows the length of what it sends), two Content-Lengths, folded
 * lines, a space before the colon, a bare line feed, an absolute target.
 *
 * An HTTP/1.1 head is looked for first, then parsed as a whole: there is no state between its pieces but how far the
 * search has come. */
#include "httpd/head.h"

#include <string.h>

#include "httpd/front.h"

#define REFUSE(status, code, message) ((Refusal){status, code, message, NULL})

static gboolean refuse(Refusal *refusal, const char *message)
{
	*refusal = REFUSE(400, ERROR_INVALID, message);
	return FALSE;
}

void head_init(Head *head)
{
	memset(head, 0, sizeof *head);
	head->text = g_string_sized_new(512);
	head_reset(head);
}

void head_reset(Head *head)
{
	GString *text = head->text;
	memset(head, 0, sizeof *head);
	head->text = text;
	g_string_truncate(text, 0);
	g_string_append_c(text, '\0');
}

void head_clear(Head *head)
{
	if (head->text)
		g_string_free(head->text, TRUE);
	head->text = NULL;
}

static const char *text_at(const Head *head, guint32 offset)
{
	return offset ? head->text->str + offset : NULL;
}

const char *head_method(const Head *head)
{
	return text_at(head, head->method);
}

const char *head_target(const Head *head)
{
	return text_at(head, head->target);
}

const char *head_session(const Head *head)
{
	return text_at(head, head->session);
}

const char *head_get(const Head *head, HeaderName name)
{
	return text_at(head, head->headers[name]);
}

static guint32 keep(Head *head, const char *value, gsize length)
{
	guint32 offset = (guint32)head->text->len;
	g_string_append_len(head->text, value, (gssize)length);
	g_string_append_c(head->text, '\0');
	return offset;
}

/* RFC 9110 §5.6.2 */
static gboolean is_token_char(guchar c)
{
	return g_ascii_isalnum(c) || (c > 0x20 && c < 0x7f && strchr("!#$%&'*+-.^_`|~", c));
}

static gboolean set_method(Head *head, const char *value, gsize length, Refusal *refusal)
{
	if (length < 1 || length > 16)
		return refuse(refusal, "the method is not one");
	for (gsize i = 0; i < length; i++)
		if (!g_ascii_isupper(value[i]))
			return refuse(refusal, "the method is not one");
	head->method = keep(head, value, length);
	return TRUE;
}

static gboolean set_target(Head *head, const char *value, gsize length, Refusal *refusal)
{
	if (length == 0 || value[0] != '/')
		return refuse(refusal, "the target of a request is a path that begins with /");
	head->target = keep(head, value, length);
	return TRUE;
}

static gboolean set_content_length(Head *head, const char *value, gsize length, Refusal *refusal)
{
	if (head->has_content_length)
		return refuse(refusal, "content-length is there twice");
	if (length < 1 || length > 18)
		return refuse(refusal, "content-length is not a number");
	for (gsize i = 0; i < length; i++) {
		if (!g_ascii_isdigit(value[i]))
			return refuse(refusal, "content-length is not a number");
		head->content_length = head->content_length * 10 + (guint64)(value[i] - '0');
	}
	head->has_content_length = TRUE;
	return TRUE;
}

/* Calls back for each element of a comma-separated list. */
static void each_element(Head *head, const char *value, gsize length, void (*take)(Head *, const char *, gsize))
{
	for (gsize start = 0; start < length;) {
		const char *comma = memchr(value + start, ',', length - start);
		gsize end = comma ? (gsize)(comma - value) : length, next = end + 1;
		while (start < end && (value[start] == ' ' || value[start] == '\t'))
			start++;
		while (end > start && (value[end - 1] == ' ' || value[end - 1] == '\t'))
			end--;
		take(head, value + start, end - start);
		start = next;
	}
}

static gboolean is_word(const char *value, gsize length, const char *word)
{
	return length == strlen(word) && g_ascii_strncasecmp(value, word, length) == 0;
}

static void take_connection(Head *head, const char *value, gsize length)
{
	if (is_word(value, length, "close"))
		head->close = TRUE;
	else if (is_word(value, length, "upgrade"))
		head->connection_upgrade = TRUE;
}

static void take_upgrade(Head *head, const char *value, gsize length)
{
	if (is_word(value, length, "websocket"))
		head->upgrade = TRUE;
}

static void take_subprotocol(Head *head, const char *value, gsize length)
{
	if (length == 6 && memcmp(value, "binary", 6) == 0)
		head->offers_binary = TRUE;
}

/* The session's cookie among those of the browser (RFC 6265 §4.2.1). */
static gboolean take_cookies(Head *head, const char *value, gsize length, Refusal *refusal)
{
	static const char name[] = "__Host-yado=";
	for (gsize start = 0; start < length;) {
		const char *semicolon = memchr(value + start, ';', length - start);
		gsize end = semicolon ? (gsize)(semicolon - value) : length, next = end + 1;
		while (start < end && value[start] == ' ')
			start++;
		if (end - start >= sizeof name - 1 && memcmp(value + start, name, sizeof name - 1) == 0) {
			if (head->session)
				return refuse(refusal, "the session's cookie is there twice");
			head->session = keep(head, value + start + sizeof name - 1, end - start - (sizeof name - 1));
		}
		start = next;
	}
	return TRUE;
}

/* Headers that are kept as they are, and may be there once. */
static const struct {
	const char *name;
	HeaderName kept;
} kept_headers[] = {
	{"host", HEADER_HOST},
	{"content-type", HEADER_CONTENT_TYPE},
	{"content-encoding", HEADER_CONTENT_ENCODING},
	{"authorization", HEADER_AUTHORIZATION},
	{"origin", HEADER_ORIGIN},
	{"if-match", HEADER_IF_MATCH},
	{"if-none-match", HEADER_IF_NONE_MATCH},
	{"accept-encoding", HEADER_ACCEPT_ENCODING},
	{"idempotency-key", HEADER_IDEMPOTENCY_KEY},
	{"x-csrf-token", HEADER_CSRF_TOKEN},
	{"range", HEADER_RANGE},
	{"upload-offset", HEADER_UPLOAD_OFFSET},
	{"user-agent", HEADER_USER_AGENT},
	{"accept-language", HEADER_ACCEPT_LANGUAGE},
	{"sec-websocket-key", HEADER_WEBSOCKET_KEY},
	{"sec-websocket-version", HEADER_WEBSOCKET_VERSION},
};

/* The name is in lower case, the value without spaces around it. */
static gboolean add_field(
	Head *head, const char *name, gsize name_length, const char *value, gsize length, Refusal *refusal)
{
	head->size += name_length + length;
	if (++head->header_count > HEADERS_MAX || head->size > HEAD_MAX) {
		*refusal = REFUSE(431, ERROR_TOO_LARGE, "the request has too many headers, or too large ones");
		return FALSE;
	}
	for (guint i = 0; i < G_N_ELEMENTS(kept_headers); i++) {
		if (!is_word(name, name_length, kept_headers[i].name))
			continue;
		if (head->headers[kept_headers[i].kept])
			return refuse(refusal, "a header that may be there once is there twice");
		head->headers[kept_headers[i].kept] = keep(head, value, length);
		return TRUE;
	}
	if (is_word(name, name_length, "content-length"))
		return set_content_length(head, value, length, refusal);
	if (is_word(name, name_length, "transfer-encoding")) {
		*refusal = (Refusal){400, ERROR_INVALID, "transfer-encoding is not accepted", "send a content-length"};
		return FALSE;
	}
	if (is_word(name, name_length, "cookie"))
		return take_cookies(head, value, length, refusal);
	if (is_word(name, name_length, "expect")) {
		if (!is_word(value, length, "100-continue")) {
			*refusal = REFUSE(417, ERROR_INVALID, "nothing but 100-continue can be expected");
			return FALSE;
		}
		head->expects = TRUE;
	} else if (is_word(name, name_length, "connection")) {
		each_element(head, value, length, take_connection);
	} else if (is_word(name, name_length, "upgrade")) {
		each_element(head, value, length, take_upgrade);
	} else if (is_word(name, name_length, "sec-websocket-protocol")) {
		each_element(head, value, length, take_subprotocol);
	}
	return TRUE;
}

gssize head_find_end(const char *data, gsize length, gsize *scanned, Refusal *refusal)
{
	gsize limit = MIN(length, HEAD_MAX);
	for (gsize i = *scanned; i < limit; i++) {
		char c = data[i];
		if (c == '\0' || (c == '\n' && (i == 0 || data[i - 1] != '\r')) ||
			(c != '\n' && i > 0 && data[i - 1] == '\r')) {
			*refusal = REFUSE(400, ERROR_INVALID, "a line of the head ends with a byte that ends no line");
			return -1;
		}
		if (c == '\n' && i >= 3 && data[i - 2] == '\n') {
			*scanned = 0;
			return (gssize)i + 1;
		}
	}
	*scanned = limit;
	if (length < HEAD_MAX)
		return 0;
	*refusal = REFUSE(431, ERROR_TOO_LARGE, "the head of the request is too large");
	return -1;
}

/* "GET /path HTTP/1.1", with exactly one space each (RFC 9112 §3). */
static gboolean parse_request_line(Head *head, const char *line, gsize length, Refusal *refusal)
{
	const char *first = memchr(line, ' ', length);
	const char *last = memrchr(line, ' ', length);
	if (!first || first == last)
		return refuse(refusal, "the request line is not a method, a path and a version");
	gsize version = length - (gsize)(last + 1 - line);
	if (version != 8 || memcmp(last + 1, "HTTP/1.", 7) != 0 || (last[8] != '1' && last[8] != '0')) {
		*refusal = REFUSE(505, ERROR_INVALID, "the version is neither HTTP/1.1 nor HTTP/1.0");
		return FALSE;
	}
	head->http10 = last[8] == '0';
	head->close = head->http10;
	return set_method(head, line, (gsize)(first - line), refusal) &&
	       set_target(head, first + 1, (gsize)(last - first - 1), refusal);
}

static gboolean parse_field_line(Head *head, char *line, gsize length, Refusal *refusal)
{
	char *colon = memchr(line, ':', length);
	if (!colon || colon == line)
		return refuse(refusal, "a line of the head is not a name, a colon and a value");
	for (char *c = line; c < colon; c++) {
		if (!is_token_char((guchar)*c))
			return refuse(refusal, "a header's name has a character that no name has");
		*c = g_ascii_tolower(*c);
	}
	const char *value = colon + 1, *end = line + length;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	for (const char *c = value; c < end; c++)
		if (((guchar)*c < 0x20 && *c != '\t') || *c == 0x7f)
			return refuse(refusal, "a header's value has a control character");
	return add_field(head, line, (gsize)(colon - line), value, (gsize)(end - value), refusal);
}

gboolean head_parse(Head *head, const char *data, gsize length, Refusal *refusal)
{
	char line[HEAD_MAX];
	gboolean first = TRUE;
	for (gsize start = 0; start + 2 < length;) {
		const char *end = memchr(data + start, '\r', length - start);
		gsize size = (gsize)(end - (data + start));
		memcpy(line, data + start, size);
		if (!(first ? parse_request_line(head, line, size, refusal)
			    : parse_field_line(head, line, size, refusal)))
			return FALSE;
		first = FALSE;
		start += size + 2;
	}
	return head_finish(head, refusal);
}

gboolean head_add(Head *head, const char *name, gsize name_length, const char *value, gsize length, Refusal *refusal)
{
	return add_field(head, name, name_length, value, length, refusal);
}

gboolean head_add_pseudo(Head *head, const char *name, const char *value, gsize length, Refusal *refusal)
{
	head->size += strlen(name) + length;
	if (strcmp(name, ":method") == 0)
		return set_method(head, value, length, refusal);
	if (strcmp(name, ":path") == 0)
		return set_target(head, value, length, refusal);
	if (strcmp(name, ":authority") == 0)
		return add_field(head, "host", 4, value, length, refusal);
	if (strcmp(name, ":scheme") == 0 && !is_word(value, length, "https"))
		return refuse(refusal, "the scheme is not https");
	return TRUE;
}

/* What is known when all of it is there. */
gboolean head_finish(Head *head, Refusal *refusal)
{
	if (!head->method || !head->target)
		return refuse(refusal, "the request has no method or no path");
	if (!head->headers[HEADER_HOST])
		return refuse(refusal, "the request does not name its host");
	if (head->headers[HEADER_CONTENT_ENCODING]) {
		*refusal = REFUSE(415, ERROR_UNSUPPORTED, "a compressed body is not accepted");
		return FALSE;
	}
	return TRUE;
}
