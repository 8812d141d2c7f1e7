#include "libhakmem/stream/inbox.h"

#include "proto/frame.h"
#include "proto/hakmem.pb-c.h"

#include <string.h>

/* What unpacking may take: a Control, and little else. */
struct pad {
	_Alignas(16) uint8_t bytes[512];
	size_t used;
};

static void *take(void *data, size_t size)
{
	struct pad *pad = data;
	uint8_t *taken = pad->bytes + pad->used;

	if (size > sizeof(pad->bytes) - pad->used)
		return NULL;
	pad->used +=
		min_size(align_up(size, 16), sizeof(pad->bytes) - pad->used);
	return taken;
}

static void leave(void *data, void *taken)
{
	(void)data;
	(void)taken;
}

uint8_t *inbox_space(struct inbox *inbox, size_t *room)
{
	*room = INBOX_BYTES - inbox->used;
	return inbox->bytes + inbox->used;
}

void inbox_filled(struct inbox *inbox, size_t bytes)
{
	inbox->used += bytes;
}

static void drop(struct inbox *inbox, size_t bytes)
{
	inbox->used -= bytes;
	memmove(inbox->bytes, inbox->bytes + bytes, inbox->used);
}

/* False when what is left of a frame to pass over is not all there. */
static bool pass_over(struct inbox *inbox)
{
	size_t here = min_size(inbox->skip, inbox->used);

	drop(inbox, here);
	inbox->skip -= here;
	return inbox->skip == 0;
}

static bool unpack(const struct frame *frame, struct inbox_control *out)
{
	struct pad pad = {.used = 0};
	ProtobufCAllocator allocator = {
		.alloc = take, .free = leave, .allocator_data = &pad};
	Hakmem__Control *control;

	if (frame->type != FRAME_CONTROL)
		return false;
	control = hakmem__control__unpack(&allocator, frame->length,
					  frame->payload);
	if (!control)
		return false;
	*out = (struct inbox_control){
		.sample_bytes = control->sample_bytes,
		.interval_ms = control->interval_ms,
		.sampling_off = control->sampling_off,
	};
	return true;
}

enum inbox_status inbox_next(struct inbox *inbox, struct inbox_control *out)
{
	struct frame frame;
	enum frame_status status;
	bool control;

	while (pass_over(inbox)) {
		status = frame_decode(inbox->bytes, inbox->used, &frame);
		if (status == FRAME_MORE &&
		    frame.length > INBOX_BYTES - FRAME_HEADER_BYTES) {
			inbox->skip = FRAME_HEADER_BYTES + frame.length;
			continue;
		}
		if (status == FRAME_MORE)
			return INBOX_MORE;
		if (status != FRAME_READY)
			return INBOX_BAD;
		control = unpack(&frame, out);
		drop(inbox, FRAME_HEADER_BYTES + frame.length);
		if (control)
			return INBOX_CONTROL;
	}
	return INBOX_MORE;
}
