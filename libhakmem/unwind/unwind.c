#include "libhakmem/unwind/unwind.h"

#include "libhakmem/base/clock.h"
#include "libhakmem/unwind/dwarf.h"
#include "libhakmem/unwind/quiesce.h"
#include "libhakmem/unwind/module.h"
#include "libhakmem/unwind/object.h"
#include "libhakmem/unwind/walk.h"

#include <errno.h>
#include <link.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>

#define OWN_FRAMES  24u		/* the most of ours between caller and here */
#define OWN_BYTES   (16 * KIB)	/* the largest of them */
#define WAIT_NS	    100000000u	/* for unwindings under way, at most */
#define START_BYTES (256 * KIB) /* of stack, for dlopen */
#define HIT_SHARE   64u		/* one hit in so many is timed */

static bool unwind_on;
static uintptr_t unwind_own_start, unwind_own_end; /* text of this library */

static bool unwind_waited_in_vain;

static struct unwind_counts unwind_counters;

/* Where this thread is inside; 0: it is not. */
static __thread uintptr_t unwind_inside;
static __thread uint32_t unwind_hit_turn;

bool unwind_busy(void)
{
	return unwind_inside != 0;
}

static void unwind_leave(void)
{
	/* For handlers of this thread only. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	unwind_inside = 0;
}

/* A handler that cut into an unwinding left by a jump: what it calls itself
 * would stand below the frame that was inside. */
static bool unwind_abandoned(uintptr_t here)
{
	return here >= unwind_inside &&
	       here - unwind_inside <
		       stack_around(unwind_inside).high - unwind_inside;
}

static bool unwind_enter(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (unlikely(unwind_inside != 0)) {
		if (!unwind_abandoned(here))
			return false;
		stackcache_abandon();
		walk_abandon();
	}
	/* acquire: pairs with the release in unwind_arm */
	if (!__atomic_load_n(&unwind_on, __ATOMIC_ACQUIRE))
		return false;
	unwind_inside = here;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return true;
}

static bool unwind_compare(const struct unwind_stack *a,
			   const struct unwind_stack *b)
{
	bool same = a->depth == b->depth && a->truncated == b->truncated;

	for (uint32_t i = 0; same && i < a->depth; i++)
		same = a->pc[i] == b->pc[i] && a->module[i] == b->module[i];
	return same;
}

/* Debug builds believe neither memory nor rules. */
static NOINLINE void unwind_check(const struct stackcache_key *key,
				  const struct unwind_stack *told)
{
	struct unwind_stack plain;

	if (!quiesce_is_unloading() && walk(key, WALK_PLAIN, &plain) &&
	    !quiesce_is_unloading() && !unwind_compare(told, &plain))
		__builtin_trap();
}

static bool unwind_is_hit(const struct stackcache_key *key,
			  struct unwind_stack *out)
{
	bool timed = ++unwind_hit_turn % HIT_SHARE == 0;
	uint64_t begin = timed ? clock_now() : 0;

	if (!stackcache_find(key, out))
		return false;
	out->hit = true;
	out->cost_ns = timed ? (uint32_t)(clock_now() - begin) * HIT_SHARE : 0;
	count64(&unwind_counters.hit, 1);
	if (DEBUG_BUILD)
		unwind_check(key, out);
	if (out->site != 0)
		out->depth = 0;
	return true;
}

static bool unwind_is_miss(const struct stackcache_key *key, bool keep,
			   struct unwind_stack *out)
{
	uint64_t begin = clock_now();

	if (!walk(key, keep ? WALK_KEEP : 0, out))
		return false;
	out->hit = false;
	out->cost_ns = (uint32_t)(clock_now() - begin);
	count64(&unwind_counters.miss, 1);
	if (DEBUG_BUILD && !out->truncated)
		unwind_check(key, out);
	return true;
}

/* What a frame's caller looked like just after the call. */
static struct stackcache_key unwind_leaf_of(const uintptr_t *frame)
{
	struct stackcache_key key = {.pc = frame[1] - 1,
				     .sp = (uintptr_t)(frame + 2),
				     .fp = frame[0]};

	key.high = stack_around(key.sp).high;
	return key;
}

static bool unwind(const void *frame, bool cached, struct unwind_stack *out)
{
	bool done = false;

	if (unwind_enter()) {
		struct stackcache_key key = unwind_leaf_of(frame);

		done = (cached && unwind_is_hit(&key, out)) ||
		       unwind_is_miss(&key, cached, out);
		unwind_leave();
	}
	if (!done) {
		count64(&unwind_counters.no_stack, 1);
		return false;
	}
	if (out->truncated)
		count64(&unwind_counters.truncated, 1);
	if (out->cost_ns != 0)
		count64(&unwind_counters.ns, out->cost_ns);
	return true;
}

bool unwind_from(const void *frame, struct unwind_stack *out)
{
	return unwind(frame, true, out);
}

bool unwind_afresh(const void *frame, struct unwind_stack *out)
{
	return unwind(frame, false, out);
}

/* Where the object that `pc` lies in was mapped; 0: in none. */
static uintptr_t unwind_object_of(uintptr_t pc)
{
	struct dl_find_object found;

	return object_at(pc, &found) ? (uintptr_t)found.dlfo_map_start : 0;
}

/* Code of the program or its libraries, not of the loader or libc, which may
 * hold locks of theirs while they allocate. */
static bool unwind_is_of_program(uintptr_t pc)
{
	uintptr_t object = unwind_object_of(pc);

	return object != 0 && object != getauxval(AT_BASE) &&
	       object != unwind_object_of((uintptr_t)getrlimit);
}

/* dlopen takes more of a stack than we do; only the main one is sure to grow.
 */
static bool unwind_has_room(uintptr_t here)
{
	struct rlimit limit;

	return stack_is_main(here) && getrlimit(RLIMIT_STACK, &limit) == 0 &&
	       limit.rlim_cur > stack_around(here).high - here + START_BYTES;
}

/* Is this a moment for dlopen? `pc` is in who called malloc. */
static bool unwind_may_load(uintptr_t pc)
{
	return __libc_single_threaded && unwind_is_of_program(pc) &&
	       unwind_has_room((uintptr_t)__builtin_frame_address(0));
}

/* All of this library is compiled with frame pointers, so from here up to the
 * function that the program called they can be followed. */
bool unwind_here(struct unwind_stack *out)
{
	const uintptr_t *frame = __builtin_frame_address(0);

	for (unsigned i = 0; i < OWN_FRAMES; i++) {
		const uintptr_t *caller = (const uintptr_t *)frame[0];

		if (frame[1] < unwind_own_start || frame[1] >= unwind_own_end) {
			if (unlikely(walk_needs_dwarf()) &&
			    unwind_may_load(frame[1]))
				unwind_load();
			return unwind(frame, true, out);
		}
		if (caller <= frame ||
		    (uintptr_t)caller - (uintptr_t)frame > OWN_BYTES)
			break;
		frame = caller;
	}
	count64(&unwind_counters.no_stack, 1);
	return false;
}

void unwind_name_site(const struct unwind_stack *stack, uint32_t site)
{
	if (stack->cached == 0 || !unwind_enter())
		return;
	stackcache_name(stack->cached, site);
	unwind_leave();
}

static void unwind_find_own_text(void)
{
	struct module_info info;
	uint32_t id = module_of((uintptr_t)unwind_here);

	if (!module_info(id, &info))
		return;
	unwind_own_start = info.text_start;
	unwind_own_end = info.text_start + info.text_bytes;
}

void unwind_arm(void)
{
	int saved = errno;

	module_start();
	stack_start();
	unwind_find_own_text();
	/* release: pairs with the acquire in enter */
	__atomic_store_n(&unwind_on, stackcache_start() && walk_start(),
			 __ATOMIC_RELEASE);
	errno = saved;
}

bool unwind_load(void)
{
	int saved = errno;
	bool loaded = walk_load();

	errno = saved;
	return loaded;
}

void unwind_before_thread(void)
{
	if (walk_needs_dwarf() && __libc_single_threaded)
		unwind_load();
}

/* Begins quiescence: waits until no other thread is inside; false after too
 * long a time. */
static bool unwind_drain(void)
{
	uint64_t begin = 0;

	quiesce_begin();
	while (!walk_is_idle() || !stackcache_is_idle()) {
		uint64_t now = clock_now();

		if (begin == 0)
			begin = now;
		if (now - begin > WAIT_NS)
			return false;
		sched_yield();
	}
	return true;
}

void unwind_unload_begin(void)
{
	int saved = errno;

	quiesce_unload_begin();
	unwind_drain();
	dwarf_flush();
	quiesce_end();
	errno = saved;
}

void unwind_unload_end(void)
{
	module_refresh();
	dwarf_flush();
	quiesce_unload_end();
}

void unwind_lock(void)
{
	if (!unwind_drain())
		unwind_waited_in_vain = true;
}

void unwind_unlock(void)
{
	unwind_waited_in_vain = false;
	quiesce_end();
}

/* If somebody was inside libunwind, its locks may be held for ever here: then
 * there are no more stacks in this process. */
void unwind_reset(void)
{
	if (unwind_waited_in_vain) {
		unwind_on = false;
		stackcache_forget();
		walk_forget();
	}
	unwind_waited_in_vain = false;
	quiesce_reset();
}

void unwind_counts(struct unwind_counts *out)
{
	*out = (struct unwind_counts){
		.hit = peek64(&unwind_counters.hit),
		.miss = peek64(&unwind_counters.miss),
		.truncated = peek64(&unwind_counters.truncated),
		.no_stack = peek64(&unwind_counters.no_stack),
		.ns = peek64(&unwind_counters.ns)};
}
