/* /healthz: whether the daemon's insides answer, for whoever watches over it. Strangers may ask, so it says no more.
 *
 * A disk that hangs would hang whoever looks. So a thread looks, and those who ask wait for it, for a second at most;
 * there is never more than one such thread, however many ask. */
#include "api/health.h"

#include <string.h>

#include "api/route.h"
#include "base/error.h"

enum { WAIT_US = G_USEC_PER_SEC };

static GMutex lock;
static GCond looked;
static GThread *looker;      /* the last one; joined by the next */
static gboolean looking;
static guint64 looks;        /* finished ones */
static const char *part;     /* at which the present one is */
static const char *broken;   /* what the last one found: NULL, or the part that failed */

static void begin_part(const char *name)
{
	g_mutex_lock(&lock);
	part = name;
	g_mutex_unlock(&lock);
}

static const char *look(Services *services)
{
	begin_part("store");
	g_autoptr(Doc) doc = store_get(services->store, "node/self", NULL);
	if (!doc)
		return "store";
	begin_part("tasks");
	json_object *tasks = tasks_list(services->tasks, NULL, NULL, 0, 1, NULL);
	if (!tasks)
		return "tasks";
	json_object_put(tasks);
	return NULL;
}

static gpointer run(gpointer data)
{
	const char *found = look(data);
	g_mutex_lock(&lock);
	broken = found;
	looking = FALSE;
	looks++;
	g_cond_broadcast(&looked);
	g_mutex_unlock(&lock);
	return NULL;
}

/* With the lock held. One that had begun before somebody asked may have seen an older state: that is recent enough. */
static gboolean begin(Services *services)
{
	if (looking)
		return TRUE;
	if (looker)
		g_thread_join(g_steal_pointer(&looker));
	looker = g_thread_try_new("health", run, services, NULL);
	looking = looker != NULL;
	return looking;
}

/* NULL, or the part that does not answer. */
static const char *find_fault(Services *services)
{
	gint64 end = g_get_monotonic_time() + WAIT_US;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	if (!begin(services))
		return "threads";
	for (guint64 before = looks; looks == before;)
		if (!g_cond_wait_until(&looked, &lock, end))
			return part;
	return broken;
}

void health_stop(void)
{
	if (looker)
		g_thread_join(g_steal_pointer(&looker));
}

static gboolean get_health(Call *call, GError **error)
{
	(void)error;
	const char *fault = find_fault(call->services);
	char *text = fault ? g_strdup_printf("%s does not answer\n", fault) : g_strdup("ok\n");
	return answer_text(call, fault ? 503 : 200, "text/plain; charset=utf-8", text);
}

const Route health_routes[] = {
	{"GET", "/healthz", get_health, "whether the daemon works", PRIVILEGE_NONE, SCOPE_PUBLIC, .answer = ANSWER_TEXT,
	 .top = TRUE, .unaudited = TRUE,
	 .summary_ja = "デーモンが動作しているか"},
	{NULL},
};
