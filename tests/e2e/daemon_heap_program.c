/*
 * A program with a known stack: main calls middle calls leaf, and the malloc in
 * leaf stands in a function that is inlined there. daemon_heap.py tells hakmemd
 * of it, by the addresses of these calls.
 */
#include <stdio.h>
#include <stdlib.h>

static void *volatile sink;

static inline __attribute__((always_inline)) void *inlined(size_t bytes)
{
	return malloc(bytes);
}

__attribute__((noinline)) void leaf(void)
{
	sink = inlined(100);
	puts("leaf");
}

__attribute__((noinline)) void middle(void)
{
	leaf();
	puts("middle");
}

int main(void)
{
	middle();
	puts("main");
	return 0;
}
