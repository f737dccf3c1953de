/* Fuzzes the reader of a guest's variable store, with which the guest does what it likes. What is to be written stays in the
 * store, and a store that was taken is taken again once it has been written. */
#include "nvram/store.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Changes changes;
	/* Of its own size, so that a byte past its end is noticed. */
	g_autofree uint8_t *store = g_memdup2(data, size);
	if (store_ask_setup(store, size, &changes))
		return 0;
	g_assert_cmpuint(changes.count, >=, 1);
	for (size_t i = 0; i < changes.count; i++) {
		const Change *change = &changes.all[i];
		g_assert_cmpuint(change->length, <=, CHANGE_BYTES_MAX);
		g_assert_cmpuint(change->offset, <=, size);
		g_assert_cmpuint(change->length, <=, size - change->offset);
		memcpy(store + change->offset, change->bytes, change->length);
	}
	g_assert_null(store_ask_setup(store, size, &changes));
	g_assert_cmpuint(changes.count, ==, 1);
	return 0;
}
