/* A store with guests that were never started. */
#pragma once
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/vm.h"

typedef struct Fixture {
	char *dir, *run_dir;
	Services services;
} Fixture;

G_GNUC_UNUSED static json_object *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	json_object *json = json_parse(text, strlen(text), &error);
	g_assert_no_error(error);
	return json;
}

/* body NULL: it goes. */
static void put_guest(Fixture *fixture, gint64 id, const char *body)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = g_strdup_printf("vm/%" G_GINT64_FORMAT, id);
	g_autoptr(Batch) batch = batch_new("test", 0);
	json_auto json_object *document = body ? parse(body) : NULL;
	if (body)
		batch_put(batch, path, REV_ANY, document);
	else
		batch_delete(batch, path, REV_ANY);
	store_commit(fixture->services.store, batch, &error);
	g_assert_no_error(error);
	g_autofree char *run_dir = g_build_filename(fixture->run_dir, path, NULL); /* as of one that was started */
	g_assert_true(dir_make(run_dir, 0700, NULL));
}

static void set_up(Fixture *fixture, gconstpointer data)
{
	static const StoreKind kinds[] = {{"vm", FALSE}, {"storage", FALSE}, {"runtime", TRUE}, {NULL, FALSE}};
	g_autoptr(GError) error = NULL;
	(void)data;
	fixture->dir = g_dir_make_tmp("guests-XXXXXX", &error);
	g_assert_no_error(error);
	fixture->run_dir = g_build_filename(fixture->dir, "run", NULL);
	g_autofree char *state = g_build_filename(fixture->dir, "state", NULL);
	fixture->services = (Services){.run_dir = fixture->run_dir, .node = "n1"};
	fixture->services.store = fixture->services.storage.store = store_open(state, kinds, &error);
	g_assert_no_error(error);
	guests_new(&fixture->services, &error);
	g_assert_no_error(error);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	(void)data;
	guests_free(fixture->services.guests);
	store_close(fixture->services.store);
	g_assert_true(dir_remove(fixture->dir, NULL));
	g_free(fixture->run_dir);
	g_free(fixture->dir);
}
