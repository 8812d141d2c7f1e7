#include "hakmemd/symbols/symbol_wire.h"

#include <string.h>

#include "hakmemd/model/check.h"

_Static_assert(sizeof(struct symbol_answer) +
			       SYMBOL_WIRE_FRAMES *
				       (sizeof(struct symbol_wire_frame) +
					2 * SYMBOL_WIRE_TEXT) <=
		       SYMBOL_WIRE_PACKET,
	       "the longest answer fits");

void symbol_wire_begin(struct symbol_packet *packet, uint32_t index,
		       uint16_t reason)
{
	packet->answer =
		(struct symbol_answer){.index = index, .reason = reason};
	packet->length = sizeof(packet->answer);
}

static void symbol_wire_append(struct symbol_packet *packet, const void *bytes,
			       size_t length)
{
	if (length == 0)
		return;
	memcpy(packet->bytes + packet->length, bytes, length);
	packet->length += length;
}

void symbol_wire_put(struct symbol_packet *packet, const char *name,
		     const char *file, uint32_t line)
{
	struct symbol_wire_frame frame = {.line = line};

	if (packet->answer.frames >= SYMBOL_WIRE_FRAMES)
		return;
	packet->answer.frames++;
	if (name)
		frame.name_bytes = (uint16_t)strnlen(name, SYMBOL_WIRE_TEXT);
	if (file)
		frame.file_bytes = (uint16_t)strnlen(file, SYMBOL_WIRE_TEXT);
	symbol_wire_append(packet, &frame, sizeof(frame));
	symbol_wire_append(packet, name, frame.name_bytes);
	symbol_wire_append(packet, file, frame.file_bytes);
}

/* A string of the packet; false when it is not all in there. */
static bool symbol_wire_take_text(const uint8_t **at, const uint8_t *end,
				  size_t bytes, char *to)
{
	if (bytes > SYMBOL_WIRE_TEXT || bytes > (size_t)(end - *at))
		return false;
	memcpy(to, *at, bytes);
	to[bytes] = '\0';
	*at += bytes;
	check_string(to, SYMBOL_WIRE_TEXT);
	return true;
}

bool symbol_wire_take(const struct symbol_packet *packet,
		      struct symbol_wire_text frames[SYMBOL_WIRE_FRAMES])
{
	const uint8_t *at = packet->bytes + sizeof(packet->answer);
	const uint8_t *end = packet->bytes + packet->length;

	if (packet->length < sizeof(packet->answer) ||
	    packet->length > sizeof(packet->bytes) ||
	    packet->answer.reason >= SYMBOL_REASONS ||
	    packet->answer.frames > SYMBOL_WIRE_FRAMES)
		return false;
	for (size_t i = 0; i < packet->answer.frames; i++) {
		struct symbol_wire_frame frame;

		if ((size_t)(end - at) < sizeof(frame))
			return false;
		memcpy(&frame, at, sizeof(frame));
		at += sizeof(frame);
		frames[i].line = frame.line;
		if (!symbol_wire_take_text(&at, end, frame.name_bytes,
					   frames[i].name) ||
		    !symbol_wire_take_text(&at, end, frame.file_bytes,
					   frames[i].file))
			return false;
	}
	return at == end;
}
