#include "libhakmem/heap/boot.h"

#include "libhakmem/base/clock.h"
#include "libhakmem/memory/arena.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/base/lock.h"
#include "libhakmem/profile/profile.h"
#include "libhakmem/base/rng.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/memory/sizeclass.h"

#include <unistd.h>

struct lock boot_lock;
static bool boot_is_ready;
static bool boot_early;
static uint64_t boot_began_ns;
static uint64_t boot_random_state;

/* Without a stream nobody would read the stacks. */
void boot_sampling(void)
{
	sampler_init(conf.histogram_bytes, conf.stream ? conf.sample_bytes : 0);
}

static bool boot(void)
{
	boot_began_ns = clock_now();
	boot_early = environ == NULL;
	conf_load(environ);
	boot_random_state = rng_seed();
	header_secret = (uint32_t)rng_next(&boot_random_state) | 1;
	if (!arena_init(rng_next(&boot_random_state)))
		return false;
	boot_sampling();
	sizeclass_init();
	profile_init(rng_next(&boot_random_state));
	return true;
}

bool boot_ready(void)
{
	/* acquire: pairs with the release below */
	if (likely(__atomic_load_n(&boot_is_ready, __ATOMIC_ACQUIRE)))
		return true;
	lock_acquire(&boot_lock, LOCK_INIT);
	if (!boot_is_ready && boot())
		__atomic_store_n(&boot_is_ready, true, __ATOMIC_RELEASE);
	lock_release(&boot_lock, LOCK_INIT);
	return boot_is_ready;
}

uint64_t boot_time_ns(void)
{
	return boot_began_ns;
}

uint64_t boot_random(void)
{
	return boot_random_state;
}

bool boot_was_early(void)
{
	return boot_early;
}
