/* Files of a guest, by its agent: opened there under a number, read and written in pieces. */
#pragma once
#include "guest/vm.h"

enum {
	GUEST_FILE_PIECE = 192 << 10, /* read at once: its answer is a third longer */
	GUEST_FILE_WRITE = 48 << 10,  /* written at once */
	GUEST_PATH_MAX = 4096,
};
#define GUEST_FILE_MAX (G_GINT64_CONSTANT(1) << 30)

/* mode as fopen(3). The agent's number of the file, or -1. */
gint64 guest_file_open(Vm *vm, const char *path, const char *mode, GError **error);
/* At most `most` bytes; *ret_end: there is no more now. NULL with the error. */
GByteArray *guest_file_read(Vm *vm, gint64 handle, gsize most, gboolean *ret_end, GError **error);
gboolean guest_file_write(Vm *vm, gint64 handle, const void *data, gsize length, GError **error);
gboolean guest_file_flush(Vm *vm, gint64 handle, GError **error); /* to the guest's disk */
/* Where the file ends; what is read next begins at `then`. -1 with the error. */
gint64 guest_file_measure(Vm *vm, gint64 handle, gint64 then, GError **error);
gboolean guest_file_close_number(Vm *vm, gint64 handle, GError **error);
/* What cannot be closed now is closed when the agent answers again. */
void guest_file_close(Vm *vm, gint64 handle);
/* Closes what is left of that. */
void guest_file_close_left(Vm *vm);

/* --- file-carry.c --- */
/* Whether it is still wanted; asked between pieces. */
typedef gboolean (*GuestWanted)(gpointer data);

/* Of a file in the guest to a descriptor (a socket's: it is waited for half a minute). */
typedef struct GuestGet GuestGet;
/* ERROR_TOO_LARGE past GUEST_FILE_MAX. *ret_size: how many bytes guest_get_send() will send. */
GuestGet *guest_get_open(Vm *vm, const char *path, gint64 *ret_size, GError **error);
gboolean guest_get_send(GuestGet *get, int target, GuestWanted wanted, gpointer data, GError **error);
void guest_get_free(GuestGet *get);

/* Writes `size` bytes of the descriptor into the guest: beside the file, and in its place once all is there, if the
 * agent may run commands; else straight into it. mode: of the file, -1: as the former one, or 0644. As
 * guest_file_table. */
json_object *guest_put(Vm *vm, const char *path, gint64 size, int mode, int source, GuestWanted wanted, gpointer data,
		       GError **error);
