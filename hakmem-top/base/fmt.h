/*
 * Numbers as people read them, in at most five columns where it says so: three
 * significant digits and a unit. Bytes count in 1024s (K M G T P E), things in
 * 1000s (k M G T P E).
 *
 * Every function writes to `out`, of FMT_MAX bytes, and returns it. Pure.
 */
#ifndef HAKMEM_TOP_FMT_H
#define HAKMEM_TOP_FMT_H

#include <stdint.h>

#define FMT_MAX 48

/* "0B" "1023B" "1.50K" "12.3M" "1023G"; at most 5 columns. */
char *fmt_bytes(char out[FMT_MAX], uint64_t bytes);

/* "0" "999" "1.23k" "45.6M"; at most 5 columns. */
char *fmt_count(char out[FMT_MAX], uint64_t count);

/* Per second: "0" "0.04" "3.2" "12.3" "456" "1.23k"; at most 5 columns. */
char *fmt_rate(char out[FMT_MAX], double per_second);

/* after - before with its sign, "+1.50K", "-3", "0"; at most 6 columns. */
char *fmt_bytes_change(char out[FMT_MAX], uint64_t before, uint64_t after);
char *fmt_count_change(char out[FMT_MAX], uint64_t before, uint64_t after);

/* 100 * part / whole: "0" "<0.1" "12.3" "100"; "-" when whole is 0. */
char *fmt_percent(char out[FMT_MAX], uint64_t part, uint64_t whole);

/* A length of time: "0.4s" "59s" "3m07s" "2h05m" "3d04h" "512d". */
char *fmt_age(char out[FMT_MAX], uint64_t ns);

/* All digits, "1,234,567". */
char *fmt_grouped(char out[FMT_MAX], uint64_t count);

/* A range of sizes: "16" "17-32" "1.25K-1.37K". */
char *fmt_range(char out[FMT_MAX], uint64_t low, uint64_t high);

/* A figure that was computed, as a whole number: 0 unless it is above. */
uint64_t fmt_whole(double value);

/* Seconds as nanoseconds. */
uint64_t fmt_ns(double seconds);

#endif
