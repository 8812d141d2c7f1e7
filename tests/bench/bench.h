/*
 * What every workload shares: seeds, clocks, the time a run lasts and the one
 * line it prints:
 *
 *   lib=libc.so.6 ns_per_op=12.3 cpu_ns_per_op=12.3 ops=1000 peak_rss_kb=2000
 *
 * `lib` is the object that malloc was bound to, so that a preload that did not
 * take is seen. A workload whose result is no time appends value=... .
 *
 * BENCH_SECONDS sets how long a run lasts (0.25), BENCH_OPS the exact number
 * of operations instead, in single-threaded workloads (for counting
 * instructions).
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct bench {
	uint64_t ops; /* done so far; the workload adds to it */
	uint64_t limit_ops;
	uint64_t wall_ns, cpu_ns; /* when the measured part began */
	uint64_t end_ns;
	uint64_t spent_wall_ns, spent_cpu_ns;
};

__attribute__((unused, noreturn, format(printf, 1, 2))) static void
bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

static inline uint64_t bench_clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t bench_wall_ns(void)
{
	return bench_clock_ns(CLOCK_MONOTONIC);
}

/* xorshift64: the same sequence for every allocator. */
static inline uint64_t bench_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

static inline uint64_t bench_seed(unsigned n)
{
	return 0x9E3779B97F4A7C15u * (n + 1);
}

/* Uniform in [lo, hi]. */
static inline size_t bench_between(uint64_t *state, size_t lo, size_t hi)
{
	return lo +
	       (size_t)(((bench_random(state) >> 32) * (hi - lo + 1)) >> 32);
}

/* Log-uniform in [lo, hi]: each doubling is as likely as the next. */
static inline size_t bench_log_between(uint64_t *state, size_t lo, size_t hi)
{
	size_t doublings = 63 - (size_t)__builtin_clzll(hi / lo);
	size_t low =
		lo << bench_between(state, 0, doublings ? doublings - 1 : 0);

	return bench_between(state, low, low * 2 > hi ? hi : low * 2);
}

/* The first and last byte are written, as any program would. */
static inline void *bench_touch(void *ptr, size_t n)
{
	volatile char *p = ptr;

	if (!p)
		bench_die("malloc of %zu bytes failed", n);
	p[0] = 1;
	p[n ? n - 1 : 0] = 2;
	return ptr;
}

static inline void *bench_alloc(size_t n)
{
	return bench_touch(malloc(n), n);
}

/* Memory of the bench itself, never from the allocator under test. */
static inline void *bench_map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		bench_die("mmap of %zu bytes failed", bytes);
	return p;
}

static inline double bench_seconds(void)
{
	const char *s = getenv("BENCH_SECONDS");

	return s ? strtod(s, NULL) : 0.25;
}

static inline uint64_t bench_cpu_ns(void)
{
	return bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* Begins the measured part; what came before was warm-up. */
static inline struct bench bench_begin(void)
{
	const char *ops = getenv("BENCH_OPS");
	struct bench b = {0};

	b.limit_ops = ops ? strtoull(ops, NULL, 0) : 0;
	b.cpu_ns = bench_cpu_ns();
	b.wall_ns = bench_wall_ns();
	b.end_ns = b.wall_ns + (uint64_t)(bench_seconds() * 1e9);
	return b;
}

/* True while the run goes on; asked once per chunk of operations. */
static inline bool bench_more(const struct bench *b)
{
	if (b->limit_ops)
		return b->ops < b->limit_ops;
	return bench_wall_ns() < b->end_ns;
}

static inline void bench_end(struct bench *b)
{
	b->spent_wall_ns = bench_wall_ns() - b->wall_ns;
	b->spent_cpu_ns = bench_cpu_ns() - b->cpu_ns;
}

static inline void bench_sleep(double seconds)
{
	struct timespec t = {(time_t)seconds,
			     (long)((seconds - (double)(time_t)seconds) * 1e9)};

	nanosleep(&t, NULL);
}

/* A field of /proc/self/status in KiB; VmHWM is the peak of this program
 * alone, where ru_maxrss starts at the size of whoever started it. */
static inline long bench_status_kb(const char *field)
{
	char text[8192];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	const char *at;

	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, field);
	if (!at)
		bench_die("no %s in /proc/self/status", field);
	return strtol(at + strlen(field) + 1, NULL, 10);
}

static inline const char *bench_lib(void)
{
	static char name[256];
	Dl_info info;
	const char *slash;

	if (!dladdr((void *)(uintptr_t)malloc, &info) || !info.dli_fname)
		return "unknown";
	slash = strrchr(info.dli_fname, '/');
	snprintf(name, sizeof(name), "%s", slash ? slash + 1 : info.dli_fname);
	return name;
}

/* Prints the line. `extra` is appended: "" or "value=...". */
__attribute__((unused)) static void bench_report(const struct bench *b,
						 const char *extra)
{
	double ops = b->ops ? (double)b->ops : 1;
	long peak = bench_status_kb("VmHWM");

	printf("lib=%s ns_per_op=%.4f cpu_ns_per_op=%.4f ops=%llu "
	       "peak_rss_kb=%ld%s%s\n",
	       bench_lib(), (double)b->spent_wall_ns / ops,
	       (double)b->spent_cpu_ns / ops, (unsigned long long)b->ops, peak,
	       *extra ? " " : "", extra);
	exit(fflush(stdout) ? 1 : 0);
}

/* The nth argument as a number; a missing one is a usage error. */
static inline size_t bench_arg(int argc, char **argv, int n, const char *usage)
{
	char *end;
	size_t value;

	if (n >= argc)
		bench_die("usage: %s %s", argv[0], usage);
	value = strtoull(argv[n], &end, 0);
	if (*end || end == argv[n])
		bench_die("not a number: '%s'; usage: %s %s", argv[n], argv[0],
			  usage);
	return value;
}

#endif
