/* Asks over HTTPS/1.1 on kept connections, each with one request after another, and tells how long that took.
 *
 *   bench-load [--connections N] [--seconds S | --rounds N] [--pages] PORT PATH
 *
 * A round is a request for PATH, or with --pages as many as it takes to follow "next" to the end of a list. The token
 * comes from the environment (YADO_TOKEN), the certificate is not checked: the server is this machine's. One line of
 * JSON: rounds, how many bytes of bodies the last one had, and the median and the 99th hundredth of their durations. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, RECORD_MAX = 16384 };

static gint connection_count = 1, round_limit;
static gdouble seconds;
static gboolean follow_pages;

typedef struct Load {
	int port;
	const char *path, *token;
	GArray *durations_us; /* gint64, of all rounds */
	gsize bytes;          /* of the last one */
	gint64 end_us;        /* 0: none */
	guint open;
} Load;

typedef struct Connection {
	SSL *ssl;
	int fd;
	gint64 began_us;
	gsize bytes;   /* of this round */
	GString *in;   /* what has come of the answer */
	gsize expected; /* its whole length; 0: the head is not complete */
	gsize body;    /* where that begins */
} Connection;

static void fail(const char *what)
{
	fprintf(stderr, "bench-load: %s: %s\n", what, errno ? strerror(errno) : "see above");
	ERR_print_errors_fp(stderr);
	exit(1);
}

static void ask(const Load *load, Connection *connection, const char *after)
{
	g_autofree char *page = after ? g_strdup_printf("%cafter=%s", strchr(load->path, '?') ? '&' : '?', after) : NULL;
	g_autofree char *text =
		g_strdup_printf("GET %s%s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nauthorization: Bearer %s\r\naccept: */*\r\n\r\n",
				load->path, page ? page : "", load->port, load->token);
	if (!after) {
		connection->began_us = g_get_monotonic_time();
		connection->bytes = 0;
	}
	g_string_truncate(connection->in, 0);
	connection->expected = 0;
	/* So little always has room. */
	if (SSL_write(connection->ssl, text, (int)strlen(text)) <= 0)
		fail("write");
}

static void connect_to(const Load *load, SSL_CTX *context, Connection *connection)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((guint16)load->port)};
	int one = 1;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	connection->in = g_string_sized_new(2 * RECORD_MAX);
	connection->ssl = SSL_new(context);
	if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) < 0)
		fail("connect");
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	SSL_set_fd(connection->ssl, connection->fd);
	errno = 0;
	if (SSL_connect(connection->ssl) != 1)
		fail("TLS handshake");
	fcntl(connection->fd, F_SETFL, O_NONBLOCK);
}

/* "next":"100" at the end of a list; caller frees. */
static char *find_next(const Connection *connection)
{
	static const char mark[] = "\"next\":\"";
	const char *body = connection->in->str + connection->body;
	gsize length = connection->expected - connection->body;
	const char *tail = length > 64 ? body + length - 64 : body;
	const char *next = g_strrstr(tail, mark);
	return next ? g_strndup(next + strlen(mark), strcspn(next + strlen(mark), "\"")) : NULL;
}

static void answered(Load *load, Connection *connection)
{
	connection->bytes += connection->expected - connection->body;
	g_autofree char *next = follow_pages ? find_next(connection) : NULL;
	if (next) {
		ask(load, connection, next);
		return;
	}
	gint64 now = g_get_monotonic_time(), duration = now - connection->began_us;
	load->bytes = connection->bytes;
	g_array_append_val(load->durations_us, duration);
	if ((load->end_us && now >= load->end_us) || (round_limit && load->durations_us->len >= (guint)round_limit))
		load->open--;
	else
		ask(load, connection, NULL);
}

/* Looks whether the head is there. */
static void measure(Connection *connection)
{
	const char *end = strstr(connection->in->str, "\r\n\r\n"), *length = strstr(connection->in->str, "content-length: ");
	if (!end)
		return;
	if (!g_str_has_prefix(connection->in->str, "HTTP/1.1 200 ") || !length || length > end) {
		fprintf(stderr, "bench-load: not an answer that is wanted: %s\n", connection->in->str);
		exit(1);
	}
	connection->body = (gsize)(end + 4 - connection->in->str);
	connection->expected = connection->body + strtoul(length + strlen("content-length: "), NULL, 10);
}

static void receive(Load *load, Connection *connection)
{
	for (;;) {
		gsize held = connection->in->len;
		g_string_set_size(connection->in, held + RECORD_MAX);
		errno = 0;
		int n = SSL_read(connection->ssl, connection->in->str + held, RECORD_MAX);
		g_string_set_size(connection->in, held + (gsize)MAX(n, 0));
		if (n <= 0 && SSL_get_error(connection->ssl, n) == SSL_ERROR_WANT_READ)
			return;
		if (n <= 0)
			fail("read");
		if (!connection->expected)
			measure(connection);
		if (!connection->expected || connection->in->len < connection->expected)
			continue;
		answered(load, connection);
		return; /* nothing more was asked for that could have come already */
	}
}

static void run(Load *load, Connection *connections)
{
	struct pollfd polls[CONNECTIONS_MAX];
	for (int i = 0; i < connection_count; i++) {
		polls[i] = (struct pollfd){.fd = connections[i].fd, .events = POLLIN};
		ask(load, &connections[i], NULL);
	}
	load->open = (guint)connection_count;
	while (load->open > 0) {
		if (poll(polls, (nfds_t)connection_count, 60000) <= 0)
			fail("no answer within a minute");
		for (int i = 0; i < connection_count; i++)
			if (polls[i].revents)
				receive(load, &connections[i]);
	}
}

static int compare(gconstpointer a, gconstpointer b)
{
	gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;
	return left < right ? -1 : left > right;
}

int main(int argc, char **argv)
{
	const GOptionEntry entries[] = {
		{"connections", 0, 0, G_OPTION_ARG_INT, &connection_count, "How many (1)", "N"},
		{"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "For how long", "S"},
		{"rounds", 0, 0, G_OPTION_ARG_INT, &round_limit, "How many in all", "N"},
		{"pages", 0, 0, G_OPTION_ARG_NONE, &follow_pages, "Reads lists to their end", NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GError) error = NULL;
	g_autoptr(GOptionContext) options = g_option_context_new("PORT PATH");
	g_option_context_add_main_entries(options, entries, NULL);
	Load load = {.token = g_getenv("YADO_TOKEN"), .durations_us = g_array_new(FALSE, FALSE, sizeof(gint64))};
	if (!g_option_context_parse(options, &argc, &argv, &error) || argc != 3 || !load.token || (!seconds && !round_limit) ||
	    connection_count < 1 || connection_count > CONNECTIONS_MAX) {
		fprintf(stderr, "bench-load: %s\n", error ? error->message : "see --help; YADO_TOKEN is needed");
		return 2;
	}
	load.port = atoi(argv[1]);
	load.path = argv[2];
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_read_ahead(context, 1);
	Connection connections[CONNECTIONS_MAX] = {0};
	for (int i = 0; i < connection_count; i++)
		connect_to(&load, context, &connections[i]);
	gint64 began_us = g_get_monotonic_time();
	load.end_us = seconds > 0 ? began_us + (gint64)(seconds * G_USEC_PER_SEC) : 0;
	run(&load, connections);
	gint64 took_us = g_get_monotonic_time() - began_us;
	GArray *durations = load.durations_us;
	g_array_sort(durations, compare);
	printf("{\"rounds\": %u, \"seconds\": %.3f, \"bytes\": %zu, \"median_ms\": %.3f, \"p99_ms\": %.3f}\n", durations->len,
	       (double)took_us / G_USEC_PER_SEC, load.bytes, (double)g_array_index(durations, gint64, durations->len / 2) / 1000,
	       (double)g_array_index(durations, gint64, durations->len * 99 / 100) / 1000);
	return 0;
}
