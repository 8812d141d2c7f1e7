/*
 * Bytes that arrive in pieces, with an end: what one export may hold.
 */
#ifndef HAKMEM_TOP_BUFFER_H
#define HAKMEM_TOP_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#define BUFFER_MAX (64u << 20)

/* All zero is an empty one. */
struct buffer {
	char *data; /* NULL until something came */
	size_t length, room;
};

/* Appends to the struct buffer at `to`; false without memory or above
 * BUFFER_MAX.
 */
bool buffer_append(void *to, const void *data, size_t length);

void buffer_clear(struct buffer *buffer);

#endif
