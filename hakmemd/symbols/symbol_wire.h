/*
 * What the daemon and its symbol helper say to each other over a pair of
 * packet sockets: a request about some addresses of one file, then an answer
 * for each of them, in order.
 *
 *   struct symbol_request
 *   struct symbol_answer | frames x (struct symbol_wire_frame | name | file)
 *
 * The helper reads strangers' files, so the daemon trusts an answer no more
 * than a peer's frame. Pure.
 */
#ifndef HAKMEMD_SYMBOL_WIRE_H
#define HAKMEMD_SYMBOL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYMBOL_WIRE_BATCH  64u
#define SYMBOL_WIRE_PATH   4096u
#define SYMBOL_WIRE_ID	   64u
#define SYMBOL_WIRE_TEXT   1024u /* bytes of a string */
#define SYMBOL_WIRE_FRAMES 32u
#define SYMBOL_WIRE_PACKET (96u << 10)

/* Why there is no name. */
enum symbol_reason {
	SYMBOL_NAMED,
	SYMBOL_ABSENT,
	SYMBOL_UNREADABLE,
	SYMBOL_NO_ELF,
	SYMBOL_DIFFERS,
	SYMBOL_UNSURE,
	SYMBOL_UNKNOWN, /* the file has no symbol there */
	SYMBOL_REASONS,
	/* What the helper does not say, the daemon does: */
	SYMBOL_BROKEN = SYMBOL_REASONS, /* the file breaks the helper */
	SYMBOL_NO_HELPER,
	SYMBOL_NO_FILE /* the address is in none */
};

struct symbol_request {
	uint64_t module; /* the same number: the same file */
	uint64_t started_ns;
	int32_t pid;
	uint32_t id_bytes, count;
	uint8_t id[SYMBOL_WIRE_ID];
	char path[SYMBOL_WIRE_PATH];	     /* ends with a NUL */
	uint64_t address[SYMBOL_WIRE_BATCH]; /* in the file's tables */
};

struct symbol_answer {
	uint32_t index; /* of address[] */
	uint16_t reason, frames;
};

struct symbol_wire_frame {
	uint32_t line;
	uint16_t name_bytes, file_bytes; /* without NUL */
};

struct symbol_packet {
	size_t length;
	union {
		struct symbol_answer answer;
		uint8_t bytes[SYMBOL_WIRE_PACKET];
	};
};

/* Begins an answer without frames. */
void symbol_wire_begin(struct symbol_packet *packet, uint32_t index,
		       uint16_t reason);

/*
 * Appends a frame, at most SYMBOL_WIRE_FRAMES in all; `name` and `file` may be
 * NULL, and are cut to SYMBOL_WIRE_TEXT.
 */
void symbol_wire_put(struct symbol_packet *packet, const char *name,
		     const char *file, uint32_t line);

/* A frame as it came: valid UTF-8, "" = not known. */
struct symbol_wire_text {
	uint32_t line;
	char name[SYMBOL_WIRE_TEXT + 1], file[SYMBOL_WIRE_TEXT + 1];
};

/* The frames of `packet`; false when it is no sound answer. */
bool symbol_wire_take(const struct symbol_packet *packet,
		      struct symbol_wire_text frames[SYMBOL_WIRE_FRAMES]);

#endif
