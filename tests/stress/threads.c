/*
 * Many threads churn checked blocks and hand them to each other through a
 * shared mailbox; threads end and are replaced all the time.
 *
 * usage: threads [SECONDS [THREADS [SEED]]]
 *
 * args: 4
 */
#include <pthread.h>

#include "tests/stress/blocks.h"

enum { POOL = 1500, MAILBOX = 256, GENERATION = 60000 };

/* A slot holds a pointer to a heap copy of a struct live, or NULL. */
static _Atomic(struct live *) mailbox[MAILBOX];
static long deadline;
static uint64_t seed = 1;

static void post(struct live *block, uint64_t r)
{
	struct live *letter = malloc(sizeof(*letter)), *old;

	CHECK(letter);
	*letter = *block;
	block->ptr = NULL;
	old = atomic_exchange_explicit(&mailbox[r % MAILBOX], letter,
				       memory_order_acq_rel);
	if (old) {
		block_free(old);
		free(old);
	}
}

static void step(struct live *pool, uint64_t *state)
{
	uint64_t r = draw(state);
	struct live *block = &pool[r % POOL];

	r >>= 16;
	if (!block->ptr)
		*block = block_new(state);
	else if (r % 16 < 3)
		block_resize(block, state);
	else if (r % 16 < 5)
		post(block, r >> 8);
	else if (r % 16 < 7)
		block_verify(block);
	else
		block_free(block);
}

static void *churn(void *number)
{
	static atomic_ulong generation;
	uint64_t state = mix(seed + (uintptr_t)number) +
			 atomic_fetch_add(&generation, 1);
	struct live *pool = calloc(POOL, sizeof(*pool));

	CHECK(pool);
	for (int i = 0; i < GENERATION && now_ms() < deadline; i++)
		step(pool, &state);
	for (int i = 0; i < POOL; i++)
		if (pool[i].ptr)
			block_free(&pool[i]);
	free(pool);
	return NULL;
}

int main(int argc, char **argv)
{
	enum { MOST = 64 };
	pthread_t threads[MOST];
	long seconds = argc > 1 ? atol(argv[1]) : 4;
	int count = argc > 2 ? atoi(argv[2]) : 8;

	CHECK(count > 0 && count <= MOST && seconds > 0);
	if (argc > 3)
		seed = strtoul(argv[3], NULL, 0);
	deadline = now_ms() + seconds * 1000;
	for (uintptr_t i = 0; i < (uintptr_t)count; i++)
		CHECK(!pthread_create(&threads[i], NULL, churn, (void *)i));
	for (int i = 0; now_ms() < deadline; i = (i + 1) % count) {
		CHECK(!pthread_join(threads[i], NULL));
		CHECK(!pthread_create(&threads[i], NULL, churn,
				      (void *)(uintptr_t)i));
	}
	for (int i = 0; i < count; i++)
		CHECK(!pthread_join(threads[i], NULL));
	for (int i = 0; i < MAILBOX; i++)
		if (mailbox[i]) {
			block_free(mailbox[i]);
			free(mailbox[i]);
		}
	return 0;
}
