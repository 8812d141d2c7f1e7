/*
 * Looks into programs: a program's figures out of its memory, one program at a
 * time, through a helper process. What comes are the frames that the program
 * would send. Never blocks but in look_wait. Main thread only.
 */
#ifndef HAKMEMD_LOOK_H
#define HAKMEMD_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hakmemd/core/loop.h"
#include "hakmemd/look/look_wire.h"

#define LOOK_NAME "hakmemd-look" /* of the helper process */

struct look_settings {
	const char *library; /* path of libhakmem.so; NULL = beside hakmemd, or
			      * where it is installed */
	/* A frame of the process that was asked for by `id`, then how it ended;
	 * `base` is for the next look. */
	void (*frame)(void *owner, uint64_t id, uint16_t type,
		      const uint8_t *payload, size_t length);
	void (*ended)(void *owner, uint64_t id, enum look_end end,
		      uint64_t base);
	void *owner;
};

struct look;

/* NULL with errno. */
struct look *look_new(struct loop *loop, const struct look_settings *settings);
void look_free(struct look *look);

/* Whom to look into: `id` is the caller's name for it. */
struct look_target {
	uint64_t id, base;
	pid_t pid, parent;
	bool hello; /* say hello first */
	bool all;   /* modules and sites; else those that are new */
};

/* Asks; false while another look is under way, or when there is no helper. */
bool look_ask(struct look *look, const struct look_target *target);

/* True while a look is under way. */
bool look_busy(const struct look *look);

/* Waits for the end of the look that is under way, at most until then. */
void look_wait(struct look *look, uint64_t until_ns);

/* Ends a look that takes too long; when to come again, UINT64_MAX = never. */
uint64_t look_tick(struct look *look, uint64_t now_ns);

/* What stands for how a look ended, in a few words. */
const char *look_end_text(enum look_end end);

#endif
