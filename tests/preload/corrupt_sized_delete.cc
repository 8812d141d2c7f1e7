// A delete with the wrong size, and delete where free belongs, do no harm.
#include <new>

#include "check.h"

int main()
{
	for (size_t n = 1; n < 200000; n = n * 2 + 1) {
		void *p = ::operator new(n);

		fill(p, n, 1);
		::operator delete(hide(p), n / 2 + 1);
		p = ::operator new(n);
		::operator delete(hide(p), n * 10);
		p = ::operator new(n, std::align_val_t(64));
		::operator delete(hide(p), n + 7, std::align_val_t(256));
		p = malloc(n);
		::operator delete(hide(p));
		p = ::operator new[](n);
		free(hide(p));
	}
	return 0;
}
