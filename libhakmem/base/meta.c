#include "libhakmem/base/meta.h"

#include "libhakmem/base/lock.h"
#include "libhakmem/base/vm.h"

#define CHUNK_BYTES (128 * KIB)

struct lock meta_lock;
static char *meta_next, *meta_end;
static uint64_t meta_handed_out;

void *meta_alloc(size_t bytes)
{
	char *got = NULL;

	bytes = align_up(bytes, CACHE_LINE);
	lock_acquire(&meta_lock, LOCK_META);
	if (bytes > (size_t)(meta_end - meta_next)) {
		size_t chunk = align_up(max_size(bytes, CHUNK_BYTES), VM_PAGE);
		char *fresh = vm_map(chunk);

		if (!fresh)
			goto out;
		meta_next = fresh;
		meta_end = fresh + chunk;
	}
	got = meta_next;
	meta_next += bytes;
	count64(&meta_handed_out, bytes);
out:
	lock_release(&meta_lock, LOCK_META);
	return got;
}

size_t meta_bytes(void)
{
	return peek64(&meta_handed_out);
}
