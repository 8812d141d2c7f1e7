/* One thread allocates, another frees, 512 blocks at a time; at most 16
 * batches are on their way. */
#include "tests/bench/queue.h"

#define USAGE	"LO HI"
#define BATCHES 16u

static struct queue full, empty;
static volatile bool stop;
static size_t lo, hi;

static void *produce(void *arg)
{
	uint64_t seed = bench_seed(2);

	(void)arg;
	while (!stop) {
		struct batch *batch = queue_get(&empty);

		batch_fill(batch, lo, hi, &seed);
		queue_put(&full, batch);
	}
	queue_close(&full);
	return NULL;
}

static void *consume(void *arg)
{
	struct batch *batch;

	while ((batch = queue_get(&full))) {
		batch_free(batch);
		*(uint64_t *)arg += BATCH_BLOCKS;
		queue_put(&empty, batch);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct batch *batches = bench_map(BATCHES * sizeof(*batches));
	pthread_t threads[2];
	struct bench b;

	lo = bench_arg(argc, argv, 1, USAGE);
	hi = bench_arg(argc, argv, 2, USAGE);
	queue_init(&full);
	queue_init(&empty);
	for (unsigned i = 0; i < BATCHES; i++)
		queue_put(&empty, &batches[i]);
	b = bench_begin();
	if (pthread_create(&threads[0], NULL, produce, NULL) ||
	    pthread_create(&threads[1], NULL, consume, &b.ops))
		bench_die("cannot create a thread");
	bench_sleep(bench_seconds());
	stop = true;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	bench_end(&b);
	bench_report(&b, "");
}
