/*
 * The first file a program opens has the lowest number, 3, whether or not the
 * allocator talks to anybody; what it holds itself is close-on-exec.
 */
#include <dirent.h>

#include "tests/preload/check.h"

int main(void)
{
	DIR *all;
	struct dirent *entry;

	for (long end = now_ms() + 300; now_ms() < end;) {
		free(malloc(100));
		free(malloc(100000));
	}
	CHECK(open("/dev/null", O_RDONLY) == 3);
	all = opendir("/proc/self/fd");
	CHECK(all);
	while ((entry = readdir(all))) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd > 3 && fd != dirfd(all))
			CHECK(fd >= 500 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	}
	closedir(all);
	return 0;
}
