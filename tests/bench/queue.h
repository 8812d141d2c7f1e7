/* A bounded queue of batches of blocks between threads. Waiting costs no CPU
 * time, so CPU time per operation is the allocator's. */
#ifndef TESTS_BENCH_QUEUE_H
#define TESTS_BENCH_QUEUE_H

#include "tests/bench/bench.h"

#define BATCH_BLOCKS  512u
#define QUEUE_BATCHES 256u /* all of a ring: no put of it ever waits */

struct batch {
	void *blocks[BATCH_BLOCKS];
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct batch *batches[QUEUE_BATCHES];
	size_t first, count;
	bool closed;
	char pad[128];
};

static inline void queue_init(struct queue *q)
{
	*q = (struct queue){0};
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->changed, NULL);
}

/* Waits while the queue is full. */
static inline void queue_put(struct queue *q, struct batch *batch)
{
	pthread_mutex_lock(&q->lock);
	while (q->count == QUEUE_BATCHES)
		pthread_cond_wait(&q->changed, &q->lock);
	q->batches[(q->first + q->count++) % QUEUE_BATCHES] = batch;
	pthread_cond_signal(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

/* Waits while the queue is empty; NULL when it is empty and closed. */
static inline struct batch *queue_get(struct queue *q)
{
	struct batch *batch = NULL;

	pthread_mutex_lock(&q->lock);
	while (q->count == 0 && !q->closed)
		pthread_cond_wait(&q->changed, &q->lock);
	if (q->count) {
		batch = q->batches[q->first];
		q->first = (q->first + 1) % QUEUE_BATCHES;
		q->count--;
		pthread_cond_signal(&q->changed);
	}
	pthread_mutex_unlock(&q->lock);
	return batch;
}

static inline void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

static inline void batch_fill(struct batch *batch, size_t lo, size_t hi,
			      uint64_t *seed)
{
	for (size_t i = 0; i < BATCH_BLOCKS; i++)
		batch->blocks[i] = bench_alloc(bench_between(seed, lo, hi));
}

static inline void batch_free(struct batch *batch)
{
	for (size_t i = 0; i < BATCH_BLOCKS; i++)
		free(batch->blocks[i]);
}

#endif
