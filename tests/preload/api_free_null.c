/* free(NULL), often, and cfree where it can still be found. */
#include <dlfcn.h>

#include "tests/preload/check.h"

int main(void)
{
	void (*cfree)(void *);

	for (int i = 0; i < 1000; i++)
		free(NULL);
	cfree = (void (*)(void *))dlsym(RTLD_DEFAULT, "cfree");
	if (cfree)
		for (size_t n = 1; n < 1000000; n *= 3) {
			char *p = malloc(n);

			memset(p, 1, n);
			cfree(p);
			cfree(NULL);
		}
	return 0;
}
