#include "hakmemd/peers/pidfd.h"

#include "tests/unit/hakmemd/harness.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* Does this kernel tell the process behind a socket (Linux 6.5)? */
static bool kernel_tells_peers(void)
{
	int ends[2], pidfd;
	socklen_t length = sizeof(pidfd);
	bool tells;

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	tells = getsockopt(ends[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd,
			   &length) == 0;
	if (tells)
		close(pidfd);
	close(ends[0]);
	close(ends[1]);
	return tells;
}

static void close_ends(const struct child *child)
{
	close(child->ours);
	close(child->theirs);
}

/* The pid that the kernel shows for a pidfd; -1 once it was reaped. */
static pid_t pid_of(int pidfd)
{
	char path[64], text[512] = "";
	const char *at;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	at = strstr(text, "\nPid:");
	assert_non_null(at);
	return (pid_t)strtol(at + 5, NULL, 10);
}

static void it_is_the_process_that_connected(void **state)
{
	struct child child;
	int pidfd;

	(void)state;
	child_start(&child);
	pidfd = pidfd_of_peer(child.ours, child.pid);
	assert_true(pidfd >= 0);
	assert_int_equal(pid_of(pidfd), child.pid);
	assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	close(pidfd);
	child_stop(&child);
	close_ends(&child);
}

/* The kernel's word counts, not the number. */
static void a_wrong_number_does_not_mislead(void **state)
{
	struct child child;
	int pidfd;

	(void)state;
	if (!kernel_tells_peers())
		skip();
	child_start(&child);
	pidfd = pidfd_of_peer(child.ours, getpid());
	assert_int_equal(pid_of(pidfd), child.pid);
	close(pidfd);
	child_stop(&child);
	close_ends(&child);
}

static void of_what_has_no_peer_there_is_none(void **state)
{
	int ends[2], inet = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	if (!kernel_tells_peers())
		skip();
	/* Whoever has the number now is not who connected. */
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	errno = 0;
	assert_int_equal(pidfd_of_peer(ends[0], getpid()), -1);
	assert_int_equal(errno, ENOTSOCK);
	if (inet >= 0) {
		errno = 0;
		assert_int_equal(pidfd_of_peer(inet, getpid()), -1);
		assert_int_not_equal(errno, 0);
		close(inet);
	}
	close(ends[0]);
	close(ends[1]);
}

static void of_nobody_there_is_none(void **state)
{
	errno = 0;
	(void)state;
	assert_int_equal(pidfd_of_peer(-1, 0), -1);
	assert_int_not_equal(errno, 0);
}

/* Newer kernels still hand it out, older ones say that it is gone. */
static void of_a_peer_that_was_reaped_it_is_no_other(void **state)
{
	struct child child;
	int pidfd;

	(void)state;
	child_start(&child);
	child_stop(&child);
	errno = 0;
	pidfd = pidfd_of_peer(child.ours, child.pid);
	if (pidfd < 0) {
		assert_int_not_equal(errno, 0);
	} else {
		assert_int_equal(pid_of(pidfd), -1);
		assert_false(pidfd_alive(pidfd));
		close(pidfd);
	}
	close_ends(&child);
}

static void a_process_is_alive_until_it_ends(void **state)
{
	struct child child;
	int pidfd;

	(void)state;
	child_start(&child);
	pidfd = pidfd_of_peer(child.ours, child.pid);
	assert_true(pidfd_alive(pidfd));
	child_exit(&child, 3);
	assert_false(pidfd_alive(pidfd)); /* a zombie has ended */
	child_reap(&child);
	assert_false(pidfd_alive(pidfd));
	close(pidfd);
	close_ends(&child);
}

static short events_of(int pidfd)
{
	struct pollfd poller = {.fd = pidfd, .events = POLLIN};

	poll(&poller, 1, 0);
	return poller.revents;
}

/* What the paragraph at the top of the header promises. */
static void the_end_is_readable_and_the_reaping_hangs_up(void **state)
{
	struct child child;
	int pidfd;

	(void)state;
	child_start(&child);
	pidfd = pidfd_of_peer(child.ours, child.pid);
	assert_int_equal(events_of(pidfd), 0);
	child_exit(&child, 3);
	assert_int_equal(events_of(pidfd), POLLIN);
	child_reap(&child);
	/* Debian 12's kernel does not hang up; newer ones do. */
	assert_true(events_of(pidfd) & POLLIN);
	close(pidfd);
	close_ends(&child);
}

static void a_number_tells_processes_apart(void **state)
{
	struct child one, other;
	int first, second, again;
	uint64_t unique;

	(void)state;
	child_start(&one);
	child_start(&other);
	first = pidfd_of_peer(one.ours, one.pid);
	again = pidfd_of_peer(one.ours, one.pid);
	second = pidfd_of_peer(other.ours, other.pid);
	unique = pidfd_unique(first);
	assert_true(pidfd_unique(again) == unique);
	if (unique) {
		assert_true(pidfd_unique(second) != unique);
		assert_true(pidfd_unique(second) != 0);
	}
	child_stop(&one);
	assert_true(pidfd_unique(first) == unique); /* also once reaped */
	child_stop(&other);
	close(first);
	close(second);
	close(again);
	close_ends(&one);
	close_ends(&other);
}

static void what_is_no_pidfd_has_no_number(void **state)
{
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(pidfd_unique(file) == 0);
	assert_true(pidfd_unique(-1) == 0);
	close(file);
	assert_true(pidfd_unique(file) == 0);
}

static void status_after(bool by_signal, int *status)
{
	struct child child;
	int pidfd;

	child_start(&child);
	pidfd = pidfd_of_peer(child.ours, child.pid);
	*status = 77;
	assert_false(pidfd_exit_status(pidfd, status)); /* it lives */
	assert_int_equal(*status, 77);
	if (by_signal)
		child_kill(&child, SIGTERM);
	else
		child_exit(&child, 3);
	child_reap(&child);
	if (!pidfd_exit_status(pidfd, status)) {
		assert_int_equal(*status, 77);
		*status = -1;
	}
	close(pidfd);
	close_ends(&child);
}

static void how_it_ended_is_known_once_it_was_reaped(void **state)
{
	int status;

	(void)state;
	status_after(false, &status);
	if (status == -1)
		skip(); /* before Linux 6.15 only the parent knows */
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	status_after(true, &status);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void what_is_no_pidfd_has_no_status(void **state)
{
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC), status = 77;

	(void)state;
	assert_false(pidfd_exit_status(file, &status));
	assert_false(pidfd_exit_status(-1, &status));
	assert_int_equal(status, 77);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_process_that_connected),
		cmocka_unit_test(a_wrong_number_does_not_mislead),
		cmocka_unit_test(of_what_has_no_peer_there_is_none),
		cmocka_unit_test(of_nobody_there_is_none),
		cmocka_unit_test(of_a_peer_that_was_reaped_it_is_no_other),
		cmocka_unit_test(a_process_is_alive_until_it_ends),
		cmocka_unit_test(the_end_is_readable_and_the_reaping_hangs_up),
		cmocka_unit_test(a_number_tells_processes_apart),
		cmocka_unit_test(what_is_no_pidfd_has_no_number),
		cmocka_unit_test(how_it_ended_is_known_once_it_was_reaped),
		cmocka_unit_test(what_is_no_pidfd_has_no_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
