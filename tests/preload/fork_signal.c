/* fork inside a signal handler; the child allocates and exits normally. */
#include <sys/time.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

static volatile int forks;

static void on_alarm(int signal)
{
	pid_t pid = fork();

	(void)signal;
	CHECK(pid >= 0);
	if (pid == 0) {
		for (size_t n = 1; n < 1000000; n *= 3)
			free(malloc(n));
		_exit(0);
	}
	forks++;
}

int main(void)
{
	struct itimerval every = {{0, 5000}, {0, 5000}};
	struct sigaction action = {.sa_handler = on_alarm,
				   .sa_flags = SA_RESTART};
	volatile unsigned spin = 0;
	int status;

	free(malloc(10));
	CHECK(!sigaction(SIGALRM, &action, NULL));
	CHECK(!setitimer(ITIMER_REAL, &every, NULL));
	while (forks < 50)
		spin++;
	every.it_value.tv_usec = 0;
	CHECK(!setitimer(ITIMER_REAL, &every, NULL));
	while (wait(&status) > 0)
		CHECK(status == 0);
	return 0;
}
