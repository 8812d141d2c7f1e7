/*
 * What the daemon and its look helper say to each other over a pair of packet
 * sockets: a request about one process, then its frames, a packet each. The
 * last packet, with a frame or without, says how it went.
 *
 *   struct look_request
 *   struct look_answer | payload of a frame
 *
 * The frames come from a stranger's memory: the daemon checks them as it checks
 * a peer's. Pure.
 */
#ifndef HAKMEMD_LOOK_WIRE_H
#define HAKMEMD_LOOK_WIRE_H

#include <stdint.h>

#define LOOK_WIRE_FRAME (110u << 10) /* bytes of a payload, at most */

enum look_end {
	LOOK_DONE,
	LOOK_GONE,    /* no such process, or it has another image by now */
	LOOK_FOREIGN, /* its memory has no libhakmem that is known */
	LOOK_DENIED,  /* the kernel does not let us read it */
	LOOK_OTHER,   /* its libhakmem is another build than the daemon's */
	LOOK_OFF,     /* HAKMEM_LOOK=off, or its heap has not begun */
	LOOK_TAKEN,   /* its addresses are in use in the helper */
	LOOK_TORN,    /* what was read made no sense, more than once */
	/* What the helper does not say, the daemon does: */
	LOOK_NO_HELPER, /* it ended, or cannot be started */
	LOOK_ENDS
};

struct look_request {
	uint64_t base; /* of the library there, 0: to be found */
	uint64_t key;  /* the same for the same process */
	int32_t pid;
	int32_t parent;
	uint32_t hello, all;
	uint32_t number; /* echoed in each packet of the answer */
};

struct look_answer {
	uint64_t base;
	uint32_t number;
	uint16_t type; /* of the frame; 0: none */
	uint16_t end;  /* enum look_end; LOOK_ENDS: more follows */
};

#endif
