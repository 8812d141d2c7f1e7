#include "libhakmem/unwind/rule.h"

#include "tests/unit/libhakmem/unit.h"

#include <pthread.h>
#include <sched.h>

static struct rule sample(uint64_t i)
{
	return (struct rule){
		.base = (enum rule_base)(i % (RULE_GUESS + 1)),
		.module = (uint32_t)(i * 7 % 2048 + 1),
		.stays = i % 3 == 0,
		.saves_fp = i % 5 < 2,
		.cfa = (int32_t)(i * 8 % (RULE_DISTANCE_MAX + 8)),
		.fp = -(int32_t)(i * 24 % (RULE_DISTANCE_MAX + 8)),
	};
}

static bool same(const struct rule *a, const struct rule *b)
{
	return a->base == b->base && a->module == b->module &&
	       a->stays == b->stays && a->saves_fp == b->saves_fp &&
	       a->cfa == b->cfa && a->fp == b->fp;
}

static void test_every_value_survives(void **unused)
{
	const struct rule extremes[] = {
		{RULE_DWARF, 1, false, false, 8, 0},
		{RULE_END, 2048, true, false, 0, 0},
		{RULE_SP, 2048, true, true, RULE_DISTANCE_MAX,
		 RULE_DISTANCE_MAX},
		{RULE_FP, 2047, false, true, 16, 16},
		{RULE_FP_AT, 2048, true, true, -RULE_DISTANCE_MAX,
		 -RULE_DISTANCE_MAX},
		{RULE_SP_AT, 3, true, false, 0, 0},
		{RULE_SIGNAL, 7, true, true, 160, 120},
		{RULE_LOST, 8, false, false, 0, 0},
		{RULE_GUESS, 9, false, false, -8, -16},
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

/* A few need no more than a page's worth, so none of them gives way for long:
 * the table grows. */
static void test_grows(void **unused)
{
	struct rule got, wanted = sample(5);
	unsigned lost = 0, learned = 0;

	(void)unused;
	for (unsigned round = 0; round < 20; round++)
		for (uintptr_t i = 1; i <= 2000; i++) {
			if (rule_find(i * 977, &got))
				continue;
			learned++;
			lost += round == 19;
			rule_store(i * 977, &wanted);
		}
	assert_true(learned < 3 * 2000);
	assert_true(lost < 20);
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
	assert_in_range(found, 4096, 12288);
}

/* Places that all belong to one set: the inverse of the table's hash. */
static uintptr_t crowded(uint64_t i)
{
	return (i % 16 + 1) * UINT64_C(0xF1DE83E19937733D);
}

/* Three to a set; the oldest gives way. */
static void test_oldest_gives_way(void **unused)
{
	struct rule got, wanted = sample(5);

	(void)unused;
	rule_forget();
	for (uint64_t last = 0; last < 12; last++) {
		rule_store(crowded(last), &wanted);
		for (uint64_t i = 0; i < 16; i++)
			assert_int_equal(rule_find(crowded(i), &got),
					 i <= last && i + 3 > last);
	}
	/* What is there already is changed where it is. */
	wanted = sample(7);
	rule_store(crowded(10), &wanted);
	assert_true(rule_find(crowded(9), &got));
	assert_true(rule_find(crowded(10), &got));
	assert_true(same(&got, &wanted));
}

static bool stop;

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
	for (unsigned i = 0; found < 500000; i++) {
		struct rule got, wanted = sample(i % 16);

		if (!rule_find(crowded(i), &got)) {
			if (i % 1024 == 0)
				sched_yield(); /* to who is writing */
			continue;
		}
		found++;
		assert_true(same(&got, &wanted));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(writers[i], NULL), 0);
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
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_oldest_gives_way),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_never_torn),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
