/* Threads in a ring: each allocates batches for the next one and frees those
 * of the one before. A few batches are in each queue from the start, so that
 * no thread waits for every turn of its neighbor. */
#include "tests/bench/queue.h"

#define USAGE "THREADS LO HI"
#define MOST  64u
#define AHEAD 4u
_Static_assert(MOST *AHEAD <= QUEUE_BATCHES, "all in one queue");

static struct queue queues[MOST];
static size_t threads, lo, hi;
static volatile bool stop;

struct member {
	unsigned n;
	uint64_t ops, seed;
	char pad[128];
};

static void *turn(void *arg)
{
	struct member *m = arg;
	struct batch *batch;

	while (!stop && (batch = queue_get(&queues[m->n]))) {
		batch_free(batch);
		batch_fill(batch, lo, hi, &m->seed);
		m->ops += BATCH_BLOCKS;
		queue_put(&queues[(m->n + 1) % threads], batch);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct member *members = bench_map(MOST * sizeof(*members));
	struct batch *batches = bench_map(MOST * AHEAD * sizeof(*batches));
	pthread_t ids[MOST];
	struct bench b;

	threads = bench_arg(argc, argv, 1, USAGE);
	lo = bench_arg(argc, argv, 2, USAGE);
	hi = bench_arg(argc, argv, 3, USAGE);
	if (threads == 0 || threads > MOST)
		bench_die("1 to %u threads, not %zu", MOST, threads);
	for (unsigned i = 0; i < threads; i++) {
		members[i].n = i;
		members[i].seed = bench_seed(i);
		queue_init(&queues[i]);
		for (unsigned k = 0; k < AHEAD; k++) {
			struct batch *batch = &batches[i * AHEAD + k];

			batch_fill(batch, lo, hi, &members[i].seed);
			queue_put(&queues[i], batch);
		}
	}
	b = bench_begin();
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, turn, &members[i]))
			bench_die("cannot create a thread");
	bench_sleep(bench_seconds());
	stop = true;
	for (unsigned i = 0; i < threads; i++)
		queue_close(&queues[i]);
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		b.ops += members[i].ops;
	}
	bench_end(&b);
	bench_report(&b, "");
}
