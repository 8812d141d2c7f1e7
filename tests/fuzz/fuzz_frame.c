/*
 * The frame decoder. It must find the same error on every longer prefix, never
 * call a prefix ready that is shorter than its frame nor wait for one that is
 * too large, and accept again what it has taken apart.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "tests/fuzz/world.h"

/* On a copy of just that size: reading on would be an overflow. */
static enum frame_status decode(const uint8_t *data, size_t size,
				struct frame *frame)
{
	uint8_t *copy = malloc(size ? size : 1);
	enum frame_status status;

	must(copy);
	if (size)
		memcpy(copy, data, size);
	status = frame_decode(copy, size, frame);
	if (status == FRAME_READY) {
		must(frame->payload == copy + FRAME_HEADER_BYTES);
		must(frame->length <= size - FRAME_HEADER_BYTES);
	}
	must(status != FRAME_MORE || frame->length <= FRAME_PAYLOAD_MAX);
	free(copy);
	return status;
}

static void again(const uint8_t *data, const struct frame *frame)
{
	uint8_t header[FRAME_HEADER_BYTES];

	frame_encode(header, frame->type, frame->length, frame->sequence);
	must(memcmp(header, data, sizeof(header)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum frame_status status, before = FRAME_MORE;
	struct frame frame;

	for (size_t i = 0; i <= size && i < 4096; i++) {
		status = decode(data, i, &frame);
		must(before == FRAME_MORE || status == before);
		must(frame_status_text(status));
		before = status;
	}
	status = decode(data, size, &frame);
	if (status == FRAME_READY)
		again(data, &frame);
	return 0;
}
