/*
 * The descriptions of real code, made by compilers, assemblers and linkers:
 * every module of this program and a few larger libraries. At both sides of
 * each place where the rule changes, and at some between, libunwind must come
 * to the same caller.
 */
#include "libhakmem/unwind/cfi.h"

#include "libhakmem/unwind/module.h"
#include "tests/unit/libhakmem/oracle.h"
#include "tests/unit/libhakmem/unit.h"

#include <dlfcn.h>

#define SANE_BYTES 65536u /* of one function that is looked at */
#define EACH_BYTES                                                             \
	(SANITIZED || DEBUG_BUILD ? 40000u : 250000u) /* of a module */

/* Packages of these come with what the tests need, see tests/deps. */
static const char *const libraries[] = {
	"libstdc++.so.6", "libgcc_s.so.1",  "libncursesw.so.6", "libdw.so.1",
	"libssl.so.3",	  "libcrypto.so.3", "libLLVM-14.so.1",
};

static struct {
	uint64_t places, judged, differ;
	uint64_t more; /* where libunwind gives up, as for xmm registers */
	uint64_t of_base[RULE_GUESS + 1];
} seen;

static bool same(const struct rule *a, const struct rule *b)
{
	return a->base == b->base && a->saves_fp == b->saves_fp &&
	       a->cfa == b->cfa && a->fp == b->fp;
}

static void judge(const struct module_info *module, uintptr_t code,
		  const struct rule *rule)
{
	seen.judged++;
	if (rule->base == RULE_DWARF || oracle_agrees(code, rule))
		return;
	if (oracle_by_libunwind(code, rule->module).result < 0 &&
	    rule->base != RULE_END) {
		seen.more++;
		return;
	}
	if (seen.differ++ < 10)
		print_message("%s+%lx: base %d, cfa %d, fp %d\n", module->path,
			      (unsigned long)(code - module->start), rule->base,
			      rule->cfa, rule->fp);
}

static void sweep_function(const struct module_info *module, uintptr_t start,
			   uintptr_t end)
{
	struct rule rule, before = {0};

	for (uintptr_t code = start; code < end; code++) {
		cfi_learn(code, module->id, &rule);
		seen.places++;
		seen.of_base[rule.base]++;
		if (code == start || code + 1 == end || !same(&rule, &before))
			judge(module, code, &rule);
		if (code != start && !same(&rule, &before))
			judge(module, code - 1, &before);
		before = rule;
	}
}

/* Every n-th function, so that no module takes long. */
static void sweep(const struct module_info *module)
{
	size_t each = 1 + module->text_bytes / EACH_BYTES;
	struct module_frames frames;
	const int32_t(*table)[2];
	uintptr_t limit;

	if (!module_frames(module->id, &frames))
		return;
	table = (const int32_t(*)[2])frames.table;
	/* libunwind takes bytes that it cannot read for a wild jump. */
	limit = module->text_start + module->text_bytes - 8;
	for (size_t i = 0; i < frames.entries; i += each) {
		uintptr_t start = frames.header + (uintptr_t)table[i][0];
		uintptr_t end = limit;

		if (i + 1 < frames.entries)
			end = frames.header + (uintptr_t)table[i + 1][0];
		end = end < limit ? end : limit;
		if (end - start < SANE_BYTES)
			sweep_function(module, start, end);
	}
}

static void libunwind_agrees_everywhere(void **unused)
{
	(void)unused;
	for (uint32_t id = 1; id <= module_count(); id++) {
		struct module_info module;

		assert_true(module_info(id, &module));
		sweep(&module);
	}
	print_message("%u modules, %lu places, %lu judged (%lu only by us): "
		      "%lu hard, %lu lost, %lu without description\n",
		      module_count(), (unsigned long)seen.places,
		      (unsigned long)seen.judged, (unsigned long)seen.more,
		      (unsigned long)seen.of_base[RULE_DWARF],
		      (unsigned long)seen.of_base[RULE_LOST],
		      (unsigned long)seen.of_base[RULE_GUESS]);
	assert_int_equal(seen.differ, 0);
	assert_true(seen.more < seen.judged / 1000);
	assert_true(seen.judged > 5000);
	assert_true(seen.of_base[RULE_SP] > seen.places / 2);
	assert_true(seen.of_base[RULE_FP] > 0);
	assert_true(seen.of_base[RULE_DWARF] < seen.places / 20);
}

static int start(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(libraries); i++)
		if (!dlopen(libraries[i], RTLD_LAZY | RTLD_LOCAL))
			print_message("%s\n", dlerror());
	module_start();
	return dwarf_start() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libunwind_agrees_everywhere),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
