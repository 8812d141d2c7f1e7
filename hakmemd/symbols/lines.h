/*
 * Tells where in the source an address is: its function, the inlined functions
 * around it and file:line, from the DWARF of one file, through elfutils' libdw.
 *
 * Units are indexed by their own ranges (clang writes no .debug_aranges), and
 * the functions of a unit when it is first asked for. For the helper process:
 * a file that was made for it can make libdw run for very long.
 */
#ifndef HAKMEMD_LINES_H
#define HAKMEMD_LINES_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Strings are the file's; they stay until lines_close. */
struct lines_frame {
	const char *function; /* NULL = not known */
	bool linked;	  /* `function` is the linker's name, maybe mangled */
	const char *file; /* NULL = not known */
	uint32_t line;	  /* 0 = not known */
	bool inlined;	  /* into the next frame */
};

struct lines;

/* NULL when the file has no DWARF, or libdw cannot read it. */
struct lines *lines_open(Elf *file);
void lines_close(struct lines *lines);

/*
 * The frames at an address of the file, innermost first, at most `max`; of more
 * the outermost is kept. 0 when no unit covers it. The function of the last one
 * may be missing: then only file and line are known.
 */
size_t lines_find(struct lines *lines, uint64_t address,
		  struct lines_frame *out, size_t max);

#endif
