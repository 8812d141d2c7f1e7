/* The __libc_ names that glibc exports lead to the same heap. */
#include <dlfcn.h>

#include "tests/preload/check.h"

typedef void *(*one)(size_t);
typedef void *(*two)(size_t, size_t);
typedef void *(*pointer)(void *, size_t);
typedef void (*freer)(void *);

static void *find(const char *name)
{
	void *found = dlsym(RTLD_DEFAULT, name);

	if (!found)
		fprintf(stderr, "no %s\n", name);
	CHECK(found);
	return found;
}

int main(void)
{
	one libc_malloc = (one)find("__libc_malloc");
	two libc_calloc = (two)find("__libc_calloc");
	pointer libc_realloc = (pointer)find("__libc_realloc");
	freer libc_free = (freer)find("__libc_free");
	two libc_memalign = (two)find("__libc_memalign");

	for (size_t n = 1; n < 500000; n = n * 3 + 1) {
		void *p = libc_malloc(n);

		fill(p, n, 1);
		p = realloc(p, n * 2);
		CHECK(p && filled(p, n, 1));
		free(p);
		p = malloc(n);
		fill(p, n, 2);
		p = libc_realloc(p, n + 100);
		CHECK(p && filled(p, n, 2));
		libc_free(p);
		p = libc_calloc(n, 1);
		CHECK(p && all_zero(p, n));
		free(p);
		p = libc_memalign(256, n);
		CHECK(p && aligned_to(p, 256) && malloc_usable_size(p) >= n);
		free(p);
	}
	return 0;
}
