/*
 * The control reader: takes what the daemon sends to a program, which is
 * Control and nothing else. Frames are put together from whatever pieces the
 * socket gives, in a fixed buffer; a frame of another type, or one that is too
 * long to be a Control, is passed over. No heap, no system call; the caller
 * holds a lock.
 */
#ifndef LIBHAKMEM_CONTROL_H
#define LIBHAKMEM_CONTROL_H

#include "libhakmem/base/util.h"

#define CONTROL_BYTES 512u

struct control_reader {
	uint8_t bytes[CONTROL_BYTES];
	size_t used;
	size_t skip; /* bytes of a frame that is passed over */
};

enum control_status {
	CONTROL_MORE, /* nothing complete is left */
	CONTROL_READ, /* *out was filled; ask again */
	CONTROL_BAD,  /* not our protocol */
};

/* As Control of the protocol: 0 changes nothing. */
struct control {
	uint64_t sample_bytes;
	uint32_t interval_ms;
	bool sampling_off;
};

/* Where the next bytes go, and how many; at least 1 after CONTROL_MORE. */
uint8_t *control_space(struct control_reader *reader, size_t *room);

/* That many bytes were put there. */
void control_filled(struct control_reader *reader, size_t bytes);

enum control_status control_next(struct control_reader *reader,
				 struct control *out);

#endif
