/* A chain of forks, each generation with a heap of its own making. */
#include <sys/wait.h>

#include "tests/preload/check.h"

static void generation(int depth)
{
	enum { BLOCKS = 500 };
	void *blocks[BLOCKS];
	pid_t pid;
	int status;

	for (unsigned i = 0; i < BLOCKS; i++) {
		CHECK((blocks[i] = malloc(i * 11 + 1)));
		fill(blocks[i], i * 11 + 1, i + (unsigned)depth);
	}
	if (depth < 20) {
		CHECK((pid = fork()) >= 0);
		if (pid == 0) {
			generation(depth + 1);
			exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	for (unsigned i = 0; i < BLOCKS; i++) {
		CHECK(filled(blocks[i], i * 11 + 1, i + (unsigned)depth));
		free(blocks[i]);
	}
}

int main(void)
{
	generation(0);
	return 0;
}
