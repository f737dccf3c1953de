/* The guest agent.
 *
 * QEMU tells (VSERPORT_CHANGE) when the guest opens or closes the agent's port; that is a reason to ask whether it is
 * open. Then the daemon connects, asks for the agent's version and the guest's addresses, and asks for addresses again
 * every second until there is one, then twice a minute; an agent that did not answer is tried again in the same way.
 * One timer a guest does that, and one thread at a time looks at the port. What a guest says is shown,
 * never trusted: it is bounded and only the known members are taken. */
#include "guest/tools/agent.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/run/needs.h"
#include "guest/tools/ask.h"
#include "guest/tools/file.h"
#include "guest/tools/leftover.h"

enum {
	CONNECT_TIMEOUT_MS = 5000,
	EAGER_S = 1,
	CALM_S = 30,
	RETRY_S = 10, /* an agent that does not answer costs a thread for seconds each time */
	VERSION_LENGTH_MAX = 32,
	NICS_MAX = 256,
	ADDRESSES_MAX = 64, /* of one of them, and in all that are shown */
	MAC_LENGTH = 17,    /* xx:xx:xx:xx:xx:xx */
};

/* What keeps the agent away, and what to do about it. */
typedef struct Absence {
	const char *why, *hint;
} Absence;

static Absence absence_of(const Vm *vm)
{
	if (!vm_state_is_alive(vm->state))
		return (Absence){": the guest does not run", "start the guest"};
	if (!vm->agent_wanted)
		return (Absence){": the guest has no port for it (agent)",
				 "give it one (yado vm set ID --agent), then shut it down and start it"};
	/* As after a start of the daemon. */
	if (vm->agent_again || (vm->agent_busy && !vm->agent_port_open))
		return (Absence){" yet: it is being looked for", "try again in a moment"};
	if (vm->agent_port_open)
		return (Absence){": it has opened its port and does not answer",
				 "try again; if it stays so, restart qemu-guest-agent in the guest"};
	return (Absence){"", "install and start qemu-guest-agent in the guest"};
}

Qmp *agent_ref(Vm *vm, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	if (vm->agent && qmp_is_open(vm->agent))
		return qmp_ref(vm->agent);
	Absence absence = absence_of(vm);
	error_set(error, ERROR_UNAVAILABLE, absence.hint,
		  "the guest agent of VM %" G_GINT64_FORMAT " is not connected%s", vm->id, absence.why);
	return NULL;
}

static void drop_source(GSource *source)
{
	if (source) {
		g_source_destroy(source);
		g_source_unref(source);
	}
}

void agent_disconnect(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	Qmp *agent = g_steal_pointer(&vm->agent);
	json_object *nics = g_steal_pointer(&vm->agent_nics);
	GSource *timer = g_steal_pointer(&vm->agent_timer);
	vm->agent_port_open = FALSE;
	g_clear_pointer(&vm->agent_handles, g_array_unref); /* its files ended with it */
	g_clear_pointer(&vm->agent_version, g_free);
	g_cond_broadcast(&vm->changed);
	g_mutex_unlock(&vm->lock);
	drop_source(timer);
	leftover_forget_handles(vm);
	if (agent) {
		qmp_close(agent);
		qmp_unref(agent);
	}
	if (nics)
		json_object_put(nics);
}

static gboolean is_mac(const char *text)
{
	gboolean good = strlen(text) == MAC_LENGTH;
	for (guint i = 0; good && i < MAC_LENGTH; i++)
		good = i % 3 == 2 ? text[i] == ':' : g_ascii_isxdigit(text[i]);
	return good;
}

static gboolean is_shown(const char *address)
{
	guint8 bytes[sizeof(struct in6_addr)];
	return (inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1) &&
	       !g_str_has_prefix(address, "127.") && !g_str_equal(address, "::1") &&
	       !g_str_has_prefix(address, "fe80:");
}

/* What is kept of the agent's report: MAC addresses, addresses and counters, so many of each, and nothing else. */
static json_object *read_nics(json_object *report)
{
	json_object *list = json_object_new_array();
	for (size_t i = 0; i < json_get_count(report) && json_get_count(list) < NICS_MAX; i++) {
		json_object *from = json_object_array_get_idx(report, i), *statistics = json_get(from, "statistics");
		json_object *addresses = json_get(from, "ip-addresses");
		const char *mac = json_get_str(from, "hardware-address", "");
		if (!is_mac(mac))
			continue;
		json_object *nic = json_object_new_object(), *texts = json_object_new_array();
		json_set_str(nic, "mac", mac);
		json_set(nic, "addresses", texts);
		for (size_t j = 0; j < json_get_count(addresses) && json_get_count(texts) < ADDRESSES_MAX; j++) {
			const char *text = json_get_str(json_object_array_get_idx(addresses, j), "ip-address", "");
			if (is_shown(text))
				json_object_array_add(texts, json_object_new_string(text));
		}
		if (json_object_is_type(statistics, json_type_object)) {
			json_set_int(nic, "rx_bytes", MAX(json_get_int(statistics, "rx-bytes", 0), 0));
			json_set_int(nic, "tx_bytes", MAX(json_get_int(statistics, "tx-bytes", 0), 0));
		}
		json_object_array_add(list, nic);
	}
	return list;
}

gboolean agent_refresh(Vm *vm, guint timeout_ms, GError **error)
{
	g_autoptr(Qmp) agent = agent_ref(vm, error);
	if (!agent)
		return FALSE;
	json_auto json_object *report = qmp_command(agent, "guest-network-get-interfaces", NULL, timeout_ms, error);
	if (!report)
		return FALSE;
	json_object *nics = read_nics(report);
	g_mutex_lock(&vm->lock);
	json_object *old = vm->agent_nics;
	vm->agent_nics = nics;
	vm->agent_nics_us = g_get_monotonic_time();
	g_cond_broadcast(&vm->changed);
	g_mutex_unlock(&vm->lock);
	if (old)
		json_object_put(old);
	return TRUE;
}

static gboolean on_timer(gpointer data)
{
	agent_look(data);
	return G_SOURCE_REMOVE;
}

/* In place of the former timer. Not once the port is closed: the timer holds a reference, and nobody would take it. */
static void schedule(Vm *vm, guint seconds)
{
	GSource *timer = g_timeout_source_new_seconds(seconds);
	g_source_set_callback(timer, on_timer, vm_ref(vm), (GDestroyNotify)vm_unref);
	g_mutex_lock(&vm->lock);
	GSource *former = vm->agent_timer;
	if (vm->agent_port_open) {
		g_source_attach(timer, qmp_monitor_context());
		vm->agent_timer = g_steal_pointer(&timer);
	} else {
		vm->agent_timer = NULL;
	}
	g_mutex_unlock(&vm->lock);
	drop_source(former);
	drop_source(timer);
}

/* FALSE if the agent does not answer. */
static gboolean connect_agent(Vm *vm)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = vm_socket_path(vm, "agent");
	Qmp *agent = qmp_connect_agent(path, CONNECT_TIMEOUT_MS, &error);
	if (!agent) {
		g_info("VM %" G_GINT64_FORMAT ": %s", vm->id, error->message);
		return FALSE;
	}
	json_auto json_object *info = qmp_command(agent, "guest-info", NULL, AGENT_TIMEOUT_MS, NULL);
	g_mutex_lock(&vm->lock);
	/* The process may have ended meanwhile: then nobody would close this one. */
	Qmp *former = agent;
	if (vm->agent_port_open) {
		former = vm->agent;
		vm->agent = agent;
		g_free(vm->agent_version);
		vm->agent_version = tools_clean(json_get_str(info, "version", "?"), VERSION_LENGTH_MAX);
		g_cond_broadcast(&vm->changed);
	}
	g_mutex_unlock(&vm->lock);
	if (former) {
		qmp_close(former);
		qmp_unref(former);
	}
	return former != agent;
}

static void set_port(Vm *vm, gboolean open)
{
	if (!open) {
		agent_disconnect(vm);
		guests_notify(vm->services->guests, vm);
		return;
	}
	g_mutex_lock(&vm->lock);
	vm->agent_port_open = vm->pidfd >= 0;
	gboolean connected = vm->agent && qmp_is_open(vm->agent);
	g_mutex_unlock(&vm->lock);
	guint next_s = RETRY_S;
	if (connected || connect_agent(vm)) {
		agent_refresh(vm, AGENT_TIMEOUT_MS, NULL);
		guest_file_close_left(vm);
		leftover_end(vm);
		json_auto json_object *document = vm_dup_document(vm, NULL);
		json_auto json_object *addresses = agent_addresses(vm);
		gboolean calm = json_get_count(addresses) ||
				json_object_object_length(json_get(document, "nics")) == 0;
		next_s = calm ? CALM_S : EAGER_S;
	}
	schedule(vm, next_s);
	guests_notify(vm->services->guests, vm);
}

/* TRUE if QEMU could be asked. */
static gboolean ask_port(Vm *vm, gboolean *ret_open)
{
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, NULL);
	json_auto json_object *chardevs =
		qmp ? qmp_command(qmp, "query-chardev", NULL, AGENT_TIMEOUT_MS, NULL) : NULL;
	if (!chardevs)
		return FALSE;
	gboolean open = FALSE;
	for (size_t i = 0; i < json_get_count(chardevs); i++) {
		json_object *chardev = json_object_array_get_idx(chardevs, i);
		open |= g_str_equal(json_get_str(chardev, "label", ""), "agent") &&
			json_get_bool(chardev, "frontend-open", FALSE);
	}
	*ret_open = open;
	return TRUE;
}

static void look(Vm *vm, gpointer data)
{
	(void)data;
	g_mutex_lock(&vm->lock);
	gboolean mine = vm->agent_again && !vm->agent_busy;
	vm->agent_busy |= mine;
	g_mutex_unlock(&vm->lock);
	for (gboolean again = mine; again;) {
		gboolean open;
		g_mutex_lock(&vm->lock);
		vm->agent_again = FALSE;
		g_mutex_unlock(&vm->lock);
		if (ask_port(vm, &open))
			set_port(vm, open);
		g_mutex_lock(&vm->lock);
		again = vm->agent_again;
		vm->agent_busy = again;
		g_mutex_unlock(&vm->lock);
	}
}

void agent_look(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	vm->agent_again = TRUE;
	g_mutex_unlock(&vm->lock);
	guests_react_slowly(vm->services->guests, vm_ref(vm), look, NULL);
}

gboolean agent_shutdown(Vm *vm, GError **error)
{
	g_autoptr(Qmp) agent = agent_ref(vm, error);
	g_autoptr(GError) local = NULL;
	if (!agent)
		return FALSE;
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "mode", "powerdown");
	/* guest-shutdown has no answer on success: to have written it to a live agent is all there is. */
	if (!qmp_do(agent, "guest-ping", NULL, AGENT_TIMEOUT_MS, error)) {
		json_object_put(arguments);
		return FALSE;
	}
	if (qmp_do(agent, "guest-shutdown", arguments, 1000, &local) || error_code(local) == ERROR_TIMEOUT ||
	    error_code(local) == ERROR_UNAVAILABLE)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static void set_frozen(json_object *json, gint64 until_us)
{
	g_autoptr(GDateTime) until = until_us > 0 ? g_date_time_new_from_unix_utc(until_us / G_USEC_PER_SEC) : NULL;
	g_autofree char *text = until ? g_date_time_format_iso8601(until) : NULL;
	if (text)
		json_set_str(json, "frozen_until", text);
}

json_object *agent_describe(Vm *vm)
{
	json_object *json = json_object_new_object();
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	set_frozen(json, vm->frozen_until_us);
	gboolean connected = vm->agent && qmp_is_open(vm->agent);
	json_set_str(json, "state", connected ? "connected" : vm->agent_wanted && vm->qmp ? "waiting" : "none");
	if (connected && vm->agent_version)
		json_set_str(json, "version", vm->agent_version);
	return json;
}

static const char *nic_of_mac(json_object *document, const char *mac)
{
	json_object *nics = json_get(document, "nics");
	if (!nics)
		return NULL;
	json_object_object_foreach (nics, key, nic)
		if (g_ascii_strcasecmp(json_get_str(nic, "mac", ""), mac) == 0)
			return key;
	return NULL;
}

json_object *agent_addresses(Vm *vm)
{
	json_object *list = json_object_new_array();
	g_mutex_lock(&vm->lock);
	gboolean reported = vm->agent_nics != NULL;
	g_mutex_unlock(&vm->lock);
	json_auto json_object *document = reported ? vm_dup_document(vm, NULL) : NULL;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	size_t nics = json_get_count(vm->agent_nics);
	for (size_t i = 0; i < nics; i++) {
		json_object *nic = json_object_array_get_idx(vm->agent_nics, i),
			    *addresses = json_get(nic, "addresses");
		const char *mac = json_get_str(nic, "mac", ""), *key = nic_of_mac(document, mac);
		for (size_t j = 0; j < json_get_count(addresses) && json_get_count(list) < ADDRESSES_MAX; j++) {
			const char *text = json_object_get_string(json_object_array_get_idx(addresses, j));
			json_object *entry = json_object_new_object();
			if (key)
				json_set_str(entry, "nic", key);
			json_set_str(entry, "mac", mac);
			json_set_str(entry, "address", text);
			json_object_array_add(list, entry);
		}
	}
	return list;
}

gboolean agent_read_counters(Vm *vm, const char *mac, guint64 *ret_rx_bytes, guint64 *ret_tx_bytes, gint64 *ret_at_us)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	/* Two reports have not come: what is known is no longer true. */
	if (g_get_monotonic_time() - vm->agent_nics_us > 2 * CALM_S * G_USEC_PER_SEC)
		return FALSE;
	size_t nics = json_get_count(vm->agent_nics);
	for (size_t i = 0; i < nics; i++) {
		json_object *nic = json_object_array_get_idx(vm->agent_nics, i);
		if (!json_get(nic, "rx_bytes") || g_ascii_strcasecmp(json_get_str(nic, "mac", ""), mac) != 0)
			continue;
		*ret_rx_bytes = (guint64)json_get_int(nic, "rx_bytes", 0);
		*ret_tx_bytes = (guint64)json_get_int(nic, "tx_bytes", 0);
		*ret_at_us = vm->agent_nics_us;
		return TRUE;
	}
	return FALSE;
}
