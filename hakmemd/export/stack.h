/*
 * The stack of a site in words: each address looked up in its module as the
 * process had it. Main thread only.
 */
#ifndef HAKMEMD_STACK_H
#define HAKMEMD_STACK_H

#include "hakmemd/peers/registry.h"
#include "hakmemd/symbols/symbol.h"

#define STACK_NAME_MAX 512u

struct stack_source {
	struct symbols *symbols; /* NULL: no names */
	const struct process *process;
	bool impatient; /* what is not known yet stays an address */
};

/*
 * The frames at `site->pcs[index]`, innermost first; returns how many, 0 = not
 * known yet. Strings stay until the return to the event loop, those of an
 * address without a name until the next call.
 */
size_t stack_frames(const struct stack_source *source, const struct site *site,
		    uint32_t index, struct symbol_frame out[SYMBOL_FRAMES_MAX]);

/* The module of that address; NULL when it is in none. */
const struct sites_module *stack_module(const struct stack_source *source,
					const struct site *site,
					uint32_t index);

/* The last part of a path. */
const char *stack_base(const char *path);

/* What stands for a stack that is not there: "[no stack]" and the like. */
const char *stack_missing(const struct site *site);

/* The innermost frame that is not an allocation function (allocators.h); of a
 * stack of nothing else the outermost. */
struct stack_place {
	char function[STACK_NAME_MAX + 1]; /* never empty */
	char location[STACK_NAME_MAX + 1]; /* "file:line", or "" */
	char module[STACK_NAME_MAX + 1];   /* base name, or "" */
};

/* False when names are still being looked up: an address stands for one. */
bool stack_innermost(const struct stack_source *source, const struct site *site,
		     struct stack_place *out);

#endif
