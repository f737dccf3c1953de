/* yado-httpd: TLS, HTTP/1.1, HTTP/2 and WebSocket on inherited sockets; frames to yadod (docs/front.md). It is started
 * by systemd, with the sockets of a unit and that unit's confinement, or by yadod in a cage, with the numbers of its
 * sockets; as a user without rights either way. Everything that it does not need there it gives up by itself as
 * well. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "base/error.h"
#include "base/host-names.h"
#include "httpd/accept.h"
#include "httpd/backend.h"
#include "httpd/confine.h"
#include "httpd/connection.h"
#include "httpd/front.h"
#include "httpd/log.h"
#include "httpd/page.h"
#include "httpd/tls.h"

enum { DESCRIPTORS = 16384, TICK_MS = 1000 };

typedef struct Options {
	char *backend, *tls_dir, *web_dir;
	char **listen_fds, **names;
	gboolean certificate, debug, version;
} Options;

static void on_tick(uv_timer_t *timer)
{
	connections_tick(timer->data);
	sd_notify(0, "WATCHDOG=1"); /* nothing without a service manager */
}

/* Before the loop sleeps, what this turn has made is sent, in both directions. */
static void on_prepare(uv_prepare_t *prepare)
{
	Front *front = prepare->data;
	connections_flush(front);
	backend_flush(front->backend);
}

static void on_lws_log(int level, const char *line)
{
	g_autofree char *text = g_strchomp(g_strdup(line));
	if (level & LLL_ERR)
		log_warning("lws: %s", text);
	else
		log_debug("lws: %s", text);
}

static gboolean make_lws(Front *front, GError **error)
{
	static const struct lws_protocols protocols[] = {
		/* One TLS record is read at a time: with room for it lws never keeps a part. */
		{"front", connection_callback, 0, 20000, 0, NULL, 20000},
		{NULL, NULL, 0, 0, 0, NULL, 0},
	};
	void *loops[] = {front->loop};
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
			   LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX,
		.foreign_loops = loops,
		.user = front,
		.pt_serv_buf_size = 20000,
		.timeout_secs = HANDSHAKE_SECONDS,
		.vhost_name = "front",
	};
	front->lws = lws_create_context(&info);
	front->vhost = front->lws ? lws_get_vhost_by_name(front->lws, "front") : NULL;
	if (front->vhost)
		return TRUE;
	error_set(error, ERROR_FAILED, "is libwebsockets-evlib-uv installed?", "libwebsockets could not be set up");
	return FALSE;
}

static gboolean listen_on(Front *front, char **numbers, GError **error)
{
	for (char **number = numbers; number && *number; number++)
		if (!accept_listen(front, atoi(*number), error))
			return FALSE;
	int passed = sd_listen_fds(TRUE);
	for (int i = 0; i < passed; i++)
		if (!accept_listen(front, SD_LISTEN_FDS_START + i, error))
			return FALSE;
	if (passed > 0 || (numbers && *numbers))
		return TRUE;
	error_set(error, ERROR_INVALID, "start it with 'systemctl start yado-httpd', or let yadod do it (--https)",
		"no listening socket is given");
	return FALSE;
}

static gboolean assemble(Front *front, const Options *options, GError **error)
{
	static uv_prepare_t prepare;
	static uv_timer_t tick;
	if (!options->backend || !options->tls_dir) {
		error_set(error, ERROR_INVALID, NULL, "--backend and --tls-dir are needed");
		return FALSE;
	}
	front->loop = uv_default_loop();
	front->peers = g_hash_table_new(g_str_hash, g_str_equal);
	/* Under systemd a unit of its own has made the pair (--make-certificate). */
	if (options->names && !tls_make(options->tls_dir, (const char *const *)options->names, error))
		return FALSE;
	front->tls = tls_new(options->tls_dir, error);
	front->page = front->tls ? page_new(options->web_dir, error) : NULL;
	if (!front->page || !make_lws(front, error))
		return FALSE;
	front->backend = backend_new(front, options->backend);
	tls_begin(front->tls, front->loop);
	prepare.data = tick.data = front;
	uv_prepare_init(front->loop, &prepare);
	uv_prepare_start(&prepare, on_prepare);
	uv_timer_init(front->loop, &tick);
	uv_timer_start(&tick, on_tick, TICK_MS, TICK_MS);
	return listen_on(front, options->listen_fds, error) && confine(error);
}

static gboolean parse(int argc, char **argv, Options *options, GError **error)
{
	const GOptionEntry entries[] = {
		{"backend", 0, 0, G_OPTION_ARG_FILENAME, &options->backend, "yadod's socket for the front", "PATH"},
		{"listen-fd", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->listen_fds,
			"Listening socket; may be repeated", "N"},
		{"tls-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->tls_dir,
			"Where cert.pem and key.pem are, or are made", "DIR"},
		{"name", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->names,
			"Name or address for a certificate that is made; may be repeated", "NAME"},
		{"make-certificate", 0, 0, G_OPTION_ARG_NONE, &options->certificate,
			"Make a certificate for this host's names and addresses, if there is none, and exit", NULL},
		{"web-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->web_dir, "Files of the page", "DIR"},
		{"debug", 0, 0, G_OPTION_ARG_NONE, &options->debug, "Log more", NULL},
		{"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version and exit", NULL},
		{NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- the front of Yado");
	g_option_context_add_main_entries(context, entries, NULL);
	return g_option_context_parse(context, &argc, &argv, error);
}

/* A list of a thousand guests needs a few hundred KiB for a moment: to give them back to the kernel and take them again
 * for each costs more than to fill them. */
static void keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	mallopt(M_TRIM_THRESHOLD, 4 << 20);
}

static void raise_limits(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = MIN(limit.rlim_max, DESCRIPTORS);
	setrlimit(RLIMIT_NOFILE, &limit);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
}

/* Where the host's addresses can be seen; a front that serves sees no network. */
static gboolean make_certificate(const Options *options, GError **error)
{
	g_auto(GStrv) known = host_names();
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	for (char **name = options->names; name && *name; name++)
		g_ptr_array_add(names, *name);
	for (char **name = known; *name; name++)
		g_ptr_array_add(names, *name);
	g_ptr_array_add(names, NULL);
	if (options->tls_dir)
		return tls_make(options->tls_dir, (const char *const *)names->pdata, error);
	error_set(error, ERROR_INVALID, NULL, "--make-certificate needs --tls-dir");
	return FALSE;
}

static int fail(const GError *error)
{
	log_message("%s%s%s", error->message, error_hint(error) ? "; " : "",
		    error_hint(error) ? error_hint(error) : "");
	return 1;
}

int main(int argc, char **argv)
{
	static Options options;
	static Front front;
	g_autoptr(GError) error = NULL;
	if (!parse(argc, argv, &options, &error)) {
		fprintf(stderr, "yado-httpd: %s\n", error->message);
		return 2;
	}
	if (options.version) {
		printf("yado-httpd %s\n", YADO_VERSION);
		return 0;
	}
	log_set_debug(options.debug);
	lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
	if (options.certificate)
		return make_certificate(&options, &error) ? 0 : fail(error);
	raise_limits();
	keep_memory();
	if (!assemble(&front, &options, &error))
		return fail(error);
	log_message("%s serves", YADO_VERSION);
	sd_notify(0, "READY=1");
	uv_run(front.loop, UV_RUN_DEFAULT);
	return 0;
}
