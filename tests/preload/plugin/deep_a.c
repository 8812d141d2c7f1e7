/* Allocates under a few frames of its own. deep_b is another one in the same
 * place: what looks alike by address is not. */
#include <stdlib.h>

#ifndef ROOM
#define ROOM 24
#endif

void *plugin_deep(int depth, size_t n);
void plugin_call(int depth, void (*back)(void));

__attribute__((visibility("default"), noinline)) void *plugin_deep(int depth,
								   size_t n)
{
	char room[ROOM];
	void *block;

	__asm__ volatile("" : : "r"(room) : "memory");
	block = depth > 0 ? plugin_deep(depth - 1, n) : malloc(n);
	__asm__ volatile("" : : "r"(room) : "memory");
	return block;
}

/* The same with a function of the caller in the place of malloc. */
__attribute__((visibility("default"), noinline)) void
plugin_call(int depth, void (*back)(void))
{
	char room[ROOM];

	__asm__ volatile("" : : "r"(room) : "memory");
	if (depth > 0)
		plugin_call(depth - 1, back);
	else
		back();
	__asm__ volatile("" : : "r"(room) : "memory");
}
