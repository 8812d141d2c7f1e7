#include "hakmemd/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHANNEL	 3 /* in the child */
#define LATE_MAX 8u
#define TRIES	 20
#define TRY_NS	 1000000
#define NICE_BY	 5

static pid_t late[LATE_MAX]; /* killed, and still in the kernel; 0 = free */

static void set_limit(int what, uint64_t bytes)
{
	struct rlimit limit;

	if (getrlimit(what, &limit) != 0)
		return;
	if (bytes < limit.rlim_max)
		limit.rlim_max = bytes;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(what, &limit);
}

/* Bytes mapped and bytes of data now; false if not known. */
static bool measure(uint64_t *address_bytes, uint64_t *data_bytes)
{
	unsigned long pages[2];
	long page = sysconf(_SC_PAGESIZE);
	FILE *file = fopen("/proc/self/statm", "re");
	bool known;

	if (!file)
		return false;
	known = fscanf(file, "%lu %*s %*s %*s %*s %lu", &pages[0], &pages[1]) ==
		2;
	fclose(file);
	if (!known)
		return false;
	*address_bytes = (uint64_t)pages[0] * (uint64_t)page;
	*data_bytes = (uint64_t)pages[1] * (uint64_t)page;
	return true;
}

static void bound(const struct child_limits *limits)
{
	uint64_t address_bytes, data_bytes;

	if (measure(&address_bytes, &data_bytes)) {
		set_limit(RLIMIT_AS, address_bytes + limits->address_bytes);
		set_limit(RLIMIT_DATA, data_bytes + limits->data_bytes);
	}
	set_limit(RLIMIT_CORE, 0);
	set_limit(RLIMIT_FSIZE, limits->file_bytes);
}

/* When memory is short, this process is the one to go. */
static void offer_to_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1000", 4) < 0)
		errno = 0;
	close(fd);
}

static void reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, i == SIGPIPE || i == SIGXFSZ ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become_child(int channel, pid_t parent,
			 const struct child_limits *limits)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	prctl(PR_SET_NAME, "hakmemd-symbols");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (channel != CHANNEL)
		dup2(channel, CHANNEL);
	close_range(CHANNEL + 1, ~0u, 0);
	reset_signals();
	offer_to_oom();
	bound(limits);
	if (setpriority(PRIO_PROCESS, 0, NICE_BY) != 0)
		errno = 0;
}

bool child_start(struct child *child, const struct child_limits *limits,
		 void (*run)(int channel, void *argument), void *argument)
{
	pid_t self = getpid(), pid;
	int ends[2];

	*child = (struct child){.channel = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		become_child(ends[1], self, limits);
		run(CHANNEL, argument);
		_exit(1);
	}
	close(ends[1]);
	if (pid < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
		close(ends[0]);
		return false;
	}
	*child = (struct child){.pid = pid, .channel = ends[0]};
	return true;
}

int child_end(struct child *child)
{
	const struct timespec pause = {.tv_nsec = TRY_NS};
	pid_t pid = child->pid;
	int status = -1;

	if (pid == 0)
		return -1;
	close(child->channel);
	*child = (struct child){.channel = -1};
	kill(pid, SIGKILL); /* one that has ended keeps its status */
	for (int i = 0; i < TRIES; i++) {
		if (waitpid(pid, &status, WNOHANG) != 0)
			return status;
		nanosleep(&pause, NULL);
	}
	for (unsigned i = 0; i < LATE_MAX; i++)
		if (late[i] == 0) {
			late[i] = pid;
			break;
		}
	return -1;
}

unsigned child_reap(void)
{
	unsigned left = 0;

	for (unsigned i = 0; i < LATE_MAX; i++) {
		if (late[i] && waitpid(late[i], NULL, WNOHANG) != 0)
			late[i] = 0;
		left += late[i] != 0;
	}
	return left;
}
