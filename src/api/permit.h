/* Who asks, and whether it may: the checks between a request and its handler, and those that a handler makes. */
#pragma once
#include "api/route.h"
#include "guest/vm.h"

/* Finds out who asks and what it may do: call->principal, call->rights, request->user. On the local socket root, else
 * whose session or token it is; nobody on a public route. ERROR_UNAUTHORIZED; ERROR_INVALID for two credentials at once;
 * ERROR_FORBIDDEN for a session's request that another page may have made. */
gboolean permit_identify(Call *call, GError **error);
/* Asks the route's privilege at its scope. ERROR_FORBIDDEN: what does not exist looks the same to who may not see it. */
gboolean permit_route(Call *call, GError **error);
/* Both once more, for a handler that has waited. ERROR_UNAUTHORIZED if the session or token has ended. */
gboolean permit_again(Call *call, GError **error);

/* For handlers, about what only they know. ERROR_FORBIDDEN. `tags` as rights_allow(). */
gboolean permit_ask(const Call *call, Privilege privilege, const char *path, const char *const *tags, GError **error);
/* "/images/tiny" of "/images" and "tiny". */
gboolean permit_ask_named(const Call *call, Privilege privilege, const char *collection, const char *name,
			  GError **error);
gboolean permit_refuse(Privilege privilege, const char *path, GError **error);
/* SCOPE_OWNER without an argument: whether not only one's own is meant. */
gboolean permit_everybodys(const Call *call);
/* Whether a task or an upload, by its `user` and `created`, was begun by this user: not by a former one of that name. */
gboolean permit_began(const Principal *principal, json_object *thing);
/* Whether what belongs to this user is one's own. Sessions and tokens are not a token's own, but it is. */
gboolean permit_is_own(const Call *call, const char *user);

/* Leaves out the items that may not be seen: those whose member `key` is not a name in the collection that the route's
 * privilege is allowed on. */
void permit_filter(const Call *call, json_object *items, const char *collection, const char *key);

/* Whether the guest may be seen: quick, for each row of a list. */
gboolean permit_vm_row(const Rights *rights, Vm *vm);

/* What a guest's document takes beyond what `present` has already: vm.create on the guests or on one of its tags (present
 * NULL: a new guest), storage.use, image.read, network.use (of user-mode networking on "/networks/user"), and
 * access.manage for tags that some grant names. `wanted` may be as a client wrote it. ERROR_FORBIDDEN. */
gboolean permit_document(const Call *call, json_object *present, json_object *wanted, GError **error);

/* Whether the object of a document's path or of a task ("vm/100", "volume/local/vm-100-disk0", "user/ann") may be seen. A
 * guest that is gone has no tags: it is seen by who was granted something on its number, or on all guests. */
gboolean permit_sees(Services *services, const Rights *rights, const char *object);
/* Whether a task, as tasks_describe() tells it, may be seen: its object is, or it is one's own. */
gboolean permit_sees_task(Services *services, const Principal *principal, const Rights *rights, json_object *task);
/* Whether who may read the history (SCOPE_OBJECT) also reads of this object: who may do what is not for all of them. */
gboolean permit_sees_past(const Call *call, const char *object);
/* Whether what the prefix covers may be restored: everything, or one object. ERROR_FORBIDDEN. */
gboolean permit_restore(const Call *call, const char *prefix, GError **error);
