/*
 * Objects: what the loader has mapped, found by an address without a lock. The
 * loader takes a program that is mapped with gaps between its segments (node
 * is) for as many objects as it has segments; here it is one.
 */
#ifndef LIBHAKMEM_OBJECT_H
#define LIBHAKMEM_OBJECT_H

#include "libhakmem/base/util.h"

#include <dlfcn.h>

/* Learns how the program is mapped. In a safe context, once. */
void object_start(void);

/* The object that `pc` lies in, all of it; false: in none. Any thread. */
bool object_at(uintptr_t pc, struct dl_find_object *out);

#endif
