#include "hakmemd/core/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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

static pid_t
	child_late[LATE_MAX]; /* killed, and still in the kernel; 0 = free */

static void child_set_limit(int what, uint64_t bytes)
{
	struct rlimit limit;

	if (getrlimit(what, &limit) != 0)
		return;
	if (bytes < limit.rlim_max)
		limit.rlim_max = bytes;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(what, &limit);
}

bool child_measure(uint64_t *address_bytes, uint64_t *data_bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t fields[6] = {0}; /* of statm: size first, data sixth */
	char line[256], *at = line;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		*line = '\0';
	fclose(file);
	for (int i = 0; i < 6; i++)
		fields[i] = strtoull(at, &at, 10);
	*address_bytes = fields[0] * page;
	*data_bytes = fields[5] * page;
	return fields[5] > 0;
}

static void child_bound(const struct child_limits *limits)
{
	uint64_t address_bytes, data_bytes;

	if (child_measure(&address_bytes, &data_bytes)) {
		child_set_limit(RLIMIT_AS,
				address_bytes + limits->address_bytes);
		child_set_limit(RLIMIT_DATA, data_bytes + limits->data_bytes);
	}
	child_set_limit(RLIMIT_CORE, 0);
	child_set_limit(RLIMIT_FSIZE, limits->file_bytes);
}

/* When memory is short, this process is the one to go. */
static void child_offer_to_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1000", 4) < 0)
		errno = 0;
	close(fd);
}

static void child_reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, i == SIGPIPE || i == SIGXFSZ ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Nobody may look into this process, which still has our memory. */
static bool child_give_up_root(uid_t uid, gid_t gid)
{
	if (geteuid() != 0 || uid == 0)
		return true;
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		return false;
	return prctl(PR_SET_DUMPABLE, 0) == 0;
}

static bool child_become(int channel, pid_t parent,
			 const struct child_limits *limits)
{
	prctl(PR_SET_NAME, limits->name);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (channel != CHANNEL)
		dup2(channel, CHANNEL);
	close_range(CHANNEL + 1, ~0u, 0);
	child_reset_signals();
	child_offer_to_oom();
	child_bound(limits);
	if (setpriority(PRIO_PROCESS, 0,
			getpriority(PRIO_PROCESS, 0) + limits->nice_by) != 0)
		errno = 0;
	if (!child_give_up_root(limits->uid, limits->gid))
		return false;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user clears it */
	return getppid() == parent;
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
		if (child_become(ends[1], self, limits))
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
	/* Before it can see that its socket closes; one that has ended by
	 * itself keeps its status. */
	kill(pid, SIGKILL);
	close(child->channel);
	*child = (struct child){.channel = -1};
	for (int i = 0; i < TRIES; i++) {
		if (waitpid(pid, &status, WNOHANG) != 0)
			return status;
		nanosleep(&pause, NULL);
	}
	for (unsigned i = 0; i < LATE_MAX; i++)
		if (child_late[i] == 0) {
			child_late[i] = pid;
			break;
		}
	return -1;
}

unsigned child_reap(void)
{
	unsigned left = 0;

	for (unsigned i = 0; i < LATE_MAX; i++) {
		if (child_late[i] && waitpid(child_late[i], NULL, WNOHANG) != 0)
			child_late[i] = 0;
		left += child_late[i] != 0;
	}
	return left;
}
