/*
 * Reports on stdout, one every interval, without a screen and without escapes.
 */
#ifndef HAKMEM_TOP_BATCH_H
#define HAKMEM_TOP_BATCH_H

#include <stddef.h>

#include "hakmem-top/data/client.h"
#include "hakmem-top/base/opts.h"
#include "hakmem-top/base/run.h"

/*
 * Reports until the count is reached, a signal comes, stdout is closed or, with
 * a command, it has ended (one last report then). 0, or -1 with one line in
 * `why`. With a command signals are passed on to it.
 */
int batch_run(const struct opts *opts, struct client *client, struct run *run,
	      char *why, size_t size);

#endif
