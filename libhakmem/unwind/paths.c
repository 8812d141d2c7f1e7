#include "libhakmem/unwind/paths.h"

#include "libhakmem/base/vm.h"

#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIECE  (8 * KIB)
#define RECENT 256u

static const char *program;
static char *pool;
static size_t pool_left, pool_used;
static const char *recent[RECENT]; /* the last that were kept, in a ring */
static uint32_t kept;

/* Some of the pool; NULL when it is used up. */
static char *pool_take(size_t bytes)
{
	char *got;

	if (bytes > pool_left) {
		if (pool_used + PIECE > PATHS_MOST)
			return NULL;
		got = vm_map(PIECE);
		if (!got)
			return NULL;
		pool_used += PIECE;
		pool = got;
		pool_left = PIECE;
	}
	got = pool;
	pool += bytes;
	pool_left -= bytes;
	return got;
}

/* The same path is stored once, however often its file is loaded. */
static const char *keep(const char *path, size_t length)
{
	char *copy;

	for (uint32_t i = 0; i < RECENT && recent[i]; i++)
		if (strncmp(recent[i], path, length) == 0 && !recent[i][length])
			return recent[i];
	copy = pool_take(length + 1);
	if (!copy)
		return "";
	memcpy(copy, path, length);
	copy[length] = '\0';
	recent[kept++ % RECENT] = copy;
	return copy;
}

/* The loader keeps a path as it was asked for; the file may be elsewhere by
 * the time somebody looks. A raw call, that may fail. */
static const char *absolute(const char *name)
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
	return keep(text, used + length);
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
	program = text;
}

const char *paths_of(const struct link_map *map)
{
	const char *name = map->l_name;

	if (!name || !*name)
		return program ? program : "";
	if (strncmp(name, "linux-vdso.so", 13) == 0 ||
	    strncmp(name, "linux-gate.so", 13) == 0)
		return "[vdso]";
	return absolute(name);
}
