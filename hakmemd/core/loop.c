#include "hakmemd/core/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "hakmemd/core/clock.h"

#define ROUND_EVENTS 64
#define LATE_NS	     (2 * CLOCK_SECOND) /* slower than this: we stood still */
#define LONGEST_NS   (3600 * CLOCK_SECOND)

struct loop {
	int epoll;
	bool stopped;
	int result;
	loop_tick tick;
	void *argument;
	uint64_t tick_ns, late_ns;
	struct epoll_event events[ROUND_EVENTS];
	int count;
};

struct loop *loop_new(loop_tick tick, void *argument)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->tick = tick;
	loop->argument = argument;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	close(loop->epoll);
	free(loop);
}

static bool loop_control(struct loop *loop, int what,
			 struct loop_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	source->events = events;
	return epoll_ctl(loop->epoll, what, source->fd, &event) == 0;
}

bool loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return loop_control(loop, EPOLL_CTL_ADD, source, events);
}

void loop_want(struct loop *loop, struct loop_source *source, uint32_t events)
{
	if (source->events != events)
		loop_control(loop, EPOLL_CTL_MOD, source, events);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	loop_control(loop, EPOLL_CTL_DEL, source, 0);
	for (int i = 0; i < loop->count; i++)
		if (loop->events[i].data.ptr == source)
			loop->events[i].data.ptr = NULL;
}

void loop_tick_by(struct loop *loop, uint64_t at_ns)
{
	if (at_ns < loop->tick_ns)
		loop->tick_ns = at_ns;
}

static int loop_timeout_ms(const struct loop *loop, uint64_t now_ns)
{
	uint64_t wait;

	if (loop->tick_ns <= now_ns)
		return 0;
	wait = loop->tick_ns - now_ns;
	if (wait > LONGEST_NS)
		wait = LONGEST_NS;
	return (int)((wait + 999999) / 1000000);
}

/* A step that was due at `due_ns` and done at `now_ns`: did we stand still? */
static void loop_note_late(struct loop *loop, uint64_t due_ns, uint64_t now_ns)
{
	if (now_ns > due_ns + LATE_NS)
		loop->late_ns += now_ns - due_ns;
}

static void loop_dispatch(struct loop *loop)
{
	for (int i = 0; i < loop->count && !loop->stopped; i++) {
		struct loop_source *source = loop->events[i].data.ptr;

		if (source)
			source->ready(source->owner, loop->events[i].events);
	}
	loop->count = 0;
}

static uint64_t loop_round_once(struct loop *loop, uint64_t begin_ns)
{
	int wait = loop_timeout_ms(loop, begin_ns);
	uint64_t woken_ns, done_ns;

	loop->count = epoll_wait(loop->epoll, loop->events, ROUND_EVENTS, wait);
	if (loop->count < 0) {
		if (errno != EINTR)
			loop_stop(loop, -1);
		loop->count = 0;
	}
	woken_ns = clock_ns();
	loop_note_late(loop, begin_ns + (uint64_t)wait * 1000000, woken_ns);
	loop_dispatch(loop);
	done_ns = clock_ns();
	loop_note_late(loop, woken_ns, done_ns);
	return done_ns;
}

int loop_run(struct loop *loop)
{
	uint64_t now_ns = clock_ns();

	while (!loop->stopped) {
		now_ns = loop_round_once(loop, now_ns);
		if (loop->stopped || now_ns < loop->tick_ns)
			continue;
		loop->tick_ns = UINT64_MAX; /* loop_tick_by may lower it */
		loop_tick_by(loop,
			     loop->tick(loop->argument, now_ns, loop->late_ns));
		loop->late_ns = 0;
	}
	loop->stopped = false;
	return loop->result;
}

void loop_stop(struct loop *loop, int result)
{
	loop->stopped = true;
	loop->result = result;
}
