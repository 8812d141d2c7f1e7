/* What stands in the records of a description before its instructions. */
#include "tests/unit/libhakmem/synthetic.h"

static void expect_cie(const struct bytes *cie, const struct bytes *fde,
		       enum rule_base base)
{
	struct rule rule;

	write_both(cie, fde);
	rule = learn(synthetic_code + 8);
	if (rule.base != base ||
	    (base != RULE_DWARF &&
	     !oracle_agrees((uintptr_t)synthetic_code + 8, &rule)))
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
	expect(synthetic_code, RULE_SP, 8, 0);
	expect(synthetic_code + 1, RULE_SP, 16, 0);
	start_cie(&cie, 1, "zPLR");
	PUT(&cie, 11, DW_EH_PE_absptr, 1, 2, 3, 4, 5, 6, 7, 8, 0x1B, PC4,
	    CFA_8);
	expect_cie(&cie, &fde, RULE_SP);
	/* More data than letters that are known to us, or to libunwind. */
	start_cie(&cie, 1, "zRB");
	PUT(&cie, 3, PC4, 1, 2, CFA_8);
	write_both(&cie, &fde);
	expect(synthetic_code + 1, RULE_SP, 16, 0);
	/* The code is measured in units. */
	begin_cie(&cie);
	cie.at[8] = 8;
	expect_cie(&cie, &fde, RULE_SP);
	assert_int_equal(learn(synthetic_code + 7).cfa, 8);
	assert_int_equal(learn(synthetic_code + 8).cfa, 16);
}

/* Without data of its own: addresses are plain words. */
static void a_plain_cie_has_plain_addresses(void **unused)
{
	struct bytes cie, fde = {0};

	(void)unused;
	start_cie(&cie, 1, "");
	PUT(&cie, CFA_8);
	put(&fde, (uintptr_t)(fde_room + 4 - cie_room), 4);
	put(&fde, (uintptr_t)synthetic_code, 8);
	put(&fde, CODE_BYTES, 8);
	put(&fde, DW_CFA_set_loc, 1);
	put(&fde, (uintptr_t)synthetic_code + 8, 8);
	PUT(&fde, DW_CFA_def_cfa_offset, 32);
	expect_cie(&cie, &fde, RULE_SP);
	assert_int_equal(learn(synthetic_code + 7).cfa, 8);
	assert_int_equal(learn(synthetic_code + 8).cfa, 32);
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
		put(&fde, (uintptr_t)synthetic_code - from, 8);
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
	expect_cie(&cie, &fde, RULE_DWARF);
	start_cie(&cie, 1, "zRS");
	PUT(&cie, 1, PC4, DW_CFA_def_cfa_expression, 4, DW_OP_breg0 + 7, 0xA0,
	    1, DW_OP_deref, DW_CFA_expression, 6, 3, DW_OP_breg0 + 7, 0xF8, 0,
	    DW_CFA_expression, 16, 3, DW_OP_breg0 + 7, 0xA8, 1);
	expect_cie(&cie, &fde, RULE_SIGNAL);
	rule = learn(synthetic_code);
	assert_int_equal(rule.cfa, 160);
	assert_int_equal(rule.fp, 120);
	assert_true(rule.saves_fp);
	cie.at[cie.count - 2] = 0xB0; /* its back is elsewhere */
	expect_cie(&cie, &fde, RULE_DWARF);
	/* Without the letter the return address would be looked for below. */
	cie.at[cie.count - 2] = 0xA8;
	cie.at[7] = 'B';
	expect_cie(&cie, &fde, RULE_DWARF);
}

static void other_kinds_need_dwarf(void **unused)
{
	struct bytes cie, fde;

	(void)unused;
	begin_fde(&fde);
	start_cie(&cie, 4, "zR");
	PUT(&cie, 1, PC4, CFA_8);
	expect_cie(&cie, &fde, RULE_DWARF);
	start_cie(&cie, 1, "eh");
	PUT(&cie, 1, PC4, CFA_8);
	expect_cie(&cie, &fde, RULE_DWARF);
	for (uint8_t encoding = 0; encoding < 255; encoding++) {
		if ((encoding & 0xF0) <= DW_EH_PE_pcrel)
			continue;
		start_cie(&cie, 1, "zR");
		PUT(&cie, 1, encoding, CFA_8);
		expect_cie(&cie, &fde, RULE_DWARF);
	}
	begin_cie(&cie);
	cie.at[10] = 17; /* its return address is in another register */
	expect_cie(&cie, &fde, RULE_DWARF);
	begin_cie(&cie);
	cie.at[11] = 200; /* longer data than there are */
	expect_cie(&cie, &fde, RULE_DWARF);
	begin_cie(&cie);
	cie.at[11] = 0; /* shorter than the letters need */
	expect_cie(&cie, &fde, RULE_DWARF);
	begin_cie(&cie);
	cie.at[0] = 1; /* is none */
	expect_cie(&cie, &fde, RULE_DWARF);
	begin_cie(&cie);
	PUT(&cie, DW_CFA_advance_loc | 1);
	expect_cie(&cie, &fde, RULE_DWARF);
	begin_cie(&cie);
	PUT(&cie, REMEMBER);
	expect_cie(&cie, &fde, RULE_DWARF);
	memset(cie.at + 5, 'z', ROOM - 5); /* letters without an end */
	cie.count = ROOM - 4;
	expect_cie(&cie, &fde, RULE_DWARF);
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
		expect(synthetic_code, RULE_DWARF, 0, 0);
		write_both(&cie, &fde);
		memcpy(cie_room, &lengths[i], 4);
		expect(synthetic_code, RULE_DWARF, 0, 0);
	}
	/* Within bounds, but not within the segment. */
	fde.count = 60000;
	assert_false(module_holds(ours, (uintptr_t)fde_room, fde.count));
	memcpy(fde_room, &fde.count, 4);
	write_record(cie_room, &cie);
	expect(synthetic_code, RULE_DWARF, 0, 0);
	/* Nor where the CIE is said to be. */
	for (unsigned bit = 0; bit < 32; bit++) {
		begin_fde(&fde);
		fde.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
		write_both(&cie, &fde);
		assert_int_not_equal(learn(synthetic_code).base, RULE_SP);
	}
	begin_fde(&fde);
	memset(fde.at, 0, 4); /* a CIE itself */
	write_both(&cie, &fde);
	expect(synthetic_code, RULE_DWARF, 0, 0);
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
	expect(synthetic_code + 39, RULE_SP, 8, 0);
	expect(synthetic_code + 40, RULE_GUESS, 0, 0);
	fde.at[4]++; /* it begins a byte later */
	write_both(&cie, &fde);
	expect(synthetic_code, RULE_GUESS, 0, 0);
	expect(synthetic_code + 1, RULE_SP, 8, 0);
	expect(synthetic_code + 40, RULE_SP, 8, 0);
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
		rule = learn(synthetic_code + draw_below(&seed, CODE_BYTES));
		known += rule.base != RULE_DWARF;
		if (rule.base == RULE_SP || rule.base == RULE_FP)
			assert_in_range(rule.cfa, 8, RULE_DISTANCE_MAX);
	}
	assert_in_range(known, 1000, 19000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROBED(each_kind_of_cie_is_understood),
		PROBED(a_plain_cie_has_plain_addresses),
		PROBED(addresses_may_be_written_otherwise),
		PROBED(a_signal_frame_is_known_by_its_letter),
		PROBED(other_kinds_need_dwarf),
		PROBED(lengths_are_not_believed),
		PROBED(code_behind_a_description_has_none),
		PROBED(any_bytes_are_survived),
	};

	return cmocka_run_group_tests(tests, synthetic_start, NULL);
}
