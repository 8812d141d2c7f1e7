/*
 * Snapshots: everything the library knows, as the messages of hakmem.proto.
 * Reads counters that their owners go on writing; exact at rest, else skewed by
 * the operations in flight. No heap, no stdio; keeps errno.
 */
#ifndef LIBHAKMEM_SNAPSHOT_H
#define LIBHAKMEM_SNAPSHOT_H

#include "libhakmem/base/util.h"
#include "proto/hakmem.pb-c.h"

/* The main totals, small and large blocks together. */
struct snapshot_totals {
	uint64_t allocs, frees, live_objects, live_bytes;
};
void snapshot_totals(struct snapshot_totals *out);

/* The state now. The message points into buffers of this module: valid until
 * the next call of this or of snapshot_hello, which share them, so callers hold
 * a lock of their own (publish). */
Hakmem__State *snapshot_state(void);

/* Resident memory of this process, which its state does not tell by itself: a
 * reader of a copy of our variables has another. */
uint64_t snapshot_rss_bytes(void);

/* Who a process is: `pid` as /proc has it, and its parent; the sessions come
 * from publish. */
struct snapshot_identity {
	uint32_t pid, parent_pid;
	uint64_t session, parent_session;
};
Hakmem__Hello *snapshot_hello(const struct snapshot_identity *identity);

#endif
