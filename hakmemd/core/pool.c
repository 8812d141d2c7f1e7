#include "hakmemd/core/arena.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 65536u

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, room;
	_Alignas(16) unsigned char data[];
};

void arena_init(struct arena *arena, size_t budget_bytes)
{
	arena->chunks = NULL;
	arena->left_bytes = budget_bytes;
}

static struct arena_chunk *grow(struct arena *arena, size_t bytes)
{
	size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
	struct arena_chunk *chunk = calloc(1, sizeof(*chunk) + room);

	if (!chunk)
		return NULL;
	chunk->room = room;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	struct arena_chunk *chunk = arena->chunks;
	void *memory;

	if (bytes > arena->left_bytes)
		return NULL;
	bytes = bytes ? (bytes + 15) & ~(size_t)15 : 16;
	if (bytes > arena->left_bytes)
		return NULL;
	if (!chunk || bytes > chunk->room - chunk->used)
		chunk = grow(arena, bytes);
	if (!chunk)
		return NULL;
	memory = chunk->data + chunk->used;
	chunk->used += bytes;
	arena->left_bytes -= bytes;
	return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total))
		return NULL;
	return arena_alloc(arena, total);
}

static void *give(void *arena, size_t bytes)
{
	return arena_alloc(arena, bytes);
}

static void keep(void *arena, void *memory)
{
	(void)arena; /* all of it goes with the arena */
	(void)memory;
}

ProtobufCMessage *arena_unpack(struct arena *arena,
			       const ProtobufCMessageDescriptor *descriptor,
			       const uint8_t *bytes, size_t length)
{
	ProtobufCAllocator allocator = {give, keep, arena};
	static const uint8_t nothing[1];

	return protobuf_c_message_unpack(descriptor, &allocator, length,
					 bytes ? bytes : nothing);
}

void arena_free(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
	arena->left_bytes = 0;
}
