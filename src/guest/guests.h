/* All guests of this node: the registry that follows the store, and adoption at the daemon's start. */
#pragma once
#include <glib.h>

#include "guest/services.h"

typedef struct Vm Vm;
typedef struct Unique Unique;

/* Loads every guest's document and follows the store from then on. */
Guests *guests_new(Services *services, GError **error);
/* Lets go of all guests; their processes run on. */
void guests_free(Guests *guests);

/* Finds the processes that a former daemon left, connects to them and learns their true state; what ended meanwhile is
 * found out from its exit record. Before tasks_start(). */
void guests_adopt(Guests *guests);

/* While a task shuts all guests down, none is started. 0: that is over. */
void guests_hold_starts(Guests *guests, gint64 task);
gboolean guests_check_starts(Guests *guests, GError **error); /* ERROR_CONFLICT while they are held */

/* By number or name; new reference. ERROR_NOT_FOUND. */
Vm *guests_find(Guests *guests, const char *id_or_name, GError **error);
Vm *guests_get(Guests *guests, gint64 id); /* NULL if there is none */
/* What of them must be one of its kind. */
Unique *guests_unique(Guests *guests);
/* New references, ordered by id; only ids > after; at most limit (0: all). Free with g_ptr_array_unref. */
GPtrArray *guests_list(Guests *guests, gint64 after, guint limit);
guint guests_count(Guests *guests);
guint guests_count_alive(Guests *guests);

/* Called with a guest's new list row whenever it changed, NULL row after deletion; from any thread; must be quick. */
typedef void (*GuestsWatch)(gint64 id, const char *row, gpointer data);
void guests_set_watch(Guests *guests, GuestsWatch watch, gpointer data);
void guests_notify(Guests *guests, Vm *vm); /* for vm.c */

/* Runs a reaction to something that a guest did on the reactions' threads. Takes over the reference to vm. */
typedef void (*GuestReaction)(Vm *vm, gpointer data);
void guests_react(Guests *guests, Vm *vm, GuestReaction reaction, gpointer data);
/* The same for what waits for an answer from inside the guest, on threads of its own: an agent that hangs holds up
 * nothing but other agents' turn. */
void guests_react_slowly(Guests *guests, Vm *vm, GuestReaction reaction, gpointer data);
