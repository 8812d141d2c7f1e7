/*
 * A program that forbids itself sockets under pain of death goes on: the
 * allocator falls silent when a filter is installed.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/preload/check.h"

#define KILL(call)                                                             \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1),                 \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static void churn(long ms)
{
	for (long end = now_ms() + ms; now_ms() < end;) {
		void *blocks[400];

		for (size_t i = 0; i < 400; i++)
			CHECK((blocks[i] = malloc(i * 100)));
		for (size_t i = 0; i < 400; i++)
			free(blocks[i]);
		free(malloc(3000000));
	}
}

int main(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		KILL(socket),
		KILL(connect),
		KILL(sendto),
		KILL(sendmsg),
		KILL(recvfrom),
		KILL(recvmsg),
		KILL(getsockopt),
		KILL(fstat),
		KILL(fcntl),
		KILL(clone),
		KILL(clone3),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

	churn(300);
	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	churn(700);
	return 0;
}
