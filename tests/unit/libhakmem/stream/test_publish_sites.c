/* Sites on the connection: after each state, on each new connection, as fast as
 * the daemon reads; and what the daemon asks for. */
#include "libhakmem/stream/publish.h"

#include "libhakmem/profile/sampler.h"
#include "libhakmem/profile/site.h"
#include "tests/unit/libhakmem/server.h"

#define DEPTH 100u

static uint64_t clock_now;

static uint32_t make_site(uint64_t seed)
{
	uint64_t pcs[DEPTH];
	uint32_t modules[DEPTH] = {0};
	struct site_sample sample = {
		.weight = sampler_weigh(100, 0.5), .now_ns = 1, .name = ""};

	for (unsigned i = 0; i < DEPTH; i++)
		pcs[i] = seed * 1000 + i;
	sample.site = site_intern(&(struct frames){pcs, modules, DEPTH, false});
	site_add(&sample, true);
	return sample.site;
}

static void poll_later(void)
{
	clock_now += 2 * INTERVAL * MS;
	publish_poll(clock_now);
}

static void begin(void)
{
	listen_at(path, 5);
	configure();
	sampler_init(0, 0);
	clock_now = monotonic_ns();
	publish_start();
	must(accept_to(&server) && next_hello(&server));
}

/* How many sites come now, and how many with a stack. */
static unsigned take_sites(struct server *from, unsigned *stacks)
{
	Hakmem__Sites *sites;
	unsigned count = 0;

	*stacks = 0;
	while ((sites = next_sites(from))) {
		count += (unsigned)sites->n_sites;
		for (size_t i = 0; i < sites->n_sites; i++)
			*stacks += sites->sites[i]->n_pcs == DEPTH;
		hakmem__sites__free_unpacked(sites, NULL);
	}
	return count;
}

static void sites_follow_the_state(void)
{
	unsigned stacks;

	make_site(1);
	begin();
	must(take_sites(&server, &stacks) == 1 && stacks == 1);
	poll_later();
	must(take_sites(&server, &stacks) == 0);
	make_site(1);
	make_site(2);
	poll_later();
	must(take_sites(&server, &stacks) == 2 && stacks == 1);
}

static void everything_again_on_a_new_connection(void)
{
	unsigned stacks;

	for (uint64_t i = 0; i < 10; i++)
		make_site(i);
	begin();
	must(take_sites(&server, &stacks) == 10 && stacks == 10);
	close(server.fd);
	poll_later();
	make_site(77);
	clock_now += 10000 * MS;
	poll_later();
	must(accept_to(&second) && next_hello(&second));
	must(take_sites(&second, &stacks) == 11 && stacks == 11);
}

/* 5,000 stacks are more than the socket holds and more than one poll gives:
 * each poll is short, nothing waits, and all come in the end, once. */
static void a_slow_daemon_gets_them_in_pieces(void)
{
	unsigned stacks, all = 0, polls = 0, got;

	for (uint64_t i = 0; i < 5000; i++)
		make_site(i);
	begin();
	for (int i = 0; i < 10; i++)
		poll_later(); /* nobody reads */
	do {
		got = take_sites(&server, &stacks);
		must(got <= 1000 + 64);
		must(stacks == got);
		all += stacks;
		must(polls++ < 200);
		poll_later();
	} while (all < 5000);
	must(all == 5000);
	must(take_sites(&server, &stacks) == 0);
}

/* While it is behind it does not wait for the interval. */
static void it_catches_up_between_intervals(void)
{
	unsigned stacks, all, polls = 0;

	for (uint64_t i = 0; i < 3000; i++)
		make_site(i);
	conf.interval_ms = 60000;
	listen_at(path, 5);
	configure();
	conf.interval_ms = 60000;
	sampler_init(0, 0);
	clock_now = monotonic_ns();
	publish_start();
	must(accept_to(&server) && next_hello(&server));
	all = take_sites(&server, &stacks);
	must(all < 3000);
	while (all < 3000) {
		clock_now += 60 * MS;
		publish_poll(clock_now);
		all += take_sites(&server, &stacks);
		must(polls++ < 100);
	}
}

static void send_control(uint64_t sample, bool off, uint32_t interval)
{
	Hakmem__Control control = HAKMEM__CONTROL__INIT;
	uint8_t frame[128];
	size_t length;

	control.sample_bytes = sample;
	control.sampling_off = off;
	control.interval_ms = interval;
	length = hakmem__control__pack(&control, frame + FRAME_HEADER_BYTES);
	frame_encode(frame, FRAME_CONTROL, (uint32_t)length, 0);
	must(write(server.fd, frame, FRAME_HEADER_BYTES + length) ==
	     (ssize_t)(FRAME_HEADER_BYTES + length));
}

static void the_daemon_sets_the_interval(void)
{
	begin();
	sampler_init(16384, 524288);
	send_control(65536, false, 0);
	poll_later();
	must(sampler_stack_interval() == 65536);
	must(sampler_histogram_interval() == 16384);
	must(conf.interval_ms == INTERVAL);
	send_control(0, true, 0);
	send_control(0, false, 20);
	poll_later();
	must(sampler_stack_interval() == 0);
	must(conf.interval_ms == 20);
	/* out of range: nothing */
	send_control(0, false, 5);
	send_control(0, false, 4000000);
	send_control(UINT64_MAX, false, 0);
	poll_later();
	must(conf.interval_ms == 20);
	must(sampler_stack_interval() == TIB);
	must(library_fd() >= 0);
	/* nonsense: it was no daemon */
	must(write(server.fd, "nonsense", 8) == 8);
	poll_later();
	must(library_fd() == -1);
}

CHILD_TEST(sites_follow_the_state)
CHILD_TEST(everything_again_on_a_new_connection)
CHILD_TEST(a_slow_daemon_gets_them_in_pieces)
CHILD_TEST(it_catches_up_between_intervals)
CHILD_TEST(the_daemon_sets_the_interval)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sites_follow_the_state),
		cmocka_unit_test(test_everything_again_on_a_new_connection),
		cmocka_unit_test(test_a_slow_daemon_gets_them_in_pieces),
		cmocka_unit_test(test_it_catches_up_between_intervals),
		cmocka_unit_test(test_the_daemon_sets_the_interval),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
