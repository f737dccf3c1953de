/* /tasks: long work. */
#include <string.h>

#include "api/list.h"
#include "api/permit.h"
#include "api/task-follow.h"
#include "base/error.h"
#include "base/json.h"

enum { SLICE_MS = 250, LOG_LINES_MAX = 500 };

static gboolean parse_id(Call *call, gint64 *ret_id, GError **error)
{
	if (g_ascii_string_to_signed(call->args[0], 10, 1, G_MAXINT64, ret_id, NULL))
		return TRUE;
	error_set(error, ERROR_NOT_FOUND, "'yado task list' shows what there is", "there is no task '%s'",
		  call->args[0]);
	return FALSE;
}

static json_object *fetch_tasks(Call *call, gint64 after, guint limit, GError **error)
{
	return tasks_list(call->services->tasks, call_query(call, "object"), call_query(call, "state"), after, limit,
			  error);
}

static gboolean may_see(Call *call, json_object *task)
{
	return permit_sees_task(call->services, call->principal, call->rights, task);
}

static gboolean list_tasks(Call *call, GError **error)
{
	return answer_fetched(call, "id", fetch_tasks, may_see, error);
}

static gboolean answer_description(Call *call, gint64 id, GError **error)
{
	json_object *task = tasks_describe(call->services->tasks, id, error);
	return task && answer_json(call, 200, task);
}

static gboolean get_task(Call *call, GError **error)
{
	gint64 id;
	return parse_id(call, &id, error) && answer_description(call, id, error);
}

static gboolean get_log(Call *call, GError **error)
{
	gint64 id;
	if (!parse_id(call, &id, error))
		return FALSE;
	json_object *log = tasks_log(call->services->tasks, id, (guint)call_number(call, "from"), LOG_LINES_MAX, error);
	return log && answer_json(call, 200, log);
}

/* In slices, so that nobody waits for a client that has left, nor for one when the server ends, nor for a session or
 * token that has ended. What may be seen may have been withdrawn meanwhile. */
static gboolean wait_task(Call *call, GError **error)
{
	gint64 id, timeout_s = call_number(call, "timeout");
	if (!parse_id(call, &id, error))
		return FALSE;
	gint64 end = g_get_monotonic_time() + timeout_s * G_USEC_PER_SEC;
	for (gint64 left_ms = timeout_s * 1000; left_ms > 0 && stream_is_open(call->request->stream) &&
						access_is_valid(call->services->access, call->principal);
	     left_ms = (end - g_get_monotonic_time()) / 1000)
		if (tasks_wait(call->services->tasks, id, (guint)MIN(left_ms, SLICE_MS)))
			break;
	return permit_again(call, error) && answer_description(call, id, error);
}

static gboolean cancel_task(Call *call, GError **error)
{
	gint64 id;
	return parse_id(call, &id, error) && tasks_cancel(call->services->tasks, id, error) &&
	       answer_description(call, id, error);
}

static gboolean follow_task(Call *call, GError **error)
{
	gint64 id;
	if (!parse_id(call, &id, error))
		return FALSE;
	json_auto json_object *task = tasks_describe(call->services->tasks, id, error);
	if (!task)
		return FALSE;
	if (!task_follow(call->services, call->request->stream, call->principal, id, error))
		return FALSE;
	call->response->keep_stream = TRUE;
	return answer_json(call, 200, json_object_new_object());
}

const Route task_routes[] = {
	{"GET", "/tasks", list_tasks, "tasks, the newest first", PRIVILEGE_NONE, SCOPE_TASK,
	 .query = "object state " LIST_QUERY, .answer = ANSWER_LIST, .result = &task_table,
	 .summary_ja = "タスク（新しい順）"},
	{"GET", "/tasks/{}", get_task, "a task", PRIVILEGE_NONE, SCOPE_TASK, .answer = ANSWER_DOCUMENT,
	 .result = &task_table,
	 .summary_ja = "タスク1つ"},
	{"GET", "/tasks/{}/log", get_log, "a task's log", PRIVILEGE_NONE, SCOPE_TASK, .query = "from",
	 .answer = ANSWER_DOCUMENT, .result = &task_log_table,
	 .summary_ja = "タスクのログ"},
	{"GET", "/tasks/{}/wait", wait_task, "wait until a task has ended", PRIVILEGE_NONE, SCOPE_TASK,
	 .query = "timeout", .waits = TRUE, .answer = ANSWER_DOCUMENT, .result = &task_table,
	 .summary_ja = "タスクの終了を待つ"},
	{"GET", "/tasks/{}/follow", follow_task, "follow a task and its log", PRIVILEGE_NONE, SCOPE_TASK,
	 .answer = ANSWER_EVENTS,
	 .summary_ja = "タスクとログを追う"},
	{"POST", "/tasks/{}/cancel", cancel_task, "cancel a task", PRIVILEGE_NONE, SCOPE_TASK,
	 .answer = ANSWER_DOCUMENT, .result = &task_table,
	 .summary_ja = "タスクの中止"},
	{NULL},
};
