/* Directories of the host inside a guest: one virtiofsd a share (QEMU docs/tools/virtiofsd.rst).
 *
 * virtiofsd takes the first connection to a listening socket. We make that connection ourselves, before it runs: what
 * QEMU says waits in the socket, and nobody else can be the first. It outlives us as QEMU does, and ends with QEMU. In
 * its cage it sees the one directory and is root of a user namespace of its own (launch/share.c). */
#include "guest/devices/share.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/devices/helper.h"
#include "guest/devices/mappings.h"
#include "hardware/hardware.h"

enum { START_TIMEOUT_MS = 10000, LISTENER_FD = 10, TAG_MAX = 36 /* virtio specification 1.2, 5.11.4 */ };

static const char program[] = "/usr/lib/qemu/virtiofsd";
/* Without killpriv_v2 the guest's kernel takes set-user-id bits off itself, before it writes; the others are in
 * docs/decisions/virtiofs.md. */
static const char *const arguments[] = {"-f", "--fd=10", "-o", "source=/share", "-o", "sandbox=chroot", "-o",
					"modcaps=-mknod:-setfcap:-fsetid", "-o", "no_killpriv_v2", "-o",
					"log_level=warn", "--rlimit-nofile=0"};

static json_object *share_of(json_object *document, const char *key)
{
	return json_get(json_get(document, "shares"), key);
}

void share_complete(json_object *document)
{
	json_object *shares = json_get(document, "shares");
	if (!shares)
		return;
	json_object_object_foreach (shares, key, share)
		if (!json_get(share, "tag") && strlen(key) <= TAG_MAX)
			json_set_str(share, "tag", key);
}

static gboolean check_share(Services *services, const char *key, json_object *share, GError **error)
{
	g_autofree char *field = g_strdup_printf("shares.%s.mapping", key);
	g_autoptr(GError) local = NULL;
	json_auto json_object *mapping =
		mappings_get(services, json_get_str(share, "mapping", ""), "directory", field, error);
	if (!mapping)
		return FALSE;
	if (access(program, X_OK) != 0) {
		error_set_field(error, ERROR_UNSUPPORTED, field, "install it (apt install qemu-system-common)",
				"a share needs virtiofsd, which is not installed on this node");
		return FALSE;
	}
	if (mapping_check(services->sysfs, mapping, &local))
		return TRUE;
	error_set_field(error, error_code(local), field, error_hint(local), "%s: %s", field, local->message);
	return FALSE;
}

gboolean share_check(Services *services, json_object *present, json_object *document, GError **error)
{
	json_object *shares = json_get(document, "shares");
	g_autoptr(GHashTable) tags = g_hash_table_new(g_str_hash, g_str_equal);
	if (!shares)
		return TRUE;
	json_object_object_foreach (shares, key, share) {
		const char *tag = json_get_str(share, "tag", NULL);
		g_autofree char *field = g_strdup_printf("shares.%s.tag", key);
		if (!tag || !g_hash_table_add(tags, (gpointer)tag)) {
			error_set_field(error, ERROR_INVALID, field, "give it one of its own, of at most 36 characters",
					tag ? "%s is that of another share of this guest" : "%s is missing", field);
			return FALSE;
		}
		if (!json_equal(share_of(present, key), share) && !check_share(services, key, share, error))
			return FALSE;
	}
	return TRUE;
}

static char *run_dir_of(Vm *vm, const char *key)
{
	return g_strdup_printf("%s/share-%s", vm->run_dir, key);
}

int share_prepare(Vm *vm, const char *key, int *ret_peer, GError **error)
{
	/* Without a name: only who has the descriptor gets at it (unix(7), autobind gives an abstract one, in our
	 * namespace, so the connection is made and the listener is full before anybody else could). */
	fd_auto int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fd_auto int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_autofree char *run_dir = run_dir_of(vm, key), *path = g_build_filename(run_dir, "s", NULL);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
		error_set(error, ERROR_FAILED,
			  "start yadod with a shorter --run directory, or give the share a shorter key",
			  "the socket path '%s' is too long", path);
		return -1;
	}
	if (!dir_make(run_dir, 0700, error) || !launch_clear_record(run_dir, error))
		return -1;
	launch_clear_log(run_dir);
	unlink(path);
	if (listener < 0 || client < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(listener, 1) < 0 || connect(client, (struct sockaddr *)&address, sizeof address) < 0 ||
	    unlink(path) < 0) {
		error_set_errno(error, errno, "cannot make the connection of share %s", key);
		return -1;
	}
	*ret_peer = fd_steal(&listener);
	return fd_steal(&client);
}

gboolean share_start(Vm *vm, json_object *document, const char *key, int peer, Launched *ret_launched, GError **error)
{
	json_object *share = share_of(document, key);
	g_autofree char *run_dir = run_dir_of(vm, key);
	json_auto json_object *mapping =
		mappings_get(vm->services, json_get_str(share, "mapping", ""), "directory", key, error);
	if (!mapping || !mapping_check(vm->services->sysfs, mapping, error))
		return FALSE;
	const char *path = json_get_str(mapping, "path", "");
	if (!mappings_check_path(vm->services, path, error))
		return FALSE;
	gboolean writable = !json_get_bool(mapping, "read_only", FALSE) && !json_get_bool(share, "read_only", FALSE);
	g_autoptr(Launch) launch = launch_new(program, run_dir);
	for (guint i = 0; i < G_N_ELEMENTS(arguments); i++)
		launch_add_arg(launch, arguments[i]);
	G_STATIC_ASSERT(LISTENER_FD == 10);
	launch_pass_fd(launch, peer, LISTENER_FD);
	launch_share(launch, path, writable);
	launch_set_network(launch, LAUNCH_NETWORK_NONE);
	launch_set_cgroup(launch, vm->cgroup);
	launch_set_filter(launch, SECCOMP_SHARE);
	if (launch_start(launch, START_TIMEOUT_MS, ret_launched, error))
		return TRUE;
	g_prefix_error(error, "cannot share %s: ", key);
	return FALSE;
}

static gboolean has_ended(Vm *vm, const char *key, char **ret_how)
{
	g_autofree char *name = g_strconcat("share-", key, NULL);
	return helper_read_end(vm, name, ret_how);
}

void share_explain(Vm *vm, json_object *document, GError **error)
{
	json_object *shares = json_get(document, "shares");
	if (!shares || !error || !*error)
		return;
	json_object_object_foreach (shares, key, share) {
		g_autofree char *log = NULL;
		(void)share;
		if (has_ended(vm, key, &log) && *log)
			g_prefix_error(error, "virtiofsd of share %s said: %s: ", key, log);
	}
}

json_object *share_describe(Vm *vm)
{
	json_auto json_object *applied = vm_dup_applied(vm);
	json_object *shares = json_get(applied, "shares");
	if (!shares || json_object_object_length(shares) == 0)
		return NULL;
	json_object *list = json_object_new_array();
	json_object_object_foreach (shares, key, share) {
		json_object *row = json_object_new_object();
		g_autofree char *log = NULL;
		gboolean ended = has_ended(vm, key, &log);
		json_set_str(row, "share", key);
		json_set_str(row, "tag", json_get_str(share, "tag", ""));
		json_set_bool(row, "serving", !ended);
		if (ended) {
			g_autofree char *problem = g_strdup_printf(
				"its virtiofsd has ended%s%s; it comes back when the guest is stopped and started",
				*log ? ": " : "", log);
			json_set_str(row, "problem", problem);
		}
		json_object_array_add(list, row);
	}
	return list;
}
