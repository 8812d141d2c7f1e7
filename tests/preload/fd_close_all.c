/*
 * A program that closes every descriptor and reuses the numbers: whatever the
 * allocator keeps open, it never writes to what now has its number, and it
 * never closes what is not its own.
 *
 * case: closefrom
 * args: closefrom
 * expect: exit 0
 * case: close_range
 * args: close_range
 * expect: exit 0
 * case: loop
 * args: loop
 * expect: exit 0
 * case: threaded
 * args: threaded
 * expect: exit 0
 */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/preload/check.h"

static void churn(long ms)
{
	for (long end = now_ms() + ms; now_ms() < end;) {
		void *blocks[400];

		for (size_t i = 0; i < 400; i++)
			CHECK((blocks[i] = malloc(i * 40)));
		for (size_t i = 0; i < 400; i++)
			free(blocks[i]);
		free(malloc(2000000));
	}
}

static void *churn_thread(void *unused)
{
	churn(700);
	return unused;
}

static void close_all(const char *how)
{
	if (strcmp(how, "close_range") == 0)
		CHECK(close_range(3, ~0U, 0) == 0);
	else if (strcmp(how, "loop") == 0)
		for (int fd = 3; fd < sysconf(_SC_OPEN_MAX); fd++)
			close(fd);
	else
		closefrom(3);
}

/* Every number up to the limit now is a socket or a file of the program: a
 * socket accepts whatever the allocator might send. */
static int occupy(int *peer)
{
	struct rlimit limit;
	int ends[2], last;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	CHECK(ends[0] == 3 && ends[1] == 4);
	*peer = ends[0];
	CHECK(!getrlimit(RLIMIT_NOFILE, &limit));
	last = limit.rlim_cur < 5000 ? (int)limit.rlim_cur : 5000;
	for (int fd = 5; fd < last; fd++)
		CHECK(dup(ends[1]) == fd);
	return last;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "closefrom";
	char byte;
	int peer, last;
	pthread_t thread;
	int threaded = strcmp(how, "threaded") == 0;

	churn(300); /* time to connect */
	if (threaded)
		CHECK(!pthread_create(&thread, NULL, churn_thread, NULL));
	close_all(how);
	last = occupy(&peer);
	churn(700);
	if (threaded)
		pthread_join(thread, NULL);
	CHECK(recv(peer, &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
	for (int fd = 3; fd < last; fd++)
		CHECK(fcntl(fd, F_GETFD) == 0);
	return 0;
}
