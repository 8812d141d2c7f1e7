/*
 * The viewer on the screen: the loop that keys, signals, the daemon and a
 * watched command drive.
 */
#ifndef HAKMEM_TOP_APP_H
#define HAKMEM_TOP_APP_H

#include <stddef.h>

#include "hakmem-top/data/client.h"
#include "hakmem-top/base/opts.h"
#include "hakmem-top/base/run.h"

/*
 * Shows until the user quits or, with a command, it has ended. 0; -1 with one
 * line in `why` when there is no usable terminal.
 */
int app_run(const struct opts *opts, struct client *client, struct run *run,
	    char *why, size_t size);

#endif
