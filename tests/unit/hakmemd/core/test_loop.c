#include "hakmemd/core/loop.h"

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/unit/hakmemd/harness.h"

/* The modules' clock can be put forward: the process stood still. */
static uint64_t ahead_s;

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	now->tv_sec += (time_t)ahead_s;
	return result;
}

static struct loop *loop;

static struct {
	unsigned ticks;
	unsigned stop_after; /* that many ticks */
	uint64_t wait_ns;    /* from one to the next */
	uint64_t now_ns, late_ns;
} seen;

static uint64_t tick(void *argument, uint64_t now_ns, uint64_t late_ns)
{
	assert_ptr_equal(argument, &seen);
	seen.now_ns = now_ns;
	seen.late_ns = late_ns;
	if (++seen.ticks == seen.stop_after)
		loop_stop(loop, 42);
	return seen.wait_ns == UINT64_MAX ? UINT64_MAX : now_ns + seen.wait_ns;
}

static int begin(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	seen.stop_after = 1;
	loop = loop_new(tick, &seen);
	return loop ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

/* Something that is ready until its descriptor is read. */
struct bell {
	unsigned rung;
	struct loop_source source; /* not first: its owner is told */
	uint32_t events;
	void (*then)(struct bell *bell);
};

static void ready(void *owner, uint32_t events)
{
	struct bell *bell = owner;

	bell->rung++;
	bell->events = events;
	if (bell->then)
		bell->then(bell);
}

static void ring(struct bell *bell)
{
	uint64_t one = 1;

	assert_int_equal(write(bell->source.fd, &one, sizeof(one)),
			 sizeof(one));
}

static void silence(struct bell *bell)
{
	uint64_t count;

	assert_int_equal(read(bell->source.fd, &count, sizeof(count)),
			 sizeof(count));
}

static struct bell *new_bell(void (*then)(struct bell *bell))
{
	struct bell *bell = calloc(1, sizeof(*bell));

	assert_non_null(bell);
	bell->source.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	bell->source.ready = ready;
	bell->source.owner = bell;
	bell->then = then;
	assert_true(loop_add(loop, &bell->source, EPOLLIN));
	return bell;
}

static void free_bell(struct bell *bell)
{
	loop_remove(loop, &bell->source);
	close(bell->source.fd);
	free(bell);
}

static void turn(void)
{
	seen.ticks = 0;
	seen.stop_after = 2;
	assert_int_equal(loop_run(loop), 42);
}

static void what_is_ready_calls_back(void **state)
{
	struct bell *bell = new_bell(silence), *quiet = new_bell(silence);

	(void)state;
	assert_int_equal(bell->source.events, EPOLLIN);
	ring(bell);
	turn();
	assert_int_equal(bell->rung, 1);
	assert_int_equal(bell->events, EPOLLIN);
	turn();
	assert_int_equal(bell->rung, 1);
	assert_int_equal(quiet->rung, 0);
	free_bell(bell);
	free_bell(quiet);
}

static void what_is_wanted_can_change(void **state)
{
	struct bell *bell = new_bell(NULL);

	(void)state;
	ring(bell);
	loop_want(loop, &bell->source, 0);
	assert_int_equal(bell->source.events, 0);
	turn();
	assert_int_equal(bell->rung, 0);
	loop_want(loop, &bell->source, EPOLLOUT);
	turn();
	assert_true(bell->rung > 0);
	assert_int_equal(bell->events, EPOLLOUT);
	loop_want(loop, &bell->source, EPOLLIN | EPOLLOUT);
	turn();
	assert_int_equal(bell->events, EPOLLIN | EPOLLOUT);
	free_bell(bell);
}

static void what_is_removed_is_not_called_and_stays_open(void **state)
{
	struct bell *bell = new_bell(NULL);

	(void)state;
	ring(bell);
	loop_remove(loop, &bell->source);
	turn();
	assert_int_equal(bell->rung, 0);
	silence(bell);
	assert_true(loop_add(loop, &bell->source, EPOLLIN));
	free_bell(bell);
}

static void a_second_watch_on_a_descriptor_is_refused(void **state)
{
	struct bell *bell = new_bell(NULL);
	struct bell other = {.source = {.fd = bell->source.fd}};

	(void)state;
	errno = 0;
	assert_false(loop_add(loop, &other.source, EPOLLIN));
	assert_int_equal(errno, EEXIST);
	other.source.fd = -1;
	assert_false(loop_add(loop, &other.source, EPOLLIN));
	assert_int_equal(errno, EBADF);
	free_bell(bell);
}

static struct bell *two[2];

/* Whichever comes first frees both, and what takes their place is new. */
static void free_both(struct bell *bell)
{
	struct bell *fresh;

	(void)bell;
	free_bell(two[0]);
	free_bell(two[1]);
	fresh = new_bell(NULL);
	free_bell(fresh);
	two[0] = two[1] = NULL;
}

static void a_callback_may_free_any_source(void **state)
{
	(void)state;
	two[0] = new_bell(free_both);
	two[1] = new_bell(free_both);
	ring(two[0]);
	ring(two[1]);
	turn();
	assert_null(two[0]);
}

static struct bell *added;

static void add_another(struct bell *bell)
{
	silence(bell);
	added = new_bell(NULL);
	ring(added);
}

static void a_callback_may_add_a_source(void **state)
{
	struct bell *bell = new_bell(add_another);

	(void)state;
	ring(bell);
	turn();
	turn();
	assert_true(added->rung > 0);
	free_bell(bell);
	free_bell(added);
}

static void stop_loop(struct bell *bell)
{
	(void)bell;
	loop_stop(loop, 7);
}

static void stopping_leaves_the_rest_of_the_round(void **state)
{
	struct bell *bells[2] = {new_bell(stop_loop), new_bell(stop_loop)};

	(void)state;
	ring(bells[0]);
	ring(bells[1]);
	seen.stop_after = 0;
	assert_int_equal(loop_run(loop), 7);
	assert_int_equal(bells[0]->rung + bells[1]->rung, 1);
	assert_int_equal(seen.ticks, 0); /* nor the tick that was due */
	assert_int_equal(loop_run(loop), 7);
	free_bell(bells[0]);
	free_bell(bells[1]);
}

static void a_stop_before_the_run_counts(void **state)
{
	(void)state;
	loop_stop(loop, 9);
	assert_int_equal(loop_run(loop), 9);
	assert_int_equal(seen.ticks, 0);
	assert_int_equal(loop_run(loop), 42); /* and goes on */
	assert_int_equal(seen.ticks, 1);
}

static void the_first_tick_comes_at_once_the_others_when_due(void **state)
{
	uint64_t begin_ns = clock_ns();

	(void)state;
	seen.wait_ns = 30 * MS;
	seen.stop_after = 3;
	assert_int_equal(loop_run(loop), 42);
	assert_true(clock_ns() - begin_ns >= 60 * MS);
	assert_true(seen.now_ns >= begin_ns + 60 * MS);
	assert_true(seen.now_ns <= clock_ns());
	assert_true(seen.late_ns == 0);
}

static void it_sleeps_until_then(void **state)
{
	uint64_t begin_ns = clock_ns();
	uint64_t used_ns = clock_read(CLOCK_PROCESS_CPUTIME_ID);

	(void)state;
	seen.wait_ns = 100 * MS;
	seen.stop_after = 2;
	assert_int_equal(loop_run(loop), 42);
	assert_true(clock_ns() - begin_ns < 60 * CLOCK_SECOND);
	assert_true(clock_read(CLOCK_PROCESS_CPUTIME_ID) - used_ns < 50 * MS);
}

static void come_soon(struct bell *bell)
{
	silence(bell);
	loop_tick_by(loop, clock_ns() + 20 * MS);
	loop_tick_by(loop, clock_ns() + 60 * CLOCK_SECOND); /* no later */
}

static void the_next_tick_can_be_had_sooner(void **state)
{
	struct bell *bell = new_bell(come_soon);
	uint64_t begin_ns = clock_ns();

	(void)state;
	seen.wait_ns = UINT64_MAX;
	assert_int_equal(loop_run(loop), 42); /* the one that comes at once */
	ring(bell);
	seen.stop_after = 2;
	assert_int_equal(loop_run(loop), 42);
	assert_true(clock_ns() - begin_ns >= 20 * MS);
	assert_true(clock_ns() - begin_ns < 60 * CLOCK_SECOND);
	free_bell(bell);
}

/* Ticks that are due do not wait for the sources to fall silent. */
static void a_source_that_is_always_ready_starves_no_tick(void **state)
{
	struct bell *bell = new_bell(NULL);

	(void)state;
	ring(bell);
	seen.wait_ns = 5 * MS;
	seen.stop_after = 4;
	assert_int_equal(loop_run(loop), 42);
	assert_true(bell->rung >= 4);
	free_bell(bell);
}

static void stand_still(struct bell *bell)
{
	silence(bell);
	ahead_s += 30;
}

static void standing_still_is_told_once(void **state)
{
	struct bell *bell = new_bell(stand_still);

	(void)state;
	ring(bell);
	assert_int_equal(loop_run(loop), 42);
	assert_true(seen.late_ns >= 30 * CLOCK_SECOND);
	assert_true(seen.late_ns < 90 * CLOCK_SECOND);
	turn();
	assert_true(seen.late_ns == 0);
	free_bell(bell);
}

static void slow(struct bell *bell)
{
	silence(bell);
	ahead_s += 1;
}

static void a_busy_second_is_not_standing_still(void **state)
{
	struct bell *bell = new_bell(slow);

	(void)state;
	ring(bell);
	assert_int_equal(loop_run(loop), 42);
	assert_true(seen.late_ns == 0);
	free_bell(bell);
}

/* While it waits, too: the alarm puts the clock forward as a stop would. */
static void alarmed(int signal)
{
	(void)signal;
	ahead_s += 30;
}

static void a_signal_interrupts_nothing(void **state)
{
	struct sigaction action = {.sa_handler = alarmed}, before;
	struct itimerval timer = {.it_value = {.tv_usec = 10000}};

	(void)state;
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &timer, NULL);
	seen.wait_ns = 50 * MS;
	seen.stop_after = 2;
	assert_int_equal(loop_run(loop), 42);
	assert_true(seen.late_ns >= 29 * CLOCK_SECOND);
	sigaction(SIGALRM, &before, NULL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(what_is_ready_calls_back),
		CASE(what_is_wanted_can_change),
		CASE(what_is_removed_is_not_called_and_stays_open),
		CASE(a_second_watch_on_a_descriptor_is_refused),
		CASE(a_callback_may_free_any_source),
		CASE(a_callback_may_add_a_source),
		CASE(stopping_leaves_the_rest_of_the_round),
		CASE(a_stop_before_the_run_counts),
		CASE(the_first_tick_comes_at_once_the_others_when_due),
		CASE(it_sleeps_until_then),
		CASE(the_next_tick_can_be_had_sooner),
		CASE(a_source_that_is_always_ready_starves_no_tick),
		CASE(standing_still_is_told_once),
		CASE(a_busy_second_is_not_standing_still),
		CASE(a_signal_interrupts_nothing),
	};

	loop_free(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
