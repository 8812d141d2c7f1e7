/*
 * Functions whose allocations are known: what each allocated and what of it
 * lives goes to stdout, one line each, for tests/e2e/stream_sites.sh. Alone it
 * only has to come to its end.
 *
 *   function NAME ADDRESS allocated BYTES OBJECTS live BYTES OBJECTS
 *
 * With an argument it then prints "ready" and waits for lines on stdin: each
 * makes the leak go on; the end of the file ends it.
 *
 * stdout: (?s).*
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT	 1000000
#define NOINLINE __attribute__((noinline, noclone))

static void *kept[KEPT];
static size_t count;

static struct truth {
	const char *name;
	void *address;
	size_t bytes, objects, live_bytes, live_objects;
} small, large, deep, aligned, leak, other;

static void note(struct truth *truth, void *ptr, size_t n, int stays)
{
	if (!ptr)
		abort();
	truth->bytes += n;
	truth->objects++;
	if (stays) {
		truth->live_bytes += n;
		truth->live_objects++;
		kept[count++] = ptr;
	} else {
		free(ptr);
	}
}

static NOINLINE void allocate_small(void)
{
	for (size_t i = 0; i < 60000; i++) {
		size_t n = 20 + i % 400;
		void *ptr = malloc(n);

		note(&small, ptr, n, i % 4 == 0);
	}
}

static NOINLINE void allocate_large(void)
{
	for (size_t i = 0; i < 300; i++) {
		size_t n = 40000 + 1000 * (i % 100);
		void *ptr = calloc(1, n);

		note(&large, ptr, n, i % 3 == 0);
	}
}

static NOINLINE int recurse(int depth)
{
	volatile int local = depth;

	if (depth > 0)
		return recurse(depth - 1) + local;
	for (size_t i = 0; i < 40000; i++) {
		void *ptr = malloc(512);

		note(&deep, ptr, 512, i % 2);
	}
	return local;
}

static NOINLINE void allocate_aligned(void)
{
	for (size_t i = 0; i < 40000; i++) {
		void *ptr = aligned_alloc(64, 64 * (1 + i % 8));

		note(&aligned, ptr, 64 * (1 + i % 8), i % 2);
	}
}

/* 10 blocks of 1,000 bytes a step, of which one stays. */
static NOINLINE void leak_some(void)
{
	for (size_t i = 0; i < 20000; i++) {
		void *ptr = malloc(1000);

		note(&leak, ptr, 1000, i % 10 == 0);
	}
}

static NOINLINE void *in_thread(void *arg)
{
	for (size_t i = 0; i < 40000; i++) {
		void *ptr = malloc(300);

		note(&other, ptr, 300, i % 2);
	}
	return arg;
}

static void tell(const char *name, const struct truth *truth, void *address)
{
	printf("function %s %p allocated %zu %zu live %zu %zu\n", name, address,
	       truth->bytes, truth->objects, truth->live_bytes,
	       truth->live_objects);
}

static void tell_all(void)
{
	tell("allocate_small", &small, (void *)allocate_small);
	tell("allocate_large", &large, (void *)allocate_large);
	tell("recurse", &deep, (void *)recurse);
	tell("allocate_aligned", &aligned, (void *)allocate_aligned);
	tell("leak_some", &leak, (void *)leak_some);
	tell("in_thread", &other, (void *)in_thread);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char line[64];

	(void)argv;
	if (pthread_create(&thread, NULL, in_thread, NULL) != 0)
		return 1;
	pthread_join(thread, NULL);
	allocate_small();
	allocate_large();
	recurse(20);
	allocate_aligned();
	leak_some();
	tell_all();
	if (argc < 2)
		return 0;
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		leak_some();
		tell_all();
		printf("ready\n");
		fflush(stdout);
	}
	return 0;
}
