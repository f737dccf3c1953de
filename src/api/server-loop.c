/* The loop's sources: a callback for a descriptor or a time, and the one timer that serves all deadlines. It is set to
 * the earliest that was asked for, and finds the next one when it fires (server_expire() in api/server.c). */
#include "api/server-internal.h"

/* A source that only calls back, for a descriptor or a ready time. */
typedef struct LoopSource {
	GSource base;
	void (*callback)(gpointer data);
	gpointer data;
} LoopSource;

static gboolean loop_source_dispatch(GSource *base, GSourceFunc unused, gpointer unused_data)
{
	LoopSource *source = (LoopSource *)base;
	(void)unused;
	(void)unused_data;
	source->callback(source->data);
	return G_SOURCE_CONTINUE;
}

GSource *loop_source_new(GMainContext *context, void (*callback)(gpointer), gpointer data)
{
	static GSourceFuncs funcs = {.dispatch = loop_source_dispatch};
	GSource *base = g_source_new(&funcs, sizeof(LoopSource));
	LoopSource *source = (LoopSource *)base;
	source->callback = callback;
	source->data = data;
	g_source_attach(base, context);
	return base;
}

void loop_source_free(GSource *source)
{
	g_source_destroy(source);
	g_source_unref(source);
}

void timer_at(Server *server, gint64 at_us)
{
	gint64 ready = g_source_get_ready_time(server->timer);
	if (ready < 0 || at_us < ready)
		g_source_set_ready_time(server->timer, at_us);
}
