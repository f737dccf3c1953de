/* What the resource files share: the shape of a route and the short ways to read a request and to answer. */
#pragma once
#include <json-c/json.h>

#include "access/access.h"
#include "api/server.h"
#include "guest/services.h"
#include "schema/privilege.h"
#include "schema/schema.h"

typedef struct Call {
	Services *services;
	const struct Route *route;
	Request *request;
	Response *response;
	char *args[3]; /* what stood in place of {} in the route's pattern, in order */
	gboolean plan; /* ?plan=1 */
	struct Filter *filter; /* ?filter= of a list, read; NULL: keeps all */
	char **fields; /* ?fields= of a list; NULL: all */
	Principal *principal; /* who asks; NULL on a public route without a credential */
	Rights *rights;       /* what it may do; NULL as above */
	char number[24];      /* of the guest that the first argument names: args[0] is this from permit_route() on */
	/* For the audit log, beside what the answer says: */
	const char *object; /* "vm/100"; owned; NULL: from the path */
	gboolean replayed;  /* answered as an earlier request with the same idempotency-key was; nothing was done */
} Call;

/* On what a route's privilege is asked. There is no default: a route without one is refused at the start. */
typedef enum Scope {
	SCOPE_UNSET,
	SCOPE_PUBLIC,  /* whoever: signing in, health, the API's own description */
	SCOPE_SELF,    /* whoever is signed in, about itself; the handler looks no further than the principal's user */
	SCOPE_GLOBAL,  /* on "/" */
	SCOPE_ROWS,    /* a list: somewhere in the collection; the handler leaves out what may not be seen */
	SCOPE_CREATE,  /* somewhere in the collection; the handler asks again, with the new object's path and tags */
	SCOPE_VM,      /* on "/vms/ID" and its tags; {} is the first argument */
	SCOPE_IMAGE,   /* on "/images/{}" */
	SCOPE_STORAGE, /* on "/storages/{}" */
	SCOPE_MAPPING, /* on "/mappings/{}" */
	SCOPE_NODE,    /* on "/nodes/{}" */
	SCOPE_TASK,    /* one's own task, or the read privilege on the task's object; to change it, that by which such
			* a task is begun; without {}: a list of such */
	SCOPE_OBJECT,  /* of the history: with the privilege everything, else what may be read now: kind and name are
			* arguments, or the query's prefix */
	SCOPE_OWNER,   /* a token, session, upload: its user; others with the privilege on "/". Without {}: the handler asks
			* permit_everybodys() */
} Scope;

/* What comes back, for the description of the API (api/openapi.c). */
typedef enum Answer {
	ANSWER_UNSET,
	ANSWER_DOCUMENT, /* of `result` */
	ANSWER_CREATED,  /* 201 and the document of `result` */
	ANSWER_LIST,     /* {"items":[rows of `result`],"next"?} */
	ANSWER_TASK,     /* 202 {"task"} */
	ANSWER_MAYBE_TASK, /* the document of `result`, or a task */
	ANSWER_EMPTY,    /* {} */
	ANSWER_OBJECT,   /* JSON without a table */
	ANSWER_TEXT,
	ANSWER_BYTES,    /* a file */
	ANSWER_EVENTS,   /* a stream of events; over HTTPS a WebSocket */
	ANSWER_CONSOLE,  /* a byte stream both ways; over HTTPS a WebSocket */
	ANSWER_TICKET,   /* 201 and the ticket of a console; on the local socket 200 and its descriptor */
} Answer;

typedef struct Route {
	const char *method;
	const char *pattern; /* "/vms/{}/start" below /api/v1 */
	gboolean (*handle)(Call *call, GError **error);
	const char *summary; /* one line for the description of the API */
	Privilege privilege;
	Scope scope;
	gboolean plannable; /* answers plan=1; every route that changes something is */
	const char *query;  /* the parameters that it knows, "limit after"; another one is refused. NULL: none */
	gboolean if_match;  /* honours that header; elsewhere it is refused */
	const Table *body;  /* of POST: as for schema_create; of PATCH: a merge patch of it. NULL: takes none */
	Answer answer;
	const Table *result;
	gboolean top;     /* the pattern is not below /api/v1 */
	gboolean waits;   /* holds its thread until something happens */
	gboolean in_person; /* not for tokens: it makes or changes what lets somebody in, which would outlive the token */
	/* Of SCOPE_OWNER, with an argument: whose that is, if that is enough for who asks; caller frees; NULL: nobody's. */
	char *(*owner)(Call *call);
	/* Who asks, where there is another proof of it than a session or a token (a ticket); before anything else. NULL
	 * without an error: none was given. */
	Principal *(*identify)(Call *call, GError **error);
	gboolean bulk;    /* takes a body of bytes (docs/front.md) */
	gboolean unkept;    /* its answer holds a secret or a descriptor: it takes no idempotency-key */
	const char *summary_ja; /* the summary in Japanese; required as well */
	gboolean audited;   /* a GET that is recorded although it changes nothing */
	gboolean unaudited; /* changes nothing that anybody would ask about later */
	/* Of a GET that never waits, not for the disk either: whether this call will be done in some microseconds. It is then
	 * answered in the server's loop, without Request.stream (ServerQuick). NULL: it never is. */
	gboolean (*quick)(const Call *call);
} Route;

/* One table a resource, each ending with a NULL method; all of them, for who walks over them. */
extern const Route vm_routes[], vm_action_routes[], vm_firmware_routes[], handed_routes[], console_routes[], image_routes[], storage_routes[], mapping_routes[], task_routes[],
	node_routes[], node_memory_routes[], measurement_routes[], doctor_routes[], history_routes[], image_file_routes[], preset_routes[], upload_routes[], event_routes[], schema_routes[], openapi_routes[],
	audit_routes[], user_routes[], role_routes[], token_routes[], session_routes[], setting_routes[],
	health_routes[], metrics_routes[], guest_tool_routes[], guest_exec_routes[], guest_file_routes[];
extern const Route *const route_tables[]; /* NULL-terminated */

/* The body as a JSON object ({} if there is none). New reference; ERROR_INVALID. */
json_object *call_body(Call *call, GError **error);
/* The body of a POST, checked by the route's table and with its defaults. New reference; ERROR_INVALID. */
json_object *call_document(Call *call, GError **error);
/* A number from the query within bounds; FALSE with the parameter as field. */
gboolean call_int(Call *call, const char *name, gint64 min, gint64 max, gint64 fallback, gint64 *ret_value,
		  GError **error);
const char *call_query(const Call *call, const char *name); /* NULL if it is not there */
/* Of a parameter that is a number (api/query.c has its bounds and default), or a switch. */
gint64 call_number(const Call *call, const char *name);
gboolean call_switch(Call *call, const char *name);
json_object *text_of_number(gint64 number); /* as JSON text: what comes as `next` */
/* "vm/100" is that guest and not VM 1000 as well; "vm/" and "" are all below. */
gboolean path_is_below(const char *path, const char *prefix);
/* The revision of the header if-match, or REV_ANY. */
gboolean call_if_match(Call *call, gint64 *ret_rev, GError **error);
/* ERROR_STALE if the header names another revision than the present one. */
gboolean call_check_rev(Call *call, gint64 present, GError **error);

/* Answers. References are taken over. Each returns TRUE, to end a handler with. */
gboolean answer_json(Call *call, int status, json_object *body);
gboolean answer_text(Call *call, int status, const char *type, char *text); /* takes the text */
gboolean answer_document(Call *call, int status, json_object *body, gint64 rev); /* with its etag */
gboolean answer_document_text(Call *call, int status, GString *text, gint64 rev); /* the same of one that is serialized */
gboolean answer_task(Call *call, gint64 task, json_object *body);               /* 202; body may be NULL */
gboolean answer_plan(Call *call, json_object *plan);
/* Of a document that is made (before NULL), changed, or goes (after NULL) at once; effect may be NULL. */
gboolean answer_document_plan(Call *call, json_object *before, json_object *after, gint64 rev, const char *effect);
/* A plan that would be refused: the error goes into "refused" and is freed. */
gboolean answer_refused(Call *call, GError *error);
/* For actions without a document that do several things: an array of sentences, taken over. */
gboolean answer_effects_plan(Call *call, json_object *effects);
/* For actions without a document: refused (error not NULL, freed) or with one effect. */
gboolean answer_action_plan(Call *call, GError *refusal, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The same in both languages. */
gboolean answer_spoken_plan(Call *call, GError *refusal, const char *effect, const char *effect_ja);
/* Whether the query's filter keeps a list's row. */
gboolean call_keeps(Call *call, json_object *row);
/* {"items":[…]} of an array, cut to the query's fields. */
gboolean answer_items(Call *call, json_object *items);
/* With what is to be given back as `after` for the rest (lent); NULL: this was all. */
gboolean answer_items_next(Call *call, json_object *items, json_object *next);
/* One page of a whole list, by the query's filter, limit and after: items are ordered by their member `id` or, without
 * one, `name`, which are texts. A list that is read piece by piece: api/list.h. */
gboolean answer_page(Call *call, json_object *items, GError **error);
enum { LIST_LIMIT_DEFAULT = 200, LIST_LIMIT_MAX = 1000 };
#define LIST_QUERY "limit after fields filter"
/* A header of the answer, for the front to pass on (docs/front.md). */
void answer_header(Call *call, const char *name, const char *value);
/* An error with headers: as if the handler had failed (error is freed), but what is in the head stays. */
gboolean answer_error(Call *call, GError *error);
/* Hands a descriptor out with a 200. */
gboolean answer_fd(Call *call, int fd);
