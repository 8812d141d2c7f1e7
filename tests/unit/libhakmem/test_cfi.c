/* Descriptions made by hand, byte by byte: they are written over those that the
 * assembler made for two places in this program, so that they are found like
 * any others. libunwind judges what they mean. */
#include "libhakmem/cfi.h"

#include "libhakmem/module.h"
#include "tests/unit/libhakmem/judge.h"
#include "tests/unit/libhakmem/probes.h"
#include "tests/unit/libhakmem/unit.h"

#include <dwarf.h>
#include <sys/mman.h>

static uint32_t ours; /* the module of this very program */

static struct rule learn(const char *code)
{
	struct rule rule;

	cfi_learn((uintptr_t)code, ours, &rule);
	assert_int_equal(rule.module, ours);
	assert_true(rule.stays);
	return rule;
}

static void expect(const char *code, int base, int cfa, int fp)
{
	struct rule rule = learn(code);

	assert_int_equal(rule.base, base);
	assert_int_equal(rule.cfa, cfa);
	assert_int_equal(rule.saves_fp, fp != 0);
	assert_int_equal(rule.fp, fp);
}

/* --- what the assembler writes -------------------------------------------- */

static void rules_are_what_the_descriptions_say(void **unused)
{
	(void)unused;
	expect(probe_plain, RULE_SP, 8, 0);
	expect(probe_pushed, RULE_SP, 48, 16);
	expect(probe_lower, RULE_SP, 48, 32);
	expect(probe_framed, RULE_FP, 16, 16);
	expect(probe_outer, RULE_END, 0, 0);
	expect(probe_odd, RULE_LOST, 0, 0);
}

static void more_than_a_rule_can_say_is_hard(void **unused)
{
	const char *const places[] = {probe_above,  probe_kept, probe_moved,
				      probe_uneven, probe_far,	probe_wild};

	(void)unused;
	for (size_t i = 0; i < COUNT_OF(places); i++)
		expect(places[i], RULE_HARD, 0, 0);
}

/* What is learned comes back as it was. */
static void a_rule_that_was_learned_can_be_kept(void **unused)
{
	struct rule rule = learn(probe_pushed), got;

	(void)unused;
	assert_true(rule_start());
	rule_store((uintptr_t)probe_pushed, &rule);
	assert_true(rule_find((uintptr_t)probe_pushed, &got));
	assert_int_equal(got.base, rule.base);
	assert_int_equal(got.module, rule.module);
	assert_int_equal(got.stays, rule.stays);
	assert_int_equal(got.saves_fp, rule.saves_fp);
	assert_int_equal(got.cfa, rule.cfa);
	assert_int_equal(got.fp, rule.fp);
}

/* Of no module, and before the first description of one. */
static void without_a_description_there_is_a_guess(void **unused)
{
	static uint64_t words[16];
	struct module_info info;
	struct rule rule;

	(void)unused;
	assert_true(module_info(ours, &info));
	expect((const char *)info.start, RULE_GUESS, 0, 0);
	expect((const char *)words, RULE_GUESS, 0, 0);
	expect((const char *)1, RULE_GUESS, 0, 0);
	expect((const char *)UINTPTR_MAX, RULE_GUESS, 0, 0);
	cfi_learn((uintptr_t)words, MODULE_NONE, &rule);
	assert_int_equal(rule.base, RULE_GUESS);
	cfi_learn((uintptr_t)words, MODULE_UNKNOWN, &rule);
	assert_int_equal(rule.base, RULE_GUESS);
}

/* --- what we write -------------------------------------------------------- */

#define ROOM	   480 /* bytes of each description that may be written over */
#define CODE_BYTES 64

/* Filled with what a linker does not think superfluous (GNU_args_size). */
#if PROBES
#define MADE_DESCRIPTION                                                       \
	".cfi_startproc\n.rept 240\n.cfi_escape 46, 1\n.endr\n"                \
	".rept 64\nnop\n.endr\n.cfi_endproc\n"
__asm__(".pushsection .text\n.p2align 4\n"
	"made_first:\n" MADE_DESCRIPTION "made_code:\n" MADE_DESCRIPTION
	".popsection\n");
extern const char made_first[], made_code[];
#else
static const char made_first[CODE_BYTES], made_code[CODE_BYTES];
#endif

struct bytes {
	uint8_t at[ROOM];
	unsigned count;
};

static uint8_t *cie_room, *fde_room;

static uint8_t *description_of(const char *code)
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

static void put(struct bytes *to, uint64_t value, unsigned bytes)
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

/* A record: its length, and what it has. */
static void write_record(uint8_t *room, const struct bytes *what)
{
	memcpy(room, &what->count, 4);
	memcpy(room + 4, what->at, what->count);
}

/* The usual beginning of each. */
static void begin_cie(struct bytes *cie)
{
	*cie = (struct bytes){0};
	put(cie, 0, 4);
	PUT(cie, 1, 'z', 'R', 0, 1, 0x78, 16, 1,
	    DW_EH_PE_pcrel | DW_EH_PE_sdata4, DW_CFA_def_cfa, 7, 8,
	    DW_CFA_offset | 16, 1);
}

static void begin_fde(struct bytes *fde)
{
	*fde = (struct bytes){0};
	put(fde, (uintptr_t)(fde_room + 4 - cie_room), 4);
	put(fde, (uintptr_t)made_code - (uintptr_t)(fde_room + 8), 4);
	put(fde, CODE_BYTES, 4);
	put(fde, 0, 1);
}

static void write_both(const struct bytes *cie, const struct bytes *fde)
{
	write_record(cie_room, cie);
	write_record(fde_room, fde);
	dwarf_flush();
}

/* A program after the usual CIE, asked so many bytes into the code. */
struct made {
	unsigned place;
	struct rule rule;
	unsigned length;
	uint8_t program[40];
};

#define BYTES(...)                                                             \
	sizeof((const uint8_t[]){__VA_ARGS__}),                                \
	{                                                                      \
		__VA_ARGS__                                                    \
	}
#define SP_RULE(distance)                                                      \
	{                                                                      \
		.base = RULE_SP, .cfa = (distance)                             \
	}
#define FP_SAVED(kind, distance, below)                                        \
	{                                                                      \
		.base = (kind), .cfa = (distance), .saves_fp = true,           \
		.fp = (below)                                                  \
	}
#define IS(what)                                                               \
	{                                                                      \
		.base = (what)                                                 \
	}

#define REMEMBER DW_CFA_remember_state
#define RESTORE	 DW_CFA_restore_state

static const struct made good[] = {
	{0, SP_RULE(8), BYTES(DW_CFA_nop)},
	{63, SP_RULE(8), BYTES(DW_CFA_nop)},
	{0, SP_RULE(1024), BYTES(DW_CFA_def_cfa_offset, 0x80, 8)},
	{0, FP_SAVED(RULE_FP, 16, 16),
	 BYTES(DW_CFA_def_cfa, 6, 16, DW_CFA_offset | 6, 2)},
	{0, {.base = RULE_FP, .cfa = 8}, BYTES(DW_CFA_def_cfa_register, 6)},
	{0, SP_RULE(32), BYTES(DW_CFA_def_cfa_sf, 7, 0x7C)},
	{0, SP_RULE(40), BYTES(DW_CFA_def_cfa_offset_sf, 0x7B)},
	{0, FP_SAVED(RULE_SP, 8, 24), BYTES(DW_CFA_offset_extended, 6, 3)},
	{0, FP_SAVED(RULE_SP, 8, 32), BYTES(DW_CFA_offset_extended_sf, 6, 4)},
	{0, SP_RULE(8), BYTES(DW_CFA_offset | 6, 2, DW_CFA_same_value, 6)},
	{0, SP_RULE(8), BYTES(DW_CFA_offset | 6, 2, DW_CFA_restore | 6)},
	{0, SP_RULE(8),
	 BYTES(DW_CFA_offset | 6, 2, DW_CFA_restore_extended, 6)},
	{0, IS(RULE_END), BYTES(DW_CFA_undefined, 16)},
	{0, IS(RULE_END), BYTES(DW_CFA_undefined, 6)},
	{0, SP_RULE(8), BYTES(DW_CFA_undefined, 16, DW_CFA_restore | 16)},
	{0, IS(RULE_LOST), BYTES(DW_CFA_def_cfa_register, 3)},
	{0, IS(RULE_LOST),
	 BYTES(DW_CFA_def_cfa_register, 3, DW_CFA_undefined, 16)},
	/* other registers do not matter */
	{0, SP_RULE(8),
	 BYTES(DW_CFA_offset | 3, 2, DW_CFA_undefined, 12, DW_CFA_restore | 3)},
	{0, SP_RULE(24),
	 BYTES(DW_CFA_GNU_args_size, RESTORE, DW_CFA_def_cfa_offset, 24)},
	/* rows begin where they say */
	{3, SP_RULE(8),
	 BYTES(DW_CFA_advance_loc | 4, DW_CFA_def_cfa_offset, 16)},
	{4, SP_RULE(16),
	 BYTES(DW_CFA_advance_loc | 4, DW_CFA_def_cfa_offset, 16)},
	{8, SP_RULE(8),
	 BYTES(DW_CFA_advance_loc1, 9, DW_CFA_def_cfa_offset, 16)},
	{9, SP_RULE(16),
	 BYTES(DW_CFA_advance_loc1, 9, DW_CFA_def_cfa_offset, 16)},
	{9, SP_RULE(8),
	 BYTES(DW_CFA_advance_loc2, 10, 0, DW_CFA_def_cfa_offset, 16)},
	{10, SP_RULE(16),
	 BYTES(DW_CFA_advance_loc2, 10, 0, DW_CFA_def_cfa_offset, 16)},
	{10, SP_RULE(8),
	 BYTES(DW_CFA_advance_loc4, 11, 0, 0, 0, DW_CFA_def_cfa_offset, 16)},
	{11, SP_RULE(16),
	 BYTES(DW_CFA_advance_loc4, 11, 0, 0, 0, DW_CFA_def_cfa_offset, 16)},
	/* nothing behind the place is looked at */
	{5, SP_RULE(8), BYTES(DW_CFA_advance_loc | 6, 0x3F)},
	{0, SP_RULE(8),
	 BYTES(REMEMBER, DW_CFA_def_cfa_offset, 64, DW_CFA_offset | 6, 2,
	       RESTORE)},
	{0, SP_RULE(16),
	 BYTES(REMEMBER, DW_CFA_def_cfa_offset, 16, REMEMBER,
	       DW_CFA_def_cfa_offset, 24, REMEMBER, REMEMBER, RESTORE, RESTORE,
	       RESTORE)},
	/* expressions */
	{0, SP_RULE(24),
	 BYTES(DW_CFA_def_cfa_expression, 2, DW_OP_breg0 + 7, 24)},
	{0, FP_SAVED(RULE_FP_AT, -8, 0),
	 BYTES(DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 6, 0x78, DW_OP_deref,
	       DW_CFA_expression, 6, 2, DW_OP_breg0 + 6, 0)},
	{0,
	 {.base = RULE_SP_AT, .cfa = 160},
	 BYTES(DW_CFA_def_cfa_expression, 4, DW_OP_breg0 + 7, 0xA0, 1,
	       DW_OP_deref)},
	{0, IS(RULE_LOST),
	 BYTES(DW_CFA_def_cfa_expression, 2, DW_OP_breg0 + 3, 0)},
};

static const struct made plt[] = {
#define PLT(least)                                                             \
	BYTES(DW_CFA_def_cfa_expression, 11, DW_OP_breg0 + 7, 8,               \
	      DW_OP_breg0 + 16, 0, DW_OP_lit15, DW_OP_and, (least), DW_OP_ge,  \
	      DW_OP_lit3, DW_OP_shl, DW_OP_plus)
	{0, SP_RULE(8), PLT(DW_OP_lit11)},
	{10, SP_RULE(8), PLT(DW_OP_lit11)},
	{11, SP_RULE(16), PLT(DW_OP_lit11)},
	{15, SP_RULE(16), PLT(DW_OP_lit11)},
	{16, SP_RULE(8), PLT(DW_OP_lit11)},
	{10, SP_RULE(16), PLT(DW_OP_lit10)},
	{9, SP_RULE(8), PLT(DW_OP_lit10)},
};

/* More than a rule can say, or nonsense: in time, and without a fault. */
static const struct made bad[] = {
	{0, IS(RULE_HARD), BYTES(DW_CFA_GNU_negative_offset_extended, 6, 2)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_register, 6, 3)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_val_offset, 6, 2)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_val_offset_sf, 6, 2)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_val_expression, 6, 1, DW_OP_lit0)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_same_value, 16)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_offset | 16, 2)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_def_cfa_offset, 0)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_def_cfa_offset, 20)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_def_cfa_offset_sf, 1)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_def_cfa_offset, 0x80, 0x80, 0x80, 2)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_offset | 6, 0x80, 0x80, 0x80, 2)},
	{0, IS(RULE_HARD),
	 BYTES(DW_CFA_def_cfa_offset, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
	       0xFF, 0xFF, 1)},
	{0, IS(RULE_HARD),
	 BYTES(DW_CFA_def_cfa_offset, 0x88, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
	       0x80, 0x80, 0x80, 0x80, 0)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_def_cfa_offset, 0x88)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_def_cfa, 7)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_advance_loc4, 1, 0, 0)},
	{0, IS(RULE_HARD), BYTES(RESTORE)},
	{0, IS(RULE_HARD),
	 BYTES(REMEMBER, REMEMBER, REMEMBER, REMEMBER, REMEMBER, RESTORE)},
	{0, IS(RULE_HARD), BYTES(0x17, 0)},
	{0, IS(RULE_HARD), BYTES(0x2D)},
	{0, IS(RULE_HARD), BYTES(0x3F, 0)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_def_cfa_expression, 0)},
	{0, IS(RULE_HARD),
	 BYTES(DW_CFA_def_cfa_expression, 1, DW_OP_breg0 + 7)},
	{0, IS(RULE_HARD),
	 BYTES(DW_CFA_def_cfa_expression, 9, DW_OP_breg0 + 7, 8)},
	{0, IS(RULE_HARD),
	 BYTES(DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 7, 8, DW_OP_nop)},
	{0, IS(RULE_HARD),
	 BYTES(DW_CFA_def_cfa_expression, 4, DW_OP_breg0 + 7, 8, DW_OP_deref,
	       DW_OP_deref)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_def_cfa_expression, 2, DW_OP_lit0, 8)},
	{0, IS(RULE_HARD),
	 BYTES(DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 6, 0x7C,
	       DW_OP_deref)},
	{0, IS(RULE_HARD),
	 BYTES(DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 6, 0x78, DW_OP_deref,
	       DW_CFA_expression, 6, 2, DW_OP_breg0 + 7, 0)},
	{0, IS(RULE_HARD),
	 BYTES(DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 6, 0x78, DW_OP_deref,
	       DW_CFA_offset | 6, 2)},
	{0, IS(RULE_HARD),
	 BYTES(DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 6, 0x78, DW_OP_deref,
	       DW_CFA_def_cfa_register, 7)},
	{0, IS(RULE_HARD),
	 BYTES(DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 6, 0x78, DW_OP_deref,
	       DW_CFA_def_cfa_offset, 16)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_expression, 6, 2, DW_OP_breg0 + 6, 0)},
	{0, IS(RULE_HARD), BYTES(DW_CFA_expression, 16, 2, DW_OP_breg0 + 7, 0)},
};

static void check_program(const struct made *made, bool judged)
{
	struct bytes cie, fde;
	struct rule rule;

	begin_cie(&cie);
	begin_fde(&fde);
	memcpy(fde.at + fde.count, made->program, made->length);
	fde.count += made->length;
	write_both(&cie, &fde);
	rule = learn(made_code + made->place);
	if (rule.base != made->rule.base || rule.cfa != made->rule.cfa ||
	    rule.fp != made->rule.fp || rule.saves_fp != made->rule.saves_fp ||
	    (judged &&
	     !judge_agrees((uintptr_t)made_code + made->place, &rule)))
		fail_msg("%02x %02x ... at %u: base %d, cfa %d, fp %d",
			 made->program[0], made->program[1], made->place,
			 rule.base, rule.cfa, rule.fp);
}

static void each_instruction_is_obeyed(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		check_program(&good[i], true);
	for (size_t i = 0; i < COUNT_OF(plt); i++)
		check_program(&plt[i], true);
}

static void nonsense_is_hard(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		check_program(&bad[i], false);
}

/* Instructions to the last byte of what may be read, and none beyond. */
static void a_record_may_end_anywhere(void **unused)
{
	struct bytes cie, fde;
	struct rule rule;

	(void)unused;
	begin_cie(&cie);
	begin_fde(&fde);
	PUT(&fde, DW_CFA_def_cfa_offset, 0x80, 1, DW_CFA_offset | 6, 0x82, 0,
	    DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 7, 8, DW_OP_deref);
	while (fde.count > 0) {
		fde.count--;
		/* What follows would be taken for a distance. */
		fde.at[fde.count] = 0xFF;
		write_both(&cie, &fde);
		memset(fde_room + 4 + fde.count, 0xFF, 16);
		rule = learn(made_code);
		assert_true(rule.base == RULE_HARD ||
			    (rule.base == RULE_SP && fde.count >= 13));
	}
	begin_fde(&fde);
	while (cie.count > 0) {
		cie.count--;
		write_both(&cie, &fde);
		memset(cie_room + 4 + cie.count, 0xFF, 16);
		rule = learn(made_code);
		assert_true(rule.base == RULE_HARD);
	}
}

/* --- records -------------------------------------------------------------- */

static void expect_cie(const struct bytes *cie, const struct bytes *fde,
		       enum rule_base base)
{
	struct rule rule;

	write_both(cie, fde);
	rule = learn(made_code + 8);
	if (rule.base != base ||
	    (base != RULE_HARD &&
	     !judge_agrees((uintptr_t)made_code + 8, &rule)))
		fail_msg("%u \"%.8s\" ...: base %d, cfa %d", cie->at[4],
			 (const char *)cie->at + 5, rule.base, rule.cfa);
}

/* A CIE of this version and kind, up to where its data begin. */
static void start_cie(struct bytes *cie, uint8_t version, const char *letters)
{
	*cie = (struct bytes){0};
	put(cie, 0, 4);
	put(cie, version, 1);
	memcpy(cie->at + cie->count, letters, strlen(letters) + 1);
	cie->count += (unsigned)strlen(letters) + 1;
	PUT(cie, 1, 0x78, 16);
}

#define CFA_8 DW_CFA_def_cfa, 7, 8, DW_CFA_offset | 16, 1
#define PC4   (DW_EH_PE_pcrel | DW_EH_PE_sdata4)

static void each_kind_of_cie_is_understood(void **unused)
{
	struct bytes cie, fde;

	(void)unused;
	begin_fde(&fde);
	PUT(&fde, DW_CFA_advance_loc | 1, DW_CFA_def_cfa_offset, 16);
	start_cie(&cie, 3, "zR");
	PUT(&cie, 1, PC4, CFA_8);
	expect_cie(&cie, &fde, RULE_SP);
	/* A personality, which is skipped, and where LSDA are. libunwind would
	 * follow an indirect one. */
	start_cie(&cie, 1, "zPLR");
	PUT(&cie, 7, DW_EH_PE_indirect | PC4, 1, 2, 3, 4, 0x1B, PC4, CFA_8);
	write_both(&cie, &fde);
	expect(made_code, RULE_SP, 8, 0);
	expect(made_code + 1, RULE_SP, 16, 0);
	start_cie(&cie, 1, "zPLR");
	PUT(&cie, 11, DW_EH_PE_absptr, 1, 2, 3, 4, 5, 6, 7, 8, 0x1B, PC4,
	    CFA_8);
	expect_cie(&cie, &fde, RULE_SP);
	/* More data than letters that are known to us, or to libunwind. */
	start_cie(&cie, 1, "zRB");
	PUT(&cie, 3, PC4, 1, 2, CFA_8);
	write_both(&cie, &fde);
	expect(made_code + 1, RULE_SP, 16, 0);
	/* The code is measured in units. */
	begin_cie(&cie);
	cie.at[8] = 8;
	expect_cie(&cie, &fde, RULE_SP);
	assert_int_equal(learn(made_code + 7).cfa, 8);
	assert_int_equal(learn(made_code + 8).cfa, 16);
}

/* Without data of its own: addresses are plain words. */
static void a_plain_cie_has_plain_addresses(void **unused)
{
	struct bytes cie, fde = {0};

	(void)unused;
	start_cie(&cie, 1, "");
	PUT(&cie, CFA_8);
	put(&fde, (uintptr_t)(fde_room + 4 - cie_room), 4);
	put(&fde, (uintptr_t)made_code, 8);
	put(&fde, CODE_BYTES, 8);
	put(&fde, DW_CFA_set_loc, 1);
	put(&fde, (uintptr_t)made_code + 8, 8);
	PUT(&fde, DW_CFA_def_cfa_offset, 32);
	expect_cie(&cie, &fde, RULE_SP);
	assert_int_equal(learn(made_code + 7).cfa, 8);
	assert_int_equal(learn(made_code + 8).cfa, 32);
}

static void addresses_may_be_written_otherwise(void **unused)
{
	static const uint8_t kinds[] = {
		DW_EH_PE_pcrel | DW_EH_PE_sdata8,
		DW_EH_PE_pcrel | DW_EH_PE_udata8,
		DW_EH_PE_pcrel | DW_EH_PE_absptr,
		DW_EH_PE_absptr,
	};
	struct bytes cie, fde;

	(void)unused;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		uintptr_t from = kinds[i] & DW_EH_PE_pcrel
					 ? (uintptr_t)(fde_room + 8)
					 : 0;

		start_cie(&cie, 1, "zR");
		PUT(&cie, 1, kinds[i], CFA_8);
		fde = (struct bytes){0};
		put(&fde, (uintptr_t)(fde_room + 4 - cie_room), 4);
		put(&fde, (uintptr_t)made_code - from, 8);
		put(&fde, CODE_BYTES, 8);
		put(&fde, 0, 1);
		expect_cie(&cie, &fde, RULE_SP);
	}
}

/* The kernel's frame; anything else that says it is one is not believed. */
static void a_signal_frame_is_known_by_its_letter(void **unused)
{
	struct bytes cie, fde;
	struct rule rule;

	(void)unused;
	begin_fde(&fde);
	start_cie(&cie, 1, "zRS");
	PUT(&cie, 1, PC4, CFA_8);
	expect_cie(&cie, &fde, RULE_HARD);
	start_cie(&cie, 1, "zRS");
	PUT(&cie, 1, PC4, DW_CFA_def_cfa_expression, 4, DW_OP_breg0 + 7, 0xA0,
	    1, DW_OP_deref, DW_CFA_expression, 6, 3, DW_OP_breg0 + 7, 0xF8, 0,
	    DW_CFA_expression, 16, 3, DW_OP_breg0 + 7, 0xA8, 1);
	expect_cie(&cie, &fde, RULE_SIGNAL);
	rule = learn(made_code);
	assert_int_equal(rule.cfa, 160);
	assert_int_equal(rule.fp, 120);
	assert_true(rule.saves_fp);
	cie.at[cie.count - 2] = 0xB0; /* its back is elsewhere */
	expect_cie(&cie, &fde, RULE_HARD);
	/* Without the letter the return address would be looked for below. */
	cie.at[cie.count - 2] = 0xA8;
	cie.at[7] = 'B';
	expect_cie(&cie, &fde, RULE_HARD);
}

static void other_kinds_are_hard(void **unused)
{
	struct bytes cie, fde;

	(void)unused;
	begin_fde(&fde);
	start_cie(&cie, 4, "zR");
	PUT(&cie, 1, PC4, CFA_8);
	expect_cie(&cie, &fde, RULE_HARD);
	start_cie(&cie, 1, "eh");
	PUT(&cie, 1, PC4, CFA_8);
	expect_cie(&cie, &fde, RULE_HARD);
	for (uint8_t encoding = 0; encoding < 255; encoding++) {
		if ((encoding & 0xF0) <= DW_EH_PE_pcrel)
			continue;
		start_cie(&cie, 1, "zR");
		PUT(&cie, 1, encoding, CFA_8);
		expect_cie(&cie, &fde, RULE_HARD);
	}
	begin_cie(&cie);
	cie.at[10] = 17; /* its return address is in another register */
	expect_cie(&cie, &fde, RULE_HARD);
	begin_cie(&cie);
	cie.at[11] = 200; /* longer data than there are */
	expect_cie(&cie, &fde, RULE_HARD);
	begin_cie(&cie);
	cie.at[11] = 0; /* shorter than the letters need */
	expect_cie(&cie, &fde, RULE_HARD);
	begin_cie(&cie);
	cie.at[0] = 1; /* is none */
	expect_cie(&cie, &fde, RULE_HARD);
	begin_cie(&cie);
	PUT(&cie, DW_CFA_advance_loc | 1);
	expect_cie(&cie, &fde, RULE_HARD);
	begin_cie(&cie);
	PUT(&cie, REMEMBER);
	expect_cie(&cie, &fde, RULE_HARD);
	memset(cie.at + 5, 'z', ROOM - 5); /* letters without an end */
	cie.count = ROOM - 4;
	expect_cie(&cie, &fde, RULE_HARD);
}

static void lengths_are_not_believed(void **unused)
{
	static const uint32_t lengths[] = {
		0, 1, 3, 65537, 0x10000000, 0x7FFFFFFF, UINT32_MAX};
	struct bytes cie, fde;

	(void)unused;
	begin_cie(&cie);
	begin_fde(&fde);
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		write_both(&cie, &fde);
		memcpy(fde_room, &lengths[i], 4);
		expect(made_code, RULE_HARD, 0, 0);
		write_both(&cie, &fde);
		memcpy(cie_room, &lengths[i], 4);
		expect(made_code, RULE_HARD, 0, 0);
	}
	/* Within bounds, but not within the segment. */
	fde.count = 60000;
	assert_false(module_holds(ours, (uintptr_t)fde_room, fde.count));
	memcpy(fde_room, &fde.count, 4);
	write_record(cie_room, &cie);
	expect(made_code, RULE_HARD, 0, 0);
	/* Nor where the CIE is said to be. */
	for (unsigned bit = 0; bit < 32; bit++) {
		begin_fde(&fde);
		fde.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
		write_both(&cie, &fde);
		assert_int_not_equal(learn(made_code).base, RULE_SP);
	}
	begin_fde(&fde);
	memset(fde.at, 0, 4); /* a CIE itself */
	write_both(&cie, &fde);
	expect(made_code, RULE_HARD, 0, 0);
}

/* Code that the nearest description does not reach. */
static void code_behind_a_description_has_none(void **unused)
{
	struct bytes cie, fde;

	(void)unused;
	begin_cie(&cie);
	begin_fde(&fde);
	fde.at[8] = 40;
	write_both(&cie, &fde);
	expect(made_code + 39, RULE_SP, 8, 0);
	expect(made_code + 40, RULE_GUESS, 0, 0);
	fde.at[4]++; /* it begins a byte later */
	write_both(&cie, &fde);
	expect(made_code, RULE_GUESS, 0, 0);
	expect(made_code + 1, RULE_SP, 8, 0);
	expect(made_code + 40, RULE_SP, 8, 0);
}

/* Whatever is written there. */
static void any_bytes_are_survived(void **unused)
{
	uint64_t seed = 7;
	unsigned known = 0;
	struct bytes cie, fde;

	(void)unused;
	for (unsigned round = 0; round < 20000; round++) {
		struct rule rule;

		begin_cie(&cie);
		begin_fde(&fde);
		for (unsigned i = 0; i < 40; i++)
			put(&fde, draw(&seed), 1);
		if (round % 2)
			cie.at[draw_below(&seed, cie.count)] =
				(uint8_t)draw(&seed);
		write_record(cie_room, &cie);
		write_record(fde_room, &fde);
		rule = learn(made_code + draw_below(&seed, CODE_BYTES));
		known += rule.base != RULE_HARD;
		if (rule.base == RULE_SP || rule.base == RULE_FP)
			assert_in_range(rule.cfa, 8, RULE_DISTANCE_MAX);
	}
	assert_in_range(known, 1000, 19000);
}

static int start(void **unused)
{
	(void)unused;
	module_start();
	ours = module_of((uintptr_t)start);
	if (!PROBES)
		return 0;
	cie_room = description_of(made_first);
	fde_room = description_of(made_code);
	return dwarf_start() && cie_room < fde_room ? 0 : -1;
}

static int need_probes(void **unused)
{
	(void)unused;
	if (!PROBES)
		skip();
	return 0;
}

int main(void)
{
#define PROBED(name) cmocka_unit_test_setup(name, need_probes)
	const struct CMUnitTest tests[] = {
		PROBED(rules_are_what_the_descriptions_say),
		PROBED(more_than_a_rule_can_say_is_hard),
		PROBED(a_rule_that_was_learned_can_be_kept),
		cmocka_unit_test(without_a_description_there_is_a_guess),
		PROBED(each_instruction_is_obeyed),
		PROBED(nonsense_is_hard),
		PROBED(a_record_may_end_anywhere),
		PROBED(each_kind_of_cie_is_understood),
		PROBED(a_plain_cie_has_plain_addresses),
		PROBED(addresses_may_be_written_otherwise),
		PROBED(a_signal_frame_is_known_by_its_letter),
		PROBED(other_kinds_are_hard),
		PROBED(lengths_are_not_believed),
		PROBED(code_behind_a_description_has_none),
		PROBED(any_bytes_are_survived),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
