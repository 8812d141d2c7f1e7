/*
 * Watching: what the kernel says of programs, each second, whatever they do.
 *
 * Programs that have libhakmem.so mapped are found, whether they say hello or
 * not: those that were there before the daemon, children of a fork, those that
 * cannot reach the socket. Theirs is the daemon that they would speak to, or
 * that their parent is known to. Of each that runs the resident memory is
 * read from /proc. One that used CPU time since its figures were last true, and
 * did not send newer ones, is looked into; of one that did not, they are still
 * true.
 *
 * Main thread only.
 */
#ifndef HAKMEMD_WATCH_H
#define HAKMEMD_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "hakmemd/peers/registry.h"

struct watch;

struct watch_settings {
	const char *library; /* struct look_settings */
	const char *socket;  /* of this daemon: programs are found that would
			      * speak to it by the rule of proto/path.h */
};

/* NULL with errno. */
struct watch *watch_new(struct loop *loop, struct registry *registry,
			const struct watch_settings *settings);
void watch_free(struct watch *watch);

/* Does what is due; when to come again. */
uint64_t watch_tick(struct watch *watch, uint64_t now_ns);

/*
 * Makes the figures of a process true now: looks into it if it ran since they
 * were, and waits for that until then.
 */
void watch_refresh(struct watch *watch, struct process *process,
		   uint64_t until_ns);

#endif
