/*
 * What this library offers to a reader that has its variables: proto/look.h.
 */
#ifndef LIBHAKMEM_LOOK_H
#define LIBHAKMEM_LOOK_H

#include "proto/look.h"

extern const struct look hakmem_look;

#endif
