/* Every size from 0 to 70,000 yields a block aligned to 16, all its own. */
#include "tests/preload/check.h"

enum { SIZES = 70000, WINDOW = 64 };

int main(void)
{
	unsigned char *kept[WINDOW] = {0};
	size_t sizes[WINDOW] = {0};

	for (size_t n = 0; n <= SIZES; n++) {
		unsigned slot = (unsigned)(n % WINDOW);

		if (kept[slot]) {
			CHECK(sizes[slot] == 0 ||
			      (kept[slot][0] == (unsigned char)sizes[slot] &&
			       kept[slot][sizes[slot] - 1] ==
				       (unsigned char)sizes[slot]));
			free(kept[slot]);
		}
		kept[slot] = malloc(n);
		sizes[slot] = n;
		CHECK(kept[slot] && aligned_to(kept[slot], 16));
		memset(kept[slot], (int)(unsigned char)n, n);
	}
	for (unsigned i = 0; i < WINDOW; i++)
		free(kept[i]);
	return 0;
}
