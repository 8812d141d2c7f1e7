/* A program whose stacks a test tells of, with true addresses: see
 * heap_feeder.py. Built by the test with -O2 -g. */
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
	__asm__("inlined_call: .globl inlined_call");
	puts("leaf");
}

__attribute__((noinline)) void middle(void)
{
	leaf();
	__asm__("middle_call: .globl middle_call");
	puts("middle");
}

int main(void)
{
	middle();
	__asm__("main_call: .globl main_call");
	puts("main");
	return 0;
}
