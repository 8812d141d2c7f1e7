/* The connection when something is wrong with it. */
#include "libhakmem/stream/publish.h"
#include "tests/unit/libhakmem/server.h"
#include "tests/unit/figures.h"

#include <sys/resource.h>

static void a_daemon_that_comes_later(void)
{
	uint64_t now = monotonic_ns();

	start();
	listen_at(path, 5);
	/* not before the first back-off of 250 ms */
	publish_poll(now + 200 * MS);
	must(!accept_to(&server));
	publish_poll(now + 1000 * MS);
	must(accept_to(&server));
	must(next_hello(&server));
	must(FIGURE_IN(next_state(&server), RECONNECTS) == 0);
}

/* Waiting longer and longer, at most 4 seconds and a quarter. */
static void backing_off(void)
{
	uint64_t before = monotonic_ns(), after, at, begin;
	uint64_t wait = 250 * MS;

	/* an address that is there, but nobody listens: refused at once */
	start();
	after = monotonic_ns();
	listen_at(path, 5);
	for (at = after;; at += 10 * MS) {
		publish_poll(at);
		if (accept_to(&server))
			break;
	}
	/* looked for a quarter longer at most, when a state is due */
	must(at - before >= wait);
	must(at - after <= wait * 5 / 4 + (INTERVAL + 10) * MS);
	close(server.fd);
	close(listener);
	unlink(path);
	/* and with nobody there for a minute: the next try is not far off */
	for (begin = at + 60000 * MS; at < begin; at += 50 * MS)
		publish_poll(at);
	listen_at(path, 5);
	for (;; at += 50 * MS) {
		publish_poll(at);
		if (accept_to(&second))
			break;
	}
	must(at - begin <= 5000 * MS + (INTERVAL + 50) * MS);
}

static void death_and_return(void)
{
	uint64_t now = monotonic_ns(), session;
	Hakmem__Hello *hello;
	Hakmem__State *state;

	signal(SIGPIPE, SIG_DFL);
	listen_at(path, 5);
	start();
	must(accept_to(&server));
	session = next_hello(&server)->session;
	must(next_state(&server));
	for (uint64_t round = 1; round < 5; round++) {
		/* in turn with and without a word from us before the end */
		if (round & 1)
			must(write(server.fd, "garbage", 7) == 7);
		close(server.fd);
		close(listener);
		now += 1000 * MS;
		publish_poll(now);
		now += 100 * MS;
		publish_poll(now);
		listen_at(path, 5);
		now += 6000 * MS;
		publish_poll(now);
		must(accept_to(&server));
		hello = next_hello(&server);
		must(hello && hello->session == session);
		state = next_state(&server);
		must(state && FIGURE_IN(state, RECONNECTS) == round);
	}
}

/* 20,000 snapshots to a daemon that does not read: dropped, never waited for;
 * and when it reads again, what arrives is whole. */
static void nothing_blocks(void)
{
	uint64_t now = monotonic_ns(), begin = now, last = 0, dropped = 0;
	Hakmem__State *state;

	listen_at(path, 5);
	start();
	for (int i = 0; i < 20000; i++)
		publish_poll(now += 200 * MS);
	must(monotonic_ns() - begin < 60000 * MS);
	must(accept_to(&server));
	must(next_hello(&server));
	for (int i = 0; i < 20; i++) {
		while ((state = next_state(&server))) {
			must(FIGURE_IN(state, MESSAGES) == last + 1);
			last = FIGURE_IN(state, MESSAGES);
			dropped = FIGURE_IN(state, DROPPED);
			hakmem__state__free_unpacked(state, NULL);
		}
		publish_poll(now += 200 * MS);
	}
	must(dropped > 19000);
	must(last > 20 && last + dropped >= 20000);
	must(server.used == 0);
}

/* A daemon that hangs and whose queue of connections is full. */
static void a_full_queue(void)
{
	struct sockaddr_un address = address_of(path);
	uint64_t begin = monotonic_ns();
	int clients = 0;

	listen_at(path, 0);
	for (;; clients++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

		if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
			break;
		must(clients < 100);
	}
	start();
	publish_poll(begin + 500 * MS);
	must(monotonic_ns() - begin < 60000 * MS);
	while (accept_to(&server))
		close(server.fd);
	publish_poll(begin + 2000 * MS);
	must(accept_to(&server) && next_hello(&server));
}

static void reused_by_a_pipe(void)
{
	uint64_t now = monotonic_ns();
	int fd, ends[2];

	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	fd = library_fd();
	must(fd >= 1000);
	must(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	must(pipe(ends) == 0);
	must(dup2(ends[1], fd) == fd);
	publish_poll(now + 1000 * MS);
	/* neither written to nor closed; and there is a new connection */
	must(is_empty(ends[0]));
	publish_poll(now + 2000 * MS);
	must(is_empty(ends[0]));
	must(write(fd, "x", 1) == 1);
	must(accept_to(&second) && next_hello(&second));
	must(FIGURE_IN(next_state(&second), RECONNECTS) == 1);
	publish_stop();
	must(write(fd, "x", 1) == 1);
}

/* The number now belongs to another connection to the same daemon. */
static void reused_by_a_socket(void)
{
	struct sockaddr_un address = address_of(path);
	uint64_t now = monotonic_ns();
	int fd, other = socket(AF_UNIX, SOCK_STREAM, 0);

	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	fd = library_fd();
	must(connect(other, (struct sockaddr *)&address, sizeof(address)) == 0);
	must(accept_to(&second));
	must(dup2(other, fd) == fd);
	for (uint64_t i = 1; i < 5; i++)
		publish_poll(now + i * 1000 * MS);
	must(is_empty(second.fd));
	must(write(fd, "x", 1) == 1);
	must(accept_to(&server) && next_hello(&server));
}

/* A daemon that is still there but takes no more: the write fails, and a
 * failed write to a socket is a signal to those who do not forbid it. */
static void a_daemon_that_takes_no_more(void)
{
	uint64_t now = monotonic_ns();

	signal(SIGPIPE, SIG_DFL);
	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	must(shutdown(server.fd, SHUT_RD) == 0);
	publish_poll(now + 1000 * MS);
	publish_poll(now + 2000 * MS);
	must(accept_to(&second) && next_hello(&second));
	must(FIGURE_IN(next_state(&second), RECONNECTS) == 1);
}

static void closed_by_the_program(void)
{
	uint64_t now = monotonic_ns();

	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	close(library_fd());
	publish_poll(now + 1000 * MS);
	publish_poll(now + 2000 * MS);
	must(accept_to(&second) && next_hello(&second) && next_state(&second));
	/* the end, with the number taken by something else */
	must(dup2(listener, library_fd()) >= 0);
	publish_finish();
	must(fcntl(listener, F_GETFD) >= 0);
}

static void few_descriptors(void)
{
	struct rlimit limit = {32, 32};
	int fd;

	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server));
	fd = library_fd();
	must(fd >= 20 && fd < 32);
}

static void no_descriptors(void)
{
	uint64_t now = monotonic_ns();
	struct rlimit limit;
	int last;

	listen_at(path, 5);
	must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	last = dup(listener);
	limit.rlim_cur = (rlim_t)last + 1;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	start();
	publish_poll(now + 1000 * MS);
	must(fcntl(last, F_GETFD) >= 0);
	limit.rlim_cur = limit.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	publish_poll(now + 8000 * MS);
	must(accept_to(&server) && next_hello(&server));
}

static void the_end_is_not_held_up(void)
{
	uint64_t now = monotonic_ns(), begin;

	listen_at(path, 5);
	start();
	for (int i = 0; i < 100; i++)
		publish_poll(now += 200 * MS);
	begin = monotonic_ns();
	publish_finish();
	must(monotonic_ns() - begin < 10000 * MS);
}

/* The default socket's directory must be one that nobody else can write. */
static void only_a_safe_directory(void)
{
	char base[112], sub[128], at[160];
	uint64_t now = monotonic_ns();

	configure();
	snprintf(base, sizeof(base), "%s/run", directory);
	snprintf(sub, sizeof(sub), "%s/hakmem", base);
	snprintf(at, sizeof(at), "%s/sock", sub);
	must(mkdir(base, 0700) == 0 && mkdir(sub, 0700) == 0);
	must(chmod(sub, 0777) == 0);
	listen_at(at, 5);
	conf.socket = NULL;
	conf.xdg_runtime_dir = base;
	publish_start();
	must(!accept_to(&server));
	must(chmod(sub, 0700) == 0);
	publish_poll(now + 1000 * MS);
	must(accept_to(&server) && next_hello(&server));
	unlink(at);
	rmdir(sub);
	rmdir(base);
}

CHILD_TEST(a_daemon_that_comes_later)
CHILD_TEST(backing_off)
CHILD_TEST(death_and_return)
CHILD_TEST(nothing_blocks)
CHILD_TEST(a_full_queue)
CHILD_TEST(reused_by_a_pipe)
CHILD_TEST(reused_by_a_socket)
CHILD_TEST(a_daemon_that_takes_no_more)
CHILD_TEST(closed_by_the_program)
CHILD_TEST(few_descriptors)
CHILD_TEST(no_descriptors)
CHILD_TEST(the_end_is_not_held_up)
CHILD_TEST(only_a_safe_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_daemon_that_comes_later),
		cmocka_unit_test(test_backing_off),
		cmocka_unit_test(test_death_and_return),
		cmocka_unit_test(test_nothing_blocks),
		cmocka_unit_test(test_a_full_queue),
		cmocka_unit_test(test_reused_by_a_pipe),
		cmocka_unit_test(test_reused_by_a_socket),
		cmocka_unit_test(test_a_daemon_that_takes_no_more),
		cmocka_unit_test(test_closed_by_the_program),
		cmocka_unit_test(test_few_descriptors),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_the_end_is_not_held_up),
		cmocka_unit_test(test_only_a_safe_directory),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
