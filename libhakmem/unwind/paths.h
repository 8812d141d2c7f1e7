/*
 * Paths of the files that the loader has mapped, kept for ever in fixed memory.
 * One thread at a time; errno is kept.
 */
#ifndef LIBHAKMEM_PATHS_H
#define LIBHAKMEM_PATHS_H

#include "libhakmem/base/util.h"

#define PATHS_LONGEST 1024u	  /* bytes; longer ones lose their beginning */
#define PATHS_MOST    (256 * KIB) /* bytes of all of them */

struct link_map;

/* Learns the path of the program. In a safe context, once. */
void paths_start(void);

/* The path of a loaded object as the loader knows it, absolute if that can be;
 * that of the program for one without a name; "[vdso]"; "" without room. The
 * same path is the same string, unless many others came in between. */
const char *paths_of(const struct link_map *map);

#endif
