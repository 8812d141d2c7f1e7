/*
 * What the daemon and its symbol helper say to each other over a pair of
 * packet sockets: a question about some addresses of one file, then an answer
 * for each of them, in order.
 *
 *   struct symbol_question
 *   struct symbol_answer | frames x (struct symbol_wire_frame | name | file)
 *
 * The helper reads strangers' files, so the daemon trusts an answer no more
 * than a peer's frame.
 */
#ifndef HAKMEMD_SYMBOL_WIRE_H
#define HAKMEMD_SYMBOL_WIRE_H

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
	SYMBOL_REASONS
};

struct symbol_question {
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
	uint32_t inlined;
};

#endif
