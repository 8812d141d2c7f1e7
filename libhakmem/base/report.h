/*
 * The only way to say something about a corrupt heap: one line to stderr by a
 * raw system call, no stdio, no heap.
 *
 *   hakmem: double free: pointer 0x7f12..., class 48 (HAKMEM_CORRUPTION=report
 * carries on)
 *
 * Any thread, any time; errno is kept.
 */
#ifndef LIBHAKMEM_REPORT_H
#define LIBHAKMEM_REPORT_H

#include "libhakmem/base/util.h"
#include "proto/figures.h"

/* The class named when a pointer has none. */
#define REPORT_CLASS_UNKNOWN 0u
#define REPORT_CLASS_LARGE   UINT32_MAX

/* Writes the line to stderr, and to the file `log` if that is not NULL;
 * `stride` is the class's stride in bytes or one of the two values above. */
void report_corruption(enum reject_kind kind, const void *ptr, uint32_t stride,
		       bool aborting, const char *log);

/* Writes "hakmem: TEXT\n" to the file at `path`, created 0600, appended to. */
void report_log(const char *path, const char *text);

#endif
