/* A loop with a thread of its own. */
#include "daemon/loop.h"

struct Loop {
	GMainContext *context;
	GMainLoop *loop;
	GThread *thread;
};

static gpointer run(gpointer data)
{
	Loop *loop = data;
	g_main_context_push_thread_default(loop->context);
	g_main_loop_run(loop->loop);
	g_main_context_pop_thread_default(loop->context);
	return NULL;
}

Loop *loop_start(const char *name)
{
	Loop *loop = g_new0(Loop, 1);
	loop->context = g_main_context_new();
	loop->loop = g_main_loop_new(loop->context, FALSE);
	loop->thread = g_thread_new(name, run, loop);
	return loop;
}

GMainContext *loop_context(Loop *loop)
{
	return loop->context;
}

static gboolean quit(gpointer data)
{
	g_main_loop_quit(data);
	return G_SOURCE_REMOVE;
}

/* From within: a quit that comes before the thread has begun to run the loop would be lost. */
void loop_stop(Loop *loop)
{
	g_autoptr(GSource) source = g_idle_source_new();
	g_source_set_priority(source, G_PRIORITY_HIGH);
	g_source_set_callback(source, quit, loop->loop, NULL);
	g_source_attach(source, loop->context);
	g_thread_join(g_steal_pointer(&loop->thread));
}

void loop_free(Loop *loop)
{
	if (!loop)
		return;
	g_main_loop_unref(loop->loop);
	g_main_context_unref(loop->context);
	g_free(loop);
}
