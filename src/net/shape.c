/* Limits of what goes over a guest's tap, by tc(8).
 *
 * What the guest receives is what the host sends into the tap: a token bucket (tc-tbf(8)) there holds it back. What the
 * guest sends comes in from the tap, where nothing can wait; so it is led through a device of its own, "yi<vm>.<index>"
 * (an ifb), which has such a bucket. Waiting, not dropping, lets TCP find the rate. The tap's buckets go with it; the ifb
 * must be removed, also after a node's daemon has died: so all with the guest's number go when its process has ended. */
#include "net/shape.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/process.h"

enum { TIMEOUT_MS = 10000, WORDS_MAX = 32, LATENCY_MS = 100 };
static const guint64 burst_min = 16 * 1024;

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
		burst = MAX(rate / 20, burst_min);
	return run(error, "tc qdisc replace dev %s root tbf rate %" G_GUINT64_FORMAT "bps burst %" G_GUINT64_FORMAT
		   "b latency %dms", device, rate, burst, LATENCY_MS);
}

static gboolean limit_receive(const char *tap, const Shape *shape, GError **error)
{
	if (shape->receive)
		return add_bucket(tap, shape->receive, shape->receive_burst, error);
	run(NULL, "tc qdisc del dev %s root", tap); /* there may be none */
	return TRUE;
}

static gboolean limit_send(const char *tap, const char *ifb, const Shape *shape, GError **error)
{
	/* Begun anew each time: an earlier run may have come half the way. */
	run(NULL, "tc qdisc del dev %s ingress", tap);
	if (if_nametoindex(ifb))
		run(NULL, "ip link del dev %s", ifb);
	if (!shape->send)
		return TRUE;
	return run(error, "ip link add name %s type ifb", ifb) && add_bucket(ifb, shape->send, shape->send_burst, error) &&
	       run(error, "ip link set dev %s up", ifb) && run(error, "tc qdisc add dev %s ingress", tap) &&
	       run(error, "tc filter add dev %s parent ffff: protocol all prio 1 u32 match u32 0 0 action mirred egress "
		   "redirect dev %s", tap, ifb);
}

gboolean shape_set(gint64 vm, guint index, const Shape *shape, GError **error)
{
	char tap[IFNAMSIZ], ifb[IFNAMSIZ];
	name_of("yt", vm, index, tap);
	name_of("yi", vm, index, ifb);
	if (limit_receive(tap, shape, error) && limit_send(tap, ifb, shape, error))
		return TRUE;
	/* Without its ifb, what is led there would be lost. */
	run(NULL, "tc qdisc del dev %s ingress", tap);
	shape_end(vm, index);
	g_prefix_error(error, "cannot limit a network card: ");
	return FALSE;
}

void shape_end(gint64 vm, guint index)
{
	char ifb[IFNAMSIZ];
	name_of("yi", vm, index, ifb);
	if (if_nametoindex(ifb))
		run(NULL, "ip link del dev %s", ifb);
}

void shape_end_all(gint64 vm)
{
	g_autofree char *prefix = g_strdup_printf("yi%" G_GINT64_FORMAT ".", vm);
	g_autoptr(GDir) dir = g_dir_open("/sys/class/net", 0, NULL);
	const char *name;
	while (dir && (name = g_dir_read_name(dir)))
		if (g_str_has_prefix(name, prefix))
			run(NULL, "ip link del dev %s", name);
}
