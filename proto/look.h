/*
 * Looking into a program from outside. A reader that has loaded the same build
 * of libhakmem.so, and in the place of its variables those of the program, gets
 * the frames that the program itself would send: `begin`, then `next` until it
 * gives no more. So what the figures are is written down once, in the library.
 *
 * The library exports one constant, LOOK_SYMBOL, of this type. Both sides have
 * the same build id or do not look at all. No function here allocates, makes a
 * system call other than reading /proc/PID and the clock, or waits for a lock;
 * all of them trust what they read, so whoever calls them is ready for a fault
 * and for a loop without end.
 */
#ifndef PROTO_LOOK_H
#define PROTO_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOOK_SYMBOL  "hakmem_look"
#define LOOK_VERSION 1u
#define LOOK_LOCKS   4u /* of the tables that are read */

/* Whom the variables belong to, as the reader's kernel numbers them. */
struct look_subject {
	uint32_t pid, parent_pid;
	bool hello; /* say hello first */
	/* Tell all modules and sites; else those that are new since the program
	 * last sent them. */
	bool all;
};

struct look {
	uint32_t version; /* LOOK_VERSION */
	/* False: the program forbids it (HAKMEM_LOOK=off), or has no heap yet.
	 */
	bool (*begin)(const struct look_subject *subject);
	/* Packs the next frame's payload into `out`: its length, and its type
	 * in
	 * `*type`. 0 behind the last one. */
	size_t (*next)(uint16_t *type, uint8_t *out, size_t size);
	/* While one of these words was not 0 a table was being changed: what
	 * was read then may be half of it. */
	const uint32_t *lock_word[LOOK_LOCKS];
};

#endif
