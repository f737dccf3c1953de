/* The watchdog is answered from the main loop, because that is what every request goes through: if it hangs, nobody is
 * served, and the manager starts another yadod, which takes over the guests. */
#include "daemon/manager.h"

#include <systemd/sd-daemon.h>

#include "guest/guests.h"
#include "qemu/host.h"

enum { STATUS_MS = 10000 };

static guint timer;

static gboolean on_timer(gpointer data)
{
	Services *services = data;
	static guint told = G_MAXUINT;
	guint running = guests_count_alive(services->guests);
	sd_notify(0, "WATCHDOG=1");
	if (running != told)
		sd_notifyf(0, "STATUS=%u %s, acceleration %s", running, running == 1 ? "guest runs" : "guests run",
			   services->host->kvm ? "KVM" : "TCG");
	told = running;
	return G_SOURCE_CONTINUE;
}

void manager_ready(Services *services)
{
	guint64 limit_us = 0;
	guint interval_ms = STATUS_MS;
	if (!g_getenv("NOTIFY_SOCKET"))
		return;
	if (sd_watchdog_enabled(0, &limit_us) > 0)
		interval_ms = (guint)CLAMP(limit_us / 3000, 1, STATUS_MS);
	if (sd_notify(0, "READY=1") < 0)
		g_warning("cannot tell the service manager that yadod is ready");
	on_timer(services);
	timer = g_timeout_add(interval_ms, on_timer, services);
}

void manager_stopping(void)
{
	if (timer > 0)
		g_source_remove(timer);
	timer = 0;
	sd_notify(0, "STOPPING=1\nSTATUS=ending; guests run on");
}
