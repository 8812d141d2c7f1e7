#include "hakmemd/look/maps.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_MAX 512u

/* A line of the file. */
struct mapping {
	uint64_t begin, end, offset;
	char rights[5];
	char path[256]; /* its end, if it is longer */
};

struct range {
	uint64_t begin, end;
};

struct maps {
	size_t count;
	struct range ranges[OWN_MAX];
};

static bool maps_next(FILE *file, struct mapping *out)
{
	char line[4352]; /* a path has 4096 bytes at most */
	int at = 0;
	size_t length;

	if (!fgets(line, sizeof(line), file))
		return false;
	*out = (struct mapping){.begin = 0};
	if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %n", &out->begin, &out->end,
		   out->rights, &out->offset, &at) < 4)
		return true;
	length = strcspn(line + at, "\n");
	if (length >= sizeof(out->path))
		at += (int)(length - sizeof(out->path) + 1);
	snprintf(out->path, sizeof(out->path), "%.*s",
		 (int)strcspn(line + at, "\n"), line + at);
	return true;
}

static FILE *maps_open(pid_t pid)
{
	char path[32] = "/proc/self/maps";

	if (pid > 0)
		snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	return fopen(path, "re");
}

/* Its name, also when the file was replaced: "/x/libhakmem.so (deleted)". */
static bool maps_is_library(const struct mapping *mapping)
{
	const char *slash = strrchr(mapping->path, '/');

	return slash && mapping->offset == 0 &&
	       strncmp(slash + 1, "libhakmem.so", 12) == 0;
}

struct maps *maps_own(void)
{
	struct maps *own = calloc(1, sizeof(*own));
	FILE *file = maps_open(0);
	struct mapping mapping;

	while (own && file && own->count < OWN_MAX && maps_next(file, &mapping))
		own->ranges[own->count++] =
			(struct range){mapping.begin, mapping.end};
	if (file)
		fclose(file);
	return own;
}

static bool maps_meets(const struct mapping *mapping, const struct maps *own)
{
	for (size_t i = 0; own && i < own->count; i++)
		if (mapping->begin < own->ranges[i].end &&
		    own->ranges[i].begin < mapping->end)
			return true;
	return false;
}

enum look_end maps_find(pid_t pid, const struct maps *own, uint64_t *base)
{
	FILE *file = maps_open(pid);
	struct mapping mapping;
	bool taken = false;

	*base = 0;
	if (!file)
		return errno == EACCES || errno == EPERM ? LOOK_DENIED
							 : LOOK_GONE;
	errno = 0;
	while (maps_next(file, &mapping)) {
		if (*base == 0 && maps_is_library(&mapping))
			*base = mapping.begin;
		/* Anonymous memory that may be written: its tables are there.
		 */
		if (mapping.path[0] == '\0' && mapping.rights[1] == 'w')
			taken |= maps_meets(&mapping, own);
	}
	fclose(file);
	if (*base == 0)
		return errno == EACCES || errno == EPERM ? LOOK_DENIED
							 : LOOK_FOREIGN;
	return taken ? LOOK_TAKEN : LOOK_DONE;
}
