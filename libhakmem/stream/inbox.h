/*
 * The inbox: what the daemon sends to a program, which is Control and nothing
 * else. Frames are put together from whatever pieces the socket gives, in a
 * fixed buffer; a frame of another type, or one that is too long to be a
 * Control, is passed over. No heap, no system call; the caller holds a lock.
 */
#ifndef LIBHAKMEM_INBOX_H
#define LIBHAKMEM_INBOX_H

#include "libhakmem/base/util.h"

#define INBOX_BYTES 512u

struct inbox {
	uint8_t bytes[INBOX_BYTES];
	size_t used;
	size_t skip; /* bytes of a frame that is passed over */
};

enum inbox_status {
	INBOX_MORE,    /* nothing complete is left */
	INBOX_CONTROL, /* *out was filled; ask again */
	INBOX_BAD,     /* not our protocol */
};

/* As Control of the protocol: 0 changes nothing. */
struct inbox_control {
	uint64_t sample_bytes;
	uint32_t interval_ms;
	bool sampling_off;
};

/* Where the next bytes go, and how many; at least 1 after INBOX_MORE. */
uint8_t *inbox_space(struct inbox *inbox, size_t *room);

/* That many bytes were put there. */
void inbox_filled(struct inbox *inbox, size_t bytes);

enum inbox_status inbox_next(struct inbox *inbox, struct inbox_control *out);

#endif
