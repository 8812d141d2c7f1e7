/*
 * Modules: the files mapped as code, the program itself and the vdso included.
 * What is loaded with the program is noted at the start, the rest when a stack
 * first passes through it. A module keeps its id for the life of the process.
 * What is loaded later at the same address is told apart by the loader's entry,
 * its place and its build-id (without one: its headers), so it gets an id of
 * its own; the same file back in the same place has its old id.
 *
 * Fixed memory, never freed. Looking up takes no lock; noting a new module
 * takes one for a moment (tries, then gives up). Nothing here allocates from
 * the heap, and all reads stay inside segments that the loader has mapped.
 */
#ifndef LIBHAKMEM_MODULE_H
#define LIBHAKMEM_MODULE_H

#include "libhakmem/base/lock.h"
#include "libhakmem/base/util.h"

#define MODULE_MAX	2048u
#define MODULE_ID_BYTES 32u	   /* of a build-id; longer ones are cut */
#define MODULE_NONE	0u	   /* in no module: code made at run time */
#define MODULE_UNKNOWN	UINT32_MAX /* no room, or no answer right now */

struct module_info {
	uint32_t id;
	const char *path; /* of paths_of */
	uint8_t build_id[MODULE_ID_BYTES];
	unsigned build_id_bytes; /* 0: it has none */
	uintptr_t start, end;	 /* first and one past the last address */
	uintptr_t bias;		 /* address - bias = address in the file */
	uintptr_t text_start;	 /* the executable segment: address, */
	size_t text_bytes;	 /* length and */
	uint64_t text_offset;	 /* offset in the file */
	bool unloaded;
};

/* Notes the program and what was loaded with it. In a safe context, once. */
void module_start(void);

/* The module whose code is at `pc` now: an id, MODULE_NONE or MODULE_UNKNOWN.
 * Any thread, also inside malloc; keeps errno. */
uint32_t module_of(uintptr_t pc);

/* Copies what is known of a module; false when there is no such id. */
bool module_info(uint32_t id, struct module_info *out);

/*
 * For a publisher: every change (noted, unloaded, back again) has a number.
 * module_generation is the newest; module_changed_since gives the smallest id
 * above `after` that changed later than `since`, 0 at the end:
 *
 *	upto = module_generation();
 *	for (id = 0; (id = module_changed_since(sent, id));)
 *		...
 *	sent = upto;
 */
uint64_t module_generation(void);
uint32_t module_changed_since(uint64_t since, uint32_t after);

/* Marks the modules that are no longer loaded: a look-up each, to be called
 * before asking what changed. */
void module_refresh(void);

/* Ids given so far; modules that found no room. */
uint32_t module_count(void);
uint64_t module_lost(void);

/* True for what was loaded with the program: it is never unloaded. */
bool module_stays(uint32_t id);

/* True when a module holds all of these bytes in a readable segment; for a
 * module that module_of has just given. */
bool module_holds(uint32_t id, uintptr_t address, size_t bytes);

/* How often code came to stand where other code of a module had been. */
uint64_t module_replaced(void);

/* The search table of a module's unwind information; false: it has none. */
struct module_frames {
	uintptr_t start, end; /* of the module */
	uintptr_t header;     /* what the table's offsets are relative to */
	uintptr_t table;      /* pairs of 32-bit offsets: code, description */
	size_t entries;
};
bool module_frames(uint32_t id, struct module_frames *out);

/* The entry of the table that `pc` belongs to, its address in *out; false: it
 * lies before them all, or outside the module. */
bool module_entry(const struct module_frames *frames, uintptr_t pc,
		  uintptr_t *out);

/* Fork takes it with all others; see fork.h. */
extern HIDDEN struct lock module_lock;

#endif
