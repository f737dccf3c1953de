/* One who follows the events: a stream, whose rights filter it, and how far it has come. */
#pragma once
#include "api/catalog.h"
#include "api/feed.h"
#include "api/server.h"
#include "guest/services.h"

typedef struct Follower Follower;

/* What all followers read from; lent. */
typedef struct FollowerSource {
	Services *services;
	Feed *feed;
	Catalog *catalog;
	const char *epoch; /* of this run of the daemon */
} FollowerSource;

/* Takes references. epoch NULL: from the beginning; else to go on after `seq` of that epoch, if that can be. */
Follower *follower_new(const FollowerSource *source, Stream *stream, Principal *principal, const char *prefix,
		       const char *epoch, gint64 seq);
void follower_free(Follower *follower);
Stream *follower_stream(const Follower *follower);
const char *follower_user(const Follower *follower);

typedef enum FollowerState {
	FOLLOWER_WAITS, /* for something new, or for room */
	FOLLOWER_GOES_ON,
	FOLLOWER_ENDED,
} FollowerState;
/* Sends a bounded part of what there is to send. One thread at a time. */
FollowerState follower_pump(Follower *follower);
