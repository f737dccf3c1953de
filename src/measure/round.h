/* Measuring many guests at once. */
#pragma once
#include "guest/services.h"
#include "measure/rings.h"

typedef struct Rounds Rounds;
Rounds *rounds_new(Guests *guests);
/* Waits for the questions that are being asked, for half a second at most. */
void rounds_free(Rounds *rounds);

typedef enum RoundNews {
	ROUND_SAMPLE,
	ROUND_RESTS, /* it does not run */
	ROUND_GONE,  /* there is no such guest any more */
} RoundNews;
/* values NULL but for ROUND_SAMPLE. */
typedef void (*RoundTell)(gint64 object, RoundNews news, const Values *values, gpointer data);

typedef struct RoundWish {
	gboolean all;     /* the node and all guests that run are measured; else those that are told of */
	GHashTable *told; /* objects whose values since they were told the last time are asked for */
	RoundTell tell;
	gpointer data;
} RoundWish;
/* RingSample of all, of what happened since the last round of all; else empty. New reference. One thread at a time. */
GArray *rounds_go(Rounds *rounds, const RoundWish *wish);
