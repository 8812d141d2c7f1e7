/*
 * The frame: how a message travels on the socket.
 *
 *   0        4         6      8         12         16
 *   +--------+---------+------+---------+----------+-------------- - -
 *   | magic  | version | type | length  | sequence | length bytes of
 *   | "HKM1" | u16     | u16  | u32     | u32      | protobuf message
 *   +--------+---------+------+---------+----------+-------------- - -
 *
 * All integers are little-endian. The sequence starts at 0 on each connection
 * and direction and counts frames. A length above FRAME_PAYLOAD_MAX is refused
 * before anything is allocated for it.
 *
 * No malloc, no stdio, no globals: both the host process and the daemon use
 * this module. All functions are pure and safe from any thread.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_MAGIC	   0x314D4B48u /* "HKM1" read as little-endian */
#define FRAME_VERSION	   2u
#define FRAME_HEADER_BYTES 16u
#define FRAME_PAYLOAD_MAX  (256u * 1024u)

enum frame_type {
	FRAME_HELLO = 1, /* program -> daemon */
	FRAME_STATE = 2,
	FRAME_MODULES = 3,
	FRAME_SITES = 4,
	FRAME_CONTROL = 16,   /* daemon -> program */
	FRAME_QUERY = 32,     /* viewer -> daemon */
	FRAME_PROCESSES = 48, /* daemon -> viewer */
	FRAME_DETAIL = 49,
	FRAME_HISTORY = 50,
	FRAME_EXPORT = 51,
	FRAME_SITE_TABLE = 52,
	FRAME_STACK = 53,
	FRAME_DONE = 54,
	FRAME_ERROR = 63, /* daemon -> any peer, then it closes */
};

enum frame_status {
	FRAME_READY,	   /* a whole frame lies in the buffer */
	FRAME_MORE,	   /* so far good; more bytes are needed */
	FRAME_BAD_MAGIC,   /* not our protocol */
	FRAME_BAD_VERSION, /* our protocol, another version */
	FRAME_TOO_LARGE,   /* length above FRAME_PAYLOAD_MAX */
};

struct frame {
	uint16_t type;
	uint16_t version;
	uint32_t length; /* payload bytes */
	uint32_t sequence;
	const uint8_t *payload; /* into the caller's buffer */
};

/* Writes the header of a frame with `length` payload bytes to `out`. */
void frame_encode(uint8_t out[FRAME_HEADER_BYTES], uint16_t type,
		  uint32_t length, uint32_t sequence);

/*
 * Looks at the `available` bytes at `bytes`. Errors are found as soon as the
 * bytes that show them are there. On FRAME_READY `*out` is filled and the frame
 * occupies FRAME_HEADER_BYTES + out->length bytes; on every other status only
 * the fields already read are valid.
 */
enum frame_status frame_decode(const uint8_t *bytes, size_t available,
			       struct frame *out);

/* One line that names a status, for messages; never NULL. */
const char *frame_status_text(enum frame_status status);

#endif
