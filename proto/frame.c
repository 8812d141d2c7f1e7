#include "proto/frame.h"

#include <string.h>

static void frame_put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void frame_put32(uint8_t *at, uint32_t value)
{
	frame_put16(at, (uint16_t)value);
	frame_put16(at + 2, (uint16_t)(value >> 16));
}

static uint16_t frame_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t frame_get32(const uint8_t *at)
{
	return frame_get16(at) | (uint32_t)frame_get16(at + 2) << 16;
}

void frame_encode(uint8_t out[FRAME_HEADER_BYTES], uint16_t type,
		  uint32_t length, uint32_t sequence)
{
	frame_put32(out, FRAME_MAGIC);
	frame_put16(out + 4, FRAME_VERSION);
	frame_put16(out + 6, type);
	frame_put32(out + 8, length);
	frame_put32(out + 12, sequence);
}

enum frame_status frame_decode(const uint8_t *bytes, size_t available,
			       struct frame *out)
{
	static const uint8_t magic[4] = {'H', 'K', 'M', '1'};

	memset(out, 0, sizeof(*out));
	if (memcmp(bytes, magic, available < 4 ? available : 4) != 0)
		return FRAME_BAD_MAGIC;
	if (available < 6)
		return FRAME_MORE;
	out->version = frame_get16(bytes + 4);
	if (out->version != FRAME_VERSION)
		return FRAME_BAD_VERSION;
	if (available < FRAME_HEADER_BYTES)
		return FRAME_MORE;
	out->type = frame_get16(bytes + 6);
	out->length = frame_get32(bytes + 8);
	out->sequence = frame_get32(bytes + 12);
	if (out->length > FRAME_PAYLOAD_MAX)
		return FRAME_TOO_LARGE;
	if (available - FRAME_HEADER_BYTES < out->length)
		return FRAME_MORE;
	out->payload = bytes + FRAME_HEADER_BYTES;
	return FRAME_READY;
}

const char *frame_status_text(enum frame_status status)
{
	switch (status) {
	case FRAME_READY:
		return "complete frame";
	case FRAME_MORE:
		return "incomplete frame";
	case FRAME_BAD_MAGIC:
		return "not a hakmem frame (bad magic)";
	case FRAME_BAD_VERSION:
		return "another protocol version";
	case FRAME_TOO_LARGE:
		return "frame larger than 256 KiB";
	}
	return "unknown status";
}
