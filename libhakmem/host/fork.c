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

static void prepare(void)
{
	if (_IO_list_lock)
		_IO_list_lock();
	unwind_lock();
	publish_lock();
	thread_lock();
	central_lock_all();
	profile_lock();
	site_lock();
	span_lock();
	module_lock();
	meta_lock();
	lock_exempt(true);
}

static void parent(void)
{
	lock_exempt(false);
	meta_unlock();
	module_unlock();
	span_unlock();
	site_unlock();
	profile_unlock();
	central_unlock_all();
	thread_unlock();
	publish_unlock();
	unwind_unlock();
	if (_IO_list_unlock)
		_IO_list_unlock();
}

static void child(void)
{
	lock_exempt(false);
	lock_reset_ranks();
	boot_reset();
	meta_reset();
	module_reset();
	span_reset();
	site_reset();
	profile_reset();
	central_reset_all();
	thread_reset();
	publish_child();
	unwind_reset();
	if (_IO_list_resetlock)
		_IO_list_resetlock();
}

void fork_watch(void)
{
	pthread_atfork(prepare, parent, child);
}
