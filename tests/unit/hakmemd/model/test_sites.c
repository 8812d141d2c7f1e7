#include "hakmemd/model/sites.h"

#include <math.h>

#include "tests/unit/hakmemd/unit_sites.h"

static struct unit_sites unit;
static struct sites sites;

static void begin(void)
{
	sites_clear(&sites);
	sites.pool = NULL;
	unit_sites_begin(&unit);
}

static void say(uint64_t second)
{
	sites_look(&sites, second * UNIT_SECOND, 524288);
	assert_null(site_check_sites(&unit.message, 3));
	sites_take(&sites, &unit.message);
	unit_sites_begin(&unit);
}

static void figures_replace_and_stacks_stay(void **state)
{
	struct unit_site *one;
	struct site *site;

	(void)state;
	begin();
	one = unit_site(&unit, 7, 3000, 10000, 0x1000, 3);
	one->site.n_classes = 2;
	one->class[1].class_index = 3; /* large */
	one->class[1].live_bytes = 5000;
	one->class[1].peak_bytes_var = 77;
	one->class[1].peak_objects_var = 7;
	say(1);
	site = sites_find(&sites, 7);
	assert_non_null(site);
	assert_float_equal(site->sum.live_bytes, 8000, 0);
	assert_int_equal(site->sum.samples, 10);
	assert_float_equal(site->peak_bytes, 6000, 0);
	assert_float_equal(site->peak_bytes_var, 3000 * 2000 + 77, 0);
	assert_float_equal(site->peak_objects_var, 3000 / 5 + 7, 0);
	unit_site(&unit, 7, 2000, 12000, 0, 0);
	say(2);
	assert_ptr_equal(sites_find(&sites, 7), site);
	assert_float_equal(site->sum.live_bytes, 2000, 0);
	assert_int_equal(site->class_count, 1);
	assert_int_equal(site->depth, 3);
	assert_int_equal(site->pcs[2], 0x1020);
	assert_int_equal(site->modules[2], 1);
	assert_null(sites_find(&sites, 8));
	assert_null(sites_find(&sites, SITE_ID_MAX));
}

static void modules_are_told_by_id(void **state)
{
	Hakmem__Modules message;
	Hakmem__Module module, *modules[] = {&module};
	static char path[] = "/lib/x.so", other[] = "/lib/other.so";
	static uint8_t id[] = {1, 2, 3};

	(void)state;
	begin();
	hakmem__modules__init(&message);
	hakmem__module__init(&module);
	message.modules = modules;
	message.n_modules = 1;
	module.module_id = 300;
	module.path = path;
	module.build_id.data = id;
	module.build_id.len = 3;
	module.bias = 77;
	sites_take_modules(&sites, &message);
	assert_string_equal(sites_module(&sites, 300)->path, "/lib/x.so");
	assert_int_equal(sites_module(&sites, 300)->build_id[2], 3);
	assert_null(sites_module(&sites, 299));
	assert_null(sites_module(&sites, 0));
	assert_null(sites_module(&sites, MODULE_ID_MAX));
	module.path = other;
	module.unloaded = 1;
	sites_take_modules(&sites, &message);
	assert_string_equal(sites_module(&sites, 300)->path, other);
	assert_true(sites_module(&sites, 300)->unloaded);
	assert_int_equal(sites.module_count, 1);
}

/* All that was taken is given back; what finds no room is counted. */
static void memory_is_bounded(void **state)
{
	struct sites_pool pool = {0, 20000};

	(void)state;
	begin();
	sites.pool = &pool;
	for (uint32_t id = 1; id <= 60; id++)
		unit_site(&unit, id, 1000, 1000, 0x1000, 8);
	say(1);
	assert_true(sites.count > 5 && sites.lost > 5);
	assert_int_equal(pool.used, sites.bytes);
	assert_true(pool.used <= pool.max);
	sites_clear(&sites);
	assert_int_equal(pool.used, 0);
	assert_int_equal(sites.bytes, 0);
	assert_ptr_equal(sites.pool, &pool);
}

static void rate_is_of_the_last_ten_seconds(void **state)
{
	struct site *site;
	double total = 0;

	(void)state;
	begin();
	/* What was there before we came tells nothing of now. */
	unit_site(&unit, 3, 0, 5e9, 0, 0);
	say(100);
	site = sites_find(&sites, 3);
	assert_float_equal(sites_rate(site, 100 * UNIT_SECOND), 0, 0);
	for (uint64_t second = 101; second <= 130; second++) {
		total += second > 115 ? 3e6 : 1e6;
		unit_site(&unit, 3, 0, 5e9 + total, 0, 0);
		say(second);
		if (second == 115)
			assert_float_equal(
				sites_rate(site, second * UNIT_SECOND), 1e6, 1);
	}
	assert_float_equal(sites_rate(site, 130 * UNIT_SECOND), 3e6, 1);
	/* Silence: nothing is allocated any more. */
	for (uint64_t second = 131; second <= 150; second++)
		say(second);
	assert_float_equal(sites_rate(site, 150 * UNIT_SECOND), 0, 0);
}

static void a_new_site_had_nothing_before(void **state)
{
	(void)state;
	begin();
	say(10);
	say(11);
	unit_site(&unit, 4, 0, 2e6, 0, 0)->site.first_ns = UNIT_SECOND * 23 / 2;
	say(12);
	assert_float_equal(sites_rate(sites_find(&sites, 4), 12 * UNIT_SECOND),
			   2e6, 1);
}

static void ages_and_lifetimes(void **state)
{
	static double lifetimes[AGES_COUNT];
	struct unit_site *one;
	struct site *site;

	(void)state;
	begin();
	one = unit_site(&unit, 5, 4000, 9000, 0, 0);
	lifetimes[ages_index(1000)] = 30;
	lifetimes[ages_index(900000000)] = 45;
	lifetimes[ages_index(UINT64_C(3600) * UNIT_SECOND)] = 25;
	one->class[0].lifetimes = lifetimes;
	one->class[0].n_lifetimes = AGES_COUNT;
	one->class[0].live_birth_seconds = 4000 * 70.0;
	say(100);
	site = sites_find(&sites, 5);
	assert_float_equal(sites_short_lived(site), 0.75, 1e-6);
	assert_float_equal(sites_mean_age(site, 100 * UNIT_SECOND), 30, 1e-6);
	assert_float_equal(sites_mean_age(site, 10 * UNIT_SECOND), 0, 0);
}

static void growth_of_the_large_is_followed(void **state)
{
	(void)state;
	begin();
	for (uint64_t second = 1; second <= 200; second++) {
		unit_site(&unit, 1, 1e6 * (double)second, 1e9, 0, 0);
		unit_site(&unit, 2, 1000, 1e9, 0, 0);
		say(second);
	}
	assert_non_null(sites_find(&sites, 1)->growth);
	assert_null(sites_find(&sites, 2)->growth);
	assert_true(
		growth_judge(sites_find(&sites, 1)->growth, 524288).growing);
	assert_int_equal(sites.followed, 1);
}

static const char *check(void)
{
	return site_check_sites(&unit.message, 3);
}

/* One bad thing at a time; each is put back. */
static void bad_sites_are_refused(void **state)
{
	struct unit_site *one;
	double lifetimes[AGES_COUNT + 1] = {0};
	double *sums[14];
	Hakmem__SiteClass *class;

	(void)state;
	begin();
	one = unit_site(&unit, 7, 1, 1, 0x1000, 3);
	class = &one->class[0];
	assert_null(check());
	one->site.site_id = 0;
	assert_non_null(check());
	one->site.site_id = SITE_ID_MAX + 1;
	assert_non_null(check());
	one->site.site_id = 1;
	one->site.n_modules = 2;
	assert_non_null(check());
	one->site.n_modules = 3;
	one->modules[1] = MODULE_ID_MAX + 1;
	assert_non_null(check());
	one->modules[1] = 1;
	one->site.n_pcs = one->site.n_modules = SITE_DEPTH_MAX + 1;
	assert_non_null(check());
	one->site.n_pcs = one->site.n_modules = 3;
	class->class_index = 4;
	assert_non_null(check());
	class->class_index = 0;
	one->site.n_classes = 2;
	assert_non_null(check());
	one->site.n_classes = 1;
	class->lifetimes = lifetimes;
	class->n_lifetimes = AGES_COUNT + 1;
	assert_non_null(check());
	class->n_lifetimes = AGES_COUNT;
	lifetimes[3] = NAN;
	assert_non_null(check());
	lifetimes[3] = -1;
	assert_null(check());
	assert_float_equal(lifetimes[3], 0, 0);
	sums[0] = &class->alloc_objects;
	sums[1] = &class->alloc_objects_var;
	sums[2] = &class->alloc_bytes;
	sums[3] = &class->alloc_bytes_var;
	sums[4] = &class->live_objects;
	sums[5] = &class->live_objects_var;
	sums[6] = &class->live_bytes;
	sums[7] = &class->live_bytes_var;
	sums[8] = &class->peak_bytes;
	sums[9] = &class->peak_objects;
	sums[10] = &class->highest_bytes;
	sums[11] = &class->live_birth_seconds;
	sums[12] = &class->peak_bytes_var;
	sums[13] = &class->peak_objects_var;
	for (int i = 0; i < 14; i++) {
		*sums[i] = INFINITY;
		assert_non_null(check());
		*sums[i] = NAN;
		assert_non_null(check());
		*sums[i] = 1e300;
		assert_non_null(check());
		*sums[i] = -3;
		assert_null(check());
		assert_float_equal(*sums[i], 0, 0);
	}
	class->samples = UINT64_MAX;
	assert_null(check());
	assert_true(class->samples < INT64_MAX);
}

static void bad_modules_are_refused(void **state)
{
	Hakmem__Modules message;
	Hakmem__Module module, *modules[] = {&module};
	static uint8_t id[65];
	char path[] = "/a\xff";

	(void)state;
	hakmem__modules__init(&message);
	hakmem__module__init(&module);
	message.modules = modules;
	message.n_modules = 1;
	module.path = path;
	assert_non_null(site_check_modules(&message));
	module.module_id = MODULE_ID_MAX + 1;
	assert_non_null(site_check_modules(&message));
	module.module_id = 1;
	module.build_id.data = id;
	module.build_id.len = 65;
	assert_non_null(site_check_modules(&message));
	module.build_id.len = 64;
	module.start = 2;
	assert_non_null(site_check_modules(&message));
	module.end = 2;
	module.text_start = UINT64_MAX;
	module.text_bytes = 1;
	assert_non_null(site_check_modules(&message));
	module.text_bytes = 0;
	assert_null(site_check_modules(&message));
	assert_string_equal(path, "/a?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_replace_and_stacks_stay),
		cmocka_unit_test(modules_are_told_by_id),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(rate_is_of_the_last_ten_seconds),
		cmocka_unit_test(a_new_site_had_nothing_before),
		cmocka_unit_test(ages_and_lifetimes),
		cmocka_unit_test(growth_of_the_large_is_followed),
		cmocka_unit_test(bad_sites_are_refused),
		cmocka_unit_test(bad_modules_are_refused),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	sites_clear(&sites);
	return failed;
}
