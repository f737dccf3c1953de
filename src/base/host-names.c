/* Names and addresses, as the kernel tells them: no resolver is asked, which could take its time. */
#include "base/host-names.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static void add(GPtrArray *names, const char *name, gsize length)
{
	g_autofree char *text = g_strndup(name, length);
	if (*text && !g_ptr_array_find_with_equal_func(names, text, g_str_equal, NULL))
		g_ptr_array_add(names, g_steal_pointer(&text));
}

char **host_names(void)
{
	GPtrArray *names = g_ptr_array_new();
	const char *name = g_get_host_name();
	struct ifaddrs *all = NULL;
	add(names, name, strlen(name));
	add(names, name, strcspn(name, "."));
	if (getifaddrs(&all) < 0)
		all = NULL;
	for (struct ifaddrs *one = all; one; one = one->ifa_next) {
		char text[NI_MAXHOST];
		int family = one->ifa_addr ? one->ifa_addr->sa_family : AF_UNSPEC;
		socklen_t length = family == AF_INET    ? sizeof(struct sockaddr_in)
				   : family == AF_INET6 ? sizeof(struct sockaddr_in6)
							: 0;
		if (length > 0 && getnameinfo(one->ifa_addr, length, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0 &&
		    !strchr(text, '%')) /* link-local: with its interface */
			add(names, text, strlen(text));
	}
	if (all)
		freeifaddrs(all);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}
