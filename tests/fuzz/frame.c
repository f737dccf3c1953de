/* The decoder of frames under arbitrary bytes, splits and descriptors.
 *
 * The input is a script: the first byte says how each piece is fed; then pieces of {u8 length, u8 descriptors,
 * bytes}. The bytes are fed as pieces to one decoder and all at once to another: both must see the same frames and
 * the same end, as long as no descriptors are in play. Descriptors are real ones, so that a leak or a double close
 * is seen: after the decoders are gone the process must have as many as before. */
#include "base/frame.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void require(gboolean truth)
{
	if (!truth)
		abort();
}

/* The lowest free descriptor: the same before and after, unless one leaked. */
static int lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	require(fd >= 0);
	close(fd);
	return fd;
}

static void check_frame(const Frame *frame)
{
	gboolean has_head = frame->type == FRAME_REQUEST || frame->type == FRAME_RESPONSE || frame->type == FRAME_EVENT;
	require(frame->type >= FRAME_REQUEST && frame->type <= FRAME_EVENT);
	require(frame->length <= FRAME_LENGTH_MAX);
	require(frame->fd_count <= FRAME_FDS_MAX);
	require(frame->stream != 0 || frame->type == FRAME_RESPONSE);
	require(frame->body && g_bytes_get_size(frame->body) <= frame->length);
	require(has_head == json_object_is_type(frame->head, json_type_object));
	require(has_head || frame->fd_count == 0);
	for (guint i = 0; i < frame->fd_count; i++)
		require(fcntl(frame->fds[i], F_GETFD) >= 0);
}

/* Takes all frames that are there; counts them and mixes what they hold into a sum. -1 or 0, as the decoder ended. */
static int drain(FrameReader *reader, guint *count, guint *sum)
{
	for (;;) {
		Frame *frame = NULL;
		GError *error = NULL;
		int state = frame_reader_next(reader, &frame, &error);
		require((state == 1) == (frame != NULL) && (state == -1) == (error != NULL));
		g_clear_error(&error);
		if (state != 1)
			return state;
		check_frame(frame);
		++*count;
		*sum = *sum * 31 + (guint)frame->type + frame->stream * 7 + frame->credit + g_bytes_hash(frame->body);
		if (*count % 3 == 0 && frame->fd_count > 0)
			close(frame_steal_fd(frame, 0));
		frame_free(frame);
	}
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	if (size < 1)
		return 0;
	int lowest = lowest_free();
	gboolean with_fds = data[0] & 1, lazy = data[0] & 2;
	FrameReader *reader = frame_reader_new();
	GByteArray *all = g_byte_array_new();
	guint count = 0, sum = 0, whole_count = 0, whole_sum = 0;
	int state = 0;
	for (gsize at = 1; at + 2 <= size;) {
		gsize length = MIN((gsize)data[at], size - at - 2);
		guint fd_count = with_fds ? data[at + 1] % (FRAME_FDS_MAX + 1) : 0;
		int fds[FRAME_FDS_MAX];
		for (guint i = 0; i < fd_count; i++)
			fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		frame_reader_feed(reader, data + at + 2, length, fds, fd_count);
		g_byte_array_append(all, data + at + 2, (guint)length);
		if (!lazy)
			state = drain(reader, &count, &sum);
		at += 2 + length;
	}
	state = drain(reader, &count, &sum);
	require(state != -1 || !frame_reader_is_partial(reader));
	frame_reader_free(reader);

	if (!with_fds) {
		reader = frame_reader_new();
		frame_reader_feed(reader, all->data, all->len, NULL, 0);
		int whole = drain(reader, &whole_count, &whole_sum);
		require(whole == state && whole_count == count && whole_sum == sum);
		frame_reader_free(reader);
	}
	g_byte_array_unref(all);
	require(lowest_free() == lowest);
	return 0;
}
