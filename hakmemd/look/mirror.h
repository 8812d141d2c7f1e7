/*
 * A mirror of another process's memory, filled page by page at the first touch.
 *
 * Two kinds of addresses are mirrored: the variables of a library that both
 * processes have loaded, at our addresses; and everything else at the address
 * that it has there, so that the pointers in it hold. Code that reads its own
 * variables and follows their pointers then reads the other process's. It may
 * write, too: into the copy.
 *
 * A page that cannot be read, or whose address is taken here, ends what
 * mirror_run runs; so does too much time. For a process that does nothing else:
 * it takes SIGSEGV, SIGBUS and SIGPROF. One thread.
 */
#ifndef HAKMEMD_MIRROR_H
#define HAKMEMD_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MIRROR_COPIES_MAX                                                      \
	16384u		       /* parts of 16 KiB or less, of all processes    \
				*/
#define MIRROR_RANGES_MAX 256u /* read at a time */

/* A part of the other process's memory, and where it goes to. */
struct mirror_range {
	uint64_t address;
	char *out;
	size_t length;
};

/* Where the bytes come from: false when not all of them can be had. At most
 * MIRROR_RANGES_MAX ranges. */
struct mirror_source {
	bool (*read)(void *owner, const struct mirror_range *ranges,
		     size_t count);
	void *owner;
};

/* Variables of ours that stand for those of the other process: whole pages,
 * whose own contents are lost. */
bool mirror_init(char *begin, char *end);

/*
 * From now on `begin` is what the other process has at `there`; false when that
 * cannot be read. `key` tells processes apart: what was touched when it was
 * mirrored the last time is fetched at once.
 */
bool mirror_begin(const struct mirror_source *source, uint64_t there,
		  uint64_t key);

enum mirror_end {
	MIRROR_DONE,
	MIRROR_UNREADABLE, /* a page could not be had */
	MIRROR_LATE,	   /* took too long */
};

/* Calls run(argument) for at most `ms` of CPU time. It may not hold anything
 * that has to be given back. */
enum mirror_end mirror_run(void (*run)(void *argument), void *argument,
			   unsigned ms);

#endif
