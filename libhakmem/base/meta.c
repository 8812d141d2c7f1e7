#include "libhakmem/base/meta.h"

#include "libhakmem/base/lock.h"
#include "libhakmem/base/vm.h"

#define CHUNK_BYTES (128 * KIB)

struct lock meta_lock;
static char *next, *end;
static uint64_t handed_out;

void *meta_alloc(size_t bytes)
{
	char *got = NULL;

	bytes = align_up(bytes, CACHE_LINE);
	lock_acquire(&meta_lock, LOCK_META);
	if (bytes > (size_t)(end - next)) {
		size_t chunk = align_up(max_size(bytes, CHUNK_BYTES), VM_PAGE);
		char *fresh = vm_map(chunk);

		if (!fresh)
			goto out;
		next = fresh;
		end = fresh + chunk;
	}
	got = next;
	next += bytes;
	count64(&handed_out, bytes);
out:
	lock_release(&meta_lock, LOCK_META);
	return got;
}

size_t meta_bytes(void)
{
	return peek64(&handed_out);
}
