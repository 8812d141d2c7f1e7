#include "hakmemd/core/pool.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 65536u

struct pool_chunk {
	struct pool_chunk *next;
	size_t used, room;
	_Alignas(16) unsigned char data[];
};

void pool_init(struct pool *pool, size_t budget_bytes)
{
	pool->chunks = NULL;
	pool->left_bytes = budget_bytes;
}

static struct pool_chunk *pool_new_chunk(struct pool *pool, size_t bytes)
{
	size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
	struct pool_chunk *chunk = calloc(1, sizeof(*chunk) + room);

	if (!chunk)
		return NULL;
	chunk->room = room;
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	return chunk;
}

void *pool_alloc(struct pool *pool, size_t bytes)
{
	struct pool_chunk *chunk = pool->chunks;
	void *memory;

	if (bytes > pool->left_bytes)
		return NULL;
	bytes = bytes ? (bytes + 15) & ~(size_t)15 : 16;
	if (bytes > pool->left_bytes)
		return NULL;
	if (!chunk || bytes > chunk->room - chunk->used)
		chunk = pool_new_chunk(pool, bytes);
	if (!chunk)
		return NULL;
	memory = chunk->data + chunk->used;
	chunk->used += bytes;
	pool->left_bytes -= bytes;
	return memory;
}

void *pool_array(struct pool *pool, size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total))
		return NULL;
	return pool_alloc(pool, total);
}

static void *pool_give(void *pool, size_t bytes)
{
	return pool_alloc(pool, bytes);
}

static void pool_keep(void *pool, void *memory)
{
	(void)pool; /* all of it goes with the pool */
	(void)memory;
}

ProtobufCMessage *pool_unpack(struct pool *pool,
			      const ProtobufCMessageDescriptor *descriptor,
			      const uint8_t *bytes, size_t length)
{
	ProtobufCAllocator allocator = {pool_give, pool_keep, pool};
	static const uint8_t nothing[1];

	return protobuf_c_message_unpack(descriptor, &allocator, length,
					 bytes ? bytes : nothing);
}

void pool_free(struct pool *pool)
{
	while (pool->chunks) {
		struct pool_chunk *next = pool->chunks->next;

		free(pool->chunks);
		pool->chunks = next;
	}
	pool->left_bytes = 0;
}
