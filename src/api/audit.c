/* /audit: reading the log, and what the API writes into it: an entry for each request that may have changed something,
 * and for each that was refused. Bodies never come here, they hold passwords. */
#include "api/audit.h"

#include <string.h>

#include "api/list.h"
#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/vm.h"
#include "schema/checks.h"

enum { BODY_MAX = 65536 };

static const char *outcome_of(int status)
{
	if (status < 400)
		return "done";
	return status == 401 || status == 403 || status == 429 ? "refused" : "failed";
}

static gboolean is_recorded(const Call *call, const char *outcome)
{
	if (g_str_equal(outcome, "refused"))
		return TRUE;
	if (!call->route || call->route->unaudited || call->plan || call->replayed)
		return FALSE;
	/* A WebSocket to a console is a GET that reaches into a guest; a support bundle leaves with all that is configured. */
	return !g_str_equal(call->request->method, "GET") || call->route->answer == ANSWER_CONSOLE || call->route->audited;
}

static json_object *parse_bytes(GBytes *bytes)
{
	gsize length = 0;
	const char *text = bytes ? g_bytes_get_data(bytes, &length) : NULL;
	return length > 0 && length <= BODY_MAX ? json_parse(text, length, NULL) : NULL;
}

/* Of somebody who is not known yet: the name that was tried, if it could be one. */
static char *dup_user(const Call *call)
{
	if (call->principal)
		return g_strdup(call->principal->user);
	if (!call->route || call->route->body != &login_table)
		return g_strdup("");
	json_auto json_object *body = parse_bytes(call->request->body);
	const char *name = json_get_str(body, "user", "");
	return g_strdup(strlen(name) <= 63 && !check_user_name(name) ? name : "");
}

/* "vm" of "/vms/{}/start". */
static char *dup_kind(const char *pattern)
{
	const char *end = strchrnul(pattern + 1, '/');
	gsize length = (gsize)(end - pattern - 1);
	if (length > 1 && pattern[length] == 's' && pattern[length - 1] != 's')
		length--;
	return g_strndup(pattern + 1, length);
}

/* A guest is called by its number, whatever it was asked for by. */
static char *dup_vm(const Call *call)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], NULL);
	return vm ? g_strdup_printf("vm/%" G_GINT64_FORMAT, vm->id) : g_strdup_printf("vm/%s", call->args[0]);
}

/* What was made says how it is called in the answer. */
static char *dup_created(const Call *call, const char *kind)
{
	json_auto json_object *body = parse_bytes(call->response->body);
	json_object *id = json_get(body, "id");
	const char *name = id ? json_object_get_string(id) : json_get_str(body, "name", NULL);
	return name ? g_strdup_printf("%s/%s", kind, name) : g_strdup(kind);
}

static char *dup_object(const Call *call, int status)
{
	if (call->object)
		return g_strdup(call->object);
	if (!call->route)
		return g_strdup("");
	const char *pattern = call->route->pattern;
	g_autofree char *kind = dup_kind(pattern);
	if (call->route->scope == SCOPE_VM && call->args[0])
		return dup_vm(call);
	if (call->args[0] && strstr(pattern, "/volumes/{}"))
		return g_strdup_printf("volume/%s/%s", call->args[0], call->args[1]);
	if (call->args[0])
		return g_strdup_printf("%s/%s", kind, call->args[0]);
	gboolean collection = !strchr(pattern + 1, '/');
	return status < 400 && collection ? dup_created(call, kind) : g_strdup(kind);
}

/* A handler may answer with an error that has headers. */
static char *dup_message(const Call *call, int status)
{
	json_auto json_object *body = status >= 400 ? parse_bytes(call->response->body) : NULL;
	return g_strdup(json_get_str(json_get(body, "error"), "message", NULL));
}

void audit_call(Call *call, const GError *failure)
{
	Audit *audit = call->services->audit;
	int status = failure ? error_code_status(error_code(failure)) : call->response->status;
	const char *outcome = outcome_of(status);
	if (!is_recorded(call, outcome))
		return;
	g_autoptr(GError) error = NULL;
	g_autofree char *user = dup_user(call);
	g_autofree char *via = call->principal ? principal_via(call->principal) : g_strdup("");
	/* Where nothing is, the path is whatever somebody makes up. */
	g_autofree char *action = g_strdup_printf("%s %s", call->request->method, call->route ? call->route->pattern : "*");
	g_autofree char *object = dup_object(call, status);
	g_autofree char *message = failure ? g_strdup(failure->message) : dup_message(call, status);
	json_object *head = call->response->head;
	AuditEntry entry = {.user = user, .via = via, .action = action, .object = object, .outcome = outcome,
			    .address = call->request->address ? call->request->address : "", .status = status,
			    .message = message};
	entry.task = json_get_int(head, "task", 0);
	entry.rev = g_ascii_strtoll(json_get_str(head, "etag", "0"), NULL, 10);
	if (!audit_add(audit, &entry, &error))
		g_warning("audit log: %s by '%s' on '%s' (%s) is not recorded yet: %s", action, user, object, outcome,
			  error->message);
}

static json_object *fetch_entries(Call *call, gint64 after, guint limit, GError **error)
{
	json_auto json_object *page =
		audit_list(call->services->audit, call_query(call, "user"), call_query(call, "object"),
			   call_query(call, "outcome"), after, limit, error);
	return page ? json_object_get(json_get(page, "items")) : NULL;
}

static gboolean list_entries(Call *call, GError **error)
{
	return answer_fetched(call, "seq", fetch_entries, NULL, error);
}

static gboolean verify(Call *call, GError **error)
{
	gint64 seq = call_number(call, "seq");
	const char *hash = call_query(call, "hash");
	if ((seq == 0) != (hash == NULL)) {
		error_set_field(error, ERROR_INVALID, hash ? "seq" : "hash", "as 'yado audit verify' has shown them once",
				"the number and the hash of an entry belong together");
		return FALSE;
	}
	if (hash && (strlen(hash) != 64 || strspn(hash, "0123456789abcdefABCDEF") != 64)) {
		error_set_field(error, ERROR_INVALID, "hash", NULL, "hash must be 64 hexadecimal digits");
		return FALSE;
	}
	json_object *result = audit_verify(call->services->audit, seq, hash, error);
	return result && answer_json(call, 200, result);
}

const Route audit_routes[] = {
	{"GET", "/audit", list_entries, "the audit log, the newest entry first", PRIVILEGE_AUDIT_READ, SCOPE_GLOBAL,
	 .query = "user object outcome " LIST_QUERY, .answer = ANSWER_LIST, .result = &audit_table,
	 .summary_ja = "監査ログ（新しい順）"},
	{"GET", "/audit/verify", verify, "whether the log is as it was written", PRIVILEGE_AUDIT_READ, SCOPE_GLOBAL,
	 .query = "seq hash", .answer = ANSWER_DOCUMENT, .result = &audit_verify_table,
	 .summary_ja = "監査ログが書かれたままかの検査"},
	{NULL},
};
