/* What has changed lately: a ring of the last changes, for those who follow with nothing but a number. */
#pragma once
#include <glib.h>

typedef struct Feed Feed;

enum { FEED_SIZE = 8192 };

/* `changed` is called after each change, from its thread and holding nothing. */
Feed *feed_new(void (*changed)(gpointer data), gpointer data);
void feed_free(Feed *feed);

/* A change of the object ("vm/100"). For guests, the tags that it has from now on (NULL: none, or it is gone): those that
 * it had are remembered for as long as the change is. For tasks their text, as JSON; else NULL.
 * TRUE if the tags are others than before. */
gboolean feed_add(Feed *feed, const char *path, const char *const *tags, GRefString *text);
/* Tags of a guest that is there from the beginning; no change. */
void feed_know_tags(Feed *feed, const char *path, const char *const *tags);

gint64 feed_seq(Feed *feed); /* of the last change */
/* Whether all that changed after `seq` is still known. */
gboolean feed_reaches(Feed *feed, gint64 seq);

typedef struct FeedChange {
	gint64 seq;
	GRefString *path;
	char **former;    /* tags that the guest had since `seq` of the caller, among others; NULL: always the same */
	GRefString *text; /* of a task; else NULL */
} FeedChange;
void feed_change_clear(FeedChange *change);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FeedChange, feed_change_clear)

typedef enum FeedNext { FEED_CHANGE, FEED_END, FEED_BEHIND } FeedNext;
/* The first object's last change after `seq`; an object that has changed several times since then comes once, at the
 * place of the last one. FEED_BEHIND: more has been forgotten than is known. */
FeedNext feed_next(Feed *feed, gint64 seq, FeedChange *ret_change);
