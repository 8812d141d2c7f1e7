/*
 * libunwind as the judge of rules: it makes one step on a stack that does not
 * exist, where each word follows from its address and the two registers are far
 * apart, and so does the rule; both must come to the same place.
 */
#ifndef TESTS_UNIT_LIBHAKMEM_JUDGE_H
#define TESTS_UNIT_LIBHAKMEM_JUDGE_H

#include "libhakmem/unwind/dwarf.h"

/* No module lies between these. */
#define JUDGE_LOW  ((uintptr_t)1 << 43)
#define JUDGE_HIGH ((uintptr_t)5 << 44)
#define JUDGE_SP   ((uintptr_t)1 << 44)
#define JUDGE_FP   ((uintptr_t)3 << 44)

/* A step: 1, 0 at the end, -1 when it is lost. */
struct judge_step {
	int result;
	bool signal, fp_saved;
	uintptr_t pc, sp, fp;
};

static inline uint64_t judge_word(uintptr_t address)
{
	uint64_t mixed = address * UINT64_C(0x9E3779B97F4A7C15);

	return JUDGE_SP + (mixed >> 20 & ~UINT64_C(7)) % ((uintptr_t)3 << 44);
}

static inline bool judge_stack(void *arg, uintptr_t address, uint64_t *value)
{
	(void)arg;
	*value = judge_word(address);
	return address >= JUDGE_LOW && address < JUDGE_HIGH;
}

static inline bool judge_fp(void *arg, uint64_t *value)
{
	(void)arg;
	*value = JUDGE_FP;
	return true;
}

static inline struct judge_step judge_by_libunwind(uintptr_t code,
						   uint32_t module)
{
	const struct dwarf_reader reader = {judge_stack, judge_fp, NULL};
	struct dwarf_frame frame = {
		.code = code, .module = module, .sp = JUDGE_SP, .fp = JUDGE_FP};
	struct judge_step step = {0};

	step.result = dwarf_step(&frame, &reader, &step.pc, &step.signal);
	if (step.result <= 0)
		return (struct judge_step){.result = step.result < 0 ? -1 : 0};
	step.sp = frame.sp;
	step.fp = frame.fp;
	step.fp_saved = frame.fp_saved;
	return step;
}

static inline struct judge_step judge_by_rule(const struct rule *rule)
{
	bool by_fp = rule->base == RULE_FP || rule->base == RULE_FP_AT;
	uintptr_t base = by_fp ? JUDGE_FP : JUDGE_SP;
	uintptr_t at = base + (uintptr_t)(intptr_t)rule->cfa;
	bool plain = rule->base == RULE_SP || rule->base == RULE_FP;
	uintptr_t saved = (uintptr_t)(intptr_t)rule->fp;
	struct judge_step step = {.result = 1, .fp = JUDGE_FP};

	if (rule->base == RULE_END)
		return (struct judge_step){.result = 0};
	if (rule->base == RULE_LOST || rule->base == RULE_GUESS)
		return (struct judge_step){.result = -1};
	step.sp = plain ? at : judge_word(at);
	step.signal = rule->base == RULE_SIGNAL;
	step.pc = judge_word(step.signal ? at + 8 : step.sp - 8);
	step.fp_saved = rule->saves_fp;
	if (rule->saves_fp)
		step.fp = plain ? step.sp - saved : base + saved;
	return step;
}

static inline bool judge_agrees(uintptr_t code, const struct rule *rule)
{
	struct judge_step theirs = judge_by_libunwind(code, rule->module);
	struct judge_step ours = judge_by_rule(rule);

	return ours.result == theirs.result && ours.pc == theirs.pc &&
	       ours.sp == theirs.sp && ours.fp == theirs.fp &&
	       ours.fp_saved == theirs.fp_saved && ours.signal == theirs.signal;
}

#endif
