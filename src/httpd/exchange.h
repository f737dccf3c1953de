/* One request from its head to the end of its answer, whichever version of HTTP carries it. */
#pragma once
#include "httpd/backend.h"
#include "httpd/connection.h"
#include "httpd/translate.h"

typedef struct Exchange Exchange;

typedef struct Answer {
	int status;
	Fields fields;
	const void *body; /* all of it, lent */
	gsize length;
	GBytes *bytes;    /* the same, where they can be kept; lent; may be NULL */
	gboolean streamed; /* `length` bytes follow through data() */
	gboolean last;     /* what such a client sends next is not looked at */
} Answer;

/* What carries an exchange. In answer() (that is not streamed), done() and abort() it may free the exchange. */
typedef struct CarrierOps {
	void (*answer)(gpointer carrier, const Answer *answer);
	void (*data)(gpointer carrier, const void *data, gsize length);
	void (*done)(gpointer carrier);                  /* after the last data() */
	void (*abort)(gpointer carrier);                 /* the answer cannot be completed: the client must notice */
	gboolean (*is_full)(gpointer carrier);           /* data() is to stop until exchange_drained() */
	void (*pause)(gpointer carrier, gboolean pause); /* the request's body */
	void (*proceed)(gpointer carrier);               /* the body is wanted: 100 (Continue) */
} CarrierOps;

Exchange *exchange_new(Connection *connection, const CarrierOps *ops, gpointer carrier);
/* The client is gone, or has its answer. */
void exchange_free(Exchange *exchange);
/* The head is there; `has_body`: exchange_body() and exchange_body_end() follow, else only the latter. */
void exchange_start(Exchange *exchange, const Head *head, gboolean has_body);
void exchange_body(Exchange *exchange, const void *data, gsize length);
void exchange_body_end(Exchange *exchange);
void exchange_drained(Exchange *exchange);
/* Answers with the API's error form. */
void exchange_refuse(Exchange *exchange, const Refusal *refusal);
