/*
 * Virtual memory: the only caller of mmap, munmap, mprotect, madvise, mremap
 * and mincore. Addresses and lengths are multiples of VM_PAGE unless said
 * otherwise. All functions keep errno and are safe from any thread.
 */
#ifndef LIBHAKMEM_VM_H
#define LIBHAKMEM_VM_H

#include "libhakmem/base/util.h"

#define VM_PAGE ((size_t)4096)

/* Fresh zeroed memory anywhere; NULL when the system refuses. */
void *vm_map(size_t bytes);

/* Fresh zeroed memory exactly at `at`, which must be unmapped; false when it is
 * not, or the system refuses. */
bool vm_map_at(void *at, size_t bytes);

/* Address space without memory, anywhere; NULL when refused. */
void *vm_reserve(size_t bytes);

/* Makes a part of a reservation usable; false when refused. */
bool vm_commit(void *at, size_t bytes);

void vm_unmap(void *at, size_t bytes);

/* Gives the memory back to the system; it reads as zeros afterwards. False
 * when the system refused (locked memory) and nothing changed. */
bool vm_purge(void *at, size_t bytes);

/* How many pages of a mapped range hold memory, about: what is swapped out does
 * not count. 0 when it cannot be told. */
size_t vm_resident_pages(const void *at, size_t bytes);

/* Resizes a mapping made by vm_map, moving it if need be; NULL when refused,
 * the old mapping then stays. */
void *vm_remap(void *at, size_t old_bytes, size_t new_bytes);

/* Moves the memory at `from` to a new mapping of `new_bytes` without copying;
 * `from` stays mapped and reads as zeros. NULL when the kernel cannot: then
 * nothing changed. */
void *vm_move(void *from, size_t bytes, size_t new_bytes);

/* True when the page that holds `address` is mapped (asks mincore; a page
 * without read permission counts as mapped). */
bool vm_readable(uintptr_t address);

/* Bytes of address space the process may still use; SIZE_MAX without limit. */
size_t vm_limit(void);

#endif
