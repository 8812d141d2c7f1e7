/*
 * Bytes that arrive in pieces, with an end: what one export may hold.
 */
#ifndef HAKMEM_TOP_PILE_H
#define HAKMEM_TOP_PILE_H

#include <stdbool.h>
#include <stddef.h>

#define PILE_MAX (64u << 20)

/* All zero is an empty one. */
struct pile {
	char *data; /* NULL until something came */
	size_t length, room;
};

/* Appends to the struct pile at `to`; false without memory or above PILE_MAX.
 */
bool pile_append(void *to, const void *data, size_t length);

void pile_clear(struct pile *pile);

#endif
