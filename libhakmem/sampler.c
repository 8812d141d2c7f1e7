#include "libhakmem/sampler.h"

#include "libhakmem/rng.h"

/* At most about 25,000 samples a second: at 200 ns each, half a percent. */
#define WINDOW_SAMPLES 1024u
#define WINDOW_NS      (UINT64_C(1000000000) * WINDOW_SAMPLES / 25000)

static uint64_t configured;
static uint64_t mean_now;
static uint64_t samples;
static uint64_t window_start_ns;

void sampler_init(uint64_t mean_bytes)
{
	configured = mean_bytes;
	__atomic_store_n(&mean_now, mean_bytes, __ATOMIC_RELAXED);
}

uint64_t sampler_mean(void)
{
	return peek64(&mean_now);
}

/* With u uniform, 1 + floor(ln u / ln(1-p)) is geometric, and ln(1-p) is just
 * -bytes/mean. */
int64_t sampler_draw(uint64_t *random, uint64_t bytes, uint64_t *mean)
{
	*mean = sampler_mean();
	if (*mean == 0)
		return INT64_MAX / 2;
	return (int64_t)(rng_exponential(random, *mean) / (double)bytes) + 1;
}

bool sampler_keep(uint64_t *random, uint64_t bytes, uint64_t largest,
		  uint64_t mean)
{
	if (bytes == largest)
		return true;
	return rng_unit(random) * sampler_chance(largest, mean) <=
	       sampler_chance(bytes, mean);
}

bool sampler_due(void)
{
	uint64_t count = __atomic_add_fetch(&samples, 1, __ATOMIC_RELAXED);

	return count % WINDOW_SAMPLES == 0;
}

void sampler_note(uint64_t now_ns)
{
	uint64_t start = peek64(&window_start_ns);
	uint64_t mean = sampler_mean();
	uint64_t took = now_ns - start;

	__atomic_store_n(&window_start_ns, now_ns, __ATOMIC_RELAXED);
	if (start == 0 || mean == 0)
		return;
	if (took < WINDOW_NS && mean < (UINT64_C(1) << 40))
		mean *= 2;
	else if (took > 4 * WINDOW_NS && mean > configured)
		mean /= 2;
	__atomic_store_n(&mean_now, mean, __ATOMIC_RELAXED);
}

double sampler_chance(uint64_t bytes, uint64_t mean)
{
	double ratio;

	if (mean == 0)
		return 1.0;
	ratio = (double)bytes / (double)mean;
	/* 1 - e^-x loses its digits for small x. */
	if (ratio < 1e-4)
		return ratio - ratio * ratio / 2;
	return 1.0 - rng_exp_neg(ratio);
}
