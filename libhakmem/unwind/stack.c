#include "libhakmem/unwind/stack.h"

#include <sys/resource.h>

#define STARTS	      64u
#define PAGE	      ((uintptr_t)4096)
#define THREAD_MARGIN (2 * PAGE) /* the thread's descriptor above its stack */

/* The kernel leaves this much below the main stack to it, or as much as the
 * limit at exec was, up to where the old layout of mappings begins. */
#define MAIN_LEAST ((uintptr_t)128 << 20)
#define MAIN_MOST  ((uintptr_t)1 << 30)

/* Where the main stack began; exported by the loader for this use. */
extern void *__libc_stack_end __attribute__((weak));

/* A thread on its way into life: taken by its creator, given back by itself. */
struct start {
	void *(*run)(void *);
	void *arg;
	size_t bytes;
	uint32_t taken;
};

static struct start stack_starts[STARTS];
static uintptr_t stack_main_low, stack_main_high;
static uintptr_t stack_main_used; /* the lowest stack pointer seen there */
static __thread struct stack_range stack_own;

void stack_start(void)
{
	struct rlimit limit;
	uintptr_t bytes = MAIN_LEAST;

	if (&__libc_stack_end == NULL || __libc_stack_end == NULL)
		return;
	if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur > bytes)
		bytes = limit.rlim_cur < MAIN_MOST ? limit.rlim_cur : MAIN_MOST;
	stack_main_high = align_down((uintptr_t)__libc_stack_end, 8);
	stack_main_low =
		stack_main_high > bytes ? stack_main_high - bytes : PAGE;
	stack_main_used = (uintptr_t)__builtin_frame_address(0);
	if (stack_main_used < stack_main_low ||
	    stack_main_used >= stack_main_high)
		stack_main_used = stack_main_high;
}

struct stack_range stack_around(uintptr_t sp)
{
	if (sp >= stack_own.low && sp < stack_own.high)
		return (struct stack_range){sp, stack_own.high};
	if (sp >= stack_main_low && sp < stack_main_high) {
		if (sp < __atomic_load_n(&stack_main_used, __ATOMIC_RELAXED))
			__atomic_store_n(&stack_main_used, sp,
					 __ATOMIC_RELAXED);
		return (struct stack_range){sp, stack_main_high};
	}
	/* The word below is the return address that was just used. */
	return (struct stack_range){sp, align_down(sp - 8, PAGE) + PAGE};
}

bool stack_is_main(uintptr_t sp)
{
	return sp >= stack_main_low && sp < stack_main_high;
}

static bool stack_within(uintptr_t address, uintptr_t low, uintptr_t high)
{
	return address >= low && address < high && high - address >= 8;
}

bool stack_holds(uintptr_t address)
{
	return stack_within(address, stack_own.low, stack_own.high) ||
	       stack_within(address,
			    __atomic_load_n(&stack_main_used, __ATOMIC_RELAXED),
			    stack_main_high);
}

/* The first thing a new thread does. */
static void *stack_enter(void *at)
{
	struct start *start = at;
	void *(*run)(void *) = start->run;
	void *arg = start->arg;
	uintptr_t top = (uintptr_t)__builtin_thread_pointer();
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	/* The descriptor that the thread pointer shows lies at the top of the
	 * stack, whoever made that. */
	if (here < top && top - here < start->bytes - THREAD_MARGIN) {
		stack_own.low = top - start->bytes + THREAD_MARGIN;
		stack_own.high = top;
	}
	/* release: pairs with the acquire in claim */
	__atomic_store_n(&start->taken, 0, __ATOMIC_RELEASE);
	return run(arg);
}

static struct start *stack_claim(void)
{
	for (unsigned i = 0; i < STARTS; i++) {
		uint32_t expected = 0;

		/* acquire: pairs with the release in enter */
		if (__atomic_compare_exchange_n(
			    &stack_starts[i].taken, &expected, 1, false,
			    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return &stack_starts[i];
	}
	return NULL;
}

/* Without attributes: glibc's default, which the program may change. */
static size_t stack_bytes(const pthread_attr_t *attributes)
{
	pthread_attr_t plain;
	size_t bytes = 0;

	if (!attributes) {
		if (pthread_attr_init(&plain) != 0)
			return 0;
		if (pthread_attr_getstacksize(&plain, &bytes) != 0)
			bytes = 0;
		pthread_attr_destroy(&plain);
		return bytes;
	}
	return pthread_attr_getstacksize(attributes, &bytes) == 0 ? bytes : 0;
}

void stack_wrap(const pthread_attr_t *attributes, void *(**run)(void *),
		void **arg)
{
	size_t bytes = stack_bytes(attributes);
	struct start *start;

	if (bytes < 2 * THREAD_MARGIN)
		return;
	start = stack_claim();
	if (!start)
		return;
	start->run = *run;
	start->arg = *arg;
	start->bytes = bytes;
	*run = stack_enter;
	*arg = start;
}

void stack_unwrap(void *(*run)(void *), void *arg)
{
	if (run == stack_enter)
		__atomic_store_n(&((struct start *)arg)->taken, 0,
				 __ATOMIC_RELEASE);
}
