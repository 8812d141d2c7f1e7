#include "libhakmem/base/lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPINS  64
#define WAITED 1u

static __thread uint32_t lock_held_ranks;
static __thread uint32_t lock_own_id;
static __thread bool lock_exempted;

void lock_exempt(bool exempt)
{
	lock_exempted = exempt;
}

/* Central locks are taken one after the other by fork, all of one rank. */
static void lock_note_acquired(enum lock_rank rank)
{
	if (!DEBUG_BUILD)
		return;
	if (lock_held_ranks >> (rank + 1))
		__builtin_trap();
	lock_held_ranks |= 1u << rank;
}

static void lock_note_released(enum lock_rank rank)
{
	if (DEBUG_BUILD)
		lock_held_ranks &= ~(1u << rank);
}

/* This thread's id, in the place it has in a lock's word. */
static uint32_t lock_self(void)
{
	if (unlikely(lock_own_id == 0))
		lock_own_id = (uint32_t)syscall(SYS_gettid) << 1;
	return lock_own_id;
}

static void lock_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

bool lock_try(struct lock *lock, enum lock_rank rank)
{
	uint32_t expected = 0;

	if (unlikely(lock_exempted))
		return true;
	/* acquire: pairs with the release in lock_release */
	if (!__atomic_compare_exchange_n(&lock->word, &expected, lock_self(),
					 false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return false;
	lock_note_acquired(rank);
	return true;
}

static bool lock_spin(struct lock *lock)
{
	for (int i = 0; i < SPINS; i++) {
		uint32_t expected = 0;

		if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 &&
		    __atomic_compare_exchange_n(
			    &lock->word, &expected, lock_self(), false,
			    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
		lock_relax();
	}
	return false;
}

/* Whoever waited takes the lock as waited for: others may still wait. */
static NOINLINE void lock_wait(struct lock *lock)
{
	int saved = errno;

	if (lock_spin(lock))
		return;
	for (;;) {
		uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);
		uint32_t next =
			word == 0 ? lock_self() | WAITED : word | WAITED;

		/* acquire: as above */
		if (word != next && !__atomic_compare_exchange_n(
					    &lock->word, &word, next, false,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		if (word == 0)
			break;
		syscall(SYS_futex, &lock->word, FUTEX_WAIT_PRIVATE, next, NULL,
			NULL, 0);
	}
	errno = saved;
}

void lock_acquire(struct lock *lock, enum lock_rank rank)
{
	if (lock_try(lock, rank))
		return;
	lock_wait(lock);
	lock_note_acquired(rank);
}

void lock_release(struct lock *lock, enum lock_rank rank)
{
	int saved;

	if (unlikely(lock_exempted))
		return;
	lock_note_released(rank);
	/* release: pairs with the acquires above */
	if (!(__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) & WAITED))
		return;
	saved = errno;
	syscall(SYS_futex, &lock->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	errno = saved;
}

void lock_reset(struct lock *lock)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELAXED);
	lock->left_held = false;
}

/* The section that a handler cut into may hold any rank; the order among the
 * locks taken here is fork.c's. */
void lock_fork_acquire(struct lock *lock, enum lock_rank rank)
{
	uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);
	uint32_t held = lock_held_ranks;

	if ((word & ~WAITED) == lock_self()) {
		lock->left_held = true;
		return;
	}
	lock_held_ranks = 0;
	lock_acquire(lock, rank);
	lock_held_ranks |= held;
}

void lock_fork_release(struct lock *lock, enum lock_rank rank)
{
	if (lock->left_held)
		lock->left_held = false;
	else
		lock_release(lock, rank);
}

void lock_reset_ranks(void)
{
	lock_held_ranks = 0;
	lock_own_id = 0;
}
