/*
 * A program that closes every descriptor and uses the numbers itself: nobody
 * else writes to them, reads from them or closes them.
 *
 * env: HAKMEM_SAMPLE=64 HAKMEM_HISTOGRAM=64
 */
#include <sys/stat.h>

#include "tests/preload/check.h"

enum { FILES = 300 };

static __attribute__((noinline)) void *deep(int depth, size_t n)
{
	void *block = depth > 0 ? deep(depth - 1, n) : malloc(n);

	__asm__ volatile("" : "+r"(block));
	return block;
}

int main(void)
{
	char path[] = "/tmp/unwind_descriptors.XXXXXX";
	int fd[FILES], pipes[2];
	char byte;

	free(deep(30, 100));
	for (int i = 3; i < FILES; i++)
		close(i);
	/* Pipes too, which somebody may take for his own. */
	CHECK(pipe2(pipes, O_NONBLOCK) == 0);
	fd[0] = mkstemp(path);
	CHECK(fd[0] >= 3);
	CHECK(unlink(path) == 0);
	for (int i = 1; i < FILES; i++)
		CHECK((fd[i] = dup(fd[0])) > 0);
	for (int i = 0; i < 20000; i++)
		free(deep(i % 90, (size_t)i % 700));
	for (int i = 0; i < FILES; i++) {
		struct stat info;

		CHECK(fstat(fd[i], &info) == 0 && info.st_size == 0);
		CHECK(lseek(fd[i], 0, SEEK_CUR) == 0);
	}
	CHECK(read(pipes[0], &byte, 1) == -1 && errno == EAGAIN);
	CHECK(write(pipes[1], "x", 1) == 1);
	for (int i = 0; i < 5000; i++)
		free(deep(i % 90, (size_t)i % 700));
	CHECK(read(pipes[0], &byte, 1) == 1 && byte == 'x');
	return 0;
}
