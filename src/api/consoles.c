/* /vms/{id}/console: a guest's serial console and its display.
 *
 * On the local socket POST answers with the console's descriptor. Over HTTPS a console is a WebSocket: GET with a token or
 * a session opens it; POST makes a ticket with which whoever has it may open it once, soon. The ticket is then who asks,
 * and what may be opened is asked of its maker's rights again. */
#include "api/open-consoles.h"
#include "api/route.h"
#include "api/tickets.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/console/console.h"
#include "guest/guests.h"

static int attach(Vm *vm, const Ticket *wish, const char *user, GError **error)
{
	return wish->kind == CONSOLE_VNC ? vnc_attach(vm, error)
					 : console_attach(vm, wish->port, user, wish->writer, wish->take_over, error);
}

/* --- POST --- */

static gboolean answer_ticket(Call *call, const Ticket *wish, GError **error)
{
	g_autofree char *secret = tickets_make(wish, error);
	if (!secret)
		return FALSE;
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autoptr(GDateTime) end = g_date_time_add_seconds(now, TICKET_LIFE_S);
	g_autofree char *expires = g_date_time_format_iso8601(end);
	g_autofree char *path = g_strdup_printf("/api/v1/vms/%" G_GINT64_FORMAT "/console/%s", wish->vm,
						wish->kind == CONSOLE_VNC ? "vnc" : "serial");
	json_object *body = json_object_new_object();
	json_set_str(body, "ticket", secret);
	json_set_str(body, "expires", expires);
	json_set_str(body, "path", path);
	return answer_json(call, 201, body);
}

static gboolean answer_wish(Call *call, Vm *vm, Ticket *wish, GError **error)
{
	wish->principal = call->principal;
	wish->vm = vm->id;
	if (call->request->front)
		return answer_ticket(call, wish, error);
	int fd = attach(vm, wish, call->request->user, error);
	return fd >= 0 && answer_fd(call, fd);
}

static gboolean open_serial(Call *call, GError **error)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_auto json_object *body = vm ? call_document(call, error) : NULL;
	if (!body)
		return FALSE;
	Ticket wish = {.kind = CONSOLE_SERIAL,
		       .port = (guint)json_get_int(body, "port", 1),
		       .writer = g_str_equal(json_get_str(body, "mode", ""), "write"),
		       .take_over = json_get_bool(body, "take_over", FALSE)};
	return answer_wish(call, vm, &wish, error);
}

static gboolean open_vnc(Call *call, GError **error)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	Ticket wish = {.kind = CONSOLE_VNC};
	return vm && answer_wish(call, vm, &wish, error);
}

/* --- GET, as a WebSocket --- */

static Principal *identify_by_ticket(Call *call, GError **error)
{
	const char *secret = call_query(call, "ticket");
	g_autoptr(Principal) maker = secret ? tickets_find(secret, error) : NULL;
	if (!maker || access_is_valid(call->services->access, maker))
		return g_steal_pointer(&maker);
	error_set_field(error, ERROR_UNAUTHORIZED, "ticket", "sign in and ask for another one",
			"the ticket has ended with the session or token that it was made by");
	return NULL;
}

static gboolean refuse_beside_ticket(const char *name, GError **error)
{
	error_set_field(error, ERROR_INVALID, name, "say it when you ask for the ticket",
			"a ticket says already what it opens, so there is no %s beside it", name);
	return FALSE;
}

/* Takes the ticket, which is used up by that. */
static gboolean read_ticket(Call *call, const Vm *vm, Ticket *wish, GError **error)
{
	g_auto(Ticket) ticket = {0};
	if (call_query(call, "mode"))
		return refuse_beside_ticket("mode", error);
	if (call_query(call, "take_over"))
		return refuse_beside_ticket("take_over", error);
	if (call_query(call, "port"))
		return refuse_beside_ticket("port", error);
	if (!tickets_use(call_query(call, "ticket"), &ticket, error))
		return FALSE;
	if (ticket.vm != vm->id || ticket.kind != wish->kind) {
		error_set_field(error, ERROR_FORBIDDEN, "ticket", "use it with the path that came with it",
				"the ticket is for another console, and is void now");
		return FALSE;
	}
	wish->port = ticket.port;
	wish->writer = ticket.writer;
	wish->take_over = ticket.take_over;
	return TRUE;
}

static void read_query(Call *call, Ticket *wish)
{
	wish->port = (guint)call_number(call, "port");
	wish->writer = g_strcmp0(call_query(call, "mode"), "read") != 0;
	wish->take_over = call_switch(call, "take_over");
}

static gboolean open_websocket(Call *call, ConsoleKind kind, GError **error)
{
	Request *request = call->request;
	Ticket wish = {.kind = kind};
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	if (!vm)
		return FALSE;
	if (!call_query(call, "ticket"))
		read_query(call, &wish);
	else if (!read_ticket(call, vm, &wish, error))
		return FALSE;
	fd_auto int fd = attach(vm, &wish, request->user, error);
	if (fd < 0 || !open_consoles_add(call->services, call->principal, vm->id, fd, request->stream, error))
		return FALSE;
	call->response->keep_stream = TRUE;
	call->response->status = 101;
	call->response->fds[0] = fd_steal(&fd);
	call->response->fd_count = 1;
	return TRUE;
}

static gboolean connect_serial(Call *call, GError **error)
{
	return open_websocket(call, CONSOLE_SERIAL, error);
}

static gboolean connect_vnc(Call *call, GError **error)
{
	return open_websocket(call, CONSOLE_VNC, error);
}

const Route console_routes[] = {
	{"POST", "/vms/{}/console/serial", open_serial, "open the serial console, or get a ticket for it",
	 PRIVILEGE_VM_CONSOLE, SCOPE_VM, .body = &console_request_table, .answer = ANSWER_TICKET,
	 .result = &ticket_table, .unkept = TRUE,
	 .summary_ja = "シリアルコンソールを開く、またはチケットを得る"},
	{"POST", "/vms/{}/console/vnc", open_vnc, "open the display, or get a ticket for it", PRIVILEGE_VM_CONSOLE,
	 SCOPE_VM, .answer = ANSWER_TICKET, .result = &ticket_table, .unkept = TRUE,
	 .summary_ja = "画面を開く、またはチケットを得る"},
	{"GET", "/vms/{}/console/serial", connect_serial, "the serial console as a WebSocket", PRIVILEGE_VM_CONSOLE,
	 SCOPE_VM, .query = "ticket mode take_over port", .identify = identify_by_ticket, .answer = ANSWER_CONSOLE,
	 .summary_ja = "WebSocketでのシリアルコンソール"},
	{"GET", "/vms/{}/console/vnc", connect_vnc, "the display as a WebSocket", PRIVILEGE_VM_CONSOLE, SCOPE_VM,
	 .query = "ticket", .identify = identify_by_ticket, .answer = ANSWER_CONSOLE,
	 .summary_ja = "WebSocketでの画面（VNC）"},
	{NULL},
};
