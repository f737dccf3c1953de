/* The variable store of OVMF, as it lies in a guest's volume, and the one variable in it that is written from
 * outside. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_BYTES_MAX = 1 << 20, CHANGE_BYTES_MAX = 128, CHANGES_MAX = 8 };

/* What is to be written, in order, each made durable before the next: so a power cut leaves the variable as it was, or
 * as it shall be. */
typedef struct Change {
	size_t offset, length;
	uint8_t bytes[CHANGE_BYTES_MAX];
} Change;

typedef struct Changes {
	size_t count;
	Change all[CHANGES_MAX];
} Changes;

/* Has the firmware show its set-up at the next boot, once: EFI_OS_INDICATIONS_BOOT_TO_FW_UI in OsIndications (UEFI
 * specification, 8.5.4), which it clears when it does so. The store is the guest's and may be anything: NULL, or what
 * is wrong with it. */
const char *store_ask_setup(const uint8_t *store, size_t size, Changes *ret_changes);
