#include "libhakmem/profile/sampler.h"

#include "libhakmem/base/rng.h"

/* At most about 25,000 samples a second: at 200 ns each, half a percent. */
#define WINDOW_SAMPLES 1024u
#define WINDOW_NS      (UINT64_C(1000000000) * WINDOW_SAMPLES / 25000)
#define INTERVAL_MAX   (UINT64_C(1) << 40)

/* A window of the limiter ends after so much unwinding, or so many stacks, or
 * so much time. Above 1 / DEAR of the thread's time R_s doubles; below 1 /
 * CHEAP it may halve, at most once in CALM_NS. */
#define LIMITER_SPENT_NS 500000u
#define LIMITER_STACKS	 64u
#define LIMITER_NS	 UINT64_C(1000000000)
#define DEAR		 100u
#define CHEAP		 400u
#define CALM_NS		 UINT64_C(1000000000)
/* Of threads that end, those that spent so much are measured, of the others so
 * many that each stands for this. */
#define MEASURED_NS 128000u
/* A thread begins with stacks that were never seen; that does not last. */
#define ALLOWANCE_NS UINT64_C(5000000)
#define RELAX_NS     (10 * CALM_NS)

struct sampler {
	uint64_t configured;
	uint64_t interval; /* in force */
};

static struct sampler sampler_histogram, sampler_stack;
/* How often a thread looks whether stacks are turned on again. */
#define OFF_LOOK_BYTES MIB

static uint64_t sampler_samples;
static uint64_t sampler_window_start_ns;
static uint64_t sampler_raised;
static uint64_t sampler_changed_ns; /* when the limiter last changed R_s */
static uint32_t sampler_changes;
static uint64_t sampler_ended_spent_ns,
	sampler_ended_cpu_ns; /* of threads that ended early */

static void sampler_set(struct sampler *stream, uint64_t bytes)
{
	__atomic_store_n(&stream->configured, bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&stream->interval, bytes, __ATOMIC_RELAXED);
}

void sampler_init(uint64_t histogram_bytes, uint64_t stack_bytes)
{
	sampler_set(&sampler_histogram, histogram_bytes);
	sampler_set(&sampler_stack, stack_bytes);
}

void sampler_set_stack(uint64_t bytes)
{
	sampler_set(&sampler_stack, bytes);
	__atomic_fetch_add(&sampler_changes, 1, __ATOMIC_RELAXED);
}

uint64_t sampler_histogram_interval(void)
{
	return peek64(&sampler_histogram.interval);
}

uint64_t sampler_stack_interval(void)
{
	return peek64(&sampler_stack.interval);
}

uint64_t sampler_stack_configured(void)
{
	return peek64(&sampler_stack.configured);
}

uint64_t sampler_limiter_raised(void)
{
	return peek64(&sampler_raised);
}

/* R_c: the smaller interval of the samplers that are on. */
static uint64_t sampler_countdown_interval(void)
{
	uint64_t dense = sampler_histogram_interval();
	uint64_t thin = sampler_stack_interval();

	if (dense == 0 || thin == 0)
		return dense + thin;
	return dense < thin ? dense : thin;
}

/* With u uniform, 1 + floor(ln u / ln(1-p)) is geometric, and ln(1-p) is just
 * -bytes/interval. */
int64_t sampler_draw(uint64_t *random, uint64_t bytes, uint64_t *interval)
{
	double draw;

	*interval = sampler_countdown_interval();
	if (*interval == 0)
		return SAMPLER_DRAW_MAX;
	draw = rng_exponential(random, *interval) / (double)bytes;
	if (draw < SAMPLER_DRAW_MAX)
		return (int64_t)draw + 1;
	*interval = 0;
	return SAMPLER_DRAW_MAX;
}

/* The sampler's interval, or that of the countdown where this was drawn before
 * the sampler became denser. */
static uint64_t sampler_interval_of(const struct sampler *stream,
				    uint64_t drawn)
{
	uint64_t interval = peek64(&stream->interval);

	return interval == 0 || interval > drawn ? interval : drawn;
}

/* No more than sampler_chance, without an exponential. */
static double sampler_chance_at_least(uint64_t bytes, uint64_t interval)
{
	double ratio = (double)bytes / (double)interval;

	return ratio < 1.0 ? ratio - ratio * ratio / 2 : 0.5;
}

static bool sampler_keeps(uint64_t interval, uint64_t bytes, double u)
{
	return interval != 0 && u <= sampler_chance(bytes, interval);
}

/*
 * One u for both: kept where u p(largest, R_c) <= p(bytes, R). Most draws are
 * for the histogram alone, which is seen from bounds: p(Z, R) <= Z/R.
 */
bool sampler_split(uint64_t *random, uint64_t bytes, uint64_t largest,
		   uint64_t interval, struct sampler_split *out)
{
	double u;

	*out = (struct sampler_split){0, 0};
	if (interval == 0)
		return false;
	u = rng_unit(random);
	out->histogram = sampler_interval_of(&sampler_histogram, interval);
	out->stack = sampler_interval_of(&sampler_stack, interval);
	if (out->stack != 0 && u * sampler_chance_at_least(largest, interval) *
					       (double)out->stack >
				       (double)bytes)
		out->stack = 0;
	if (bytes == largest && out->histogram == interval && out->stack == 0)
		return true;
	u *= sampler_chance(largest, interval);
	if (!sampler_keeps(out->histogram, bytes, u))
		out->histogram = 0;
	if (!sampler_keeps(out->stack, bytes, u))
		out->stack = 0;
	return out->histogram != 0 || out->stack != 0;
}

uint64_t sampler_bypass(struct sampler_thread *thread, uint64_t *random,
			uint64_t bytes)
{
	uint64_t interval = sampler_stack_interval();

	if (interval == 0) {
		/* They may be turned on meanwhile. */
		thread->bypass_interval = 0;
		thread->bypass_until = OFF_LOOK_BYTES;
		return 0;
	}
	if (thread->bypass_interval != interval) {
		thread->bypass_interval = interval;
		thread->bypass_until =
			(uint64_t)rng_exponential(random, interval) + 1;
	}
	if (bytes < thread->bypass_until) {
		thread->bypass_until -= bytes;
		return 0;
	}
	thread->bypass_until = (uint64_t)rng_exponential(random, interval) + 1;
	return interval;
}

bool sampler_due(void)
{
	uint64_t count =
		__atomic_add_fetch(&sampler_samples, 1, __ATOMIC_RELAXED);

	return count % WINDOW_SAMPLES == 0;
}

void sampler_note(uint64_t now_ns)
{
	uint64_t start = peek64(&sampler_window_start_ns);
	uint64_t interval = sampler_histogram_interval();
	uint64_t took = now_ns - start;

	__atomic_store_n(&sampler_window_start_ns, now_ns, __ATOMIC_RELAXED);
	if (start == 0 || interval == 0)
		return;
	if (took < WINDOW_NS && interval < INTERVAL_MAX)
		interval *= 2;
	else if (took > 4 * WINDOW_NS &&
		 interval > sampler_histogram.configured)
		interval /= 2;
	__atomic_store_n(&sampler_histogram.interval, interval,
			 __ATOMIC_RELAXED);
}

/* One change at a time: who comes second did not measure the first. */
static bool sampler_change_stack(uint64_t before, uint64_t after,
				 uint64_t now_ns)
{
	if (!__atomic_compare_exchange_n(&sampler_stack.interval, &before,
					 after, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED))
		return false;
	__atomic_store_n(&sampler_changed_ns, now_ns, __ATOMIC_RELAXED);
	__atomic_fetch_add(&sampler_changes, 1, __ATOMIC_RELAXED);
	return true;
}

static void sampler_fall_back(uint64_t now_ns)
{
	uint64_t interval = sampler_stack_interval();
	uint64_t floor = sampler_stack_configured();

	if (interval > floor)
		sampler_change_stack(
			interval, interval / 2 > floor ? interval / 2 : floor,
			now_ns);
}

bool sampler_spent(struct sampler_thread *thread, uint64_t ns, uint64_t now_ns)
{
	if (thread->window_ns == 0) {
		thread->window_ns = now_ns;
		thread->changes =
			__atomic_load_n(&sampler_changes, __ATOMIC_RELAXED);
	}
	thread->spent_ns += ns;
	thread->total_ns += ns;
	thread->stacks++;
	return thread->spent_ns >= LIMITER_SPENT_NS ||
	       thread->stacks >= LIMITER_STACKS ||
	       now_ns - thread->window_ns >= LIMITER_NS;
}

void sampler_limit(struct sampler_thread *thread, uint64_t cpu_ns,
		   uint64_t now_ns)
{
	uint64_t interval = sampler_stack_interval();
	uint64_t took = cpu_ns - thread->cpu_ns, spent = thread->spent_ns;
	uint32_t now_changes =
		__atomic_load_n(&sampler_changes, __ATOMIC_RELAXED);
	bool measured = thread->changes == now_changes;

	thread->spent_ns = 0;
	thread->stacks = 0;
	thread->cpu_ns = cpu_ns;
	thread->window_ns = now_ns;
	thread->changes = now_changes;
	if (interval == 0 || !measured)
		return;
	if (spent > took / DEAR &&
	    thread->total_ns > cpu_ns / DEAR + ALLOWANCE_NS) {
		if (interval < INTERVAL_MAX &&
		    sampler_change_stack(interval, interval * 2, now_ns))
			count64(&sampler_raised, 1);
	} else if (spent < took / CHEAP &&
		   now_ns - peek64(&sampler_changed_ns) >= CALM_NS) {
		sampler_fall_back(now_ns);
	}
	/* The next window measures what this one changed. */
	thread->changes = __atomic_load_n(&sampler_changes, __ATOMIC_RELAXED);
}

bool sampler_measures(const struct sampler_thread *thread, uint64_t *random)
{
	return thread->spent_ns != 0 &&
	       rng_next(random) % MEASURED_NS < thread->spent_ns;
}

/* A thread that was chosen with a chance stands for the others of its kind. */
void sampler_ended(const struct sampler_thread *thread, uint64_t cpu_ns,
		   uint64_t now_ns)
{
	uint64_t weighed =
		thread->spent_ns > MEASURED_NS ? thread->spent_ns : MEASURED_NS;
	double weight = (double)weighed / (double)thread->spent_ns;
	uint64_t took = __atomic_add_fetch(
		&sampler_ended_cpu_ns,
		(uint64_t)((double)(cpu_ns - thread->cpu_ns) * weight),
		__ATOMIC_RELAXED);
	uint64_t spent = __atomic_add_fetch(&sampler_ended_spent_ns, weighed,
					    __ATOMIC_RELAXED);
	uint64_t interval = sampler_stack_interval();

	if (spent < LIMITER_SPENT_NS)
		return;
	uncount64(&sampler_ended_cpu_ns, took);
	uncount64(&sampler_ended_spent_ns, spent);
	if (spent > took / DEAR && interval != 0 && interval < INTERVAL_MAX &&
	    sampler_change_stack(interval, interval * 2, now_ns))
		count64(&sampler_raised, 1);
}

void sampler_relax(uint64_t now_ns)
{
	if (now_ns - peek64(&sampler_changed_ns) >= RELAX_NS)
		sampler_fall_back(now_ns);
}

double sampler_chance(uint64_t bytes, uint64_t interval)
{
	double ratio;

	if (interval == 0)
		return 1.0;
	ratio = (double)bytes / (double)interval;
	/* 1 - e^-x loses its digits for small x. */
	if (ratio < 1e-4)
		return ratio - ratio * ratio / 2;
	return 1.0 - rng_exp_neg(ratio);
}
