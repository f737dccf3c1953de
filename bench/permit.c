/* What the permission check costs a request, and a list of many guests.
 *
 *   bench-permit [--guests N]
 *
 * In processor time.
 *
 * check: from a path and a token's secret to a decision about one guest, as every request goes through it: the route is
 *   found, the secret looked up, the rights resolved, the privilege asked on the guest and its tags.
 * filter: whether each of all guests may be seen, by one who may see every tenth by a tag.
 * list: the same as a request for pages of 1,000 rows, with the rows; and, beside it, of one who may see all. */
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/api.h"
#include "api/permit.h"
#include "api/router.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/guests.h"

static const StoreKind store_kinds[] = {{"vm", FALSE},  {"user", TRUE},    {"role", TRUE},
					{"token", TRUE}, {"setting", TRUE}, {NULL, FALSE}};

static Services services;

static void fail_on(GError *error)
{
	if (!error)
		return;
	fprintf(stderr, "bench-permit: %s\n", error->message);
	exit(1);
}

static void add(Batch *batch, const char *path, char *text)
{
	json_auto json_object *body = json_tokener_parse(text);
	batch_put(batch, path, REV_ABSENT, body);
	g_free(text);
}

static void commit(Batch *batch)
{
	g_autoptr(GError) error = NULL;
	store_commit(services.store, batch, &error);
	fail_on(error);
	batch_free(batch);
}

static void make_guests(guint count)
{
	for (guint i = 0; i < count;) {
		Batch *batch = batch_new("bench", 0);
		for (guint in_batch = 0; in_batch < 500 && i < count; in_batch++, i++) {
			g_autofree char *path = g_strdup_printf("vm/%u", 100 + i);
			add(batch, path,
			    g_strdup_printf("{\"id\":%u,\"name\":\"guest-%u\",\"node\":\"n1\",\"memory\":536870912,"
					    "\"tags\":[\"linux\",\"%s\"]}",
					    100 + i, i, i % 10 == 0 ? "mine" : "theirs"));
		}
		commit(batch);
	}
}

static char *make_token(const char *user, const char *path)
{
	g_autoptr(GError) error = NULL;
	Batch *batch = batch_new("bench", 0);
	g_autofree char *name = g_strconcat("user/", user, NULL);
	add(batch, name,
	    g_strdup_printf("{\"schema\":1,\"name\":\"%s\",\"enabled\":true,"
			    "\"grants\":{\"g\":{\"path\":\"%s\",\"role\":\"operator\"}}}",
			    user, path));
	commit(batch);
	json_auto json_object *input = json_object_new_object();
	json_set_str(input, "user", user);
	json_set_str(input, "name", "bench");
	char *secret = NULL;
	json_auto json_object *token = access_create_token(services.access, input, "root", &secret, &error);
	fail_on(error);
	return secret;
}

/* Of this thread's own work: others may be at work on the machine. */
static gint64 cpu_time_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static double since(gint64 began_us)
{
	return (double)(cpu_time_us() - began_us);
}

static void bench_check(const char *secret)
{
	enum { ROUNDS = 200000 };
	g_autoptr(GError) error = NULL;
	Router *router = router_new(route_tables, &error);
	fail_on(error);
	gint64 began_us = cpu_time_us();
	for (guint i = 0; i < ROUNDS; i++) {
		gboolean known;
		g_autofree char *path = g_strdup("/api/v1/vms/110");
		Request request = {.method = "GET", .path = path, .front = TRUE, .address = "192.0.2.1", .token = secret};
		Call call = {.services = &services, .request = &request};
		call.route = router_find(router, "GET", path, call.args, &known);
		if (!permit_identify(&call, &error) || !permit_route(&call, &error))
			fail_on(error);
		rights_unref(call.rights);
		principal_unref(call.principal);
	}
	printf("check                 %8.2f us a request\n", since(began_us) / ROUNDS);
	router_free(router);
}

static void bench_filter(const char *secret, guint count)
{
	enum { ROUNDS = 50 };
	g_autoptr(GError) error = NULL;
	g_autoptr(Principal) principal = access_by_token(services.access, secret, "192.0.2.1", &error);
	fail_on(error);
	g_autoptr(Rights) rights = access_rights(services.access, principal);
	g_autoptr(GPtrArray) guests = guests_list(services.guests, 0, 0);
	guint seen = 0;
	gint64 began_us = cpu_time_us();
	for (guint i = 0; i < ROUNDS; i++)
		for (guint j = 0; j < guests->len; j++)
			seen += (guint)permit_vm_row(rights, g_ptr_array_index(guests, j));
	printf("filter                %8.2f ms for %u guests, of which %u are seen\n", since(began_us) / ROUNDS / 1000,
	       count, seen / ROUNDS);
}

/* All pages, one after another. */
static void bench_list(Api *api, const char *what, const char *secret)
{
	enum { ROUNDS = 20 };
	gsize bytes = 0;
	guint pages = 0;
	gint64 began_us = cpu_time_us();
	for (guint i = 0; i < ROUNDS; i++) {
		g_autofree char *after = g_strdup("0");
		while (after) {
			g_autoptr(GError) error = NULL;
			g_autoptr(GHashTable) query = g_hash_table_new(g_str_hash, g_str_equal);
			g_hash_table_insert(query, (gpointer)"limit", (gpointer)"1000");
			g_hash_table_insert(query, (gpointer)"after", after);
			Request request = {.method = "GET", .path = (char *)"/api/v1/vms", .front = TRUE,
					   .address = "192.0.2.1", .token = secret, .query = query,
					   .body = g_bytes_new(NULL, 0)};
			Response response = {0};
			api_handle(&request, &response, api, &error);
			fail_on(error);
			gsize length;
			const char *text = g_bytes_get_data(response.body, &length);
			const char *next = g_strrstr_len(text, (gssize)length, "\"next\":\"");
			g_free(after);
			after = next ? g_strndup(next + 8, strcspn(next + 8, "\"")) : NULL;
			bytes += length;
			pages++;
			g_bytes_unref(response.body);
			g_bytes_unref(request.body);
		}
	}
	printf("%-21s %8.2f ms for %u page(s), %zu KiB\n", what, since(began_us) / ROUNDS / 1000, pages / ROUNDS,
	       bytes / ROUNDS / 1024);
}

int main(int argc, char **argv)
{
	gint guests = 10000;
	GOptionEntry entries[] = {{"guests", 0, 0, G_OPTION_ARG_INT, &guests, "How many guests there are", "N"},
				  G_OPTION_ENTRY_NULL};
	g_autoptr(GError) error = NULL;
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_parse(context, &argc, &argv, &error);
	fail_on(error);
	g_autofree char *dir = g_dir_make_tmp("yado-bench-XXXXXX", &error);
	fail_on(error);
	services.run_dir = dir;
	services.node = "n1";
	services.store = store_open(dir, store_kinds, &error);
	fail_on(error);
	make_guests((guint)guests);
	services.access = access_new(services.store, &error);
	fail_on(error);
	guests_new(&services, &error);
	fail_on(error);
	Api *api = api_new(&services, &error);
	fail_on(error);
	g_autofree char *mine = make_token("mine", "/tags/mine"), *all = make_token("all", "/vms");

	bench_check(mine);
	bench_filter(mine, (guint)guests);
	bench_list(api, "list, every tenth", mine);
	bench_list(api, "list, all", all);

	api_free(api);
	guests_free(services.guests);
	access_free(services.access);
	store_close(services.store);
	dir_remove(dir, NULL);
	return 0;
}
