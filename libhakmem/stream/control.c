#include "libhakmem/stream/control.h"

#include "proto/frame.h"
#include "proto/hakmem.pb-c.h"

#include <string.h>

/* What unpacking may take: a Control, and little else. */
struct pad {
	_Alignas(16) uint8_t bytes[512];
	size_t used;
};

static void *control_take(void *data, size_t size)
{
	struct pad *pad = data;
	uint8_t *taken = pad->bytes + pad->used;

	if (size > sizeof(pad->bytes) - pad->used)
		return NULL;
	pad->used +=
		min_size(align_up(size, 16), sizeof(pad->bytes) - pad->used);
	return taken;
}

static void control_leave(void *data, void *taken)
{
	(void)data;
	(void)taken;
}

uint8_t *control_space(struct control_reader *reader, size_t *room)
{
	*room = CONTROL_BYTES - reader->used;
	return reader->bytes + reader->used;
}

void control_filled(struct control_reader *reader, size_t bytes)
{
	reader->used += bytes;
}

static void control_drop(struct control_reader *reader, size_t bytes)
{
	reader->used -= bytes;
	memmove(reader->bytes, reader->bytes + bytes, reader->used);
}

/* False when what is left of a frame to pass over is not all there. */
static bool control_pass_over(struct control_reader *reader)
{
	size_t here = min_size(reader->skip, reader->used);

	control_drop(reader, here);
	reader->skip -= here;
	return reader->skip == 0;
}

static bool control_unpack(const struct frame *frame, struct control *out)
{
	struct pad pad = {.used = 0};
	ProtobufCAllocator allocator = {.alloc = control_take,
					.free = control_leave,
					.allocator_data = &pad};
	Hakmem__Control *control;

	if (frame->type != FRAME_CONTROL)
		return false;
	control = hakmem__control__unpack(&allocator, frame->length,
					  frame->payload);
	if (!control)
		return false;
	*out = (struct control){
		.sample_bytes = control->sample_bytes,
		.interval_ms = control->interval_ms,
		.sampling_off = control->sampling_off,
	};
	return true;
}

enum control_status control_next(struct control_reader *reader,
				 struct control *out)
{
	struct frame frame;
	enum frame_status status;
	bool control;

	while (control_pass_over(reader)) {
		status = frame_decode(reader->bytes, reader->used, &frame);
		if (status == FRAME_MORE &&
		    frame.length > CONTROL_BYTES - FRAME_HEADER_BYTES) {
			reader->skip = FRAME_HEADER_BYTES + frame.length;
			continue;
		}
		if (status == FRAME_MORE)
			return CONTROL_MORE;
		if (status != FRAME_READY)
			return CONTROL_BAD;
		control = control_unpack(&frame, out);
		control_drop(reader, FRAME_HEADER_BYTES + frame.length);
		if (control)
			return CONTROL_READ;
	}
	return CONTROL_MORE;
}
