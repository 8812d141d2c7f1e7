/*
 * free_sized and free_aligned_sized (C23) are there for those who look.
 *
 * only: hakmem
 */
#include <dlfcn.h>

#include "tests/preload/check.h"

int main(void)
{
	void (*sized)(void *, size_t);
	void (*aligned)(void *, size_t, size_t);

	sized = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "free_sized");
	aligned = (void (*)(void *, size_t, size_t))dlsym(RTLD_DEFAULT,
							  "free_aligned_sized");
	CHECK(sized && aligned);
	for (size_t n = 0; n < 300000; n = n * 2 + 1) {
		sized(malloc(n), n);
		sized(calloc(1, n), n);
		aligned(aligned_alloc(64, n), 64, n);
		aligned(aligned_alloc(4096, n), 4096, n);
	}
	sized(NULL, 10);
	aligned(NULL, 64, 10);
	return 0;
}
