/*
 * The verbs of the command line: hakmem-top VERB, without a screen.
 */
#ifndef HAKMEM_TOP_VERBS_H
#define HAKMEM_TOP_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#include "hakmem-top/data/client.h"
#include "hakmem-top/base/opts.h"

/* The verb of a mode. 0, or -1 with one line in `why`. */
typedef int (*verbs_run)(const struct opts *opts, struct client *client,
			 char *why, size_t size);

/* The verb that a mode of opts stands for; NULL when it is none. */
verbs_run verbs_find(enum opts_mode mode);

/*
 * True when the verb would write what no terminal can show to one; then one
 * line in `why` says what to do instead.
 */
bool verbs_unfit(const struct opts *opts, bool terminal, char *why,
		 size_t size);

#endif
