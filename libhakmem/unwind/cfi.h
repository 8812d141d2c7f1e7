/*
 * Call frame information: what a module's .eh_frame says about a place in its
 * code, as a step rule. Descriptions (FDE) are found by the search table of
 * .eh_frame_hdr; each leads to one that many share (CIE). Both hold a program
 * whose instructions are run up to the place, for three registers only:
 *
 *   length 4 | where its CIE is 4 | first code, bytes of code | ... | program
 *   length 4 | 0 | version, what follows, alignments, ...           | program
 *
 * Nothing is trusted: all reads lie inside a record that lies inside a readable
 * segment, records are of bounded length, and each instruction takes a byte of
 * them. No lock, no heap, no system call; less than 900 bytes of stack. Any
 * thread.
 */
#ifndef LIBHAKMEM_CFI_H
#define LIBHAKMEM_CFI_H

#include "libhakmem/unwind/rule.h"

/*
 * The rule of the instruction at `code`, which lies in `module`. What is well
 * described but more than a rule can say, and what is described badly, is
 * RULE_DWARF; without a description RULE_GUESS.
 */
void cfi_learn(uintptr_t code, uint32_t module, struct rule *out);

#endif
