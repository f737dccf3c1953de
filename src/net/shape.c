/* Limits of what goes over a guest's tap, by tc(8).
 *
 * What the guest receives is what the host sends into the tap: a token bucket (tc-tbf(8)) there holds it back. What the
 * guest sends comes in from the tap, where nothing can wait; so it is led through a device of its own, "yi<vm>.<index>"
 * (an ifb), which has such a bucket. Waiting, not dropping, lets TCP find the rate. The tap's buckets go with it; the
 * ifb must be removed, also after a node's daemon has died: so all with the guest's number go when its process has
 * ended. */
#include "net/shape.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/process.h"

enum { TIMEOUT_MS = 10000, WORDS_MAX = 32 };
/* What one packet may have that a card leaves to be segmented: a queue without room for it loses its end each time, and
 * TCP comes to a halt. */
static const guint64 packet_max = 64 * 1024;

static void name_of(const char *kind, gint64 vm, guint index, char ret_name[IFNAMSIZ])
{
	snprintf(ret_name, IFNAMSIZ, "%s%" G_GINT64_FORMAT ".%u", kind, vm, index);
}

/* A line for tc or ip; none of its words has a blank. */
static gboolean run(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean run(GError **error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *line = g_strdup_vprintf(format, args);
	va_end(args);
	g_auto(GStrv) words = g_strsplit(line, " ", WORDS_MAX);
	g_autofree char *program = g_find_program_in_path(words[0]);
	if (!program) {
		error_set(error, ERROR_UNSUPPORTED, "install it (apt install iproute2)",
			  "limits of network cards need '%s', which is not installed", words[0]);
		return FALSE;
	}
	g_free(words[0]);
	words[0] = g_steal_pointer(&program);
	return process_run((const char *const *)words, TIMEOUT_MS, NULL, error);
}

static gboolean add_bucket(const char *device, guint64 rate, guint64 burst, GError **error)
{
	if (!burst)
		burst = MAX(rate / 20, packet_max / 4);
	guint64 queue = burst + MAX(rate / 10, 2 * packet_max);
	return run(error, "tc qdisc replace dev %s root tbf rate %" G_GUINT64_FORMAT "bps burst %" G_GUINT64_FORMAT
		   "b limit %" G_GUINT64_FORMAT, device, rate, burst, queue);
}

static gboolean limit_receive(const char *tap, const Shape *shape, GError **error)
{
	if (shape->receive)
		return add_bucket(tap, shape->receive, shape->receive_burst, error);
	run(NULL, "tc qdisc del dev %s root", tap); /* there may be none */
	return TRUE;
}

/* By its alias; without one it is what was left of somebody who died before giving it one. */
static gboolean is_ours(const char *ifb, const char *owner)
{
	g_autofree char *path = g_strdup_printf("/sys/class/net/%s/ifalias", ifb), *alias = NULL;
	return g_file_get_contents(path, &alias, NULL, NULL) && (!*g_strchomp(alias) || g_str_equal(alias, owner));
}

static void remove_ours(const char *ifb, const char *owner)
{
	if (is_ours(ifb, owner))
		run(NULL, "ip link del dev %s", ifb);
}

static gboolean limit_send(const char *owner, const char *tap, const char *ifb, const Shape *shape, GError **error)
{
	/* Begun anew each time: an earlier run may have come half the way. */
	run(NULL, "tc qdisc del dev %s ingress", tap);
	remove_ours(ifb, owner);
	if (!shape->send)
		return TRUE;
	return run(error, "ip link add name %s type ifb", ifb) &&
	       run(error, "ip link set dev %s alias %s", ifb, owner) &&
	       add_bucket(ifb, shape->send, shape->send_burst, error) && run(error, "ip link set dev %s up", ifb) &&
	       run(error, "tc qdisc add dev %s ingress", tap) &&
	       run(error, "tc filter add dev %s parent ffff: protocol all prio 1 u32 match u32 0 0 action mirred "
			  "egress redirect dev %s", tap, ifb);
}

gboolean shape_set(const char *owner, gint64 vm, guint index, const Shape *shape, GError **error)
{
	char tap[IFNAMSIZ], ifb[IFNAMSIZ];
	name_of("yt", vm, index, tap);
	name_of("yi", vm, index, ifb);
	if (limit_receive(tap, shape, error) && limit_send(owner, tap, ifb, shape, error))
		return TRUE;
	/* Without its ifb, what is led there would be lost. */
	run(NULL, "tc qdisc del dev %s ingress", tap);
	shape_end(owner, vm, index);
	g_prefix_error(error, "cannot limit a network card: ");
	return FALSE;
}

void shape_end(const char *owner, gint64 vm, guint index)
{
	char ifb[IFNAMSIZ];
	name_of("yi", vm, index, ifb);
	remove_ours(ifb, owner);
}

void shape_end_all(const char *owner, gint64 vm)
{
	g_autofree char *prefix = g_strdup_printf("yi%" G_GINT64_FORMAT ".", vm);
	g_autoptr(GDir) dir = g_dir_open("/sys/class/net", 0, NULL);
	const char *name;
	while (dir && (name = g_dir_read_name(dir)))
		if (g_str_has_prefix(name, prefix))
			remove_ours(name, owner);
}
