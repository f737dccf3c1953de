/* What there is, ready to be sent: the text of each object that events tell of, but for guests, which keep their own. */
#pragma once
#include <glib.h>

typedef struct Catalog Catalog;

Catalog *catalog_new(void);
void catalog_free(Catalog *catalog);

/* Text NULL: it is gone. */
void catalog_put(Catalog *catalog, const char *path, GRefString *text);
/* Tasks that have ended stay for as long as they are among the newest. */
void catalog_put_task(Catalog *catalog, const char *path, GRefString *text, gboolean ended);
GRefString *catalog_ref(Catalog *catalog, const char *path); /* NULL if there is none */

typedef struct CatalogEntry {
	char *path;
	GRefString *text;
} CatalogEntry;
void catalog_entry_clear(CatalogEntry *entry);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CatalogEntry, catalog_entry_clear)
/* The first one whose path is after that one; "" for the first of all. */
gboolean catalog_next(Catalog *catalog, const char *after, CatalogEntry *ret_entry);
