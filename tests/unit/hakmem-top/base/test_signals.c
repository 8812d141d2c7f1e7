#include "hakmem-top/base/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static sigset_t mask_before;
static struct sigaction pipe_before, xfsz_before;

static int look(void **state)
{
	(void)state;
	sigprocmask(SIG_SETMASK, NULL, &mask_before);
	sigaction(SIGPIPE, NULL, &pipe_before);
	return sigaction(SIGXFSZ, NULL, &xfsz_before);
}

static int setup(void **state)
{
	bool by_terminal;

	(void)state;
	if (!signals_open())
		return -1;
	while (signals_next(&by_terminal) != 0)
		;
	return 0;
}

static int teardown(void **state)
{
	bool by_terminal;

	(void)state;
	while (signals_next(&by_terminal) != 0)
		;
	signals_restore();
	return close(signals_fd());
}

static bool readable(void)
{
	struct pollfd poller = {.fd = signals_fd(), .events = POLLIN};

	return poll(&poller, 1, 0) == 1;
}

static void each_comes_out_of_the_descriptor(void **state)
{
	static const int all[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
	bool by_terminal = true;

	(void)state;
	assert_false(readable());
	assert_int_equal(signals_next(&by_terminal), 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		kill(getpid(), all[i]);
		assert_true(readable());
		by_terminal = true;
		assert_int_equal(signals_next(&by_terminal), all[i]);
		assert_false(by_terminal);
		assert_int_equal(signals_next(&by_terminal), 0);
	}
}

static void a_child_that_ends_is_told(void **state)
{
	struct pollfd poller = {.fd = signals_fd(), .events = POLLIN};
	bool by_terminal;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(0);
	assert_int_equal(poll(&poller, 1, 60000), 1);
	assert_int_equal(signals_next(&by_terminal), SIGCHLD);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void a_broken_pipe_is_an_error_of_write(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	errno = 0;
	assert_int_equal(write(ends[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(ends[1]);
	raise(SIGXFSZ); /* ignored, too, or this was the end */
}

/* A command must not inherit what only we wanted. */
static void restore_undoes_everything(void **state)
{
	struct sigaction now;
	sigset_t mask;

	(void)state;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	assert_true(sigismember(&mask, SIGINT));
	signals_restore();
	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int signal = 1; signal < 32; signal++)
		assert_int_equal(sigismember(&mask, signal),
				 sigismember(&mask_before, signal));
	sigaction(SIGPIPE, NULL, &now);
	assert_true(now.sa_handler == pipe_before.sa_handler);
	sigaction(SIGXFSZ, NULL, &now);
	assert_true(now.sa_handler == xfsz_before.sa_handler);
}

/* In a session of its own with the terminal `slave`: 0 when all is well. */
static int hear_the_terminal(int slave)
{
	struct pollfd poller;
	bool by_terminal = false;

	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) != 0)
		return 1;
	if (!signals_open())
		return 2;
	if (write(slave, "ready", 5) != 5)
		return 3;
	poller = (struct pollfd){.fd = signals_fd(), .events = POLLIN};
	poll(&poller, 1, 60000);
	if (signals_next(&by_terminal) != SIGINT)
		return 4;
	return by_terminal ? 0 : 5;
}

static void ctrl_c_is_the_terminals(void **state)
{
	char bytes[16];
	int master, slave, status = -1;
	pid_t child;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	child = fork();
	if (child == 0)
		_exit(hear_the_terminal(slave));
	assert_int_equal(read(master, bytes, sizeof(bytes)), 5);
	assert_int_equal(write(master, "\003", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(master);
	close(slave);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_comes_out_of_the_descriptor),
		TEST(a_child_that_ends_is_told),
		TEST(a_broken_pipe_is_an_error_of_write),
		TEST(restore_undoes_everything),
		TEST(ctrl_c_is_the_terminals),
	};

	return cmocka_run_group_tests(tests, look, NULL);
}
