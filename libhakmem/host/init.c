#include "libhakmem/host/init.h"

#include "libhakmem/heap/boot.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/host/fork.h"
#include "libhakmem/stream/publish.h"
#include "libhakmem/heap/thread.h"
#include "libhakmem/unwind/unwind.h"

#include <unistd.h>

void init_begin(void)
{
	if (!boot_ready())
		return;
	if (boot_was_early()) {
		conf_load(environ);
		boot_sampling();
	}
	fork_watch();
	thread_watch_exits();
	if (conf.stream && conf.sample_bytes != 0)
		unwind_arm();
	publish_start();
}

void init_end(void)
{
	publish_finish();
}
