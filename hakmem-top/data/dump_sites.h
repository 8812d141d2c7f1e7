/*
 * Sites and stacks as files, with the names that scripts rely on: those of the
 * daemon's export of the heap. _stderr is one standard error.
 */
#ifndef HAKMEM_TOP_DUMP_SITES_H
#define HAKMEM_TOP_DUMP_SITES_H

#include <stdio.h>

#include "hakmem-top/data/sites.h"

/* `count` sites, as CSV with a header line or as a JSON object. */
void dump_sites_table_csv(FILE *out, const struct site *const *rows,
			  size_t count);
void dump_sites_table_json(FILE *out, uint32_t pid, const struct sites *sites,
			   const struct site *const *rows, size_t count);

/* `count` frames of a stack, as CSV; in JSON also the site's figures. */
void dump_sites_stack_csv(FILE *out, const struct stack_frame *const *frames,
			  size_t count);
void dump_sites_stack_json(FILE *out, uint32_t pid, const struct stack *stack,
			   const struct stack_frame *const *frames,
			   size_t count);

#endif
