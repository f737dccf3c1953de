/* One round.
 *
 * It reads what the host knows at once, has QEMUs asked for their disks at the same time (asking.c), waits a moment for
 * the answers, and makes values of what has changed since the last round of that kind. Who has not answered in a round
 * is not waited for in the next one; what it says late counts there, as of the moment that it was said. */
#include "measure/round.h"

#include <math.h>

#include "guest/guests.h"
#include "measure/asking.h"
#include "measure/rates.h"

enum { PATIENCE_US = 250000 };

/* Of a guest that runs, or of the node; kept from round to round. */
typedef struct Subject {
	gint64 object;
	Reading last;       /* of a round of all */
	Reading *live;      /* as who follows was told; NULL: nobody */
	Question *question; /* NULL: none is open */
	Counters disks;     /* as answered last */
	gboolean late;      /* did not answer the last one in time */
	gboolean seen;      /* since the last round of all */
	VmDevices *devices;
	VmCounters *counters; /* of the round that goes on; lent */
} Subject;

struct Rounds {
	Guests *guests;
	Asking *asking;
	GHashTable *subjects; /* by object */
};

typedef struct Round {
	Rounds *rounds;
	const RoundWish *wish;
	gint64 now_us; /* monotonic */
	GPtrArray *vms;
	VmCounters *counters; /* of each of them */
	GArray *samples;      /* RingSample */
} Round;

static void subject_free(gpointer data)
{
	Subject *subject = data;
	question_unref(subject->question);
	vm_devices_free(subject->devices);
	g_free(subject->live);
	g_free(subject);
}

static Subject *find_subject(Rounds *rounds, gint64 object)
{
	return g_hash_table_lookup(rounds->subjects, &object);
}

static Subject *get_subject(Rounds *rounds, gint64 object)
{
	Subject *subject = find_subject(rounds, object);
	if (!subject) {
		subject = g_new0(Subject, 1);
		subject->object = object;
		g_hash_table_insert(rounds->subjects, &subject->object, subject);
	}
	return subject;
}

static gboolean is_told(const Round *round, gint64 object)
{
	return g_hash_table_contains(round->wish->told, &object);
}

static void tell(const Round *round, gint64 object, RoundNews news, const Values *values)
{
	round->wish->tell(object, news, values, round->wish->data);
}

/* --- Reading and asking --- */

/* While it starts, or QEMU is known not to answer, there is nothing to ask of it. */
static gboolean may_ask(VmState state)
{
	return vm_state_is_alive(state) && state != VM_STARTING && state != VM_UNKNOWN;
}

static void take_answer(Subject *subject)
{
	Counters disks;
	if (!subject->question || !question_read(subject->question, &disks)) {
		subject->late |= subject->question != NULL;
		return;
	}
	subject->late = disks.at_us == 0;
	if (disks.at_us)
		subject->disks = disks;
	g_clear_pointer(&subject->question, question_unref);
}

static void ask_guest(const Round *round, Subject *subject, Vm *vm)
{
	take_answer(subject);
	if (subject->question)
		return; /* it still hangs in the last one */
	gboolean agent = is_told(round, subject->object) && subject->counters->user_cards;
	subject->question = asking_ask(round->rounds->asking, vm, agent, !subject->late);
}

/* Of one that does not run nothing is kept: it begins anew. */
static void look_at_guest(Rounds *rounds, Vm *vm, VmCounters *counters)
{
	VmState state = vm_get_state(vm);
	gboolean runs = vm_state_is_alive(state) && state != VM_STARTING;
	Subject *subject = runs ? get_subject(rounds, vm->id) : NULL;
	if (!subject || !vm_read_counters(vm, &subject->devices, counters)) {
		g_hash_table_remove(rounds->subjects, &vm->id);
		return;
	}
	subject->counters = counters;
	if (subject->last.started != counters->started)
		subject->disks = (Counters){0};
	subject->seen = TRUE;
}

/* Those that were late come last: they may take up all threads that ask. */
static void ask_guests(const Round *round)
{
	for (guint late = 0; late < 2; late++)
		for (guint i = 0; i < round->vms->len; i++) {
			Vm *vm = round->vms->pdata[i];
			Subject *subject = find_subject(round->rounds, vm->id);
			if (subject && subject->late == (late > 0) && may_ask(vm_get_state(vm)))
				ask_guest(round, subject, vm);
		}
	asking_wait(round->rounds->asking, g_get_monotonic_time() + PATIENCE_US);
}

/* --- What comes of it --- */

static Values make_values(Reading *last, const Round *round, const Subject *subject, const NodeCounters *node)
{
	return node ? rates_of_node(last, round->now_us, node) : rates_of_guest(last, round->now_us, subject->counters);
}

/* The first reading of who is followed may be compared with that of the last round of all; without one, there is
 * nothing to tell. */
static void finish_live(const Round *round, Subject *subject, const NodeCounters *node)
{
	if (!subject->live)
		subject->live = g_memdup2(&subject->last, sizeof subject->last);
	if (subject->live->at_us && round->now_us - subject->live->at_us < RATE_AGE_MIN_US)
		return;
	Values values = make_values(subject->live, round, subject, node);
	if (!isnan(values.of[0]))
		tell(round, subject->object, ROUND_SAMPLE, &values);
}

/* node NULL: a guest. */
static void finish(Round *round, Subject *subject, const NodeCounters *node)
{
	gboolean told = is_told(round, subject->object);
	if (told)
		finish_live(round, subject, node);
	if (!round->wish->all)
		return;
	RingSample sample = {subject->object, make_values(&subject->last, round, subject, node)};
	g_array_append_val(round->samples, sample);
	if (!told)
		g_clear_pointer(&subject->live, g_free);
}

static void finish_guests(Round *round)
{
	for (guint i = 0; i < round->vms->len; i++) {
		gint64 object = ((Vm *)round->vms->pdata[i])->id;
		Subject *subject = find_subject(round->rounds, object);
		if (subject) {
			take_answer(subject);
			subject->counters->groups[COUNTER_DISKS] = subject->disks;
			finish(round, subject, NULL);
		} else if (is_told(round, object)) {
			tell(round, object, ROUND_RESTS, NULL);
		}
	}
}

static gboolean is_gone(gpointer key, gpointer value, gpointer data)
{
	Subject *subject = value;
	(void)key;
	(void)data;
	gboolean gone = !subject->seen && subject->object != OBJECT_NODE;
	subject->seen = FALSE;
	return gone;
}

/* All guests, or those that are followed; who follows one that is gone is told. */
static GPtrArray *list_guests(const Round *round)
{
	Guests *guests = round->rounds->guests;
	GHashTableIter iter;
	gpointer object;
	GPtrArray *vms = round->wish->all ? guests_list(guests, 0, 0)
					  : g_ptr_array_new_with_free_func((GDestroyNotify)vm_unref);
	g_hash_table_iter_init(&iter, round->wish->told);
	while (g_hash_table_iter_next(&iter, &object, NULL)) {
		gint64 id = *(gint64 *)object;
		g_autoptr(Vm) vm = id == OBJECT_NODE ? NULL : guests_get(guests, id);
		if (!vm && id != OBJECT_NODE)
			tell(round, id, ROUND_GONE, NULL);
		else if (vm && !round->wish->all)
			g_ptr_array_add(vms, g_steal_pointer(&vm));
	}
	return vms;
}

GArray *rounds_go(Rounds *rounds, const RoundWish *wish)
{
	NodeCounters node;
	Round round = {.rounds = rounds, .wish = wish, .now_us = g_get_monotonic_time()};
	gboolean with_node = wish->all || is_told(&round, OBJECT_NODE);
	round.vms = list_guests(&round);
	round.counters = g_new(VmCounters, round.vms->len);
	round.samples = g_array_new(FALSE, FALSE, sizeof(RingSample));
	if (with_node)
		node_read_counters(&node);
	for (guint i = 0; i < round.vms->len; i++)
		look_at_guest(rounds, round.vms->pdata[i], &round.counters[i]);
	ask_guests(&round);
	if (with_node)
		finish(&round, get_subject(rounds, OBJECT_NODE), &node);
	finish_guests(&round);
	if (wish->all)
		g_hash_table_foreach_remove(rounds->subjects, is_gone, NULL);
	g_ptr_array_unref(round.vms);
	g_free(round.counters);
	return round.samples;
}

Rounds *rounds_new(Guests *guests)
{
	Rounds *rounds = g_new0(Rounds, 1);
	rounds->guests = guests;
	rounds->asking = asking_new();
	rounds->subjects = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, subject_free);
	return rounds;
}

void rounds_free(Rounds *rounds)
{
	g_hash_table_unref(rounds->subjects);
	asking_free(rounds->asking);
	g_free(rounds);
}
