/* Who asks, and whether it may.
 *
 * A request from the front has a credential, or its route is public: then whatever credential it has is not looked at,
 * so that a stale cookie does not keep anybody from signing in. A session comes with every request that a browser makes to
 * this host, also for a page of somebody else's; so whatever changes something needs the token that only the page itself
 * knows, and a WebSocket, which has no such header, needs the page's own origin.
 *
 * Then the route's privilege is asked where its scope says. A guest is looked up once, here: the handler gets its number,
 * so that a name which is given to another guest meanwhile does not lead to that one. */
#include "api/permit.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"

enum { PATH_MAX_LENGTH = 320 };

gboolean permit_refuse(Privilege privilege, const char *path, GError **error)
{
	error_set(error, ERROR_FORBIDDEN, "who manages access can grant it ('yado user set NAME --grant path=…,role=…')",
		  "you may not %s (%s) on %s", privileges[privilege].help, privileges[privilege].name, path);
	return FALSE;
}

gboolean permit_ask(const Call *call, Privilege privilege, const char *path, const char *const *tags, GError **error)
{
	return rights_allow(call->rights, privilege, path, tags) || permit_refuse(privilege, path, error);
}

gboolean permit_ask_named(const Call *call, Privilege privilege, const char *collection, const char *name,
			  GError **error)
{
	char path[PATH_MAX_LENGTH];
	if (g_snprintf(path, sizeof path, "%s/%s", collection, name) >= (gint)sizeof path)
		return permit_refuse(privilege, collection, error);
	return permit_ask(call, privilege, path, NULL, error);
}

/* --- Who asks --- */

static gboolean refuse_forgery(const char *what, const char *hint, GError **error)
{
	error_set(error, ERROR_FORBIDDEN, hint, "%s", what);
	return FALSE;
}

static gboolean check_forgery(const Request *request, const char *csrf, GError **error)
{
	if (request->upgrade)
		return request->same_origin ||
		       refuse_forgery("a WebSocket with a session must be opened by Yado's own page",
				      "programs use a token, or a ticket", error);
	if (g_str_equal(request->method, "GET"))
		return TRUE;
	const char *given = json_get_str(request->headers, "x-csrf-token", "");
	if (request->cross_origin)
		return refuse_forgery("the request was made by another page", NULL, error);
	gsize length = strlen(csrf);
	return (strlen(given) == length && CRYPTO_memcmp(given, csrf, length) == 0) ||
	       refuse_forgery("the session's CSRF token is missing or wrong",
			      "send what GET /api/v1/session says as 'csrf' as header x-csrf-token", error);
}

/* Of a forged request both: whose session it is belongs into the audit log. */
static Principal *identify(Call *call, GError **error)
{
	const Request *request = call->request;
	if (!request->front)
		return principal_new_root();
	if (request->session && request->token) {
		error_set(error, ERROR_INVALID, "send one of them", "the request has a session and a token");
		return NULL;
	}
	g_autoptr(GError) reason = NULL;
	Principal *other = call->route && call->route->identify ? call->route->identify(call, &reason) : NULL;
	if (reason) {
		g_propagate_error(error, g_steal_pointer(&reason));
		return NULL;
	}
	if (other)
		return other;
	if (request->token)
		return access_by_token(call->services->access, request->token, request->address, error);
	if (!request->session) {
		error_set(error, ERROR_UNAUTHORIZED, "sign in (POST /api/v1/session), or send a token",
			  "this needs a user: there was no session and no token");
		return NULL;
	}
	g_autoptr(Principal) principal =
		access_by_session(call->services->access, request->session, request->address, error);
	if (principal)
		check_forgery(request, principal->csrf, error);
	return g_steal_pointer(&principal);
}

gboolean permit_identify(Call *call, GError **error)
{
	Request *request = call->request;
	request->user = "";
	if (request->front && call->route && call->route->scope == SCOPE_PUBLIC)
		/* Another page must not sign anybody in either, as a user of its choice. */
		return g_str_equal(request->method, "GET") || !request->cross_origin ||
		       refuse_forgery("the request was made by another page", NULL, error);
	g_autoptr(GError) refusal = NULL;
	call->principal = identify(call, &refusal);
	if (refusal) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	call->rights = access_rights(call->services->access, call->principal);
	request->user = call->principal->user;
	return TRUE;
}

/* --- Objects --- */

/* What the documents of a kind, and the tasks on such, are read by. `collection` NULL: on "/". */
static const struct {
	const char *kind;
	Privilege privilege;
	const char *collection;
} kinds[] = {
	{"vm", PRIVILEGE_VM_READ, "/vms"},
	{"vm-state", PRIVILEGE_VM_READ, "/vms"},
	{"vm-identity", PRIVILEGE_VM_READ, "/vms"},
	{"vm-firmware-setup", PRIVILEGE_VM_READ, "/vms"},
	{"image", PRIVILEGE_IMAGE_READ, "/images"},
	{"storage", PRIVILEGE_STORAGE_READ, "/storages"},
	{"volume", PRIVILEGE_STORAGE_READ, "/storages"},
	{"mapping", PRIVILEGE_MAPPING_READ, "/mappings"},
	{"node", PRIVILEGE_NODE_READ, "/nodes"},
	{"user", PRIVILEGE_ACCESS_READ, NULL},
	{"role", PRIVILEGE_ACCESS_READ, NULL},
	{"token", PRIVILEGE_ACCESS_READ, NULL},
	{"session", PRIVILEGE_ACCESS_READ, NULL},
	{"setting", PRIVILEGE_ACCESS_READ, NULL},
};

/* "/vms/100" of "vm/100" and "vm-state/100", "/storages/local" of "volume/local/vm-100-disk0"; "/" of what lies
 * nowhere. */
static Privilege place_of(Services *services, const char *object, char path[PATH_MAX_LENGTH])
{
	gsize length = strcspn(object, "/");
	const char *name = object[length] ? object + length + 1 : "";
	gint name_length = (gint)strcspn(name, "/");
	g_strlcpy(path, "/", PATH_MAX_LENGTH);
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		if (strncmp(kinds[i].kind, object, length) != 0 || kinds[i].kind[length])
			continue;
		if (kinds[i].privilege == PRIVILEGE_NODE_READ) {
			name = services->node;
			name_length = (gint)strlen(name);
		}
		if (kinds[i].collection && name_length > 0)
			g_snprintf(path, PATH_MAX_LENGTH, "%s/%.*s", kinds[i].collection, name_length, name);
		return kinds[i].privilege;
	}
	return PRIVILEGE_HISTORY_READ;
}

static gboolean allow_vm(const Rights *rights, Privilege privilege, Vm *vm)
{
	char **tags = vm_ref_tags(vm);
	gboolean allowed = rights_allow_vm(rights, privilege, vm->path, (const char *const *)tags);
	vm_tags_unref(tags);
	return allowed;
}

gboolean permit_vm_row(const Rights *rights, Vm *vm)
{
	return allow_vm(rights, PRIVILEGE_VM_READ, vm);
}

static gboolean allow_at(Services *services, const Rights *rights, Privilege privilege, const char *path)
{
	gint64 id = g_str_has_prefix(path, "/vms/") ? g_ascii_strtoll(path + strlen("/vms/"), NULL, 10) : 0;
	g_autoptr(Vm) vm = id ? guests_get(services->guests, id) : NULL;
	return vm ? allow_vm(rights, privilege, vm) : rights_allow(rights, privilege, path, NULL);
}

gboolean permit_sees(Services *services, const Rights *rights, const char *object)
{
	char path[PATH_MAX_LENGTH];
	Privilege privilege = place_of(services, object, path);
	return allow_at(services, rights, privilege, path);
}

/* By which privilege a task is begun; the first that fits. */
static const struct {
	const char *kind; /* or what it begins with */
	Privilege privilege;
	const char *collection;
	gboolean without_object; /* which is not there before or after the task */
} beginnings[] = {
	{"vm.create", PRIVILEGE_VM_CREATE, "/vms", TRUE},
	{"vm.delete", PRIVILEGE_VM_DELETE, "/vms", TRUE},
	{"vm.change", PRIVILEGE_VM_CONFIGURE, "/vms"},
	{"vm.apply", PRIVILEGE_VM_CONFIGURE, "/vms"},
	{"vm.freeze", PRIVILEGE_VM_GUEST, "/vms"},
	{"vm.thaw", PRIVILEGE_VM_GUEST, "/vms"},
	{"vm.trim", PRIVILEGE_VM_GUEST, "/vms"},
	{"vm.", PRIVILEGE_VM_POWER, "/vms"},
	{"image.", PRIVILEGE_IMAGE_MANAGE, "/images", TRUE},
	{"volume.", PRIVILEGE_STORAGE_MANAGE, "/storages"},
};

static gboolean object_exists(Services *services, const char *object)
{
	g_autoptr(Doc) doc = store_get(services->store, object, NULL);
	return doc != NULL;
}

/* Of a task whose object is not there no more is known than that. */
static gboolean may_have_begun(Services *services, const Rights *rights, json_object *task)
{
	const char *kind = json_get_str(task, "kind", ""), *object = json_get_str(task, "object", "");
	for (guint i = 0; i < G_N_ELEMENTS(beginnings); i++)
		if (g_str_has_prefix(kind, beginnings[i].kind))
			return beginnings[i].without_object && !object_exists(services, object) &&
			       rights_allow_some(rights, beginnings[i].privilege, beginnings[i].collection);
	return FALSE;
}

gboolean permit_began(const Principal *principal, json_object *thing)
{
	enum { SECONDS_LENGTH = sizeof "2026-01-31T23:59:59" - 1 };
	return g_str_equal(json_get_str(thing, "user", ""), principal->user) &&
	       (!principal->since ||
		strncmp(json_get_str(thing, "created", ""), principal->since, SECONDS_LENGTH) >= 0);
}

/* Tasks know their user, not the token: one that was narrowed is not to see what its user does elsewhere. */
gboolean permit_sees_task(Services *services, const Principal *principal, const Rights *rights, json_object *task)
{
	gboolean own = permit_began(principal, task);
	if (own && principal->kind != PRINCIPAL_TOKEN)
		return TRUE;
	return permit_sees(services, rights, json_get_str(task, "object", "")) ||
	       (own && may_have_begun(services, rights, task));
}

gboolean permit_is_own(const Call *call, const char *user)
{
	return call->principal->kind != PRINCIPAL_TOKEN && g_strcmp0(call->principal->user, user) == 0;
}

/* It is one's own, or one could have begun it. */
static gboolean permit_cancel(const Call *call, json_object *task, GError **error)
{
	const char *kind = json_get_str(task, "kind", "");
	gboolean own = permit_began(call->principal, task);
	char path[PATH_MAX_LENGTH];
	Privilege privilege = PRIVILEGE_NODE_MANAGE;
	place_of(call->services, json_get_str(task, "object", ""), path);
	for (guint i = 0; i < G_N_ELEMENTS(beginnings); i++) {
		if (!g_str_has_prefix(kind, beginnings[i].kind))
			continue;
		privilege = beginnings[i].privilege;
		break;
	}
	return (own && call->principal->kind != PRINCIPAL_TOKEN) ||
	       allow_at(call->services, call->rights, privilege, path) ||
	       (own && may_have_begun(call->services, call->rights, task)) ||
	       permit_refuse(privilege, path, error);
}

gboolean permit_everybodys(const Call *call)
{
	return rights_allow(call->rights, call->route->privilege, "/", NULL);
}

void permit_filter(const Call *call, json_object *items, const char *collection, const char *key)
{
	char path[PATH_MAX_LENGTH];
	if (rights_allow_all(call->rights, call->route->privilege, collection))
		return;
	for (size_t i = json_object_array_length(items); i-- > 0;) {
		const char *name = json_get_str(json_object_array_get_idx(items, i), key, "");
		g_snprintf(path, sizeof path, "%s/%s", collection, name);
		if (!rights_allow(call->rights, call->route->privilege, path, NULL))
			json_object_array_del_idx(items, i, 1);
	}
}

/* --- Routes --- */

/* "/vms" of "/vms/{}/start"; "/" of what is no collection of objects. */
static const char *collection_of(const Route *route)
{
	static const struct {
		const char *begin, *collection;
	} collections[] = {
		{"/vms", "/vms"},     {"/images", "/images"}, {"/uploads", "/images"}, {"/storages", "/storages"},
		{"/mappings", "/mappings"}, {"/nodes", "/nodes"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(collections); i++) {
		gsize length = strlen(collections[i].begin);
		if (strncmp(route->pattern, collections[i].begin, length) == 0 && strchr("/", route->pattern[length]))
			return collections[i].collection;
	}
	return "/";
}

static gboolean permit_vm(Call *call, GError **error)
{
	Privilege privilege = call->route->privilege;
	char path[PATH_MAX_LENGTH];
	g_snprintf(path, sizeof path, "/vms/%s", call->args[0]);
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], NULL);
	/* The error names what was asked for, not what was found. */
	if (!vm)
		return permit_ask(call, privilege, path, NULL, error);
	if (!allow_vm(call->rights, privilege, vm))
		return permit_refuse(privilege, path, error);
	g_snprintf(call->number, sizeof call->number, "%" G_GINT64_FORMAT, vm->id);
	call->args[0] = call->number;
	return TRUE;
}

static gboolean permit_node(Call *call, GError **error)
{
	const char *name = g_str_equal(call->args[0], "self") ? call->services->node : call->args[0];
	return permit_ask_named(call, call->route->privilege, "/nodes", name, error);
}

static gboolean permit_task(Call *call, GError **error)
{
	gint64 id = 0;
	if (!call->args[0])
		return TRUE;
	g_ascii_string_to_signed(call->args[0], 10, 1, G_MAXINT64, &id, NULL);
	json_auto json_object *task = id ? tasks_describe(call->services->tasks, id, NULL) : NULL;
	if (task ? permit_sees_task(call->services, call->principal, call->rights, task)
		 : rights_allow(call->rights, PRIVILEGE_VM_READ, "/", NULL))
		return !task || g_str_equal(call->route->method, "GET") || permit_cancel(call, task, error);
	error_set(error, ERROR_FORBIDDEN, "'yado task list' shows those that you may see",
		  "you may not see task '%s': it is not yours, and neither is what it works on", call->args[0]);
	return FALSE;
}

/* "vm/100", but not "vm/", under which there are many. */
static gboolean is_one_object(const char *prefix)
{
	const char *slash = prefix ? strchr(prefix, '/') : NULL;
	return slash && slash[1] && !g_str_has_suffix(slash, "/");
}

/* With the privilege on "/" everything, but not who may do what; else one object that may be read. */
static gboolean permit_object(Call *call, GError **error)
{
	gboolean whole = rights_allow(call->rights, call->route->privilege, "/", NULL);
	g_autofree char *object = call->args[1] && call->args[2]
					  ? g_strdup_printf("%s/%s", call->args[1], call->args[2])
					  : g_strdup(call_query(call, "prefix"));
	char path[PATH_MAX_LENGTH] = "/";
	Privilege privilege = object ? place_of(call->services, object, path) : PRIVILEGE_NONE;
	if (whole && privilege != PRIVILEGE_ACCESS_READ)
		return TRUE;
	if (is_one_object(object) && privilege != PRIVILEGE_HISTORY_READ &&
	    allow_at(call->services, call->rights, privilege, path))
		return TRUE;
	return permit_refuse(whole ? privilege : call->route->privilege, is_one_object(object) ? path : "/", error);
}

gboolean permit_sees_past(const Call *call, const char *object)
{
	char path[PATH_MAX_LENGTH];
	return place_of(call->services, object, path) != PRIVILEGE_ACCESS_READ ||
	       rights_allow(call->rights, PRIVILEGE_ACCESS_READ, "/", NULL);
}

gboolean permit_restore(const Call *call, const char *prefix, GError **error)
{
	char path[PATH_MAX_LENGTH] = "/";
	if (is_one_object(prefix))
		place_of(call->services, prefix, path);
	return allow_at(call->services, call->rights, PRIVILEGE_HISTORY_RESTORE, path) ||
	       permit_refuse(PRIVILEGE_HISTORY_RESTORE, path, error);
}

static gboolean permit_owner(Call *call, GError **error)
{
	if (!call->route->owner || permit_everybodys(call))
		return TRUE;
	g_autofree char *owner = call->route->owner(call);
	return g_strcmp0(owner, call->principal->user) == 0 || permit_refuse(call->route->privilege, "/", error);
}

static gboolean check_person(const Call *call, GError **error)
{
	if (!call->route->in_person || call->principal->kind != PRINCIPAL_TOKEN)
		return TRUE;
	error_set(error, ERROR_FORBIDDEN, "sign in with the password, or do it on the node itself",
		  "a token may not %s", call->route->summary);
	return FALSE;
}

gboolean permit_route(Call *call, GError **error)
{
	const Route *route = call->route;
	Privilege privilege = route->privilege;
	if (route->scope != SCOPE_PUBLIC && !check_person(call, error))
		return FALSE;
	switch (route->scope) {
	case SCOPE_PUBLIC:
	case SCOPE_SELF:
		return TRUE;
	case SCOPE_GLOBAL:
		return permit_ask(call, privilege, "/", NULL, error);
	case SCOPE_ROWS:
	case SCOPE_CREATE:
		return rights_allow_some(call->rights, privilege, collection_of(route)) ||
		       permit_refuse(privilege, collection_of(route), error);
	case SCOPE_VM:
		return permit_vm(call, error);
	case SCOPE_IMAGE:
		return permit_ask_named(call, privilege, "/images", call->args[0], error);
	case SCOPE_STORAGE:
		return permit_ask_named(call, privilege, "/storages", call->args[0], error);
	case SCOPE_MAPPING:
		return permit_ask_named(call, privilege, "/mappings", call->args[0], error);
	case SCOPE_NODE:
		return permit_node(call, error);
	case SCOPE_TASK:
		return permit_task(call, error);
	case SCOPE_OBJECT:
		return permit_object(call, error);
	case SCOPE_OWNER:
		return permit_owner(call, error);
	case SCOPE_UNSET:
		break;
	}
	return permit_refuse(privilege, "/", error); /* the router lets no such route in */
}

gboolean permit_again(Call *call, GError **error)
{
	Access *access = call->services->access;
	if (!access_is_valid(access, call->principal)) {
		error_set(error, ERROR_UNAUTHORIZED, "sign in again, or send another token",
			  "the session or token ended while this request waited");
		return FALSE;
	}
	rights_unref(call->rights);
	call->rights = access_rights(access, call->principal);
	return permit_route(call, error);
}
