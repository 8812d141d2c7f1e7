#include "libhakmem/host/fork.h"

#include "libhakmem/heap/boot.h"
#include "libhakmem/memory/central.h"
#include "libhakmem/base/lock.h"
#include "libhakmem/base/meta.h"
#include "libhakmem/unwind/module.h"
#include "libhakmem/profile/profile.h"
#include "libhakmem/stream/publish.h"
#include "libhakmem/profile/site.h"
#include "libhakmem/memory/span.h"
#include "libhakmem/heap/thread.h"
#include "libhakmem/unwind/unwind.h"

#include <pthread.h>

/* Exported by glibc for this use by its own parts; absent elsewhere. */
extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));
extern void _IO_list_resetlock(void) __attribute__((weak));

/* Every lock, by its rank. */
static struct lock *const fork_locks[LOCK_RANKS] = {
	[LOCK_INIT] = &boot_lock,      [LOCK_PUBLISH] = &publish_lock,
	[LOCK_THREADS] = &thread_lock, [LOCK_PROFILE] = &profile_lock,
	[LOCK_SITE] = &site_lock,      [LOCK_SPAN] = &span_lock,
	[LOCK_MODULE] = &module_lock,  [LOCK_META] = &meta_lock,
};

struct lock *fork_lock(enum lock_rank rank, unsigned i)
{
	if (rank == LOCK_CENTRAL)
		return i < SIZECLASS_MAX ? central_lock(i) : NULL;
	return i == 0 ? fork_locks[rank] : NULL;
}

static void fork_acquire_all(void)
{
	struct lock *lock;

	for (enum lock_rank rank = 0; rank < LOCK_RANKS; rank++)
		for (unsigned i = 0; (lock = fork_lock(rank, i)); i++)
			lock_fork_acquire(lock, rank);
}

static void fork_release_all(void)
{
	struct lock *lock;

	for (enum lock_rank rank = LOCK_RANKS; rank-- > 0;)
		for (unsigned i = 0; (lock = fork_lock(rank, i)); i++)
			lock_fork_release(lock, rank);
}

static void fork_reset_all(void)
{
	struct lock *lock;

	for (enum lock_rank rank = 0; rank < LOCK_RANKS; rank++)
		for (unsigned i = 0; (lock = fork_lock(rank, i)); i++)
			lock_reset(lock);
}

static void fork_prepare(void)
{
	if (_IO_list_lock)
		_IO_list_lock();
	unwind_lock();
	fork_acquire_all();
	lock_exempt(true);
}

static void fork_parent(void)
{
	lock_exempt(false);
	fork_release_all();
	unwind_unlock();
	if (_IO_list_unlock)
		_IO_list_unlock();
}

static void fork_child(void)
{
	lock_exempt(false);
	lock_reset_ranks();
	fork_reset_all();
	thread_reset();
	publish_child();
	unwind_reset();
	if (_IO_list_resetlock)
		_IO_list_resetlock();
}

void fork_watch(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}
