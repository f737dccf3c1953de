/* How many requests are at work at once for one asker: a handler holds one of the front server's 128 threads, and nobody
 * is to have them all. */
#pragma once
#include "api/route.h"

enum {
	CROWD_OF_ONE = 32,      /* of one user, whatever sessions and tokens it comes by: a page asks for many at once */
	CROWD_WAITING = 48,     /* that hold their thread until something happens (Route.waits), of all users */
	CROWD_OF_STRANGER = 4,  /* without a credential, from one address */
	CROWD_STRANGERS = 16,   /* without a credential, in all */
	CROWD_FAMILIAR = 8,     /* the same from addresses that somebody is signed in from: no flood takes their places */
};

typedef struct Crowd Crowd;
Crowd *crowd_new(void);
void crowd_free(Crowd *crowd);
/* ERROR_TOO_MANY. familiar: somebody is signed in from the address of this one, who is not. The local socket is not counted. crowd_leave() after each TRUE. */
gboolean crowd_enter(Crowd *crowd, const Call *call, gboolean familiar, GError **error);
/* Of one who has signed in: whether crowd_enter() would let him in, for a request that is answered before another one is
 * looked at. */
gboolean crowd_has_room(Crowd *crowd, const Call *call);
void crowd_leave(Crowd *crowd, const Call *call);
