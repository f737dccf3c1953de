/* The firmware's variable store: what is written, where, and that no store, however damaged, leads astray. */
#include "nvram/store.h"

#include <glib.h>
#include <string.h>

enum { HEADER = 0x48, FIRST = HEADER + 28, SIZE = 4096 };

/* An empty one, as EDK2 formats it. */
static void make_store(uint8_t store[SIZE])
{
	static const uint8_t kind[16] = {0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a, 0x43,
					 0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92};
	memset(store, 0xff, SIZE);
	memset(store, 0, FIRST);
	memcpy(store + 0x28, "_FVH", 4);
	store[0x30] = HEADER;
	memcpy(store + HEADER, kind, sizeof kind);
	store[HEADER + 17] = (SIZE - HEADER) >> 8;
	store[HEADER + 16] = (SIZE - HEADER) & 0xff;
	store[HEADER + 20] = 0x5a;
	store[HEADER + 21] = 0xfe;
}

static void apply(uint8_t *store, const Changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		memcpy(store + changes->all[i].offset, changes->all[i].bytes, changes->all[i].length);
}

static void test_an_empty_store_gets_the_variable(void)
{
	static const char name[] = "O\0s\0I\0n\0d\0i\0c\0a\0t\0i\0o\0n\0s\0\0";
	uint8_t store[SIZE];
	Changes changes;
	make_store(store);
	g_assert_cmpstr(store_ask_setup(store, SIZE, &changes), ==, NULL);
	g_assert_cmpuint(changes.count, ==, 2);
	g_assert_cmpuint(changes.all[0].offset, ==, FIRST);
	g_assert_cmpuint(changes.all[0].bytes[2], ==, 0xff); /* not there until its state says so */
	apply(store, &changes);
	const uint8_t *variable = store + FIRST;
	g_assert_cmpmem(variable, 8, ((const uint8_t[]){0xaa, 0x55, 0x3f, 0, 7, 0, 0, 0}), 8);
	g_assert_cmpuint(variable[36], ==, 28);
	g_assert_cmpuint(variable[40], ==, 8);
	g_assert_cmpmem(variable + 60, 28, name, 28);
	g_assert_cmpuint(variable[88], ==, 1);
}

static void test_the_bit_is_set_where_the_variable_is(void)
{
	uint8_t store[SIZE];
	Changes changes;
	make_store(store);
	store_ask_setup(store, SIZE, &changes);
	apply(store, &changes);
	store[FIRST + 88] = 0x40; /* the firmware has cleared the bit; another one is the system's */
	g_assert_cmpstr(store_ask_setup(store, SIZE, &changes), ==, NULL);
	g_assert_cmpuint(changes.count, ==, 1);
	g_assert_cmpuint(changes.all[0].offset, ==, FIRST + 88);
	g_assert_cmpuint(changes.all[0].length, ==, 1);
	g_assert_cmpuint(changes.all[0].bytes[0], ==, 0x41);
}

static void test_a_deleted_variable_is_left_and_another_appended(void)
{
	uint8_t store[SIZE];
	Changes changes;
	make_store(store);
	store_ask_setup(store, SIZE, &changes);
	apply(store, &changes);
	store[FIRST + 2] = 0x3d;
	g_assert_cmpstr(store_ask_setup(store, SIZE, &changes), ==, NULL);
	g_assert_cmpuint(changes.all[0].offset, ==, FIRST + 96);
}

static void test_a_full_store_is_refused(void)
{
	uint8_t store[SIZE];
	Changes changes;
	make_store(store);
	while (!store_ask_setup(store, SIZE, &changes)) {
		apply(store, &changes);
		store[changes.all[0].offset + 2] = 0x3c;
	}
	g_assert_nonnull(strstr(store_ask_setup(store, SIZE, &changes), "no room"));
	g_assert_cmpuint(changes.count, ==, 0);
}

/* Each length and each single byte of a store may be wrong; a change never lies outside. */
static void test_damage_leads_nowhere(void)
{
	uint8_t store[SIZE];
	Changes changes;
	make_store(store);
	store_ask_setup(store, SIZE, &changes);
	apply(store, &changes);
	for (size_t size = 0; size <= SIZE; size++) {
		g_autofree uint8_t *cut = g_memdup2(store, size); /* so that a reader past the end is caught */
		if (size < SIZE)
			g_assert_nonnull(store_ask_setup(cut, size, &changes));
	}
	for (size_t at = 0; at < FIRST + 100; at++)
		for (guint value = 0; value < 256; value++) {
			g_autofree uint8_t *bent = g_memdup2(store, SIZE);
			bent[at] = (uint8_t)value;
			store_ask_setup(bent, SIZE, &changes);
			g_assert_cmpuint(changes.count, <=, CHANGES_MAX);
			for (size_t i = 0; i < changes.count; i++) {
				g_assert_cmpuint(changes.all[i].length, <=, CHANGE_BYTES_MAX);
				g_assert_cmpuint(changes.all[i].offset, >=, HEADER + 28 - 0x10);
				g_assert_cmpuint(changes.all[i].offset + changes.all[i].length, <=, SIZE);
			}
		}
	memset(store + FIRST + 36, 0xff, 8); /* lengths that would wrap */
	g_assert_nonnull(strstr(store_ask_setup(store, SIZE, &changes), "damaged"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/nvram/empty", test_an_empty_store_gets_the_variable);
	g_test_add_func("/nvram/bit", test_the_bit_is_set_where_the_variable_is);
	g_test_add_func("/nvram/deleted", test_a_deleted_variable_is_left_and_another_appended);
	g_test_add_func("/nvram/full", test_a_full_store_is_refused);
	g_test_add_func("/nvram/damage", test_damage_leads_nowhere);
	return g_test_run();
}
