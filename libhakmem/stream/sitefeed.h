/*
 * The feed of modules and sites: what the daemon has not had, in messages of a
 * bounded size. Everything after a new connection, then what changed. The
 * messages point into buffers of this module, so callers hold a lock of their
 * own (publish). No heap, no stdio; keeps errno.
 */
#ifndef LIBHAKMEM_SITEFEED_H
#define LIBHAKMEM_SITEFEED_H

#include "libhakmem/base/util.h"
#include "proto/hakmem.pb-c.h"

/* No message is longer, packed. */
#define SITEFEED_BYTES_MAX (100 * KIB)

/* A new connection: the peer knows nothing. */
void sitefeed_restart(void);

/* A reader of a copy of this process's variables begins: with `all` it knows
 * nothing. The loader, which knows of other modules there, is not asked. */
void sitefeed_look(bool all);

/* The next modules or sites, or NULL when there is nothing new. Each call takes
 * the message before it as sent; if it was not, the `again` of the same kind is
 * to be called first, and what was in it comes once more. */
Hakmem__Modules *sitefeed_modules(void);
void sitefeed_modules_again(void);

Hakmem__Sites *sitefeed_sites(void);
void sitefeed_sites_again(void);

#endif
