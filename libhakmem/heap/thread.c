#include "libhakmem/heap/thread.h"

#include "libhakmem/base/clock.h"
#include "libhakmem/heap/boot.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/base/lock.h"
#include "libhakmem/base/meta.h"
#include "libhakmem/base/rng.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/memory/span.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MISSES_PER_LOOK 8u
/* ThreadSanitizer's own end of a thread is in the last round. */
#define EXIT_ROUNDS (TSAN_BUILD ? 1u : 3u)

struct lock thread_lock;
static struct cache *thread_living;   /* doubly linked */
static struct cache *thread_recycled; /* through next */
static uint64_t thread_live_threads, thread_total_threads;

/* Operations of ended threads and of those without a cache. A recount may make
 * an entry wrap below 0; the sums come out right. */
static uint64_t thread_retired_allocs[SIZECLASS_MAX];
static uint64_t thread_retired_frees[SIZECLASS_MAX];

static pthread_key_t thread_exit_key;
static bool thread_exit_key_ready;
static bool thread_main_ended;
static bool thread_some_ended; /* since the last tick */
static __thread bool thread_ended;
static __thread uint8_t thread_exit_round;

static uint64_t thread_tick_ns;
static uint32_t thread_tick_number;
static void (*thread_poll_hook)(uint64_t now_ns);

static struct cache *thread_new_cache(void)
{
	struct cache *cache;

	lock_acquire(&thread_lock, LOCK_THREADS);
	cache = thread_recycled;
	if (cache)
		thread_recycled = cache->next;
	else
		cache = meta_alloc(sizeof(*cache));
	if (cache) {
		cache->sample.thread_number = ++thread_total_threads;
		cache->prev = NULL;
		cache->next = thread_living;
		if (thread_living)
			thread_living->prev = cache;
		thread_living = cache;
		cache_share(++thread_live_threads);
	}
	lock_release(&thread_lock, LOCK_THREADS);
	return cache;
}

void thread_redraw(struct cache *cache, unsigned class)
{
	uint64_t interval;
	int64_t requests = sampler_draw(&cache->sample.random,
					sizeclass_table[class].high, &interval);

	cache_redraw(cache, class, requests, interval);
}

COLD void thread_begin_row_now(struct cache *cache, unsigned class)
{
	/* A countdown that another thread left off goes on. */
	if (cache->cold[class].sample_interval == 0)
		thread_redraw(cache, class);
	cache_begin(cache, class);
}

static COLD struct cache *thread_begin(void)
{
	struct cache *cache;

	if (thread_ended || !boot_ready())
		return NULL;
	cache = thread_new_cache();
	if (!cache)
		return NULL;
	cache->sample.random = boot_random() ^ (cache->sample.thread_number *
						0x9E3779B97F4A7C15u);
	if (cache->sample.random == 0)
		cache->sample.random = 1;
	rng_next(&cache->sample.random);
	cache->tick = __atomic_load_n(&thread_tick_number, __ATOMIC_RELAXED);
	cache_self = cache;
	/* May allocate: the cache is in place. */
	if (__atomic_load_n(&thread_exit_key_ready, __ATOMIC_ACQUIRE))
		pthread_setspecific(thread_exit_key, cache);
	return cache;
}

struct cache *thread_cache(void)
{
	struct cache *cache = cache_self;

	return likely(!cache_is_none(cache)) ? cache : thread_begin();
}

static void thread_retire_counts(struct cache *cache)
{
	unsigned i = cache_next_used(cache, 0);

	for (; i < sizeclass_count; i = cache_next_used(cache, i + 1)) {
		count64(&thread_retired_allocs[i], cache_allocs(cache, i));
		count64(&thread_retired_frees[i], cache_frees(cache, i));
	}
}

static void thread_unlink_cache(struct cache *cache)
{
	if (cache->next)
		cache->next->prev = cache->prev;
	if (cache->prev)
		cache->prev->next = cache->next;
	else
		thread_living = cache->next;
	cache_share(--thread_live_threads);
}

/* Cleared, so that a reader of a recycled cache counts nothing twice. */
static void thread_recycle(struct cache *cache)
{
	thread_retire_counts(cache);
	thread_unlink_cache(cache);
	cache_clear(cache);
	cache->next = thread_recycled;
	thread_recycled = cache;
}

/* The key's destructor. Others may run after ours and still use the heap, so
 * come back a few rounds later. */
static void thread_end(void *arg)
{
	struct cache *cache = arg;

	if (++thread_exit_round <= EXIT_ROUNDS &&
	    pthread_setspecific(thread_exit_key, cache) == 0)
		return;
	thread_ended = true;
	if (syscall(SYS_gettid) == getpid())
		__atomic_store_n(&thread_main_ended, true, __ATOMIC_RELAXED);
	if (sampler_measures(&cache->sample, &cache->sample.random))
		sampler_ended(&cache->sample, clock_thread(), clock_coarse());
	cache_hand_in(cache);
	__atomic_store_n(&thread_some_ended, true, __ATOMIC_RELAXED);
	cache_self = (struct cache *)(uintptr_t)&cache_none;
	lock_acquire(&thread_lock, LOCK_THREADS);
	thread_recycle(cache);
	lock_release(&thread_lock, LOCK_THREADS);
}

void thread_watch_exits(void)
{
	if (pthread_key_create(&thread_exit_key, thread_end) != 0)
		return;
	/* release: pairs with the acquire in begin */
	__atomic_store_n(&thread_exit_key_ready, true, __ATOMIC_RELEASE);
	if (!cache_is_none(cache_self))
		pthread_setspecific(thread_exit_key, cache_self);
}

void thread_set_hook(void (*hook)(uint64_t now_ns))
{
	__atomic_store_n(&thread_poll_hook, hook, __ATOMIC_RELEASE);
}

/* Takes the spare chains of threads that did not come by for a whole tick; what
 * is in their rows is theirs alone. */
static void thread_drain_idle(uint32_t number)
{
	lock_acquire(&thread_lock, LOCK_THREADS);
	for (struct cache *cache = thread_living; cache; cache = cache->next) {
		uint32_t last = peek32(&cache->tick);

		if (number - last < 2 || cache->drained == last)
			continue;
		cache->drained = last;
		cache_drain_spares(cache);
	}
	lock_release(&thread_lock, LOCK_THREADS);
}

/* Once a tick a cache gives back what it did not need. */
static void thread_take_part(struct cache *cache, uint32_t number)
{
	if (cache->tick == number)
		return;
	cache->tick = number;
	cache_drain(cache, false);
}

void thread_tick(uint64_t now_ns)
{
	uint64_t last = peek64(&thread_tick_ns);
	uint32_t number;
	bool all;

	if (now_ns - last < (uint64_t)conf.tick_ms * 1000000u ||
	    !__atomic_compare_exchange_n(&thread_tick_ns, &last, now_ns, false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	number = __atomic_add_fetch(&thread_tick_number, 1, __ATOMIC_RELAXED);
	/* What comes free now has been idle for a tick: it need not wait for
	 * another. */
	span_set_tick(number - 2);
	thread_drain_idle(number);
	if (!cache_is_none(cache_self))
		thread_take_part(cache_self, number);
	/* What ended threads worked with is seldom what the others need. */
	all = __atomic_exchange_n(&thread_some_ended, false, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < sizeclass_count; i++)
		central_drain(i, all);
	span_set_tick(number);
	span_purge(number - 1);
}

static NOINLINE void thread_poll_clock(struct cache *cache)
{
	uint64_t now_ns = clock_coarse();
	void (*hook)(uint64_t);
	uint32_t number;

	cache->misses = 0;
	thread_tick(now_ns);
	number = __atomic_load_n(&thread_tick_number, __ATOMIC_RELAXED);
	thread_take_part(cache, number);
	/* acquire: pairs with thread_set_hook */
	hook = __atomic_load_n(&thread_poll_hook, __ATOMIC_ACQUIRE);
	if (hook)
		hook(now_ns);
}

void thread_poll(struct cache *cache)
{
	if (unlikely(++cache->misses >= MISSES_PER_LOOK))
		thread_poll_clock(cache);
}

/* The kernel keeps an ended main thread in the count until the others go. */
bool thread_all_ended(void)
{
	char text[512];
	const char *at;
	ssize_t length = 0;
	int fd;

	if (!__atomic_load_n(&thread_main_ended, __ATOMIC_RELAXED))
		return false;
	fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		length = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[length > 0 ? length : 0] = '\0';
	at = strrchr(text, ')');
	/* pid (name) state ppid ... : the count is the 18th after the name */
	for (int field = 0; at && field < 18; field++)
		at = strchr(at + 1, ' ');
	return at && strncmp(at, " 2 ", 3) == 0;
}

void thread_drain_all(void)
{
	if (!cache_is_none(cache_self))
		cache_drain(cache_self, true);
	for (unsigned i = 0; i < sizeclass_count; i++)
		central_drain(i, true);
}

COLD void thread_reclaim(void)
{
	thread_drain_all();
	span_release_ends();
}

struct block *thread_take_direct(unsigned class)
{
	struct chain chain = central_fetch(class, 1);
	struct block *block = chain.head;

	if (!block)
		return NULL;
	chain.head = block->next;
	chain.count--;
	central_stash(class, chain);
	block->key = 0;
	thread_count_alloc(class);
	return block;
}

void thread_count_alloc(unsigned class)
{
	count64(&thread_retired_allocs[class], 1);
}

void thread_count_free(unsigned class)
{
	count64(&thread_retired_frees[class], 1);
}

void thread_recount_free(unsigned from, unsigned to)
{
	uncount64(&thread_retired_frees[from], 1);
	count64(&thread_retired_frees[to], 1);
}

static void thread_add_cache(struct thread_sums *out, const struct cache *cache)
{
	unsigned i = cache_next_used(cache, 0);

	for (; i < sizeclass_count; i = cache_next_used(cache, i + 1)) {
		out->allocs[i] += cache_allocs(cache, i);
		out->frees[i] += cache_frees(cache, i);
		out->cached_bytes +=
			cache_held(cache, i) * sizeclass_table[i].stride;
	}
}

void thread_sum(struct thread_sums *out)
{
	memset(out, 0, sizeof(*out));
	lock_acquire(&thread_lock, LOCK_THREADS);
	for (unsigned i = 0; i < sizeclass_count; i++) {
		out->allocs[i] = peek64(&thread_retired_allocs[i]);
		out->frees[i] = peek64(&thread_retired_frees[i]);
	}
	for (struct cache *cache = thread_living; cache; cache = cache->next)
		thread_add_cache(out, cache);
	out->live_threads = thread_live_threads;
	out->total_threads = thread_total_threads;
	lock_release(&thread_lock, LOCK_THREADS);
}

/* The other threads are gone. What they held in their rows may be half
 * linked, so those few blocks are lost to the child; their counts are kept. */
void thread_reset(void)
{
	struct cache *cache = thread_living, *next;

	for (; cache; cache = next) {
		next = cache->next;
		if (cache != cache_self)
			thread_recycle(cache);
		else /* another thread, for the kernel */
			cache->sample.id = 0;
	}
}
