/*
 * Threads churn checked blocks while the main thread forks without a pause;
 * the children check what they inherited, churn on, start threads of their
 * own, fork once more and exit normally.
 *
 * usage: forks [SECONDS [THREADS [SEED]]]
 *
 * args: 4
 */
#include <pthread.h>
#include <sys/wait.h>

#include "tests/stress/blocks.h"

enum { POOL = 300, AT_ONCE = 8 };

static atomic_int stop;
static uint64_t seed = 1;

static void churn(struct live *pool, uint64_t *state, int steps)
{
	for (int i = 0; i < steps; i++) {
		uint64_t r = draw(state);
		struct live *block = &pool[r % POOL];

		if (!block->ptr)
			*block = block_new(state);
		else if (r >> 60 < 4)
			block_resize(block, state);
		else
			block_free(block);
	}
}

static void clear(struct live *pool)
{
	for (int i = 0; i < POOL; i++)
		if (pool[i].ptr)
			block_free(&pool[i]);
}

static void *live(void *number)
{
	struct live pool[POOL] = {0};
	uint64_t state = mix(seed + (uintptr_t)number);

	while (!atomic_load(&stop))
		churn(pool, &state, 100);
	clear(pool);
	return NULL;
}

static void *live_a_little(void *unused)
{
	struct live pool[POOL] = {0};
	uint64_t state = 99;

	churn(pool, &state, 200);
	clear(pool);
	return unused;
}

/* What each child does before it forks or ends. */
static void child_work(struct live *pool, uint64_t *state)
{
	pthread_t thread;

	alarm(120);
	for (int i = 0; i < POOL; i++)
		if (pool[i].ptr)
			block_verify(&pool[i]);
	CHECK(!pthread_create(&thread, NULL, live_a_little, NULL));
	churn(pool, state, 300);
	CHECK(!pthread_join(thread, NULL));
}

static void child(struct live *pool, uint64_t state)
{
	int status;
	pid_t pid;

	child_work(pool, &state);
	CHECK((pid = fork()) >= 0);
	child_work(pool, &state);
	clear(pool);
	if (pid > 0)
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	exit(0);
}

static int reap(int flags)
{
	int status;
	pid_t pid = waitpid(-1, &status, flags);

	if (pid <= 0)
		return 0;
	CHECK(status == 0);
	return 1;
}

int main(int argc, char **argv)
{
	enum { MOST = 16 };
	pthread_t threads[MOST];
	static struct live pool[POOL];
	long deadline = now_ms() + 1000 * (argc > 1 ? atol(argv[1]) : 4);
	int count = argc > 2 ? atoi(argv[2]) : 3, running = 0;
	uint64_t state;

	CHECK(count > 0 && count <= MOST);
	seed = argc > 3 ? strtoul(argv[3], NULL, 0) : 1;
	state = mix(seed);
	for (uintptr_t i = 0; i < (uintptr_t)count; i++)
		CHECK(!pthread_create(&threads[i], NULL, live,
				      (void *)(i + 1)));
	while (now_ms() < deadline) {
		pid_t pid;

		churn(pool, &state, 100);
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0)
			child(pool, state + 7);
		for (running++; running >= AT_ONCE; running--)
			CHECK(reap(0));
	}
	while (running-- > 0)
		CHECK(reap(0));
	atomic_store(&stop, 1);
	for (int i = 0; i < count; i++)
		CHECK(!pthread_join(threads[i], NULL));
	clear(pool);
	return 0;
}
