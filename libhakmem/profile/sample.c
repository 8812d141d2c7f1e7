#include "libhakmem/profile/sample.h"

#include "libhakmem/base/clock.h"
#include "libhakmem/unwind/module.h"
#include "libhakmem/unwind/unwind.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* No unwind takes longer by itself: what does was preempted meanwhile, and says
 * nothing of what it costs the thread. */
#define COST_MAX_NS 250000u
/* What comes after the unwind, until the block is freed: measured once, as two
 * more looks at the clock would be a fifth of it. */
#define RECORD_NS 300u

/* A thread may change its name: it is asked for again after a second. */
static void sample_identify(struct sampler_thread *thread, uint64_t now_ns)
{
	if (thread->named_ns != 0 && now_ns - thread->named_ns < CLOCK_SECOND)
		return;
	thread->named_ns = now_ns;
	if (thread->id == 0)
		thread->id = (uint32_t)syscall(SYS_gettid);
	prctl(PR_GET_NAME, thread->name);
}

static void sample_limit(struct sampler_thread *thread, uint64_t ns,
			 uint64_t now_ns)
{
	if (sampler_spent(thread, min_size(ns, COST_MAX_NS), now_ns))
		sampler_limit(thread, clock_thread(), now_ns);
}

static uint32_t sample_intern(struct unwind_stack *stack)
{
	uint32_t site;

	for (uint32_t i = 0; i < stack->depth; i++)
		if (stack->module[i] == MODULE_UNKNOWN)
			stack->module[i] = MODULE_NONE;
	site = site_intern(&(struct frames){.pcs = stack->pc,
					    .modules = stack->module,
					    .count = stack->depth,
					    .truncated = stack->truncated});
	if (site != SITE_NO_STACK)
		unwind_name_site(stack, site);
	return site;
}

/* The site of whoever called into this library. */
static NOINLINE uint32_t sample_find_site(struct sampler_thread *thread,
					  uint64_t now_ns)
{
	struct unwind_stack stack;

	if (!unwind_here(&stack))
		return SITE_NO_STACK;
	sample_limit(thread, stack.cost_ns + RECORD_NS, now_ns);
	return stack.site != 0 ? stack.site : sample_intern(&stack);
}

static void sample_describe(struct sampler_thread *thread,
			    struct site_sample *who)
{
	uint64_t now_ns = clock_now();
	int saved = errno;

	who->site = sample_find_site(thread, now_ns);
	sample_identify(thread, now_ns);
	who->now_ns = now_ns;
	who->thread = thread->id;
	who->thread_number = thread->thread_number;
	who->name = thread->name;
	errno = saved;
}

bool sample_row(struct sampler_thread *thread, size_t n, unsigned class,
		uint64_t interval, struct profile_sample *out)
{
	size_t largest = sizeclass_table[class].high;

	if (!sampler_split(&thread->random, n, largest, interval,
			   &out->intervals))
		return false;
	out->bytes = n;
	out->class = class;
	if (out->intervals.histogram != 0 && sampler_due())
		sampler_note(clock_now());
	if (out->intervals.stack != 0)
		sample_describe(thread, &out->who);
	return true;
}

bool sample_bypass(struct sampler_thread *thread, size_t n, unsigned class,
		   struct profile_sample *out)
{
	uint64_t interval;

	interval = sampler_bypass(thread, &thread->random, n);
	if (interval == 0)
		return false;
	out->bytes = n;
	out->class = class;
	out->intervals = (struct sampler_split){.stack = interval};
	sample_describe(thread, &out->who);
	return true;
}

bool sample_add(struct profile_sample *sample, const void *ptr)
{
	return profile_add(ptr, sample);
}

void sample_free(const void *ptr)
{
	profile_remove(ptr, clock_now);
}
