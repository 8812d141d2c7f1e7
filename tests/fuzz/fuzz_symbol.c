/*
 * An answer of the symbol helper, which a hostile file may have taken over:
 * what is accepted says the same when it is packed again.
 */
#include <stdlib.h>
#include <string.h>

#include "hakmemd/symbols/symbol_wire.h"
#include "tests/fuzz/world.h"

static void again(const struct symbol_packet *packet,
		  const struct symbol_wire_text *frames)
{
	static struct symbol_packet copy;
	static struct symbol_wire_text taken[SYMBOL_WIRE_FRAMES];

	symbol_wire_begin(&copy, packet->answer.index, packet->answer.reason);
	for (size_t i = 0; i < packet->answer.frames; i++) {
		must(strlen(frames[i].name) <= SYMBOL_WIRE_TEXT);
		must(strlen(frames[i].file) <= SYMBOL_WIRE_TEXT);
		symbol_wire_put(&copy, frames[i].name, frames[i].file,
				frames[i].line);
	}
	must(copy.length <= packet->length);
	must(symbol_wire_take(&copy, taken));
	must(copy.answer.frames == packet->answer.frames);
	for (size_t i = 0; i < packet->answer.frames; i++) {
		must(strcmp(taken[i].name, frames[i].name) == 0);
		must(strcmp(taken[i].file, frames[i].file) == 0);
		must(taken[i].line == frames[i].line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct symbol_wire_text frames[SYMBOL_WIRE_FRAMES];
	struct symbol_packet *packet = malloc(sizeof(*packet));

	must(packet);
	packet->length = size;
	if (size > sizeof(packet->bytes))
		size = sizeof(packet->bytes);
	memcpy(packet->bytes, data, size);
	if (symbol_wire_take(packet, frames))
		again(packet, frames);
	free(packet);
	return 0;
}
