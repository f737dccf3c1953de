/* What the resource files share: the shape of a route and the short ways to read a request and to answer. */
#pragma once
#include <json-c/json.h>

#include "api/server.h"
#include "guest/services.h"

typedef struct Call {
	Services *services;
	Request *request;
	Response *response;
	char *args[3]; /* what stood in place of {} in the route's pattern, in order */
	gboolean plan; /* ?plan=1 */
} Call;

typedef struct Route {
	const char *method;
	const char *pattern; /* "/vms/{}/start" below /api/v1 */
	gboolean (*handle)(Call *call, GError **error);
	gboolean plannable; /* answers plan=1; every route that changes something is */
	const char *query;  /* the parameters that it knows, "limit after"; another one is refused. NULL: none */
	gboolean if_match;  /* honours that header; elsewhere it is refused */
} Route;

/* One table a resource, each ending with a NULL method. */
extern const Route vm_routes[], vm_action_routes[], image_routes[], storage_routes[], task_routes[], node_routes[],
	history_routes[], event_routes[], schema_routes[];

/* The body as a JSON object ({} if there is none). New reference; ERROR_INVALID. */
json_object *call_body(Call *call, GError **error);
/* A number from the query within bounds; FALSE with the parameter as field. */
gboolean call_int(Call *call, const char *name, gint64 min, gint64 max, gint64 fallback, gint64 *ret_value,
		  GError **error);
const char *call_query(Call *call, const char *name); /* NULL if it is not there */
/* "vm/100" is that guest and not VM 1000 as well; "vm/" and "" are all below. */
gboolean path_is_below(const char *path, const char *prefix);
/* The revision of the header if-match, or REV_ANY. */
gboolean call_if_match(Call *call, gint64 *ret_rev, GError **error);
/* ERROR_STALE if the header names another revision than the present one. */
gboolean call_check_rev(Call *call, gint64 present, GError **error);

/* Answers. References are taken over. Each returns TRUE, to end a handler with. */
gboolean answer_json(Call *call, int status, json_object *body);
gboolean answer_document(Call *call, int status, json_object *body, gint64 rev); /* with its etag */
gboolean answer_task(Call *call, gint64 task, json_object *body);               /* 202; body may be NULL */
gboolean answer_plan(Call *call, json_object *plan);
/* A plan that would be refused: the error goes into "refused" and is freed. */
gboolean answer_refused(Call *call, GError *error);
/* For actions without a document: refused (error not NULL, freed) or with one effect. */
gboolean answer_action_plan(Call *call, GError *refusal, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* {"items":[…]} of an array, cut to the query's fields. */
gboolean answer_items(Call *call, json_object *items);
/* With what is to be given back as `after` for the rest (lent); NULL: this was all. */
gboolean answer_items_next(Call *call, json_object *items, json_object *next);
/* One page of a whole list, by the query's limit and after: items are ordered by their member `name`. */
gboolean answer_page(Call *call, json_object *items, GError **error);
enum { LIST_LIMIT_DEFAULT = 200, LIST_LIMIT_MAX = 1000 };
#define LIST_QUERY "limit after fields"
/* Hands a descriptor out with a 200. */
gboolean answer_fd(Call *call, int fd);
