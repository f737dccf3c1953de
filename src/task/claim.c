/* Claims on objects.
 *
 * Each claimed object has a queue of claims in the order of submission; the claims of those that run and of those
 * that wait stand in the same queue. An exclusive claim may go on when it is the first, a shared one when no exclusive
 * one is before it. So a waiting exclusive claim holds back the shared ones that come later and is never starved by
 * them. An owner enters all its queues at once, so all queues have the owners in the same order and no two owners
 * ever wait for each other. */
#include "task/claim.h"

#include <string.h>

#include "base/json.h"

typedef struct ClaimQueue {
	char *object;
	GQueue claims; /* Claim, linked by its own link */
} ClaimQueue;

typedef struct Claim {
	gpointer owner;
	char *object;
	gboolean exclusive;
	ClaimQueue *queue; /* NULL: has not entered */
	GList link;
} Claim;

struct ClaimTable {
	GHashTable *queues; /* object -> ClaimQueue */
};

struct ClaimSet {
	gpointer owner;
	GPtrArray *claims;
};

static void claim_queue_free(gpointer data)
{
	ClaimQueue *queue = data;
	g_free(queue->object);
	g_free(queue);
}

static void claim_free(gpointer data)
{
	Claim *claim = data;
	g_free(claim->object);
	g_free(claim);
}

ClaimTable *claim_table_new(void)
{
	ClaimTable *table = g_new0(ClaimTable, 1);
	table->queues = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, claim_queue_free);
	return table;
}

void claim_table_free(ClaimTable *table)
{
	if (!table)
		return;
	g_hash_table_destroy(table->queues);
	g_free(table);
}

ClaimSet *claim_set_new(gpointer owner)
{
	ClaimSet *set = g_new0(ClaimSet, 1);
	set->owner = owner;
	set->claims = g_ptr_array_new_with_free_func(claim_free);
	return set;
}

void claim_set_free(ClaimSet *set)
{
	if (!set)
		return;
	g_ptr_array_unref(set->claims);
	g_free(set);
}

void claim_set_add(ClaimSet *set, const char *object, gboolean exclusive)
{
	for (guint i = 0; i < set->claims->len; i++) {
		Claim *known = g_ptr_array_index(set->claims, i);
		if (strcmp(known->object, object) == 0) {
			known->exclusive |= exclusive;
			return;
		}
	}
	Claim *claim = g_new0(Claim, 1);
	claim->owner = set->owner;
	claim->object = g_strdup(object);
	claim->exclusive = exclusive;
	claim->link.data = claim;
	g_ptr_array_add(set->claims, claim);
}

json_object *claim_set_to_json(const ClaimSet *set)
{
	json_object *json = json_object_new_object();
	for (guint i = 0; i < set->claims->len; i++) {
		const Claim *claim = g_ptr_array_index(set->claims, i);
		json_set_str(json, claim->object, claim->exclusive ? "exclusive" : "shared");
	}
	return json;
}

void claim_set_add_json(ClaimSet *set, json_object *json)
{
	if (!json_object_is_type(json, json_type_object))
		return;
	json_object_object_foreach (json, object, mode) {
		claim_set_add(set, object, g_strcmp0(json_object_get_string(mode), "shared") != 0);
	}
}

void claim_table_enter(ClaimTable *table, ClaimSet *set)
{
	for (guint i = 0; i < set->claims->len; i++) {
		Claim *claim = g_ptr_array_index(set->claims, i);
		ClaimQueue *queue = g_hash_table_lookup(table->queues, claim->object);
		if (!queue) {
			queue = g_new0(ClaimQueue, 1);
			queue->object = g_strdup(claim->object);
			g_hash_table_insert(table->queues, queue->object, queue);
		}
		g_queue_push_tail_link(&queue->claims, &claim->link);
		claim->queue = queue;
	}
}

void claim_table_leave(ClaimTable *table, ClaimSet *set)
{
	for (guint i = 0; i < set->claims->len; i++) {
		Claim *claim = g_ptr_array_index(set->claims, i);
		ClaimQueue *queue = g_steal_pointer(&claim->queue);
		if (!queue)
			continue;
		g_queue_unlink(&queue->claims, &claim->link);
		if (g_queue_is_empty(&queue->claims))
			g_hash_table_remove(table->queues, queue->object);
	}
}

/* The first claim of the queue that conflicts with this one and, if this one is in it, comes before it. */
static Claim *conflict(const ClaimQueue *queue, const Claim *claim)
{
	for (GList *link = queue->claims.head; link; link = link->next) {
		Claim *other = link->data;
		if (other == claim)
			return NULL;
		if (claim->exclusive || other->exclusive)
			return other;
	}
	return NULL;
}

gpointer claim_table_blocker(ClaimTable *table, const ClaimSet *set, const char **ret_object)
{
	for (guint i = 0; i < set->claims->len; i++) {
		const Claim *claim = g_ptr_array_index(set->claims, i);
		const ClaimQueue *queue =
			claim->queue ? claim->queue : g_hash_table_lookup(table->queues, claim->object);
		const Claim *other = queue ? conflict(queue, claim) : NULL;
		if (other) {
			if (ret_object)
				*ret_object = claim->object;
			return other->owner;
		}
	}
	return NULL;
}

gpointer claim_table_holder(ClaimTable *table, const char *object)
{
	const ClaimQueue *queue = g_hash_table_lookup(table->queues, object);
	const Claim *first = queue ? g_queue_peek_head((GQueue *)&queue->claims) : NULL;
	return first ? first->owner : NULL;
}
