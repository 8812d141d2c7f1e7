#include "libhakmem/fork.h"

#include "libhakmem/boot.h"
#include "libhakmem/central.h"
#include "libhakmem/lock.h"
#include "libhakmem/meta.h"
#include "libhakmem/module.h"
#include "libhakmem/profile.h"
#include "libhakmem/publish.h"
#include "libhakmem/site.h"
#include "libhakmem/span.h"
#include "libhakmem/thread.h"
#include "libhakmem/unwind.h"

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
