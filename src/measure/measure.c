/* The thread that measures.
 *
 * A round comes every 20 s, of all that runs, and every 2 s, of what is followed. First those are told who follow, then
 * all goes to the rings in one transaction. Of who is new among the followed, the first round is at once. */
#include "measure/measure.h"

#include "guest/guests.h"
#include "guest/vm.h"
#include "measure/beat.h"
#include "measure/round.h"

enum { LIVE_STEP_S = 2 };

/* Who is followed; below the lock. */
typedef struct Followed {
	gint64 object;
	guint count;
	gboolean fresh; /* nothing was measured for it yet */
	char *sample;   /* the last one */
} Followed;

struct Measure {
	Services *services;
	Rings *rings;
	Rounds *rounds;
	GThread *thread;
	guint store_watch;
	gint64 at_us; /* when the round began that goes on, since 1970; the thread's */

	GMutex lock; /* of all that follows */
	GCond woken;
	gboolean stopping, hurried, sweep;
	GHashTable *followed; /* by object */
	MeasureWatch watch;
	gpointer watch_data;
};

static void followed_free(gpointer data)
{
	Followed *followed = data;
	g_free(followed->sample);
	g_free(followed);
}

/* --- Telling --- */

static char *make_sample(gint64 object, gint64 at_us, const Values *values)
{
	gint64 at_ms = at_us / 1000;
	GString *text = g_string_new(NULL);
	g_string_append_printf(text, "{\"at_s\":%" G_GINT64_FORMAT ".%03d,\"values\":{", at_ms / 1000,
			       (int)(at_ms % 1000));
	values_append(text, series_of(object), values);
	g_string_append(text, "}}");
	return g_string_free(text, FALSE);
}

static void tell(gint64 object, RoundNews news, const Values *values, gpointer data)
{
	Measure *measure = data;
	g_autofree char *sample = values ? make_sample(object, measure->at_us, values) : NULL;
	g_mutex_lock(&measure->lock);
	Followed *followed = g_hash_table_lookup(measure->followed, &object);
	MeasureWatch watch = followed && news != ROUND_RESTS ? measure->watch : NULL;
	gpointer watch_data = measure->watch_data;
	if (followed) {
		g_free(followed->sample);
		followed->sample = g_strdup(sample);
	}
	g_mutex_unlock(&measure->lock);
	if (watch)
		watch(object, sample, watch_data);
}

/* --- The thread --- */

static gboolean is_there(gint64 object, gpointer data)
{
	Measure *measure = data;
	g_autoptr(Vm) vm = object == OBJECT_NODE ? NULL : guests_get(measure->services->guests, object);
	return object == OBJECT_NODE || vm;
}

/* Whether the time has come; also when the clock was set back, so that it never would. */
static gboolean is_due(gint64 aim_us, gint64 now_us, guint step_s)
{
	return aim_us && (now_us >= aim_us || aim_us - now_us > (gint64)step_s * G_USEC_PER_SEC);
}

/* The objects to tell of: all that are followed, or those of which nothing was told yet. */
static GHashTable *list_told(Measure *measure, gboolean all)
{
	GHashTableIter iter;
	gpointer value;
	GHashTable *told = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&measure->lock);
	g_hash_table_iter_init(&iter, measure->followed);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Followed *followed = value;
		if (all || followed->fresh)
			g_hash_table_add(told, g_memdup2(&followed->object, sizeof followed->object));
		followed->fresh = FALSE;
	}
	return told;
}

/* Until one of the times, or somebody new follows; FALSE at the end. *inout_live_us is 0 while nobody follows. */
static gboolean await_round(Measure *measure, gint64 all_us, gint64 *inout_live_us)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&measure->lock);
	gboolean timed_out = FALSE;
	while (!measure->stopping && !measure->hurried && !timed_out) {
		gint64 now_us = g_get_real_time(), aim_us = all_us;
		if (g_hash_table_size(measure->followed) == 0)
			*inout_live_us = 0;
		else if (!*inout_live_us)
			*inout_live_us = beat_next(now_us, LIVE_STEP_S);
		if (*inout_live_us)
			aim_us = MIN(aim_us, *inout_live_us);
		gint64 wait_us = CLAMP(aim_us - now_us, 0, STEP_S * G_USEC_PER_SEC);
		timed_out = !g_cond_wait_until(&measure->woken, &measure->lock, g_get_monotonic_time() + wait_us);
	}
	measure->hurried = FALSE;
	return !measure->stopping;
}

static void sweep(Measure *measure)
{
	g_mutex_lock(&measure->lock);
	gboolean wanted = measure->sweep;
	measure->sweep = FALSE;
	g_mutex_unlock(&measure->lock);
	if (wanted)
		rings_sweep(measure->rings, is_there, measure);
}

static gpointer run(gpointer data)
{
	Measure *measure = data;
	gint64 all_us = 1, live_us = 0; /* the first round is at once, for there to be something to compare with */
	do {
		gint64 now_us = g_get_real_time();
		gboolean all = is_due(all_us, now_us, STEP_S), live = is_due(live_us, now_us, LIVE_STEP_S);
		guint32 number =
			all && beat_holds(all_us, now_us, STEP_S) ? (guint32)(all_us / G_USEC_PER_SEC / STEP_S) : 0;
		g_autoptr(GHashTable) told = list_told(measure, live);
		if (all)
			all_us = beat_next(now_us, STEP_S);
		if (live)
			live_us = beat_next(now_us, LIVE_STEP_S);
		if (all)
			sweep(measure);
		if (!all && g_hash_table_size(told) == 0)
			continue;
		measure->at_us = now_us;
		g_autoptr(GArray) samples = rounds_go(measure->rounds, &(RoundWish){all, told, tell, measure});
		if (number)
			rings_write(measure->rings, number, &g_array_index(samples, RingSample, 0), samples->len);
	} while (await_round(measure, all_us, &live_us));
	return NULL;
}

/* --- Beginning and end --- */

static void on_commit(const char *path, gint64 rev, json_object *body, gpointer data)
{
	Measure *measure = data;
	(void)path;
	(void)rev;
	if (body)
		return;
	g_mutex_lock(&measure->lock);
	measure->sweep = TRUE;
	g_mutex_unlock(&measure->lock);
}

Measure *measure_start(Services *services, const char *state_dir)
{
	Measure *measure = g_new0(Measure, 1);
	g_autofree char *path = g_build_filename(state_dir, "measurements.db", NULL);
	measure->services = services;
	measure->rings = rings_new(path);
	measure->rounds = rounds_new(services->guests);
	measure->followed = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, followed_free);
	measure->sweep = TRUE; /* of guests that were deleted just before the end */
	g_mutex_init(&measure->lock);
	g_cond_init(&measure->woken);
	measure->store_watch = store_watch(services->store, "vm/", on_commit, measure);
	measure->thread = g_thread_new("measure", run, measure);
	return measure;
}

void measure_stop(Measure *measure)
{
	if (!measure)
		return;
	store_unwatch(measure->services->store, measure->store_watch);
	g_mutex_lock(&measure->lock);
	measure->stopping = TRUE;
	g_cond_signal(&measure->woken);
	g_mutex_unlock(&measure->lock);
	g_thread_join(measure->thread);
	rounds_free(measure->rounds);
	rings_free(measure->rings);
	g_hash_table_unref(measure->followed);
	g_cond_clear(&measure->woken);
	g_mutex_clear(&measure->lock);
	g_free(measure);
}

/* --- For others --- */

void measure_read(Measure *measure, gint64 object, Span span, RingView *ret_view)
{
	rings_read(measure->rings, object, span, g_get_real_time() / G_USEC_PER_SEC, ret_view);
}

void measure_set_watch(Measure *measure, MeasureWatch watch, gpointer data)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&measure->lock);
	measure->watch = watch;
	measure->watch_data = data;
}

char *measure_follow(Measure *measure, gint64 object)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&measure->lock);
	Followed *followed = g_hash_table_lookup(measure->followed, &object);
	if (!followed) {
		followed = g_new0(Followed, 1);
		*followed = (Followed){.object = object, .fresh = TRUE};
		g_hash_table_insert(measure->followed, &followed->object, followed);
		measure->hurried = TRUE;
		g_cond_signal(&measure->woken);
	}
	followed->count++;
	return g_strdup(followed->sample);
}

void measure_unfollow(Measure *measure, gint64 object)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&measure->lock);
	Followed *followed = g_hash_table_lookup(measure->followed, &object);
	if (followed && --followed->count == 0)
		g_hash_table_remove(measure->followed, &object);
}
