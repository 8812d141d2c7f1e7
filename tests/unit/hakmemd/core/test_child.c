#include "hakmemd/core/child.h"

#include "tests/unit/hakmemd/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB	    (UINT64_C(1) << 20)
#define PATIENCE_MS 60000
#define NOBODY	    65534u

static const struct child_limits limits = {.name = "helper",
					   .nice_by = 5,
					   .data_bytes = 64 * MIB,
					   .address_bytes = 256 * MIB,
					   .file_bytes = 100,
					   .uid = NOBODY,
					   .gid = CHILD_NO_GROUP};
static struct child child;

/* What a child finds itself to be. */
struct finding {
	pid_t parent;
	uid_t uid, euid;
	gid_t gid;
	int groups, descriptors, nice, death_signal, dumpable, no_new_privs;
	int blocked, caught;
	bool pipe_ignored, size_ignored;
	struct rlimit address, data, core, file;
	char name[16], oom[16];
};

/* How many descriptors are open above its own. */
static int count_descriptors(int channel)
{
	int count = 0;

	for (int fd = channel + 1; fd < 200; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static bool is_ignored(int signal_number)
{
	struct sigaction action;

	return sigaction(signal_number, NULL, &action) == 0 &&
	       action.sa_handler == SIG_IGN;
}

static void find_signals(struct finding *finding)
{
	sigset_t set;

	sigprocmask(SIG_SETMASK, NULL, &set);
	for (int i = 1; i < NSIG; i++) {
		struct sigaction action;

		finding->blocked += sigismember(&set, i) == 1;
		if (sigaction(i, NULL, &action) == 0 && i != SIGPIPE &&
		    i != SIGXFSZ)
			finding->caught += action.sa_handler != SIG_DFL;
	}
	finding->pipe_ignored = is_ignored(SIGPIPE);
	finding->size_ignored = is_ignored(SIGXFSZ);
}

static void find_limits(struct finding *finding)
{
	getrlimit(RLIMIT_AS, &finding->address);
	getrlimit(RLIMIT_DATA, &finding->data);
	getrlimit(RLIMIT_CORE, &finding->core);
	getrlimit(RLIMIT_FSIZE, &finding->file);
}

static void run_finding(int channel, void *argument)
{
	struct finding finding;
	int fd;

	(void)argument;
	memset(&finding, 0, sizeof(finding));
	finding.parent = getppid();
	finding.uid = getuid();
	finding.euid = geteuid();
	finding.gid = getegid();
	finding.groups = getgroups(0, NULL);
	finding.descriptors = count_descriptors(channel);
	finding.nice = getpriority(PRIO_PROCESS, 0);
	prctl(PR_GET_PDEATHSIG, &finding.death_signal);
	finding.dumpable = prctl(PR_GET_DUMPABLE);
	finding.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	prctl(PR_GET_NAME, finding.name);
	find_signals(&finding);
	find_limits(&finding);
	fd = open("/proc/self/oom_score_adj", O_RDONLY);
	if (fd < 0 || read(fd, finding.oom, sizeof(finding.oom) - 1) < 0)
		_exit(9);
	send(channel, &finding, sizeof(finding), MSG_NOSIGNAL);
	_exit(0);
}

static void hear(void *into, size_t bytes)
{
	struct pollfd wait = {.fd = child.channel, .events = POLLIN};

	assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
	assert_int_equal(recv(child.channel, into, bytes, 0), bytes);
}

/* Until it has ended, which it does by itself. */
static void wait_for_end(void)
{
	siginfo_t info;

	assert_int_equal(
		waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0);
}

static void begin_finding(struct finding *finding)
{
	assert_true(child_start(&child, &limits, run_finding, NULL));
	assert_true(child.pid > 0);
	hear(finding, sizeof(*finding));
	wait_for_end();
	assert_int_equal(child_end(&child), 0);
}

static void on_signal(int number)
{
	(void)number;
}

static void a_child_has_nothing_of_ours(void **state)
{
	struct finding finding;
	sigset_t set, before;
	int spare[4], nice;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(spare); i++)
		spare[i] = dup(0); /* without close-on-exec */
	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &before);
	begin_finding(&finding);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	for (size_t i = 0; i < COUNT_OF(spare); i++)
		close(spare[i]);
	assert_int_equal(finding.parent, getpid());
	assert_int_equal(finding.descriptors, 0);
	assert_int_equal(finding.blocked, 0);
	assert_int_equal(finding.caught, 0);
	assert_true(finding.pipe_ignored);
	assert_true(finding.size_ignored);
	assert_int_equal(finding.death_signal, SIGKILL);
	assert_int_equal(finding.no_new_privs, 1);
	assert_string_equal(finding.name, "helper");
	assert_string_equal(finding.oom, "1000\n");
	nice = getpriority(PRIO_PROCESS, 0) + 5;
	assert_int_equal(finding.nice, nice < 19 ? nice : 19);
}

static void root_becomes_the_user(void **state)
{
	struct finding finding;

	(void)state;
	begin_finding(&finding);
	if (geteuid() != 0) {
		assert_int_equal(finding.uid, getuid());
		return;
	}
	assert_int_equal(finding.uid, NOBODY);
	assert_int_equal(finding.euid, NOBODY);
	assert_int_equal(finding.gid, CHILD_NO_GROUP);
	assert_int_equal(finding.groups, 0);
	assert_int_equal(finding.dumpable, 0);
}

static void it_is_bounded(void **state)
{
	uint64_t address_bytes = 0, data_bytes = 0;
	struct finding finding;

	(void)state;
	assert_true(child_measure(&address_bytes, &data_bytes));
	assert_true(data_bytes > 0 && address_bytes > data_bytes);
	begin_finding(&finding);
	/* Its own size by then is ours, give or take a little. */
	assert_in_range(finding.address.rlim_cur, address_bytes + 255 * MIB,
			address_bytes + 257 * MIB);
	assert_in_range(finding.data.rlim_cur, data_bytes + 63 * MIB,
			data_bytes + 65 * MIB);
	assert_int_equal(finding.core.rlim_max, 0);
	assert_int_equal(finding.file.rlim_cur, 100);
	assert_int_equal(finding.file.rlim_max, 100);
	assert_int_equal(finding.data.rlim_max, finding.data.rlim_cur);
}

static void what_we_have_is_measured(void **state)
{
	uint64_t address[2], data[2];
	void *memory;

	(void)state;
	assert_true(child_measure(&address[0], &data[0]));
	memory = mmap(NULL, 32 * MIB, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(memory != MAP_FAILED);
	assert_true(child_measure(&address[1], &data[1]));
	munmap(memory, 32 * MIB);
	assert_in_range(address[1] - address[0], 32 * MIB, 33 * MIB);
	assert_in_range(data[1] - data[0], 32 * MIB, 33 * MIB);
}

static void run_echo(int channel, void *argument)
{
	char bytes[64];
	ssize_t got;

	send(channel, argument, strlen(argument), MSG_NOSIGNAL);
	while ((got = recv(channel, bytes, sizeof(bytes), 0)) > 0)
		send(channel, bytes, (size_t)got, MSG_NOSIGNAL);
	_exit(7);
}

static void it_is_spoken_to_in_packets(void **state)
{
	char word[] = "hello", bytes[64] = "";
	pid_t pid;

	(void)state;
	assert_true(child_start(&child, &limits, run_echo, word));
	hear(bytes, 5);
	assert_string_equal(bytes, "hello");
	/* Ours does not wait, and no program of ours inherits it. */
	assert_int_equal(recv(child.channel, bytes, sizeof(bytes), 0), -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(fcntl(child.channel, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(send(child.channel, "ab", 2, MSG_NOSIGNAL), 2);
	assert_int_equal(send(child.channel, "cde", 3, MSG_NOSIGNAL), 3);
	hear(bytes, 2);
	assert_memory_equal(bytes, "ab", 2);
	hear(bytes, 3);
	assert_memory_equal(bytes, "cde", 3);
	pid = child.pid;
	child_end(&child);
	assert_int_equal(child.pid, 0);
	assert_int_equal(child.channel, -1);
	for (int i = 0; child_reap() > 0 && i < PATIENCE_MS; i++)
		usleep(1000);
	assert_int_equal(child_reap(), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1); /* no zombie */
	assert_int_equal(child_end(&child), -1);
}

static void run_end(int channel, void *argument)
{
	(void)channel;
	if (argument)
		_exit(*(int *)argument);
}

static void its_status_is_told(void **state)
{
	int code = 42, status;

	(void)state;
	assert_true(child_start(&child, &limits, run_end, &code));
	wait_for_end();
	status = child_end(&child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
	/* One whose `run` returns goes no further. */
	assert_true(child_start(&child, &limits, run_end, NULL));
	wait_for_end();
	status = child_end(&child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

static void without_descriptors_none_starts(void **state)
{
	struct rlimit before, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	child.pid = 1;
	assert_false(child_start(&child, &limits, run_end, NULL));
	assert_int_equal(errno, EMFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(child.pid, 0);
	assert_int_equal(child.channel, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_has_nothing_of_ours),
		cmocka_unit_test(root_becomes_the_user),
		cmocka_unit_test(it_is_bounded),
		cmocka_unit_test(what_we_have_is_measured),
		cmocka_unit_test(it_is_spoken_to_in_packets),
		cmocka_unit_test(its_status_is_told),
		cmocka_unit_test(without_descriptors_none_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
