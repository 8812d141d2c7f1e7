/*
 * The epoll loop: a source is a descriptor and whoever owns it, who is called
 * back when it is ready; a tick comes when it is due. One thread.
 *
 * A callback may add and remove any source, its own included, and free it:
 * events of a removed source that are still to come in the same round are
 * dropped.
 */
#ifndef HAKMEMD_LOOP_H
#define HAKMEMD_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop_source {
	int fd;
	uint32_t events; /* wanted now; set by the calls below */
	void (*ready)(void *owner, uint32_t events);
	void *owner; /* whom `ready` is told */
};

/*
 * Called after a round whose time has come; returns when to come again
 * (CLOCK_MONOTONIC). `late_ns` is by how much the process stood still meanwhile
 * (a stop signal, a suspended machine), normally 0.
 */
typedef uint64_t (*loop_tick)(void *argument, uint64_t now_ns,
			      uint64_t late_ns);

struct loop;

/* NULL with errno on failure. The first tick comes at once. */
struct loop *loop_new(loop_tick tick, void *argument);
void loop_free(struct loop *loop);

/* False with errno (memory, or the limit on watches). */
bool loop_add(struct loop *loop, struct loop_source *source, uint32_t events);

/* Changes what is waited for; no system call when nothing changes. */
void loop_want(struct loop *loop, struct loop_source *source, uint32_t events);

/* The descriptor stays open: it is the caller's. */
void loop_remove(struct loop *loop, struct loop_source *source);

/* Makes the next tick come no later than `at_ns`. */
void loop_tick_by(struct loop *loop, uint64_t at_ns);

/*
 * Runs until loop_stop; returns what that was given, or -1 with errno. May be
 * run again.
 */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop, int result);

#endif
