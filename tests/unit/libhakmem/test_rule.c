#include "libhakmem/rule.h"

#include "tests/unit/libhakmem/unit.h"

#include <pthread.h>

static struct rule sample(uint64_t i)
{
	return (struct rule){
		.base = (enum rule_base)(i % 4),
		.module = (uint32_t)(i * 7 % 2048 + 1),
		.stays = i % 3 == 0,
		.cfa = (uint32_t)(i * 8 % (RULE_DISTANCE_MAX + 8)),
		.fp = (uint32_t)(i * 24 % (RULE_DISTANCE_MAX + 8)),
	};
}

static bool same(const struct rule *a, const struct rule *b)
{
	return a->base == b->base && a->module == b->module &&
	       a->stays == b->stays && a->cfa == b->cfa && a->fp == b->fp;
}

static void test_every_value_survives(void **unused)
{
	const struct rule extremes[] = {
		{RULE_HARD, 1, false, 8, 0},
		{RULE_END, 2048, true, 0, 0},
		{RULE_SP, 2048, true, RULE_DISTANCE_MAX, RULE_DISTANCE_MAX},
		{RULE_FP, 2047, false, 16, 16},
	};
	struct rule got;

	(void)unused;
	assert_false(rule_find(0x1234, &got));
	for (size_t i = 0; i < COUNT_OF(extremes); i++) {
		rule_store(0x1234, &extremes[i]);
		assert_true(rule_find(0x1234, &got));
		assert_true(same(&got, &extremes[i]));
	}
	assert_false(rule_find(0x1235, &got));
	rule_forget();
	assert_false(rule_find(0x1234, &got));
}

/* New ones are found, old ones give way; what is found is right. */
static void test_bounded(void **unused)
{
	unsigned found = 0;
	struct rule got, wanted;

	(void)unused;
	for (uint64_t i = 1; i <= 100000; i++) {
		wanted = sample(i);
		rule_store(0x7f0000000000 + i * 5, &wanted);
		assert_true(rule_find(0x7f0000000000 + i * 5, &got));
		assert_true(same(&got, &wanted));
	}
	for (uint64_t i = 1; i <= 100000; i++) {
		wanted = sample(i);
		if (!rule_find(0x7f0000000000 + i * 5, &got))
			continue;
		found++;
		assert_true(same(&got, &wanted));
	}
	assert_in_range(found, 4096, 8192);
}

static bool stop;

/* Places that all belong to one set: the inverse of the table's hash. */
static uintptr_t crowded(uint64_t i)
{
	return (i % 16 + 1) * UINT64_C(0xF1DE83E19937733D);
}

static void *write_rules(void *start)
{
	for (uint64_t i = (uintptr_t)start;
	     !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		struct rule rule = sample(i % 16);

		rule_store(crowded(i), &rule);
	}
	return NULL;
}

/* Places that push each other out all the time: never a mixture. */
static void test_never_torn(void **unused)
{
	pthread_t writers[2];
	unsigned found = 0;

	(void)unused;
	rule_forget();
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, write_rules,
						(void *)(i * 31)),
				 0);
	for (unsigned i = 0; found < 2000000 && i < 20000000; i++) {
		struct rule got, wanted = sample(i % 16);

		if (!rule_find(crowded(i), &got))
			continue;
		found++;
		assert_true(same(&got, &wanted));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(writers[i], NULL), 0);
	assert_true(found >= 1000);
}

static int start(void **unused)
{
	(void)unused;
	return rule_start() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_value_survives),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_never_torn),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
