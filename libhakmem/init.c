#include "libhakmem/init.h"

#include "libhakmem/boot.h"
#include "libhakmem/conf.h"
#include "libhakmem/fork.h"
#include "libhakmem/publish.h"
#include "libhakmem/thread.h"
#include "libhakmem/unwind.h"

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
