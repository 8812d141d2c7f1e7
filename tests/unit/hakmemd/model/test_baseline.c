#include "hakmemd/model/baseline.h"

#include <stdio.h>

#include "tests/unit/hakmemd/unit_sites.h"

static struct unit_sites unit;
static struct sites sites;
static struct baselines baselines;
static char dropped[BASELINE_NAME_MAX + 1];
static const void *owner;
static int somebody;

static void begin(void)
{
	baseline_clear(&baselines, &sites);
	sites_clear(&sites);
	sites.pool = NULL;
	unit_sites_begin(&unit);
}

static void say(uint32_t id, double live, double allocated)
{
	unit_sites_begin(&unit);
	unit_site(&unit, id, live, allocated, 0x1000, 2);
	sites_take(&sites, &unit.message);
}

static const char *set(const char *name)
{
	static const uint8_t state[] = {1, 2, 3};
	static const uint64_t figures[FIGURES] = {7, 8};
	const struct baseline_content options = {.name = name,
						 .owner = owner,
						 .time_ns = 5,
						 .figures = figures,
						 .state = state,
						 .state_bytes = sizeof(state)};

	return baseline_set(&baselines, &sites, &options, dropped);
}

static struct sites_figures since(const char *name, uint32_t id)
{
	return baseline_since(baseline_find(&baselines, name),
			      sites_find(&sites, id));
}

static void differences_are_signed(void **state)
{
	struct sites_figures figures;

	(void)state;
	begin();
	say(9, 5000, 20000);
	say(3, 1000, 1000);
	assert_null(set("before"));
	say(9, 2000, 26000);
	say(4, 7000, 7000);
	figures = since("before", 9);
	assert_float_equal(figures.live_bytes, -3000, 0);
	assert_float_equal(figures.live_objects, -30, 0);
	assert_float_equal(figures.alloc_bytes, 6000, 0);
	assert_int_equal(figures.live_samples, -3);
	assert_int_equal(figures.samples, 6);
	assert_float_equal(since("before", 3).live_bytes, 0, 0);
	assert_float_equal(since("before", 4).live_bytes, 7000, 0);
	assert_null(baseline_find(&baselines, "after"));
}

/* A pure leak: nothing of what lived then is in doubt. */
static void errors_of_a_difference_are_bounded(void **state)
{
	struct sites_figures figures;

	(void)state;
	begin();
	say(1, 1e6, 1e6);
	assert_null(set("a"));
	say(1, 1.1e6, 1.1e6);
	figures = since("a", 1);
	assert_float_equal(figures.live_bytes_var, 1e5 * 1000, 1);
	assert_float_equal(figures.alloc_bytes_var, 1e5 * 1000, 1);
	/* Much came and went: no more in doubt than what was and what is. */
	say(1, 1e6, 9e6);
	figures = since("a", 1);
	assert_float_equal(figures.live_bytes_var, 2e6 * 1000, 1);
	assert_float_equal(figures.alloc_bytes_var, 8e6 * 1000, 1);
	/* The moment of the baseline itself. */
	assert_null(set("b"));
	figures = since("b", 1);
	assert_float_equal(figures.live_bytes_var, 0, 0);
}

static void the_oldest_goes(void **state)
{
	char name[16];

	(void)state;
	begin();
	say(1, 1000, 1000);
	for (unsigned i = 0; i < BASELINES_MAX; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		assert_null(set(name));
		assert_string_equal(dropped, "");
	}
	assert_null(set("m0")); /* anew: the youngest now */
	assert_string_equal(dropped, "");
	assert_null(set("one more"));
	assert_string_equal(dropped, "m1");
	assert_non_null(baseline_find(&baselines, "m0"));
	assert_null(baseline_find(&baselines, "m1"));
	assert_int_equal(baselines.count, BASELINES_MAX);
}

static void names_and_memory_are_bounded(void **state)
{
	struct sites_pool pool = {0, 8000};
	char name[BASELINE_NAME_MAX + 2];
	size_t before;

	(void)state;
	begin();
	sites.pool = &pool;
	say(1, 1000, 1000);
	memset(name, 'x', sizeof(name));
	name[BASELINE_NAME_MAX + 1] = '\0';
	assert_non_null(set(name));
	assert_non_null(set(""));
	name[BASELINE_NAME_MAX] = '\0';
	before = sites.bytes;
	assert_null(set(name));
	assert_true(sites.bytes > before);
	pool.max = pool.used;
	assert_non_null(set("no room"));
	assert_int_equal(baselines.count, 1);
	baseline_clear(&baselines, &sites);
	assert_int_equal(sites.bytes, before);
	sites_clear(&sites);
	assert_int_equal(pool.used, 0);
}

/* What a viewer called its own goes with it, and nothing else. */
static void those_of_an_owner_go_with_it(void **state)
{
	size_t before;

	(void)state;
	begin();
	say(1, 1000, 1000);
	before = sites.bytes;
	owner = &somebody;
	assert_null(set("mine"));
	assert_null(set("mine, too"));
	owner = NULL;
	assert_null(set("anybody's"));
	baseline_drop_owned(&baselines, &sites, &somebody);
	assert_int_equal(baselines.count, 1);
	assert_non_null(baseline_find(&baselines, "anybody's"));
	assert_false(baseline_drop(&baselines, &sites, "mine"));
	assert_true(baseline_drop(&baselines, &sites, "anybody's"));
	assert_int_equal(sites.bytes, before);
}

static void it_keeps_the_state_of_then(void **state)
{
	const struct baseline *baseline;

	(void)state;
	begin();
	assert_null(set("m"));
	baseline = baseline_find(&baselines, "m");
	assert_int_equal(baseline->time_ns, 5);
	assert_int_equal(baseline->figures[1], 8);
	assert_int_equal(baseline->state_bytes, 3);
	assert_memory_equal(baseline->state, "\1\2\3", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences_are_signed),
		cmocka_unit_test(those_of_an_owner_go_with_it),
		cmocka_unit_test(it_keeps_the_state_of_then),
		cmocka_unit_test(errors_of_a_difference_are_bounded),
		cmocka_unit_test(the_oldest_goes),
		cmocka_unit_test(names_and_memory_are_bounded),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	begin();
	return failed;
}
