/*
 * Places in code whose unwinding descriptions are written out here, so that it
 * is known how to get from each to its caller. Nobody runs them. A probe
 * stands for a return address when 1 is added: the code is one before.
 *
 * On other machines than x86-64 there are none, and who needs them skips.
 */
#ifndef TESTS_UNIT_LIBHAKMEM_PROBES_H
#define TESTS_UNIT_LIBHAKMEM_PROBES_H

#include "tests/unit/libhakmem/unit.h"

#if defined(__x86_64__)
#define PROBES 1
#define PROBE(name, description)                                               \
	__asm__(".pushsection .text\n"                                         \
		".cfi_startproc\n" description "\n"                            \
		"nop\n"                                                        \
		"probe_" #name ": nop\n"                                       \
		".cfi_endproc\n"                                               \
		".popsection\n");                                              \
	extern const char probe_##name[]
#else
#define PROBES 0
#define PROBE(name, description)                                               \
	static const char probe_##name[1] __attribute__((unused))
#endif

/* Nothing but the return address. */
PROBE(plain, "");

/* 48 bytes of frame, the frame pointer saved in the usual place or below. */
PROBE(pushed, ".cfi_def_cfa_offset 48\n.cfi_offset rbp, -16");
PROBE(lower, ".cfi_def_cfa_offset 48\n.cfi_offset rbp, -32");

/* Found by the frame pointer. */
PROBE(framed, ".cfi_def_cfa rbp, 16\n.cfi_offset rbp, -16");

/* Has no caller. */
PROBE(outer, ".cfi_undefined rip");

/* Found by another register. */
PROBE(odd, ".cfi_def_cfa rbx, 16");

/* The frame pointer is saved above the frame, or in a register. */
PROBE(above, ".cfi_offset rbp, 8");
PROBE(kept, ".cfi_register rbp, rbx");

/* The return address is not at the frame's end. */
PROBE(moved, ".cfi_def_cfa_offset 32\n.cfi_offset rip, -16");

/* A frame that is no multiple of 8 long, or too long for a rule. */
PROBE(uneven, ".cfi_def_cfa_offset 20");
PROBE(far, ".cfi_def_cfa_offset 8388608");

/* As functions that align their stack: the frame's end is kept below the place
 * that the frame pointer shows, which is where that was saved (breg6 -8, deref;
 * breg6 0). */
PROBE(aligned, ".cfi_escape 15, 3, 118, 120, 6\n.cfi_escape 16, 6, 2, 118, 0");

/* The same two words above the stack pointer (breg7 16, deref). */
PROBE(stored, ".cfi_escape 15, 3, 119, 16, 6");

/* Found by a word at an address that is none of the process (const8u, deref).
 */
PROBE(wild, ".cfi_escape 15, 10, 14, 0, 16, 0, 0, 0, 16, 0, 0, 6");

/* Setup of a test that cannot do without them. */
#define PROBED(name) cmocka_unit_test_setup(name, need_probes)

static inline int need_probes(void **unused)
{
	(void)unused;
	if (!PROBES)
		skip();
	return 0;
}

#endif
