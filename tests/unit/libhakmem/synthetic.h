/*
 * Descriptions made by hand, byte by byte: they are written over those that the
 * assembler made for two places in this program, so that they are found like
 * any others. libunwind judges what they mean.
 */
#ifndef TESTS_UNIT_LIBHAKMEM_SYNTHETIC_H
#define TESTS_UNIT_LIBHAKMEM_SYNTHETIC_H

#include "libhakmem/unwind/cfi.h"
#include "libhakmem/unwind/module.h"
#include "tests/unit/libhakmem/oracle.h"
#include "tests/unit/libhakmem/probes.h"
#include "tests/unit/libhakmem/unit.h"

#include <dwarf.h>
#include <sys/mman.h>

static uint32_t ours; /* the module of this very program */

static inline struct rule learn(const char *code)
{
	struct rule rule;

	cfi_learn((uintptr_t)code, ours, &rule);
	assert_int_equal(rule.module, ours);
	assert_true(rule.stays);
	return rule;
}

static inline void expect(const char *code, int base, int cfa, int fp)
{
	struct rule rule = learn(code);

	assert_int_equal(rule.base, base);
	assert_int_equal(rule.cfa, cfa);
	assert_int_equal(rule.saves_fp, fp != 0);
	assert_int_equal(rule.fp, fp);
}

#define ROOM	   480 /* bytes of each description that may be written over */
#define CODE_BYTES 64

/* Filled with what a linker does not think superfluous (GNU_args_size). */
#if PROBES
#define SYNTHETIC_DESCRIPTION                                                  \
	".cfi_startproc\n.rept 240\n.cfi_escape 46, 1\n.endr\n"                \
	".rept 64\nnop\n.endr\n.cfi_endproc\n"
__asm__(".pushsection .text\n.p2align 4\n"
	"synthetic_first:\n" SYNTHETIC_DESCRIPTION
	"synthetic_code:\n" SYNTHETIC_DESCRIPTION ".popsection\n");
extern const char synthetic_first[], synthetic_code[];
#else
static const char synthetic_first[CODE_BYTES], synthetic_code[CODE_BYTES];
#endif

struct bytes {
	uint8_t at[ROOM];
	unsigned count;
};

static uint8_t *cie_room, *fde_room;

static inline uint8_t *description_of(const char *code)
{
	struct module_frames frames;
	uintptr_t entry, page;
	uint8_t *found;

	assert_true(module_frames(ours, &frames));
	assert_true(module_entry(&frames, (uintptr_t)code, &entry));
	found = (uint8_t *)frames.header + ((const int32_t *)entry)[1];
	page = (uintptr_t)found & ~(uintptr_t)4095;
	assert_int_equal(mprotect((void *)page, 8192, PROT_READ | PROT_WRITE),
			 0);
	return found;
}

static inline void put(struct bytes *to, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to->at[to->count++] = (uint8_t)(value >> (8 * i));
}

#define PUT(to, ...)                                                           \
	do {                                                                   \
		const uint8_t more_[] = {__VA_ARGS__};                         \
		memcpy((to)->at + (to)->count, more_, sizeof(more_));          \
		(to)->count += sizeof(more_);                                  \
	} while (0)

#define REMEMBER DW_CFA_remember_state
#define RESTORE	 DW_CFA_restore_state

/* A record: its length, and what it has. */
static inline void write_record(uint8_t *room, const struct bytes *what)
{
	memcpy(room, &what->count, 4);
	memcpy(room + 4, what->at, what->count);
}

/* The usual beginning of each. */
static inline void begin_cie(struct bytes *cie)
{
	*cie = (struct bytes){0};
	put(cie, 0, 4);
	PUT(cie, 1, 'z', 'R', 0, 1, 0x78, 16, 1,
	    DW_EH_PE_pcrel | DW_EH_PE_sdata4, DW_CFA_def_cfa, 7, 8,
	    DW_CFA_offset | 16, 1);
}

static inline void begin_fde(struct bytes *fde)
{
	*fde = (struct bytes){0};
	put(fde, (uintptr_t)(fde_room + 4 - cie_room), 4);
	put(fde, (uintptr_t)synthetic_code - (uintptr_t)(fde_room + 8), 4);
	put(fde, CODE_BYTES, 4);
	put(fde, 0, 1);
}

static inline void write_both(const struct bytes *cie, const struct bytes *fde)
{
	write_record(cie_room, cie);
	write_record(fde_room, fde);
	dwarf_flush();
}

static inline int synthetic_start(void **unused)
{
	(void)unused;
	module_start();
	ours = module_of((uintptr_t)synthetic_start);
	if (!PROBES)
		return 0;
	cie_room = description_of(synthetic_first);
	fde_room = description_of(synthetic_code);
	return dwarf_start() && cie_room < fde_room ? 0 : -1;
}

#endif
