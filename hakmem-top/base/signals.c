#include "hakmem-top/base/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t signals_old_mask;
static struct sigaction signals_old_pipe, signals_old_xfsz;
static int signals_descriptor = -1;

bool signals_open(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &signals_old_mask);
	sigaction(SIGPIPE, &ignore, &signals_old_pipe);
	sigaction(SIGXFSZ, &ignore, &signals_old_xfsz);
	signals_descriptor = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals_descriptor >= 0;
}

int signals_fd(void)
{
	return signals_descriptor;
}

int signals_next(bool *by_terminal)
{
	struct signalfd_siginfo info;

	if (read(signals_descriptor, &info, sizeof(info)) != sizeof(info))
		return 0;
	*by_terminal = info.ssi_code == SI_KERNEL;
	return (int)info.ssi_signo;
}

void signals_restore(void)
{
	sigaction(SIGPIPE, &signals_old_pipe, NULL);
	sigaction(SIGXFSZ, &signals_old_xfsz, NULL);
	sigprocmask(SIG_SETMASK, &signals_old_mask, NULL);
}
