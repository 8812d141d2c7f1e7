/*
 * A server's start: chroot into an empty directory, another user, all
 * descriptors closed, a child in the background. Without the right to do so
 * each step is refused and the rest goes on.
 */
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

static void churn(long ms)
{
	for (long end = now_ms() + ms; now_ms() < end;) {
		void *blocks[300];

		for (size_t i = 0; i < 300; i++)
			CHECK((blocks[i] = malloc(i * 50)));
		for (size_t i = 0; i < 300; i++)
			free(blocks[i]);
		free(malloc(3000000));
	}
}

int main(void)
{
	char place[] = "/tmp/hakmem-empty-XXXXXX";
	int root = geteuid() == 0, status;
	pid_t pid;

	churn(200);
	CHECK(mkdtemp(place));
	if (root) {
		CHECK(!chdir(place) && !rmdir(place) && !chroot("."));
		churn(100);
		CHECK(!setgroups(0, NULL) && !setgid(65534) && !setuid(65534));
	} else {
		CHECK(!rmdir(place));
	}
	churn(100);
	closefrom(0);
	churn(200);
	CHECK((pid = fork()) >= 0);
	if (pid == 0) {
		setsid();
		churn(400);
		exit(4);
	}
	churn(200);
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 4);
	return 0;
}
