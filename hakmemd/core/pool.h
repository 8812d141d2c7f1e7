/*
 * Bounded memory for messages: what protobuf-c unpacks a frame into, and what
 * an answer is built from. It is given back all at once; a frame that wants
 * more than the budget fails, and nothing else does. Main thread only.
 */
#ifndef HAKMEMD_ARENA_H
#define HAKMEMD_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* 256 KiB of empty submessages would want 57 times that. */
#define ARENA_BUDGET_BYTES (4u << 20)

struct arena_chunk;
struct arena {
	struct arena_chunk *chunks; /* newest first */
	size_t left_bytes;	    /* of the budget */
};

void arena_init(struct arena *arena, size_t budget_bytes);

/* Zeroed memory, 16-byte aligned, until arena_free; NULL over the budget. */
void *arena_alloc(struct arena *arena, size_t bytes);

/* An array of `count` elements, or NULL. */
void *arena_array(struct arena *arena, size_t count, size_t bytes);

/*
 * Unpacks a message into the arena; NULL when the bytes are no such message or
 * the budget is spent. Never freed by itself.
 */
ProtobufCMessage *arena_unpack(struct arena *arena,
			       const ProtobufCMessageDescriptor *descriptor,
			       const uint8_t *bytes, size_t length);

/* Gives everything back; the arena must be initialised before its next use. */
void arena_free(struct arena *arena);

#endif
