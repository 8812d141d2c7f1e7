/*
 * Checks the hello and the state of a program before they are kept. A peer may
 * write anything: what can be put right is (strings are cut and cleaned, lists
 * shortened), all else is refused, so that nobody who computes with a message
 * has to check it again. Pure. Main thread only.
 */
#ifndef HAKMEMD_CHECK_H
#define HAKMEMD_CHECK_H

#include <stddef.h>

#include "proto/hakmem.pb-c.h"

#define CHECK_STRING_MAX  4096u
#define CHECK_ERRORS_MAX  16u
#define CHECK_ERROR_MAX	  512u
#define CHECK_CLASSES_MAX 256u
#define CHECK_CELLS_MAX	  2048u
/* No count of one class can honestly be larger: 72,000 million millions. What
 * claims to be is cut to it. */
#define CHECK_COUNT_MAX (UINT64_C(1) << 56)
/* Nor can a sum of samples, or of their variances. */
#define CHECK_SUM_MAX 1e40

/* Puts `hello` right in place; NULL, or why it is refused (a constant). */
const char *check_hello(Hakmem__Hello *hello);

/*
 * The same for a state of a program whose hello, which has passed check_hello,
 * named so many classes and cells. Columns that are absent count as all zero. A
 * counter read while threads ran may be a little below zero, which looks huge:
 * whatever is above INT64_MAX becomes 0.
 */
const char *check_state(Hakmem__State *state, size_t classes, size_t cells);

/* Cuts `text` to `limit` bytes and turns what is no UTF-8 into '?'. */
void check_string(char *text, size_t limit);

#endif
