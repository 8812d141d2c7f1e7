#include "libhakmem/base/vm.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static void *vm_map_with(void *at, size_t bytes, int protection, int flags)
{
	int saved = errno;
	void *got = mmap(at, bytes, protection,
			 MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	errno = saved;
	return got == MAP_FAILED ? NULL : got;
}

void *vm_map(size_t bytes)
{
	return vm_map_with(NULL, bytes, PROT_READ | PROT_WRITE, 0);
}

bool vm_map_at(void *at, size_t bytes)
{
	void *got = vm_map_with(at, bytes, PROT_READ | PROT_WRITE,
				MAP_FIXED_NOREPLACE);

	/* A kernel before 4.17 takes the flag for a hint. */
	if (got && got != at) {
		vm_unmap(got, bytes);
		return false;
	}
	return got != NULL;
}

void *vm_reserve(size_t bytes)
{
	return vm_map_with(NULL, bytes, PROT_NONE, MAP_NORESERVE);
}

bool vm_commit(void *at, size_t bytes)
{
	int saved = errno;
	bool done = mprotect(at, bytes, PROT_READ | PROT_WRITE) == 0;

	errno = saved;
	return done;
}

void vm_unmap(void *at, size_t bytes)
{
	int saved = errno;

	munmap(at, bytes);
	errno = saved;
}

bool vm_purge(void *at, size_t bytes)
{
	int saved = errno;
	bool done = madvise(at, bytes, MADV_DONTNEED) == 0;

	errno = saved;
	return done;
}

void *vm_remap(void *at, size_t old_bytes, size_t new_bytes)
{
	int saved = errno;
	void *got = mremap(at, old_bytes, new_bytes, MREMAP_MAYMOVE);

	errno = saved;
	return got == MAP_FAILED ? NULL : got;
}

/* In two steps: the kernel moves without unmapping only at the same length, and
 * makes longer only what is one mapping. */
void *vm_move(void *from, size_t bytes, size_t new_bytes)
{
	int saved = errno;
	void *moved = mremap(from, bytes, bytes,
			     MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	void *grown = NULL;

	if (moved != MAP_FAILED) {
		grown = vm_remap(moved, bytes, new_bytes);
		if (!grown) {
			memcpy(from, moved, bytes);
			munmap(moved, bytes);
		}
	}
	errno = saved;
	return grown;
}

bool vm_readable(uintptr_t address)
{
	unsigned char resident;
	int saved = errno;
	bool mapped = mincore((void *)align_down(address, VM_PAGE), VM_PAGE,
			      &resident) == 0;

	errno = saved;
	return mapped;
}

size_t vm_resident_pages(const void *at, size_t bytes)
{
	unsigned char resident[1024];
	size_t pages = bytes / VM_PAGE, count = 0;
	int saved = errno;

	for (size_t done = 0; done < pages; done += sizeof(resident)) {
		size_t some = min_size(pages - done, sizeof(resident));

		if (mincore((char *)(uintptr_t)at + done * VM_PAGE,
			    some * VM_PAGE, resident) != 0)
			break;
		for (size_t i = 0; i < some; i++)
			count += resident[i] & 1;
	}
	errno = saved;
	return count;
}

size_t vm_limit(void)
{
	struct rlimit limit;
	int saved = errno;
	bool known = getrlimit(RLIMIT_AS, &limit) == 0;

	errno = saved;
	return known && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur
							: SIZE_MAX;
}
