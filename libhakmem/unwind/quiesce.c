#include "libhakmem/unwind/quiesce.h"

static uint32_t quiesce_closed, quiesce_unloading;
static __thread char quiesce_token; /* its address stands for this thread */

static uintptr_t quiesce_self(void)
{
	return (uintptr_t)&quiesce_token;
}

bool quiesce_enter(uintptr_t *owner)
{
	uintptr_t expected = 0;

	/* sequential consistency: pairs with quiesce_begin, see quiesce.h */
	if (__atomic_load_n(owner, __ATOMIC_RELAXED) != 0 ||
	    !__atomic_compare_exchange_n(owner, &expected, quiesce_self(),
					 false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED))
		return false;
	if (likely(__atomic_load_n(&quiesce_closed, __ATOMIC_SEQ_CST) == 0))
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
	return __atomic_load_n(owner, __ATOMIC_RELAXED) == quiesce_self();
}

bool quiesce_is_clear(const uintptr_t *owner)
{
	uintptr_t who = __atomic_load_n(owner, __ATOMIC_SEQ_CST);

	return who == 0 || who == quiesce_self();
}

/* In the child of a fork it may be 0 already. */
static void quiesce_count_down(uint32_t *counter)
{
	uint32_t value = __atomic_load_n(counter, __ATOMIC_RELAXED);

	while (value != 0 &&
	       !__atomic_compare_exchange_n(counter, &value, value - 1, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
}

void quiesce_begin(void)
{
	__atomic_fetch_add(&quiesce_closed, 1, __ATOMIC_SEQ_CST);
}

void quiesce_end(void)
{
	quiesce_count_down(&quiesce_closed);
}

void quiesce_reset(void)
{
	__atomic_store_n(&quiesce_closed, 0, __ATOMIC_SEQ_CST);
}

void quiesce_unload_begin(void)
{
	__atomic_fetch_add(&quiesce_unloading, 1, __ATOMIC_SEQ_CST);
}

void quiesce_unload_end(void)
{
	quiesce_count_down(&quiesce_unloading);
}

bool quiesce_is_unloading(void)
{
	return __atomic_load_n(&quiesce_unloading, __ATOMIC_SEQ_CST) != 0;
}
