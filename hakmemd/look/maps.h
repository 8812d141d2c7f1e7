/*
 * Where libhakmem.so lies in a process, from /proc/PID/maps. Blocks no longer
 * than the kernel takes to write that file.
 */
#ifndef HAKMEMD_MAPS_H
#define HAKMEMD_MAPS_H

#include <stdint.h>
#include <sys/types.h>

#include "hakmemd/look/look_wire.h"

/*
 * The first address of the library's file there in `*base`. LOOK_DONE;
 * LOOK_FOREIGN, there is none; LOOK_DENIED; LOOK_GONE; LOOK_TAKEN, memory of
 * that process has addresses that are in `own`, too.
 */
struct maps;
enum look_end maps_find(pid_t pid, const struct maps *own, uint64_t *base);

/* What this process has mapped now; NULL without memory. */
struct maps *maps_own(void);

#endif
