/*
 * Bounded memory for messages: what protobuf-c unpacks a frame into, and what
 * an answer is built from. It is given back all at once; a frame that wants
 * more than the budget fails, and nothing else does. Main thread only.
 */
#ifndef HAKMEMD_POOL_H
#define HAKMEMD_POOL_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* 256 KiB of empty submessages would want 57 times that. */
#define POOL_BUDGET_BYTES (4u << 20)

struct pool_chunk;
struct pool {
	struct pool_chunk *chunks; /* newest first */
	size_t left_bytes;	   /* of the budget */
};

void pool_init(struct pool *pool, size_t budget_bytes);

/* Zeroed memory, 16-byte aligned, until pool_free; NULL over the budget. */
void *pool_alloc(struct pool *pool, size_t bytes);

/* An array of `count` elements, or NULL. */
void *pool_array(struct pool *pool, size_t count, size_t bytes);

/*
 * Unpacks a message into the pool; NULL when the bytes are no such message or
 * the budget is spent. Never freed by itself.
 */
ProtobufCMessage *pool_unpack(struct pool *pool,
			      const ProtobufCMessageDescriptor *descriptor,
			      const uint8_t *bytes, size_t length);

/* Gives everything back; the pool must be initialized before its next use. */
void pool_free(struct pool *pool);

#endif
