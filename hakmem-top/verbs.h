/*
 * The verbs of the command line: hakmem-top VERB, without a screen.
 */
#ifndef HAKMEM_TOP_VERBS_H
#define HAKMEM_TOP_VERBS_H

#include <stddef.h>

#include "hakmem-top/client.h"
#include "hakmem-top/opts.h"

/* Exports sizes or classes of a process. 0, or -1 with one line in `why`. */
int verbs_export(const struct opts *opts, struct client *client, char *why,
		 size_t size);

#endif
