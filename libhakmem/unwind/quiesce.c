#include "libhakmem/unwind/quiesce.h"

static uint32_t closed, unloading;
static __thread char token; /* its address stands for this thread */

static uintptr_t self(void)
{
	return (uintptr_t)&token;
}

bool quiesce_enter(uintptr_t *owner)
{
	uintptr_t expected = 0;

	/* sequential consistency: pairs with quiesce_begin, see quiesce.h */
	if (__atomic_load_n(owner, __ATOMIC_RELAXED) != 0 ||
	    !__atomic_compare_exchange_n(owner, &expected, self(), false,
					 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return false;
	if (likely(__atomic_load_n(&closed, __ATOMIC_SEQ_CST) == 0))
		return true;
	quiesce_leave(owner);
	return false;
}

void quiesce_leave(uintptr_t *owner)
{
	/* release: pairs with whoever takes it next */
	__atomic_store_n(owner, 0, __ATOMIC_RELEASE);
}

bool quiesce_is_mine(const uintptr_t *owner)
{
	return __atomic_load_n(owner, __ATOMIC_RELAXED) == self();
}

bool quiesce_is_clear(const uintptr_t *owner)
{
	uintptr_t who = __atomic_load_n(owner, __ATOMIC_SEQ_CST);

	return who == 0 || who == self();
}

/* In the child of a fork it may be 0 already. */
static void count_down(uint32_t *counter)
{
	uint32_t value = __atomic_load_n(counter, __ATOMIC_RELAXED);

	while (value != 0 &&
	       !__atomic_compare_exchange_n(counter, &value, value - 1, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
}

void quiesce_begin(void)
{
	__atomic_fetch_add(&closed, 1, __ATOMIC_SEQ_CST);
}

void quiesce_end(void)
{
	count_down(&closed);
}

void quiesce_reset(void)
{
	__atomic_store_n(&closed, 0, __ATOMIC_SEQ_CST);
}

void quiesce_unload_begin(void)
{
	__atomic_fetch_add(&unloading, 1, __ATOMIC_SEQ_CST);
}

void quiesce_unload_end(void)
{
	count_down(&unloading);
}

bool quiesce_is_unloading(void)
{
	return __atomic_load_n(&unloading, __ATOMIC_SEQ_CST) != 0;
}
