#include "hakmem-top/base/save.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int save_fail(char *why, size_t size, const char *path, int error)
{
	snprintf(why, size, "cannot write %s: %s", path, strerror(error));
	errno = error;
	return -1;
}

static int save_write_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t done = write(fd, data, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		data += done;
		length -= (size_t)done;
	}
	return fsync(fd);
}

/* Makes the rename itself durable; a directory we may not open is no error. */
static void save_sync_directory(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd;

	snprintf(directory, sizeof(directory), "%.*s",
		 slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* A new file beside `path`, its name in `name`; -1 with errno. */
static int save_make_temporary(const char *path, mode_t mode,
			       char name[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int before = slash ? (int)(slash - path + 1) : 0;
	int fd = -1;

	for (unsigned try = 0; try < 100 && fd < 0; try++) {
		int length = snprintf(name, PATH_MAX, "%.*s.hakmem-%d-%u.tmp",
				      before, path, (int)getpid(), try);

		if (length >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		fd = open(name,
			  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			  mode);
		if (fd < 0 && errno != EEXIST)
			return -1;
	}
	return fd;
}

int save_file(const char *path, const void *data, size_t length, char *why,
	      size_t why_size)
{
	char name[PATH_MAX];
	struct stat old;
	bool exists = lstat(path, &old) == 0;
	int fd, error;

	if (exists && !S_ISREG(old.st_mode)) {
		snprintf(why, why_size,
			 "cannot write %s: it exists and is not a regular file",
			 path);
		errno = EEXIST;
		return -1;
	}
	fd = save_make_temporary(path, exists ? old.st_mode & 0777 : 0666,
				 name);
	if (fd < 0)
		return save_fail(why, why_size, path, errno);
	error = save_write_all(fd, data, length) == 0 ? 0 : errno;
	if (close(fd) != 0 && error == 0)
		error = errno;
	if (error == 0 && rename(name, path) != 0)
		error = errno;
	if (error != 0) {
		unlink(name);
		return save_fail(why, why_size, path, error);
	}
	save_sync_directory(path);
	return 0;
}
