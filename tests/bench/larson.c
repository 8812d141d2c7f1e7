/*
 * The server simulation of Larson and Krishnan, "Memory allocation for
 * long-running server applications" (1998), written from its description: each
 * thread owns an array of blocks and replaces random ones by blocks of random
 * size; after some rounds it hands the array to a new thread, which goes on,
 * and ends. So blocks are freed by threads that did not allocate them, and the
 * allocator sees threads come and go.
 */
#include "tests/bench/bench.h"

#define USAGE "THREADS LO HI [BLOCKS ROUNDS]"
#define CHUNK 1000u
#define MOST  256u

struct worker {
	void **blocks;
	size_t count, lo, hi;
	uint64_t life_ops; /* operations of one thread before the hand-over */
	uint64_t seed, ops;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done;
	char pad[128];
};

static volatile bool stop;

static void replace(struct worker *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = bench_between(&w->seed, 0, w->count - 1);

		free(w->blocks[at]);
		w->blocks[at] =
			bench_alloc(bench_between(&w->seed, w->lo, w->hi));
	}
}

static void start(struct worker *w);

static void *run(void *arg)
{
	struct worker *w = arg;
	uint64_t ops = 0;

	while (ops < w->life_ops && !stop) {
		replace(w, CHUNK);
		ops += CHUNK;
	}
	w->ops += ops;
	if (!stop) {
		start(w);
		return NULL;
	}
	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void start(struct worker *w)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, w) != 0)
		bench_die("cannot create a thread");
	pthread_detach(thread);
}

/* The first owner of every array is the main thread, which mixes it well. */
static void prepare(struct worker *w, unsigned n, size_t count, size_t lo,
		    size_t hi)
{
	*w = (struct worker){.count = count, .lo = lo, .hi = hi};
	w->blocks = bench_map(count * sizeof(*w->blocks));
	w->seed = bench_seed(n);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->ended, NULL);
	for (size_t i = 0; i < count; i++)
		w->blocks[i] = bench_alloc(bench_between(&w->seed, lo, hi));
	replace(w, count * 4);
}

int main(int argc, char **argv)
{
	size_t threads = bench_arg(argc, argv, 1, USAGE);
	size_t lo = bench_arg(argc, argv, 2, USAGE);
	size_t hi = bench_arg(argc, argv, 3, USAGE);
	size_t count = argc > 4 ? bench_arg(argc, argv, 4, USAGE) : 1000;
	size_t rounds = argc > 5 ? bench_arg(argc, argv, 5, USAGE) : 100;
	struct worker *workers = bench_map(MOST * sizeof(*workers));
	struct bench b;

	if (threads == 0 || threads > MOST)
		bench_die("1 to %u threads, not %zu", MOST, threads);
	for (unsigned i = 0; i < threads; i++) {
		prepare(&workers[i], i, count, lo, hi);
		workers[i].life_ops = (uint64_t)count * rounds;
	}
	b = bench_begin();
	for (unsigned i = 0; i < threads; i++)
		start(&workers[i]);
	bench_sleep(bench_seconds());
	stop = true;
	for (unsigned i = 0; i < threads; i++) {
		pthread_mutex_lock(&workers[i].lock);
		while (!workers[i].done)
			pthread_cond_wait(&workers[i].ended, &workers[i].lock);
		pthread_mutex_unlock(&workers[i].lock);
		b.ops += workers[i].ops;
	}
	bench_end(&b);
	bench_report(&b, "");
}
