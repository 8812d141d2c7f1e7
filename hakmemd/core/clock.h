/* The daemon's clock: CLOCK_MONOTONIC in nanoseconds. Any thread. */
#ifndef HAKMEMD_CLOCK_H
#define HAKMEMD_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND UINT64_C(1000000000)

static inline uint64_t clock_read(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * CLOCK_SECOND + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_ns(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

/* Unix time, in seconds, of a moment of clock_ns() that has passed. */
static inline double clock_unix_s(uint64_t moment_ns)
{
	uint64_t ago_ns = clock_ns() - moment_ns;

	return (double)(clock_read(CLOCK_REALTIME) - ago_ns) / CLOCK_SECOND;
}

#endif
