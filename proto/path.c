#include "proto/path.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Appends `text` to the string of `*used` bytes at `out`; false if too long. */
static bool path_append(char out[PATH_SOCKET_MAX], size_t *used,
			const char *text)
{
	size_t length = strlen(text);

	if (length >= PATH_SOCKET_MAX - *used)
		return false;
	memcpy(out + *used, text, length + 1);
	*used += length;
	return true;
}

static const char *path_decimal(char digits[24], unsigned long value)
{
	char *at = digits + 23;

	*at = '\0';
	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	return at;
}

int path_socket(const char *hakmem_socket, const char *xdg_runtime_dir,
		uid_t uid, char out[PATH_SOCKET_MAX])
{
	char digits[24];
	size_t used = 0;
	bool fits;

	if (hakmem_socket && *hakmem_socket)
		fits = path_append(out, &used, hakmem_socket);
	else if (xdg_runtime_dir && *xdg_runtime_dir)
		fits = path_append(out, &used, xdg_runtime_dir) &&
		       path_append(out, &used, "/hakmem/sock");
	else if (uid == 0)
		fits = path_append(out, &used, "/run/hakmem/sock");
	else
		fits = path_append(out, &used, "/tmp/hakmem-") &&
		       path_append(out, &used, path_decimal(digits, uid)) &&
		       path_append(out, &used, "/sock");
	if (!fits) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

bool path_trusted(const char *socket_path, uid_t uid)
{
	char directory[PATH_SOCKET_MAX];
	const char *slash = strrchr(socket_path, '/');
	size_t length = slash ? (size_t)(slash - socket_path) : 0;
	struct stat info;

	if (length >= sizeof(directory)) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (!slash)
		memcpy(directory, ".", 2);
	else if (length == 0)
		memcpy(directory, "/", 2);
	else {
		memcpy(directory, socket_path, length);
		directory[length] = '\0';
	}
	if (lstat(directory, &info) != 0)
		return false;
	if (!S_ISDIR(info.st_mode)) {
		errno = ENOTDIR;
		return false;
	}
	if ((info.st_uid != uid && info.st_uid != 0) ||
	    ((info.st_mode & (S_IWGRP | S_IWOTH)) &&
	     !(info.st_mode & S_ISVTX))) {
		errno = EPERM;
		return false;
	}
	return true;
}
