/* The gate before yescrypt.
 *
 * There are two lines, one for those who have signed in to the account from the same source before, and one for
 * strangers; when both have somebody, they take turns. So a flood of strangers, from however many addresses, costs a
 * known user one verification's time. Within a line the sources take turns, each with few places; when the line is
 * full, the source with the most waiting gives its newest place to a source that has none. Many addresses can fill the
 * strangers' line for somebody who comes from a new one: until each has used up its free failures (slow.c). */
#include "access/gate.h"

#include "base/error.h"

typedef enum WaiterState { WAITER_WAITS, WAITER_ADMITTED, WAITER_REFUSED } WaiterState;

typedef struct Waiter {
	GCond woken;
	WaiterState state;
} Waiter;

typedef struct Source {
	char *name;
	GQueue waiters;
} Source;

typedef struct Line {
	GQueue sources; /* of Source with somebody waiting, whose turn is next first */
	guint waiting;
} Line;

struct Gate {
	GMutex lock;
	guint running;
	Line strangers, known;
	gboolean strangers_next;
};

Gate *gate_new(void)
{
	Gate *gate = g_new0(Gate, 1);
	g_mutex_init(&gate->lock);
	return gate;
}

void gate_free(Gate *gate)
{
	if (!gate)
		return;
	g_assert(gate->running == 0 && gate->known.waiting == 0 && gate->strangers.waiting == 0);
	g_mutex_clear(&gate->lock);
	g_free(gate);
}

static Source *find_source(const Line *line, const char *name)
{
	for (const GList *link = line->sources.head; link; link = link->next)
		if (g_str_equal(((Source *)link->data)->name, name))
			return link->data;
	return NULL;
}

static Source *find_longest(const Line *line)
{
	Source *longest = NULL;
	for (const GList *link = line->sources.head; link; link = link->next)
		if (!longest || ((Source *)link->data)->waiters.length > longest->waiters.length)
			longest = link->data;
	return longest;
}

/* The source's turn is over: it goes to the end, or away if nobody of it waits any more. */
static void requeue(Line *line, Source *source)
{
	g_queue_remove(&line->sources, source);
	if (source->waiters.length > 0) {
		g_queue_push_tail(&line->sources, source);
		return;
	}
	g_free(source->name);
	g_free(source);
}

static void wake(Line *line, Waiter *waiter, WaiterState state)
{
	line->waiting--;
	waiter->state = state;
	g_cond_signal(&waiter->woken);
}

/* A place in the line, or FALSE. */
static gboolean queue(Line *line, const char *name, Waiter *waiter)
{
	Source *source = find_source(line, name);
	if (source && source->waiters.length >= GATE_SOURCE_MAX)
		return FALSE;
	if (line->waiting >= GATE_LINE_MAX) {
		Source *longest = find_longest(line);
		if (source || longest->waiters.length < 2)
			return FALSE;
		wake(line, g_queue_pop_tail(&longest->waiters), WAITER_REFUSED);
	}
	if (!source) {
		source = g_new0(Source, 1);
		source->name = g_strdup(name);
		g_queue_push_tail(&line->sources, source);
	}
	g_queue_push_tail(&source->waiters, waiter);
	line->waiting++;
	return TRUE;
}

static void admit_next(Gate *gate)
{
	Line *line = gate->strangers_next ? &gate->strangers : &gate->known;
	if (line->waiting == 0)
		line = gate->strangers_next ? &gate->known : &gate->strangers;
	if (line->waiting == 0)
		return;
	gate->strangers_next = line == &gate->known;
	Source *source = g_queue_peek_head(&line->sources);
	wake(line, g_queue_pop_head(&source->waiters), WAITER_ADMITTED);
	requeue(line, source);
	gate->running++;
}

gboolean gate_enter(Gate *gate, const char *source, gboolean known, GError **error)
{
	Line *line = known ? &gate->known : &gate->strangers;
	Waiter waiter = {.state = WAITER_WAITS};
	g_cond_init(&waiter.woken);
	g_mutex_lock(&gate->lock);
	if (gate->running < GATE_AT_ONCE) { /* then nobody waits */
		gate->running++;
		waiter.state = WAITER_ADMITTED;
	} else if (!queue(line, source, &waiter)) {
		waiter.state = WAITER_REFUSED;
	}
	while (waiter.state == WAITER_WAITS)
		g_cond_wait(&waiter.woken, &gate->lock);
	g_mutex_unlock(&gate->lock);
	g_cond_clear(&waiter.woken);
	if (waiter.state == WAITER_ADMITTED)
		return TRUE;
	error_set(error, ERROR_TOO_MANY, "try again in a second",
		  "cannot verify the password now: too many are being verified");
	return FALSE;
}

void gate_leave(Gate *gate)
{
	g_mutex_lock(&gate->lock);
	gate->running--;
	admit_next(gate);
	g_mutex_unlock(&gate->lock);
}

guint gate_waiting(Gate *gate)
{
	g_mutex_lock(&gate->lock);
	guint waiting = gate->known.waiting + gate->strangers.waiting;
	g_mutex_unlock(&gate->lock);
	return waiting;
}
