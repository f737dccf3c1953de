/* yadod: the daemon. Puts the parts together in the order in which they depend on each other, runs the loop, and takes
 * them apart again. Guests run on whatever happens to it. */
#include <errno.h>
#include <glib-unix.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "api/bulk.h"
#include "api/events.h"
#include "api/guest-work.h"
#include "api/health.h"
#include "api/idempotency.h"
#include "api/kinds.h"
#include "api/metrics.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "daemon/front.h"
#include "daemon/listen.h"
#include "daemon/loop.h"
#include "daemon/manager.h"
#include "guest/guests.h"
#include "guest/resources/balloon.h"
#include "guest/resources/node-memory.h"
#include "guest/run/autostart.h"
#include "guest/run/run-directory.h"
#include "guest/services.h"
#include "measure/measure.h"
#include "sandbox/caged.h"
#include "sandbox/cgroup.h"
#include "sandbox/groups.h"
#include "schema/schema.h"
#include "storage/transfer.h"

enum { STOP_TIMEOUT_MS = 5000, TRIM_S = 20, ARENAS_MAX = 8 };

/* What the store keeps: configuration comes back with a restore, facts never do. */
static const StoreKind store_kinds[] = {
	{"vm", FALSE},
	{"storage", FALSE},
	{"mapping", FALSE},
	{"vm-name", TRUE},
	{"vm-identity", TRUE},
	{"vm-state", TRUE},
	{"vm-firmware-setup", TRUE},
	{"image", TRUE},
	{"volume", TRUE},
	{"node", TRUE},
	{"user", TRUE},
	{"role", TRUE},
	{"token", TRUE},
	{"setting", TRUE},
	{NULL, FALSE},
};

typedef struct Options {
	char *state, *run, *socket, *node, *probe_rom, *recipes, *front_user, *web;
	char **https; /* where the front listens; NULL: it is started by somebody else, or not at all */
	gboolean debug, version;
} Options;

typedef struct Daemon {
	Options options;
	Services services;
	char *image_dir, *socket;
	Api *api;
	Server *server, *front_server;
	Loop *front_loop; /* so that those who come over the network hold up nobody at api.sock */
	FrontOptions front_options;
	Front *front;
	GMainLoop *loop;
} Daemon;

static gboolean parse_options(int argc, char **argv, Options *options, GError **error)
{
	GOptionEntry entries[] = {
		{"state", 0, 0, G_OPTION_ARG_FILENAME, &options->state, "What is kept (default /var/lib/yado)", "DIR"},
		{"run", 0, 0, G_OPTION_ARG_FILENAME, &options->run,
		 "Sockets and records of this boot (default /run/yado)", "DIR"},
		{"socket", 0, 0, G_OPTION_ARG_FILENAME, &options->socket, "Socket of the API (default RUN/api.sock)",
		 "PATH"},
		{"node", 0, 0, G_OPTION_ARG_STRING, &options->node,
		 "Name of this node at its first start (default: host name)", "NAME"},
		{"probe-rom", 0, 0, G_OPTION_ARG_FILENAME, &options->probe_rom,
		 "Firmware image of the acceleration probe", "FILE"},
		{"recipes", 0, 0, G_OPTION_ARG_FILENAME, &options->recipes, "Recipes of images", "DIR"},
		{"https", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->https,
		 "Start yado-httpd, which listens there; can be repeated", "[ADDRESS:]PORT"},
		{"front-user", 0, 0, G_OPTION_ARG_STRING, &options->front_user,
		 "User that yado-httpd runs as (default yado)", "NAME"},
		{"web", 0, 0, G_OPTION_ARG_FILENAME, &options->web, "Files of the web page", "DIR"},
		{"debug", 0, 0, G_OPTION_ARG_NONE, &options->debug, "Log more", NULL},
		{"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version", NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- the Yado virtualization daemon");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, error))
		return FALSE;
	if (argc > 1) {
		error_set(error, ERROR_INVALID, NULL, "unexpected argument '%s'", argv[1]);
		return FALSE;
	}
	return TRUE;
}

/* Replaces an option by its absolute path or the default. */
static void settle_path(char **option, const char *fallback)
{
	g_autofree char *given = *option;
	*option = given ? g_canonicalize_filename(given, NULL) : g_strdup(fallback);
}

/* The node's name is a fact of its first start: a host that is renamed later keeps it. */
static gboolean settle_node(Daemon *daemon, GError **error)
{
	Services *services = &daemon->services;
	g_autoptr(Doc) doc = store_get(services->store, "node/self", NULL);
	if (!doc) {
		g_autofree char *name = g_ascii_strdown(daemon->options.node ? daemon->options.node : g_get_host_name(),
							-1);
		g_autofree char *id = g_uuid_string_random();
		name[strcspn(name, ".")] = '\0';
		if (schema_check_key(name)) {
			error_set(error, ERROR_INVALID, "start yadod once with --node NAME",
				  "the host name '%s' cannot be a node's name: it must %s", name,
				  schema_check_key(name));
			return FALSE;
		}
		json_auto json_object *body = json_object_new_object();
		json_set_str(body, "name", name);
		json_set_str(body, "id", id);
		g_autoptr(Batch) batch = batch_new("yado", 0);
		batch_put(batch, "node/self", REV_ABSENT, body);
		if (!store_commit(services->store, batch, error))
			return FALSE;
		services->node = g_strdup(name);
	} else {
		services->node = g_strdup(json_get_str(doc->body, "name", ""));
	}
	return TRUE;
}

/* A first start has one storage, so that a guest can be made at once. */
static gboolean settle_storage(Daemon *daemon, GError **error)
{
	Services *services = &daemon->services;
	g_autoptr(GPtrArray) storages = store_list(services->store, "storage/", error);
	if (!storages)
		return FALSE;
	if (storages->len > 0)
		return TRUE;
	json_auto json_object *input = json_object_new_object();
	g_autofree char *path = g_build_filename(daemon->options.state, "storage", NULL);
	json_set_str(input, "name", "local");
	json_set_str(input, "path", path);
	json_auto json_object *storage = schema_create(&storage_table, input, error);
	if (!storage)
		return FALSE;
	json_set_str(storage, "node", services->node);
	g_autoptr(Batch) batch = batch_new("yado", 0);
	batch_put(batch, "storage/local", REV_ABSENT, storage);
	return storage_prepare(&services->storage, storage, error) && store_commit(services->store, batch, error);
}

/* One control group root and one place for it each state directory: several daemons do not meet (tests, a checkout). */
static void setup_groups(Daemon *daemon)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, daemon->options.state, -1);
	g_autofree char *name = g_str_equal(daemon->options.state, "/var/lib/yado")
					? g_strdup("yado")
					: g_strdup_printf("yado-%.8s", hash);
	if (!groups_setup(name, &error))
		g_warning("there are no control groups for workers: %s%s%s", error->message,
			  error_hint(error) ? "; " : "", error_hint(error) ? error_hint(error) : "");
}

/* A directory that was there already may be somebody else's, or open to everybody. */
static gboolean own_directory(const char *path, GError **error)
{
	struct stat info;
	if (!dir_make(path, 0700, error))
		return FALSE;
	if (lstat(path, &info) < 0 || !S_ISDIR(info.st_mode) || info.st_uid != 0) {
		error_set(error, ERROR_CONFLICT, "give it to root (chown root) or choose another",
			  "'%s' is not a directory of root's", path);
		return FALSE;
	}
	if (chmod(path, 0700) < 0) {
		error_set_errno(error, errno, "cannot close '%s' to others", path);
		return FALSE;
	}
	return TRUE;
}

/* What is refused later is only logged, for the guests' sake; what is wrong with an option is said at once. */
static gboolean check_listen(char *const *https, GError **error)
{
	for (; *https; https++) {
		g_autoptr(GError) cause = NULL;
		fd_auto int fd = listen_tcp(*https, &cause);
		if (fd < 0 && error_code(cause) == ERROR_INVALID) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
	}
	return TRUE;
}

/* front.sock is there whenever its user is, so that yado-httpd can also be run by a service manager. */
static gboolean open_front(Daemon *daemon, GError **error)
{
	Options *options = &daemon->options;
	g_autoptr(GError) absent = NULL;
	daemon->front_options = (FrontOptions){
		.state_dir = options->state,
		.run_dir = options->run,
		.node = daemon->services.node,
		.web_dir = options->web,
		.listen = (const char *const *)options->https,
		.debug = options->debug,
	};
	if (!front_find_user(options->front_user ? options->front_user : "yado", &daemon->front_options.uid, &absent)) {
		if (!options->https && !options->front_user)
			return TRUE;
		g_propagate_error(error, g_steal_pointer(&absent));
		return FALSE;
	}
	if ((options->https && !check_listen(options->https, error)) ||
	    !front_make_directories(&daemon->front_options, error))
		return FALSE;
	g_autofree char *path = front_socket_path(options->run);
	daemon->front_loop = loop_start("front-loop");
	daemon->front_server = server_new(path,
					  &(ServerOptions){.front = TRUE,
							   .uid = daemon->front_options.uid,
							   .context = loop_context(daemon->front_loop),
							   .quick = api_answer_quickly},
					  api_handle, daemon->api, error);
	if (!daemon->front_server)
		return FALSE;
	if (options->https)
		daemon->front = front_start(&daemon->front_options);
	return TRUE;
}

static gboolean assemble(Daemon *daemon, GError **error)
{
	Services *services = &daemon->services;
	Options *options = &daemon->options;

	if (!own_directory(options->state, error) || !own_directory(options->run, error))
		return FALSE;
	services->run_dir = options->run;
	services->state_dir = options->state;
	services->sysfs = "/sys";
	services->started_us = g_get_monotonic_time();
	services->store = store_open(options->state, store_kinds, error);
	if (!services->store)
		return FALSE;
	setup_groups(daemon);
	services->audit = audit_open(options->state, services->store, error);
	services->idempotency = services->audit ? idempotency_open(options->state, services->store, error) : NULL;
	if (!services->idempotency)
		return FALSE;
	services->access = access_new(services->store, error);
	if (!services->access)
		return FALSE;
	services->host = qemu_host_probe(options->run, options->probe_rom, error);
	if (!services->host)
		return FALSE;
	daemon->image_dir = g_build_filename(options->state, "images", NULL);
	services->storage = (StorageContext){services->store, options->run};
	services->image = (ImageContext){services->store, daemon->image_dir, options->run, options->recipes};
	if (!dir_make(daemon->image_dir, 0700, error) || !settle_node(daemon, error) ||
	    !run_directory_claim(services, options->state, error) || !settle_storage(daemon, error))
		return FALSE;
	caged_sweep(options->run);
	g_autofree char *upload_dir = g_build_filename(options->state, "uploads", NULL);
	services->uploads = uploads_new(upload_dir, options->run, error);
	if (!services->uploads)
		return FALSE;
	services->tasks = tasks_new(options->state, task_kinds, services, error);
	if (!services->tasks || !guests_new(services, error))
		return FALSE;
	guests_adopt(services->guests);
	if (!tasks_start(services->tasks, error))
		return FALSE;
	services->measure = measure_start(services, options->state);
	node_memory_apply(services);
	balloon_start(services);
	events_start(services);
	bulk_start(services);
	daemon->api = api_new(services, error);
	if (!daemon->api)
		return FALSE;
	daemon->server = server_new(daemon->socket, &(ServerOptions){.uid = 0, .quick = api_answer_quickly},
				    api_handle, daemon->api, error);
	return daemon->server && open_front(daemon, error);
}

static void take_apart(Daemon *daemon)
{
	Services *services = &daemon->services;
	g_clear_pointer(&daemon->front, front_stop);
	if (daemon->front_loop)
		loop_stop(daemon->front_loop);
	g_clear_pointer(&daemon->front_server, server_free);
	g_clear_pointer(&daemon->front_loop, loop_free);
	g_clear_pointer(&daemon->server, server_free);
	health_stop();
	metrics_stop();
	transfers_stop();
	guest_work_stop();
	if (services->guests) {
		events_stop(services);
		autostart_stop(services->autostart);
	}
	balloon_stop();
	g_clear_pointer(&services->measure, measure_stop);
	/* A task that waits for what does not come still uses all that is taken apart below, and needs none of it done:
	 * store and journals are whole at any moment. */
	if (services->tasks && !tasks_stop(services->tasks, STOP_TIMEOUT_MS)) {
		g_message("a task that does not end in time is left to the next start");
		_exit(0);
	}
	g_clear_pointer(&services->autostart, autostart_free);
	guests_free(services->guests); /* which takes itself out of `services` when nobody asks for it any more */
	g_clear_pointer(&services->tasks, tasks_free);
	g_clear_pointer(&services->uploads, uploads_free);
	g_clear_pointer(&services->host, qemu_host_free);
	g_clear_pointer(&services->idempotency, idempotency_close);
	g_clear_pointer(&services->access, access_free);
	g_clear_pointer(&services->audit, audit_close);
	if (services->store)
		/* our root, unless guests are in it; while the store keeps another yadod out */
		cgroup_remove("", NULL);
	g_clear_pointer(&services->store, store_close);
	g_clear_pointer(&daemon->api, api_free);
	g_clear_pointer(&daemon->image_dir, g_free);
	g_free((char *)services->node);
	g_free(daemon->socket);
	char *const given[] = {daemon->options.state, daemon->options.run, daemon->options.socket, daemon->options.node,
			       daemon->options.probe_rom, daemon->options.recipes, daemon->options.front_user,
			       daemon->options.web};
	g_strfreev(daemon->options.https);
	for (guint i = 0; i < G_N_ELEMENTS(given); i++)
		g_free(given[i]);
}

static gboolean on_signal(gpointer data)
{
	Daemon *daemon = data;
	g_main_loop_quit(daemon->loop);
	return G_SOURCE_CONTINUE;
}

/* What a burst of requests and tasks has freed stays in its threads' arenas, scattered, until it is asked for. */
static gboolean give_memory_back(gpointer data)
{
	(void)data;
	malloc_trim(0);
	return G_SOURCE_CONTINUE;
}

static GLogWriterOutput write_log(GLogLevelFlags level, const GLogField *fields, gsize count, gpointer data)
{
	const Options *options = data;
	if ((level & (G_LOG_LEVEL_DEBUG | G_LOG_LEVEL_INFO)) && !options->debug)
		return G_LOG_WRITER_HANDLED;
	/* The journal knows the time and the level by itself. */
	if (g_log_writer_is_journald(STDERR_FILENO) &&
	    g_log_writer_journald(level, fields, count, NULL) == G_LOG_WRITER_HANDLED)
		return G_LOG_WRITER_HANDLED;
	return g_log_writer_standard_streams(level, fields, count, NULL);
}

/* Each guest takes a handful of descriptors here, and more while it starts. A core file would hold secrets; one of the
 * acceleration probe, whose QEMU may abort, would only be in the way. */
static void set_limits(void)
{
	struct rlimit limit, no_core = {0};
	setrlimit(RLIMIT_CORE, &no_core);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* An arena for each thread, which is malloc's own way, keeps several times of what is used: bursts scatter what stays
 * over all of them. Fewer than threads that can run at once would wait for each other. */
static void bound_arenas(void)
{
	mallopt(M_ARENA_MAX, (int)CLAMP(2 * g_get_num_processors(), 2, ARENAS_MAX));
}

int main(int argc, char **argv)
{
	bound_arenas();
	store_bound_memory();
	Daemon daemon = {0};
	Options *options = &daemon.options;
	g_autoptr(GError) error = NULL;

	setlocale(LC_ALL, "C.UTF-8");
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	g_log_set_writer_func(write_log, options, NULL);
	if (!parse_options(argc, argv, options, &error)) {
		fprintf(stderr, "yadod: %s\n", error->message);
		return 2;
	}
	if (options->version) {
		printf("yadod %s\n", YADO_VERSION);
		return 0;
	}
	if (geteuid() != 0) {
		fprintf(stderr, "yadod: must be started by root\n");
		return 1;
	}
	settle_path(&options->state, "/var/lib/yado");
	settle_path(&options->run, "/run/yado");
	settle_path(&options->probe_rom, YADO_DATA_DIR "/probe.rom");
	settle_path(&options->recipes, YADO_DATA_DIR "/recipes");
	if (options->web || g_file_test(YADO_DATA_DIR "/web", G_FILE_TEST_IS_DIR)) /* comes with the front's package */
		settle_path(&options->web, YADO_DATA_DIR "/web");
	daemon.socket = options->socket ? g_strdup(options->socket) : g_build_filename(options->run, "api.sock", NULL);
	set_limits();

	if (!assemble(&daemon, &error)) {
		fprintf(stderr, "yadod: %s\n", error->message);
		if (error_hint(error))
			fprintf(stderr, "  -> %s\n", error_hint(error));
		take_apart(&daemon);
		return 1;
	}
	daemon.loop = g_main_loop_new(NULL, FALSE);
	g_unix_signal_add(SIGTERM, on_signal, &daemon);
	g_unix_signal_add(SIGINT, on_signal, &daemon);
	manager_ready(&daemon.services);
	g_message("yadod %s serves node '%s' on %s (acceleration: %s)", YADO_VERSION, daemon.services.node,
		  daemon.socket, daemon.services.host->kvm ? "kvm" : "tcg");
	g_atomic_pointer_set(&daemon.services.autostart, autostart_begin(&daemon.services));
	g_timeout_add_seconds(TRIM_S, give_memory_back, NULL);
	g_main_loop_run(daemon.loop);
	manager_stopping();
	take_apart(&daemon);
	g_main_loop_unref(daemon.loop);
	return 0;
}
