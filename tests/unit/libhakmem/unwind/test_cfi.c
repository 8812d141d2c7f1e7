/* What the instructions of a description mean. */
#include "tests/unit/libhakmem/synthetic.h"

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

static void more_than_a_rule_can_say_needs_dwarf(void **unused)
{
	const char *const places[] = {probe_above,  probe_kept, probe_moved,
				      probe_uneven, probe_far,	probe_wild};

	(void)unused;
	for (size_t i = 0; i < COUNT_OF(places); i++)
		expect(places[i], RULE_DWARF, 0, 0);
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
	{0, IS(RULE_DWARF), BYTES(DW_CFA_GNU_negative_offset_extended, 6, 2)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_register, 6, 3)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_val_offset, 6, 2)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_val_offset_sf, 6, 2)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_val_expression, 6, 1, DW_OP_lit0)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_same_value, 16)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_offset | 16, 2)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_def_cfa_offset, 0)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_def_cfa_offset, 20)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_def_cfa_offset_sf, 1)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_def_cfa_offset, 0x80, 0x80, 0x80, 2)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_offset | 6, 0x80, 0x80, 0x80, 2)},
	{0, IS(RULE_DWARF),
	 BYTES(DW_CFA_def_cfa_offset, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
	       0xFF, 0xFF, 1)},
	{0, IS(RULE_DWARF),
	 BYTES(DW_CFA_def_cfa_offset, 0x88, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
	       0x80, 0x80, 0x80, 0x80, 0)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_def_cfa_offset, 0x88)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_def_cfa, 7)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_advance_loc4, 1, 0, 0)},
	{0, IS(RULE_DWARF), BYTES(RESTORE)},
	{0, IS(RULE_DWARF),
	 BYTES(REMEMBER, REMEMBER, REMEMBER, REMEMBER, REMEMBER, RESTORE)},
	{0, IS(RULE_DWARF), BYTES(0x17, 0)},
	{0, IS(RULE_DWARF), BYTES(0x2D)},
	{0, IS(RULE_DWARF), BYTES(0x3F, 0)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_def_cfa_expression, 0)},
	{0, IS(RULE_DWARF),
	 BYTES(DW_CFA_def_cfa_expression, 1, DW_OP_breg0 + 7)},
	{0, IS(RULE_DWARF),
	 BYTES(DW_CFA_def_cfa_expression, 9, DW_OP_breg0 + 7, 8)},
	{0, IS(RULE_DWARF),
	 BYTES(DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 7, 8, DW_OP_nop)},
	{0, IS(RULE_DWARF),
	 BYTES(DW_CFA_def_cfa_expression, 4, DW_OP_breg0 + 7, 8, DW_OP_deref,
	       DW_OP_deref)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_def_cfa_expression, 2, DW_OP_lit0, 8)},
	{0, IS(RULE_DWARF),
	 BYTES(DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 6, 0x7C,
	       DW_OP_deref)},
	{0, IS(RULE_DWARF),
	 BYTES(DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 6, 0x78, DW_OP_deref,
	       DW_CFA_expression, 6, 2, DW_OP_breg0 + 7, 0)},
	{0, IS(RULE_DWARF),
	 BYTES(DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 6, 0x78, DW_OP_deref,
	       DW_CFA_offset | 6, 2)},
	{0, IS(RULE_DWARF),
	 BYTES(DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 6, 0x78, DW_OP_deref,
	       DW_CFA_def_cfa_register, 7)},
	{0, IS(RULE_DWARF),
	 BYTES(DW_CFA_def_cfa_expression, 3, DW_OP_breg0 + 6, 0x78, DW_OP_deref,
	       DW_CFA_def_cfa_offset, 16)},
	{0, IS(RULE_DWARF), BYTES(DW_CFA_expression, 6, 2, DW_OP_breg0 + 6, 0)},
	{0, IS(RULE_DWARF),
	 BYTES(DW_CFA_expression, 16, 2, DW_OP_breg0 + 7, 0)},
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
	rule = learn(synthetic_code + made->place);
	if (rule.base != made->rule.base || rule.cfa != made->rule.cfa ||
	    rule.fp != made->rule.fp || rule.saves_fp != made->rule.saves_fp ||
	    (judged &&
	     !oracle_agrees((uintptr_t)synthetic_code + made->place, &rule)))
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

static void nonsense_needs_dwarf(void **unused)
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
		rule = learn(synthetic_code);
		assert_true(rule.base == RULE_DWARF ||
			    (rule.base == RULE_SP && fde.count >= 13));
	}
	begin_fde(&fde);
	while (cie.count > 0) {
		cie.count--;
		write_both(&cie, &fde);
		memset(cie_room + 4 + cie.count, 0xFF, 16);
		rule = learn(synthetic_code);
		assert_true(rule.base == RULE_DWARF);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROBED(rules_are_what_the_descriptions_say),
		PROBED(more_than_a_rule_can_say_needs_dwarf),
		PROBED(a_rule_that_was_learned_can_be_kept),
		cmocka_unit_test(without_a_description_there_is_a_guess),
		PROBED(each_instruction_is_obeyed),
		PROBED(nonsense_needs_dwarf),
		PROBED(a_record_may_end_anywhere),
	};

	return cmocka_run_group_tests(tests, synthetic_start, NULL);
}
