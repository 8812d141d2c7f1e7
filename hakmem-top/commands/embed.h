/*
 * hakmem-top -- COMMAND: a daemon if none runs, the command under the preload,
 * the screen (or reports, or nothing), and the summary at the end.
 */
#ifndef HAKMEM_TOP_EMBED_H
#define HAKMEM_TOP_EMBED_H

#include <stdbool.h>
#include <stddef.h>

#include "hakmem-top/base/opts.h"

/*
 * Runs opts->command with the daemon at `socket` or one of its own; `screen`
 * tells whether the terminal is ours. Returns the exit status to pass on; on
 * a failure of our own one line is in `why`, else it is "".
 */
int embed_run(const struct opts *opts, const char *socket, bool screen,
	      char *why, size_t size);

#endif
