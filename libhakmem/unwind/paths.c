#include "libhakmem/unwind/paths.h"

#include "libhakmem/base/vm.h"

#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIECE  (8 * KIB)
#define RECENT 256u

static const char *paths_program;
static char *paths_pool;
static size_t paths_pool_left, paths_pool_used;
static const char
	*paths_recent[RECENT]; /* the last that were kept, in a ring */
static uint32_t paths_kept;

/* Some of the pool; NULL when it is used up. */
static char *paths_pool_take(size_t bytes)
{
	char *got;

	if (bytes > paths_pool_left) {
		if (paths_pool_used + PIECE > PATHS_MOST)
			return NULL;
		got = vm_map(PIECE);
		if (!got)
			return NULL;
		paths_pool_used += PIECE;
		paths_pool = got;
		paths_pool_left = PIECE;
	}
	got = paths_pool;
	paths_pool += bytes;
	paths_pool_left -= bytes;
	return got;
}

/* The same path is stored once, however often its file is loaded. */
static const char *paths_keep(const char *path, size_t length)
{
	char *copy;

	for (uint32_t i = 0; i < RECENT && paths_recent[i]; i++)
		if (strncmp(paths_recent[i], path, length) == 0 &&
		    !paths_recent[i][length])
			return paths_recent[i];
	copy = paths_pool_take(length + 1);
	if (!copy)
		return "";
	memcpy(copy, path, length);
	copy[length] = '\0';
	paths_recent[paths_kept++ % RECENT] = copy;
	return copy;
}

/* The loader keeps a path as it was asked for; the file may be elsewhere by
 * the time somebody looks. A raw call, that may fail. */
static const char *paths_absolute(const char *name)
{
	char text[PATHS_LONGEST];
	size_t length = strnlen(name, 4096), used = 0;
	int saved = errno;
	long got;

	if (name[0] != '/') {
		got = syscall(SYS_getcwd, text, sizeof(text) / 2);
		errno = saved;
		if (got > 1 && text[0] == '/') {
			used = (size_t)got - 1;
			if (used > 1)
				text[used++] = '/';
		}
	}
	if (length > sizeof(text) - used) {
		name += length - (sizeof(text) - used);
		length = sizeof(text) - used;
	}
	memcpy(text + used, name, length);
	return paths_keep(text, used + length);
}

void paths_start(void)
{
	static char text[PATHS_LONGEST];
	int saved = errno;
	ssize_t length = readlink("/proc/self/exe", text, sizeof(text) - 1);

	errno = saved;
	if (length <= 0)
		return;
	text[length] = '\0';
	paths_program = text;
}

const char *paths_of(const struct link_map *map)
{
	const char *name = map->l_name;

	if (!name || !*name)
		return paths_program ? paths_program : "";
	if (strncmp(name, "linux-vdso.so", 13) == 0 ||
	    strncmp(name, "linux-gate.so", 13) == 0)
		return "[vdso]";
	return paths_absolute(name);
}
