#include "hakmemd/export/site_row.h"

#include <math.h>

#include "tests/unit/hakmemd/unit_heap.h"

static struct unit_heap unit;
static Hakmem__SiteRow row;

static int begin(void **state)
{
	(void)state;
	unit_heap_begin(&unit);
	pool_init(&unit.pool, 1u << 20);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unit_heap_end(&unit);
	return 0;
}

static struct site *site_of(uint32_t id)
{
	struct site *site = sites_find(&unit.process.model.sites, id);

	assert_non_null(site);
	return site;
}

static void fill(uint32_t id, const char *baseline)
{
	const struct model *model = &unit.process.model;

	site_row_fill(&row, model, site_of(id),
		      baseline_find(&model->baselines, baseline));
}

static void a_row_says_what_its_site_holds(void **state)
{
	struct site *site = site_of(11);

	(void)state;
	site->thread_id = 77;
	site->threads = 3;
	strcpy(site->thread_name, "worker");
	fill(11, "");
	assert_int_equal(row.site_id, 11);
	assert_float_equal(row.live_bytes, 3000.25, 1e-3);
	assert_float_equal(row.live_bytes_stderr, 1732.1230, 1e-2);
	assert_float_equal(row.live_objects, 30.0025, 1e-4);
	assert_float_equal(row.live_objects_stderr, 17.3212, 1e-3);
	assert_int_equal(row.live_samples, 3);
	assert_float_equal(row.alloc_bytes, 7000, 0);
	assert_float_equal(row.alloc_bytes_stderr, 2645.7513, 1e-2);
	assert_float_equal(row.alloc_objects, 70, 0);
	assert_int_equal(row.samples, 7);
	assert_float_equal(row.peak_bytes, 6000.5, 1e-3);
	assert_float_equal(row.peak_bytes_stderr, 2449.5918, 1e-2);
	assert_float_equal(row.highest_bytes, 9000.75, 1e-3);
	assert_float_equal(row.mean_age_s, 0.5, 1e-6);
	assert_int_equal(row.thread_id, 77);
	assert_int_equal(row.threads, 3);
	assert_string_equal(row.thread_name, "worker");
	assert_float_equal(row.alloc_bytes_per_s,
			   sites_rate(site, 100 * UNIT_SECOND), 0);
}

/* Two seconds later 5000 bytes more. */
static void the_rate_is_of_the_newest_state(void **state)
{
	(void)state;
	unit_site(&unit.said, 10, 6000.5, 25000, 0, 0);
	unit_heap_say(&unit, 102);
	fill(10, "");
	assert_true(row.alloc_bytes_per_s > 0);
	assert_float_equal(row.alloc_bytes_per_s,
			   sites_rate(site_of(10), 102 * UNIT_SECOND), 0);
	assert_float_equal(row.short_lived_share,
			   sites_short_lived(site_of(10)), 0);
}

static void a_baseline_is_taken_off(void **state)
{
	char dropped[BASELINE_NAME_MAX + 1];
	struct model *model = &unit.process.model;
	Hakmem__SiteChange change;

	(void)state;
	assert_null(model_baseline(model, "m", NULL, dropped));
	unit_site(&unit.said, 10, 2000.5, 30000, 0, 0);
	unit_heap_say(&unit, 102);
	fill(10, "m");
	assert_float_equal(row.live_bytes, -4000, 1e-3);
	assert_float_equal(row.alloc_bytes, 10000, 0);
	assert_int_equal(row.samples, 10);
	/* Fewer samples live than then. */
	assert_int_equal(row.live_samples, -4);
	/* The highest is that of the whole life. */
	assert_float_equal(row.highest_bytes, 6001.5, 1e-3);
	site_row_since(&change, site_of(10),
		       baseline_find(&model->baselines, "m"));
	assert_float_equal(change.live_bytes, -4000, 1e-3);
	assert_float_equal(change.alloc_bytes, 10000, 0);
	assert_int_equal(change.samples, 10);
	assert_int_equal(change.live_samples, -4);
	/* What was allocated since scatters, and what was freed. */
	assert_float_equal(change.alloc_bytes_stderr, sqrt(1e4 * 1000), 1);
	assert_float_equal(change.live_bytes_stderr, row.live_bytes_stderr, 0);
	fill(10, "no such mark");
	assert_float_equal(row.live_bytes, 2000.5, 1e-3);
	assert_float_equal(row.alloc_bytes, 30000, 0);
	assert_int_equal(row.live_samples, 2);
}

/* 1e6 bytes more every ten seconds. */
static void grow(struct growth *growth, double step)
{
	memset(growth, 0, sizeof(*growth));
	for (unsigned i = 0; i < 20; i++)
		growth_add(growth, 10 * (i + 1) * UNIT_SECOND, 5e7 + step * i,
			   (struct variance_sums){0, 0});
}

static void growth_is_judged(void **state)
{
	struct site *site = site_of(1);
	struct growth *kept = site->growth;
	struct growth growth;

	(void)state;
	site->growth = &growth;
	grow(&growth, 1e6);
	fill(1, "");
	assert_true(row.growing);
	assert_float_equal(row.growth_bytes_per_s, 1e5, 1);
	assert_float_equal(row.growth_minutes, 190 / 60.0F, 0.01);
	grow(&growth, 0);
	fill(1, "");
	assert_false(row.growing);
	assert_float_equal(row.growth_bytes_per_s, 0, 0);
	/* Dense samples: 3 of 64 KiB are needed, not 3 of 1000 bytes. */
	grow(&growth, 3 * 65536 / 20.0);
	fill(1, "");
	assert_false(row.growing);
	grow(&growth, 3 * 65536 / 18.0);
	fill(1, "");
	assert_true(row.growing);
	/* Rare ones: 3 of those. */
	unit.process.model.figures[FIGURE_SAMPLE_BYTES] = 1u << 20;
	fill(1, "");
	assert_false(row.growing);
	site->growth = NULL;
	fill(1, "");
	assert_false(row.growing);
	site->growth = kept;
}

static void a_row_has_a_name(void **state)
{
	struct stack_source source = {.process = &unit.process};

	(void)state;
	fill(10, "");
	assert_true(site_row_name(&row, &source, site_of(10), &unit.pool));
	assert_string_equal(row.function, "a;b<c>+0x1100");
	assert_string_equal(row.module, "a;b<c>");
	assert_string_equal(row.location, "");
	/* They are copies, which the next row leaves alone. */
	{
		Hakmem__SiteRow next = row;

		assert_true(
			site_row_name(&next, &source, site_of(1), &unit.pool));
		assert_string_equal(next.function, "[no stack]");
		assert_string_equal(next.module, "");
		assert_string_equal(row.function, "a;b<c>+0x1100");
	}
}

static void without_memory_names_are_empty(void **state)
{
	struct stack_source source = {.process = &unit.process};
	struct pool small;

	(void)state;
	pool_init(&small, 8);
	assert_null(pool_alloc(&small, 16));
	fill(10, "");
	site_row_name(&row, &source, site_of(10), &small);
	assert_string_equal(row.function, "");
	assert_string_equal(row.location, "");
	assert_string_equal(row.module, "");
	assert_float_equal(row.live_bytes, 6000.5, 1e-3);
	pool_free(&small);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		WITH(a_row_says_what_its_site_holds),
		WITH(the_rate_is_of_the_newest_state),
		WITH(a_baseline_is_taken_off),
		WITH(growth_is_judged),
		WITH(a_row_has_a_name),
		WITH(without_memory_names_are_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
