/* Tap devices by ioctl (Linux Documentation/networking/tuntap.rst, netdevice(7)). */
#include "net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

static void tap_name(gint64 vm, guint index, char ret_name[IFNAMSIZ])
{
	snprintf(ret_name, IFNAMSIZ, "yt%" G_GINT64_FORMAT ".%u", vm, index);
}

gboolean tap_bridge_exists(const char *bridge)
{
	g_autofree char *path = g_strdup_printf("/sys/class/net/%s/bridge", bridge);
	return g_file_test(path, G_FILE_TEST_IS_DIR);
}

static gboolean join_bridge(int control, const char *tap, const char *bridge, GError **error)
{
	struct ifreq request = {0};

	if (!tap_bridge_exists(bridge)) {
		error_set_field(error, ERROR_NOT_FOUND, "bridge",
				"create it (ip link add NAME type bridge; ip link set NAME up) or choose another",
				"bridge '%s' does not exist on this node", bridge);
		return FALSE;
	}
	g_strlcpy(request.ifr_name, bridge, IFNAMSIZ);
	request.ifr_ifindex = (int)if_nametoindex(tap);
	if (ioctl(control, SIOCBRADDIF, &request) < 0) {
		error_set_errno(error, errno, "cannot join '%s' to bridge '%s'", tap, bridge);
		return FALSE;
	}
	return TRUE;
}

int tap_open(gint64 vm, guint index, const char *bridge, GError **error)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	tap_name(vm, index, request.ifr_name);

	fd_auto int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		error_set_errno(error, errno, "cannot open /dev/net/tun");
		return -1;
	}
	if (ioctl(fd, TUNSETIFF, &request) < 0) {
		error_set_errno(error, errno, "cannot make tap '%s'", request.ifr_name);
		return -1;
	}
	fd_auto int control = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!join_bridge(control, request.ifr_name, bridge, error))
		return -1;
	struct ifreq flags = {.ifr_flags = IFF_UP};
	g_strlcpy(flags.ifr_name, request.ifr_name, IFNAMSIZ);
	if (ioctl(control, SIOCSIFFLAGS, &flags) < 0) {
		error_set_errno(error, errno, "cannot bring tap '%s' up", request.ifr_name);
		return -1;
	}
	return fd_steal(&fd);
}

gboolean tap_set_bridge(gint64 vm, guint index, const char *bridge, GError **error)
{
	char name[IFNAMSIZ];
	tap_name(vm, index, name);

	g_autofree char *master = g_strdup_printf("/sys/class/net/%s/master", name);
	g_autofree char *target = g_file_read_link(master, NULL);
	g_autofree char *old = target ? g_path_get_basename(target) : NULL;
	fd_auto int control = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!tap_bridge_exists(bridge))
		return join_bridge(control, name, bridge, error);
	if (old) {
		struct ifreq request = {.ifr_ifindex = (int)if_nametoindex(name)};
		g_strlcpy(request.ifr_name, old, IFNAMSIZ);
		if (ioctl(control, SIOCBRDELIF, &request) < 0) {
			error_set_errno(error, errno, "cannot take '%s' off bridge '%s'", name, old);
			return FALSE;
		}
	}
	if (join_bridge(control, name, bridge, error))
		return TRUE;
	if (old)
		join_bridge(control, name, old, NULL);
	return FALSE;
}

static gboolean read_counter(const char *tap, const char *counter, guint64 *ret_value)
{
	g_autofree char *path = g_strdup_printf("/sys/class/net/%s/statistics/%s", tap, counter);
	g_autofree char *text = NULL;
	if (!file_read(path, 64, &text, NULL, NULL))
		return FALSE;
	*ret_value = g_ascii_strtoull(text, NULL, 10);
	return TRUE;
}

gboolean tap_read_counters(gint64 vm, guint index, guint64 *ret_rx_bytes, guint64 *ret_tx_bytes)
{
	char name[IFNAMSIZ];
	tap_name(vm, index, name);
	return read_counter(name, "tx_bytes", ret_rx_bytes) && read_counter(name, "rx_bytes", ret_tx_bytes);
}
