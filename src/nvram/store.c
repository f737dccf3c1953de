/* The layout is EDK2's: a firmware volume (MdePkg/Include/Pi/PiFirmwareVolume.h) that begins with a store of variables
 * with time stamps (MdeModulePkg/Include/Guid/VariableFormat.h). Variables follow one another, aligned to four bytes;
 * one that was written anew is appended, and bits of the old one's state are cleared, as flash memory has it. */
#include "store.h"

#include <string.h>

enum {
	VOLUME_SIGNATURE = 0x28, /* offsets in the volume's header */
	VOLUME_HEADER_LENGTH = 0x30,
	VOLUME_HEADER_MIN = 0x38,
	STORE_SIZE = 16, /* in the store's */
	STORE_FORMAT = 20,
	STORE_STATE = 21,
	STORE_HEADER = 28,
	STATE = 2, /* in a variable's */
	ATTRIBUTES = 4,
	NAME_BYTES = 36,
	DATA_BYTES = 40,
	VENDOR = 44,
	VARIABLE_HEADER = 60,
	FORMATTED = 0x5a,
	HEALTHY = 0xfe,
	START = 0x55aa,
	ADDED = 0x3f,
	NON_VOLATILE_BOOT_RUNTIME = 7,
	INDICATIONS_BYTES = 8,
	BOOT_TO_FW_UI = 1,
	ERASED = 0xff,
};

static const uint8_t authenticated_store[16] = {0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a, 0x43,
						0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92};
static const uint8_t global_vendor[16] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
					  0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
/* UTF-16, with its end, of which the compiler adds a half. */
static const uint8_t os_indications[] = "O\0s\0I\0n\0d\0i\0c\0a\0t\0i\0o\0n\0s\0\0";

static uint32_t read16(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t read32(const uint8_t *at)
{
	return read16(at) | read16(at + 2) << 16;
}

static void write32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

/* Where the variables are. */
static const char *find_variables(const uint8_t *store, size_t size, size_t *ret_begin, size_t *ret_end)
{
	if (size < VOLUME_HEADER_MIN || memcmp(store + VOLUME_SIGNATURE, "_FVH", 4) != 0)
		return "it is not a firmware volume";
	size_t header = read16(store + VOLUME_HEADER_LENGTH);
	if (header < VOLUME_HEADER_MIN || header + STORE_HEADER > size || header % 4 != 0)
		return "its header is damaged";
	const uint8_t *variables = store + header;
	if (memcmp(variables, authenticated_store, sizeof authenticated_store) != 0)
		return "its variables are of another kind";
	size_t length = read32(variables + STORE_SIZE);
	if (variables[STORE_FORMAT] != FORMATTED || variables[STORE_STATE] != HEALTHY || length < STORE_HEADER ||
	    length > size - header)
		return "the header of its variables is damaged";
	*ret_begin = header + STORE_HEADER;
	*ret_end = header + length;
	return NULL;
}

static bool is_os_indications(const uint8_t *variable)
{
	return read32(variable + NAME_BYTES) == sizeof os_indications &&
	       memcmp(variable + VENDOR, global_vendor, sizeof global_vendor) == 0 &&
	       memcmp(variable + VARIABLE_HEADER, os_indications, sizeof os_indications) == 0;
}

static Change *add_change(Changes *changes, size_t offset, size_t length)
{
	Change *change = &changes->all[changes->count++];
	*change = (Change){.offset = offset, .length = length};
	return change;
}

/* At the end: first all but its state, then that, so that there is never half a variable. */
static const char *append(const uint8_t *store, size_t at, size_t end, Changes *changes)
{
	const size_t name = sizeof os_indications, length = VARIABLE_HEADER + name + INDICATIONS_BYTES;
	if (length > end - at)
		return "it has no room left; the firmware makes some at the guest's next start";
	for (size_t i = 0; i < length; i++)
		if (store[at + i] != ERASED)
			return "what follows its variables is not empty";
	uint8_t *bytes = add_change(changes, at, length)->bytes;
	bytes[0] = START & 0xff;
	bytes[1] = START >> 8;
	bytes[STATE] = ERASED;
	write32(bytes + ATTRIBUTES, NON_VOLATILE_BOOT_RUNTIME);
	write32(bytes + NAME_BYTES, (uint32_t)name);
	write32(bytes + DATA_BYTES, INDICATIONS_BYTES);
	memcpy(bytes + VENDOR, global_vendor, sizeof global_vendor);
	memcpy(bytes + VARIABLE_HEADER, os_indications, name);
	bytes[VARIABLE_HEADER + name] = BOOT_TO_FW_UI;
	add_change(changes, at + STATE, 1)->bytes[0] = ADDED;
	return NULL;
}

const char *store_ask_setup(const uint8_t *store, size_t size, Changes *ret_changes)
{
	size_t at, end;
	const char *wrong = find_variables(store, size, &at, &end);
	*ret_changes = (Changes){0};
	if (wrong)
		return wrong;
	while (end - at >= VARIABLE_HEADER && read16(store + at) == START) {
		const uint8_t *variable = store + at;
		size_t name = read32(variable + NAME_BYTES), data = read32(variable + DATA_BYTES);
		if (name > end - at || data > end - at || VARIABLE_HEADER + name + data > end - at)
			return "one of its variables is damaged";
		/* The bit may be set where the variable lies: it is no flash memory. */
		if (variable[STATE] == ADDED && data == INDICATIONS_BYTES && is_os_indications(variable)) {
			size_t value = at + VARIABLE_HEADER + name;
			add_change(ret_changes, value, 1)->bytes[0] = store[value] | BOOT_TO_FW_UI;
			return NULL;
		}
		size_t length = (VARIABLE_HEADER + name + data + 3) & ~(size_t)3;
		at = length < end - at ? at + length : end;
	}
	return append(store, at, end, ret_changes);
}
