/* Memory for a node that is short of it: from guests that have a floor (`memory_min`), by their balloons.
 *
 * Every few seconds the node's memory is looked at. Above the use that is set for the node, guests are asked to give up
 * some of what they have above their floors, each in proportion to that; below it, they get it back in the same way. A
 * guest is asked for a part of its memory at most in one step: it takes a while until what it gives up is free on the
 * node. */
#include "base/json.h"
#include "guest/guests.h"
#include "guest/resources/balloon.h"
#include "guest/resources/memory.h"
#include "guest/resources/node-memory.h"

#define MIB (G_GINT64_CONSTANT(1) << 20)

enum { STEP_S = 3, COMMAND_TIMEOUT_MS = 500, SLACK_PARTS = 50, STEP_PARTS = 8 };

static const gint64 step_min = 128 * MIB, least = 4 * MIB;

static struct {
	Services *services;
	GThread *thread;
	GMutex lock;
	GCond woken;
	gboolean stopping;
	gboolean taking; /* the last step took something: told once */
} reclaim;

/* A share of what is wanted from who can give: `part` of `whole`. */
static gint64 share(gint64 wanted, gint64 part, gint64 whole)
{
	return whole > 0 ? (gint64)((double)MIN(wanted, whole) * (double)part / (double)whole) : 0;
}

/* Small changes are not worth the guest's trouble, but for the last one. */
static gint64 step(const BalloonGuest *guest, gint64 change, gint64 end)
{
	gint64 most = MAX(guest->memory / STEP_PARTS, step_min);
	change = CLAMP(change, -most, most) / MIB * MIB;
	return ABS(change) >= least || ABS(end - guest->taken) < least ? change : 0;
}

void balloon_decide(gint64 total, gint64 available, guint at_percent, BalloonGuest *guests, guint count)
{
	gint64 lacking = total / 100 * (100 - (gint64)at_percent) - available, slack = total / SLACK_PARTS;
	gint64 room = 0, taken = 0;
	for (guint i = 0; i < count; i++) {
		guests[i].min = MIN(guests[i].min, guests[i].memory);
		/* A floor that was raised is given back whatever the node is short of. */
		guests[i].taken = CLAMP(guests[i].taken, 0, guests[i].memory - guests[i].min);
		room += guests[i].memory - guests[i].min - guests[i].taken;
		taken += guests[i].taken;
	}
	for (guint i = 0; i < count; i++) {
		BalloonGuest *guest = &guests[i];
		gint64 most = guest->memory - guest->min;
		if (lacking > 0)
			guest->taken += step(guest, share(lacking, most - guest->taken, room), most);
		else if (lacking < -slack)
			guest->taken -= step(guest, share(-slack - lacking, guest->taken, taken), 0);
	}
}

/* Who has a floor, or has given something up; others are not asked. */
static gboolean takes_part(Vm *vm, BalloonGuest *ret_guest)
{
	g_mutex_lock(&vm->lock);
	gboolean concerned = vm->state == VM_RUNNING && (vm->memory_min || vm->balloon.taken);
	gint64 min = vm->memory_min;
	g_mutex_unlock(&vm->lock);
	VmBalloon balloon;
	/* Without a driver that answers, nothing would be given up. */
	if (!concerned || !balloon_refresh(vm, COMMAND_TIMEOUT_MS, NULL) || !balloon_get(vm, &balloon) ||
	    !balloon.total)
		return FALSE;
	json_auto json_object *applied = vm_dup_applied(vm);
	gint64 memory = json_get_int(applied, "memory", 0);
	if (memory_balloon_hindrance(applied)) /* it would have less, and the node no more */
		min = 0;
	*ret_guest = (BalloonGuest){memory, min ? min : memory, balloon.taken};
	return memory > 0;
}

static void tell(gboolean taking)
{
	if (taking && !reclaim.taking)
		g_message("this node is short of memory: guests with memory_min are asked to give some back");
	reclaim.taking = taking;
}

static void look(Services *services)
{
	NodeMemory memory;
	g_autoptr(GPtrArray) vms = guests_list(services->guests, 0, 0);
	g_autoptr(GPtrArray) parts = g_ptr_array_new();
	g_autoptr(GArray) guests = g_array_new(FALSE, FALSE, sizeof(BalloonGuest));
	for (guint i = 0; i < vms->len; i++) {
		BalloonGuest guest;
		if (!takes_part(vms->pdata[i], &guest))
			continue;
		g_ptr_array_add(parts, vms->pdata[i]);
		g_array_append_val(guests, guest);
	}
	if (parts->len == 0 || !node_memory_read("", &memory))
		return;
	g_autofree BalloonGuest *wanted = g_memdup2(guests->data, guests->len * sizeof(BalloonGuest));
	balloon_decide(memory.total, memory.available, node_memory_balloon_at(services), wanted, guests->len);
	gboolean taking = FALSE;
	for (guint i = 0; i < parts->len; i++) {
		gint64 taken = g_array_index(guests, BalloonGuest, i).taken;
		taking |= wanted[i].taken > taken;
		if (wanted[i].taken != taken)
			balloon_take(parts->pdata[i], wanted[i].taken, COMMAND_TIMEOUT_MS, NULL);
	}
	tell(taking);
}

static gpointer run(gpointer data)
{
	Services *services = data;
	g_mutex_lock(&reclaim.lock);
	while (!reclaim.stopping) {
		gint64 next_us = g_get_monotonic_time() + STEP_S * G_USEC_PER_SEC;
		g_mutex_unlock(&reclaim.lock);
		look(services);
		g_mutex_lock(&reclaim.lock);
		while (!reclaim.stopping && g_cond_wait_until(&reclaim.woken, &reclaim.lock, next_us))
			;
	}
	g_mutex_unlock(&reclaim.lock);
	return NULL;
}

void balloon_start(Services *services)
{
	reclaim.services = services;
	reclaim.stopping = FALSE;
	reclaim.thread = g_thread_new("reclaim", run, services);
}

void balloon_stop(void)
{
	if (!reclaim.thread)
		return;
	g_mutex_lock(&reclaim.lock);
	reclaim.stopping = TRUE;
	g_cond_signal(&reclaim.woken);
	g_mutex_unlock(&reclaim.lock);
	g_thread_join(g_steal_pointer(&reclaim.thread));
}
