/*
 * pthread_atfork handlers that allocate and free, registered before and after
 * the allocator's, in a program with other threads; one of them forks itself.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

static atomic_int prepared, in_parent, stop;
static int nested;

static void use(size_t n)
{
	void *p[30];

	for (size_t i = 0; i < 30; i++)
		CHECK((p[i] = malloc(n + i * 100)));
	for (size_t i = 0; i < 30; i++)
		free(p[i]);
}

static void prepare(void)
{
	use(10);
	use(40000);
	atomic_fetch_add(&prepared, 1);
}

static void parent(void)
{
	use(10);
	use(100000);
	atomic_fetch_add(&in_parent, 1);
}

static void child(void)
{
	int status;

	use(10);
	use(300000);
	if (nested++ == 0) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0)
			exit(3);
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	}
}

static void __attribute__((constructor(101))) early(void)
{
	CHECK(!pthread_atfork(prepare, parent, child));
}

static void *churn(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop))
		use(500);
	return NULL;
}

int main(void)
{
	pthread_t thread;

	CHECK(!pthread_atfork(prepare, parent, child));
	CHECK(!pthread_create(&thread, NULL, churn, NULL));
	for (int i = 0; i < 50; i++) {
		int status;
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			use(700);
			exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	CHECK(atomic_load(&prepared) == 100 && atomic_load(&in_parent) == 100);
	return 0;
}
