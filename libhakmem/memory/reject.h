/*
 * Rejects: a pointer failed validation. Finds out what it is, counts it by
 * kind, says so in one line, and does what HAKMEM_CORRUPTION says: abort (the
 * default) or carry on, where the first thousand are said. A foreign pointer,
 * which some other allocator may own, is always only counted. The block is left
 * alone. Any thread.
 */
#ifndef LIBHAKMEM_REJECT_H
#define LIBHAKMEM_REJECT_H

#include "libhakmem/base/report.h"

/* Counts and reports; the kind, if it returns. */
enum report_kind reject(const void *ptr);

/* Counts only. */
enum report_kind reject_quietly(const void *ptr);

#endif
