/*
 * libunwind as the oracle for rules: it makes one step on a stack that does not
 * exist, where each word follows from its address and the two registers are far
 * apart, and so does the rule; both must come to the same place.
 */
#ifndef TESTS_UNIT_LIBHAKMEM_ORACLE_H
#define TESTS_UNIT_LIBHAKMEM_ORACLE_H

#include "libhakmem/unwind/dwarf.h"

/* No module lies between these. */
#define ORACLE_LOW  ((uintptr_t)1 << 43)
#define ORACLE_HIGH ((uintptr_t)5 << 44)
#define ORACLE_SP   ((uintptr_t)1 << 44)
#define ORACLE_FP   ((uintptr_t)3 << 44)

/* A step: 1, 0 at the end, -1 when it is lost. */
struct oracle_step {
	int result;
	bool signal, fp_saved;
	uintptr_t pc, sp, fp;
};

static inline uint64_t oracle_word(uintptr_t address)
{
	uint64_t mixed = address * UINT64_C(0x9E3779B97F4A7C15);

	return ORACLE_SP + (mixed >> 20 & ~UINT64_C(7)) % ((uintptr_t)3 << 44);
}

static inline bool oracle_stack(void *arg, uintptr_t address, uint64_t *value)
{
	(void)arg;
	*value = oracle_word(address);
	return address >= ORACLE_LOW && address < ORACLE_HIGH;
}

static inline bool oracle_fp(void *arg, uint64_t *value)
{
	(void)arg;
	*value = ORACLE_FP;
	return true;
}

static inline struct oracle_step oracle_by_libunwind(uintptr_t code,
						     uint32_t module)
{
	const struct dwarf_reader reader = {oracle_stack, oracle_fp, NULL};
	struct dwarf_frame frame = {.code = code,
				    .module = module,
				    .sp = ORACLE_SP,
				    .fp = ORACLE_FP};
	struct oracle_step step = {0};

	step.result = dwarf_step(&frame, &reader, &step.pc, &step.signal);
	if (step.result <= 0)
		return (struct oracle_step){.result = step.result < 0 ? -1 : 0};
	step.sp = frame.sp;
	step.fp = frame.fp;
	step.fp_saved = frame.fp_saved;
	return step;
}

static inline struct oracle_step oracle_by_rule(const struct rule *rule)
{
	bool by_fp = rule->base == RULE_FP || rule->base == RULE_FP_AT;
	uintptr_t base = by_fp ? ORACLE_FP : ORACLE_SP;
	uintptr_t at = base + (uintptr_t)(intptr_t)rule->cfa;
	bool plain = rule->base == RULE_SP || rule->base == RULE_FP;
	uintptr_t saved = (uintptr_t)(intptr_t)rule->fp;
	struct oracle_step step = {.result = 1, .fp = ORACLE_FP};

	if (rule->base == RULE_END)
		return (struct oracle_step){.result = 0};
	if (rule->base == RULE_LOST || rule->base == RULE_GUESS)
		return (struct oracle_step){.result = -1};
	step.sp = plain ? at : oracle_word(at);
	step.signal = rule->base == RULE_SIGNAL;
	step.pc = oracle_word(step.signal ? at + 8 : step.sp - 8);
	step.fp_saved = rule->saves_fp;
	if (rule->saves_fp)
		step.fp = plain ? step.sp - saved : base + saved;
	return step;
}

static inline bool oracle_agrees(uintptr_t code, const struct rule *rule)
{
	struct oracle_step theirs = oracle_by_libunwind(code, rule->module);
	struct oracle_step ours = oracle_by_rule(rule);

	return ours.result == theirs.result && ours.pc == theirs.pc &&
	       ours.sp == theirs.sp && ours.fp == theirs.fp &&
	       ours.fp_saved == theirs.fp_saved && ours.signal == theirs.signal;
}

#endif
