/*
 * fork in a process whose other threads allocate all the time, 200 children,
 * twenty at once: each child allocates, starts a thread and exits normally.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

enum { CHILDREN = 200, AT_ONCE = 20, THREADS = 3 };
static atomic_int stop;

static void *churn(void *unused)
{
	void *blocks[200] = {0};
	unsigned i = 0;

	(void)unused;
	while (!atomic_load(&stop)) {
		unsigned at = i * 31 % 200;

		free(blocks[at]);
		blocks[at] = malloc(i % 97 == 0 ? 100000 : i * 13 % 2000);
		CHECK(blocks[at]);
		i++;
	}
	for (i = 0; i < 200; i++)
		free(blocks[i]);
	return NULL;
}

static void *work(void *unused)
{
	for (size_t n = 0; n < 200000; n = n * 2 + 1) {
		void *p = malloc(n);

		CHECK(p);
		fill(p, n, 1);
		p = realloc(p, n * 2 + 1);
		CHECK(p && filled(p, n, 1));
		free(p);
	}
	return unused;
}

static void child(void *inherited)
{
	pthread_t thread;

	CHECK(filled(inherited, 5000, 42));
	free(inherited);
	work(NULL);
	CHECK(!pthread_create(&thread, NULL, work, NULL));
	pthread_join(thread, NULL);
	exit(7);
}

int main(void)
{
	pthread_t threads[THREADS];
	void *block = malloc(5000);

	fill(block, 5000, 42);
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, churn, NULL));
	for (int done = 0; done < CHILDREN; done += AT_ONCE) {
		for (int i = 0; i < AT_ONCE; i++) {
			pid_t pid = fork();

			CHECK(pid >= 0);
			if (pid == 0)
				child(block);
		}
		for (int i = 0; i < AT_ONCE; i++) {
			int status;

			CHECK(wait(&status) > 0);
			CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
		}
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK(filled(block, 5000, 42));
	free(block);
	return 0;
}
