#include "libhakmem/profile/site.h"

#include "libhakmem/base/meta.h"
#include "tests/unit/libhakmem/unit.h"

#include <math.h>
#include <pthread.h>

#define SECOND UINT64_C(1000000000)

static struct site_class classes[SITE_CLASSES];

static int init(void **state)
{
	(void)state;
	sizeclass_init();
	return 0;
}

static uint32_t site_number(uint64_t seed)
{
	uint64_t pcs[3] = {seed, seed + 1, 0x1234};
	uint32_t modules[3] = {1, 1, 2};

	return site_intern(&(struct frames){pcs, modules, 3, false});
}

static struct sampler_weight weight(size_t bytes, uint64_t mean)
{
	return sampler_weigh(bytes, sampler_chance(bytes, mean));
}

static struct site_sample sample(uint32_t site, unsigned class,
				 struct sampler_weight weighs, uint64_t now_ns)
{
	return (struct site_sample){.site = site,
				    .class = class,
				    .weight = weighs,
				    .now_ns = now_ns,
				    .thread = 4711,
				    .thread_number = 1,
				    .name = "worker\0\0\0\0\0\0\0\0\0"};
}

static uint32_t add(uint32_t site, unsigned class, size_t bytes,
		    uint64_t now_ns)
{
	struct site_sample one =
		sample(site, class, weight(bytes, 65536), now_ns);

	return site_add(&one, true);
}

static void free_one(uint32_t cell, size_t bytes, uint64_t birth_ns,
		     uint64_t now_ns)
{
	struct sampler_weight weighs = weight(bytes, 65536);

	site_free(cell, &weighs, birth_ns, now_ns);
}

/* The figures of one class of one site, as a reader gets them. */
static struct site_class figures(uint32_t site, unsigned class)
{
	struct site_class found = {0};
	struct site_view view;
	uint32_t cursor = 0;

	site_unread_all();
	while (site_read(&cursor, &view, classes))
		for (unsigned i = 0; view.id == site && i < view.classes; i++)
			if (classes[i].class == class)
				found = classes[i];
	return found;
}

static struct site_totals totals_now(void)
{
	struct site_totals totals;

	site_totals(&totals);
	return totals;
}

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * (fabs(a) + fabs(b));
}

static void an_empty_stack_is_the_site_without(void **state)
{
	uint64_t before = totals_now().no_stack;
	uint32_t cell;

	(void)state;
	assert_int_equal(site_intern(&(struct frames){NULL, NULL, 0, false}),
			 SITE_NO_STACK);
	cell = add(SITE_NO_STACK, 3, 100, SECOND);
	assert_int_equal(totals_now().no_stack, before + 1);
	assert_int_equal(figures(SITE_NO_STACK, 3).live_samples, 1);
	free_one(cell, 100, SECOND, SECOND);
}

static void a_sample_adds_what_it_weighs(void **state)
{
	uint32_t site = site_number(100), cell;
	struct sampler_weight w = weight(1000, 65536);
	struct site_class got;

	(void)state;
	cell = add(site, 5, 1000, 7 * SECOND);
	got = figures(site, 5);
	assert_int_equal(got.samples, 1);
	assert_int_equal(got.live_samples, 1);
	assert_true(near(got.alloc_objects, w.objects));
	assert_true(near(got.alloc_objects_var, w.objects_var));
	assert_true(near(got.alloc_bytes, w.bytes));
	assert_true(near(got.alloc_bytes_var, w.bytes_var));
	assert_true(near(got.live_objects, w.objects));
	assert_true(near(got.live_objects_var, w.objects_var));
	assert_true(near(got.live_bytes, w.bytes));
	assert_true(near(got.live_bytes_var, w.bytes_var));
	assert_true(near(got.birth_seconds, 7 * w.bytes));
	assert_true(near(got.highest_bytes, w.bytes));
	free_one(cell, 1000, 7 * SECOND, 7 * SECOND + 5000);
	got = figures(site, 5);
	assert_int_equal(got.samples, 1);
	assert_int_equal(got.live_samples, 0);
	assert_true(near(got.alloc_bytes, w.bytes));
	assert_true(got.live_objects == 0 && got.live_objects_var == 0);
	assert_true(got.live_bytes == 0 && got.live_bytes_var == 0);
	assert_true(got.birth_seconds == 0);
	assert_true(near(got.highest_bytes, w.bytes));
	assert_true(near(got.lifetimes[ages_index(5000)], w.objects));
}

static void classes_of_a_site_are_kept_apart(void **state)
{
	uint32_t site = site_number(200), cells[SITE_CLASSES];

	(void)state;
	for (unsigned i = 0; i < SITE_CLASSES; i++)
		cells[i] = add(site, i, 100 + i, SECOND);
	for (unsigned i = 0; i < SITE_CLASSES; i++) {
		struct site_class got = figures(site, i);

		assert_int_equal(got.live_samples, 1);
		assert_true(near(got.live_bytes, weight(100 + i, 65536).bytes));
	}
	for (unsigned i = 0; i < SITE_CLASSES; i++)
		free_one(cells[i], 100 + i, SECOND, SECOND);
}

/* More sites than are remembered by their class, each met more than once. */
static void sites_do_not_mix_their_classes(void **state)
{
	enum { many = 1100, class = 7 };
	static uint32_t cells[2][many];

	(void)state;
	for (int turn = 0; turn < 2; turn++)
		for (unsigned i = 0; i < many; i++)
			cells[turn][i] =
				add(site_number(70000 + i), class, 500, SECOND);
	for (unsigned i = 0; i < many; i++) {
		assert_int_equal(cells[0][i], cells[1][i]);
		/* no other site has this cell */
		assert_true(i == 0 || cells[0][i] > cells[0][i - 1]);
		free_one(cells[0][i], 500, SECOND, SECOND);
		free_one(cells[1][i], 500, SECOND, SECOND);
	}
	assert_int_equal(figures(site_number(70000), class).samples, 2);
}

static void ages_fall_into_their_bins(void **state)
{
	uint32_t site = site_number(300), cell;
	double w = weight(64, 65536).objects;

	(void)state;
	for (uint32_t bin = 0; bin < AGES_COUNT; bin++) {
		cell = add(site, 2, 64, SECOND);
		free_one(cell, 64, SECOND, SECOND + ages_low_ns(bin));
	}
	for (uint32_t bin = 0; bin < AGES_COUNT; bin++)
		assert_true(near(figures(site, 2).lifetimes[bin], w));
	/* a clock that another thread read earlier */
	cell = add(site, 2, 64, SECOND);
	free_one(cell, 64, SECOND, SECOND - 10);
	assert_true(near(figures(site, 2).lifetimes[0], 2 * w));
}

static void only_requests_count_where_nothing_can_be_freed(void **state)
{
	uint32_t site = site_number(400);
	struct site_sample one = sample(site, 4, weight(500, 65536), SECOND);
	struct site_totals before = totals_now();
	struct site_class got;

	(void)state;
	site_add(&one, false);
	got = figures(site, 4);
	assert_int_equal(got.samples, 1);
	assert_int_equal(got.live_samples, 0);
	assert_true(got.live_bytes == 0);
	assert_int_equal(totals_now().live_samples, before.live_samples);
	assert_int_equal(totals_now().samples, before.samples + 1);
}

static void thinned_samples_keep_the_books(void **state)
{
	uint32_t site = site_number(500);
	struct sampler_weight w1 = weight(3000, 65536),
			      w2 = weight(3000, 131072);
	uint32_t cell = add(site, 9, 3000, 2 * SECOND);
	struct site_class got;

	(void)state;
	add(site, 9, 3000, 2 * SECOND);
	site_reweigh(cell, &w1, &w2, 2 * SECOND);
	got = figures(site, 9);
	assert_int_equal(got.live_samples, 2);
	assert_true(near(got.live_bytes, w1.bytes + w2.bytes));
	assert_true(
		near(got.live_objects_var, w1.objects_var + w2.objects_var));
	assert_true(near(got.birth_seconds, 2 * got.live_bytes));
	site_reweigh(cell, &w1, NULL, 2 * SECOND);
	assert_int_equal(figures(site, 9).live_samples, 1);
	site_free(cell, &w2, 2 * SECOND, 3 * SECOND);
	got = figures(site, 9);
	assert_int_equal(got.live_samples, 0);
	assert_true(got.live_bytes == 0 && got.birth_seconds == 0);
}

/*
 * The peak snapshot against a slow one: at each new maximum of the total, the
 * live bytes of all sites are written down.
 */
#define SITES 50
#define LIVE  3000

static void the_peak_is_that_of_the_whole_heap(void **state)
{
	static struct {
		uint32_t cell, site;
		size_t bytes;
	} held[LIVE];
	static double live[SITES], at_peak[SITES];
	static double var[SITES], var_at_peak[SITES];
	double base = totals_now().live_bytes, total = base;
	double peak = totals_now().peak_bytes;
	uint64_t random = 31;
	uint32_t site[SITES];

	(void)state;
	for (int i = 0; i < SITES; i++)
		site[i] = site_number(1000 + 10 * (uint64_t)i);
	for (int step = 0; step < 60000; step++) {
		size_t at = draw_below(&random, LIVE);
		/* grows, shrinks, grows beyond */
		bool grow = draw_below(&random, 100) <
			    (step / 12000 % 2 ? 20u : 80u);

		if (grow && !held[at].cell) {
			held[at].site = (uint32_t)draw_below(&random, SITES);
			held[at].bytes = 1 + draw_below(&random, 100000);
			held[at].cell = add(site[held[at].site], 8,
					    held[at].bytes, SECOND);
			total += weight(held[at].bytes, 65536).bytes;
			live[held[at].site] +=
				weight(held[at].bytes, 65536).bytes;
			var[held[at].site] +=
				weight(held[at].bytes, 65536).bytes_var;
		} else if (!grow && held[at].cell) {
			free_one(held[at].cell, held[at].bytes, SECOND, SECOND);
			held[at].cell = 0;
			total -= weight(held[at].bytes, 65536).bytes;
			live[held[at].site] -=
				weight(held[at].bytes, 65536).bytes;
			var[held[at].site] -=
				weight(held[at].bytes, 65536).bytes_var;
		}
		if (total > peak) {
			peak = total;
			memcpy(at_peak, live, sizeof(live));
			memcpy(var_at_peak, var, sizeof(var));
		}
		if (step % 9973 == 0 && peak > base)
			for (int i = 0; i < SITES; i++)
				assert_true(
					fabs(figures(site[i], 8).peak_bytes -
					     at_peak[i]) < 1e-3);
	}
	assert_true(near(totals_now().peak_bytes, peak));
	for (int i = 0; i < SITES; i++)
		assert_true(fabs(figures(site[i], 8).peak_bytes - at_peak[i]) <
			    1e-3);
	for (int at = 0; at < LIVE; at++)
		if (held[at].cell)
			free_one(held[at].cell, held[at].bytes, SECOND, SECOND);
	for (int i = 0; i < SITES; i++) {
		struct site_class got = figures(site[i], 8);

		assert_true(got.live_bytes == 0);
		assert_true(fabs(got.peak_bytes - at_peak[i]) < 1e-3);
		assert_true(got.highest_bytes >= got.peak_bytes - 1e-3);
		assert_true(var_at_peak[i] > 0);
		assert_true(fabs(got.peak_bytes_var / var_at_peak[i] - 1) <
			    1e-9);
		assert_true(got.peak_objects > 0 && got.peak_objects_var > 0);
	}
}

/* Only what changed is read again; a stack once. */
static void a_reader_gets_what_changed(void **state)
{
	uint32_t a = site_number(9000), b = site_number(9010), cursor = 0;
	uint32_t cell_a = add(a, 1, 10, SECOND);
	struct site_view view;
	unsigned count = 0;

	(void)state;
	add(b, 1, 10, SECOND);
	site_unread_all();
	while (site_read(&cursor, &view, classes)) {
		assert_true(view.with_stack);
		assert_true(view.id < STACKSET_FIRST || view.stack.count == 3);
		count++;
	}
	assert_true(count >= 2);
	assert_false(site_read(&cursor, &view, classes));
	free_one(cell_a, 10, SECOND, SECOND);
	assert_true(site_read(&cursor, &view, classes));
	assert_int_equal(view.id, a);
	assert_false(view.with_stack);
	assert_int_equal(view.thread, 4711);
	assert_string_equal(view.name, "worker");
	assert_false(site_read(&cursor, &view, classes));
	/* what did not get through is read again, with what it had */
	site_unread(&view);
	assert_true(site_read(&cursor, &view, classes));
	assert_int_equal(view.id, a);
	assert_false(view.with_stack);
	view.with_stack = true;
	site_unread(&view);
	assert_true(site_read(&cursor, &view, classes) && view.with_stack);
	assert_false(site_read(&cursor, &view, classes));
}

/* A site that rests at a new maximum has another peak than it was told. */
static void a_new_peak_is_news_for_sites_at_rest(void **state)
{
	uint32_t a = site_number(9100), b = site_number(9110), cursor = 0;
	double missing = totals_now().peak_bytes - totals_now().live_bytes;
	uint32_t cell_a;
	struct site_view view;
	bool told = false;

	(void)state;
	add(b, 1, (size_t)missing + 1000000, SECOND); /* a peak without a */
	cell_a = add(a, 1, 1000000, SECOND);	      /* and one with it */
	free_one(cell_a, 1000000, SECOND, SECOND);
	while (site_read(&cursor, &view, classes))
		;
	add(b, 1, 3000000, SECOND);
	while (site_read(&cursor, &view, classes))
		if (view.id == a) {
			assert_true(classes[0].peak_bytes == 0);
			told = true;
		}
	assert_true(told);
}

/* More sites change than a reader takes at once: all get their turn. */
static void a_slow_reader_goes_round(void **state)
{
	uint32_t cursor = 0, first = site_number(20000), seen = 0;
	static bool had[SITE_MAX];
	struct site_view view;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		add(site_number(20000 + 10 * i), 1, 10, SECOND);
	while (site_read(&cursor, &view, classes))
		;
	for (int round = 0; round < 100; round++) {
		for (uint64_t i = 0; i < 1000; i++)
			add(site_number(20000 + 10 * i), 1, 10, SECOND);
		for (int i = 0; i < 10; i++) {
			assert_true(site_read(&cursor, &view, classes));
			seen += view.id >= first && !had[view.id];
			had[view.id] = true;
		}
	}
	assert_int_equal(seen, 1000);
}

static void threads_are_counted_by_number(void **state)
{
	uint32_t site = site_number(9200), cursor = 0;
	struct site_sample one = sample(site, 1, weight(10, 65536), SECOND);
	struct site_view view = {0};

	(void)state;
	while (site_read(&cursor, &view, classes))
		;
	for (uint64_t i = 1; i <= 300; i++) {
		one.thread_number = i;
		one.now_ns = i * SECOND;
		site_add(&one, true);
		site_add(&one, true);
		assert_true(site_read(&cursor, &view, classes));
		assert_int_equal(view.threads, i < 128 ? i : 255);
		assert_int_equal(view.first_ns, SECOND);
		assert_int_equal(view.last_ns, i * SECOND);
	}
}

static void *churn(void *arg)
{
	uint32_t site = *(uint32_t *)arg;

	for (int i = 0; i < 20000; i++)
		free_one(add(site, (unsigned)i % 5, 500, SECOND), 500, SECOND,
			 SECOND);
	return NULL;
}

static void threads_lose_nothing(void **state)
{
	uint32_t sites[4] = {site_number(9300), site_number(9310),
			     site_number(9300), SITE_NO_STACK};
	uint64_t before = totals_now().samples,
		 live = totals_now().live_samples;
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, churn, &sites[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(totals_now().samples - before, 80000);
	assert_int_equal(totals_now().live_samples, live);
	assert_int_equal(figures(sites[0], 3).samples, 8000);
	assert_true(figures(sites[0], 3).live_bytes == 0);
}

/* Too many sites and cells: what finds no room is in the overflow site, every
 * sample is counted once, and memory stays in its bound. */
static void overflow_has_a_name(void **state)
{
	size_t before = meta_bytes();
	uint64_t samples = totals_now().samples, counted = 0;
	uint64_t overflow = totals_now().overflow;
	uint64_t no_stack = totals_now().no_stack;
	struct site_view view;
	uint32_t cursor = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000000; i++)
		free_one(add(site_number(100000 + 10 * i),
			     (unsigned)(i % SITE_CLASSES), 100, SECOND),
			 100, SECOND, SECOND);
	for (uint64_t i = 0; i < 5000; i++) /* and now the cells */
		for (unsigned class = 0; class < 20; class ++)
			free_one(add(site_number(100000 + 10 * i), class, 100,
				     SECOND),
				 100, SECOND, SECOND);
	assert_int_equal(totals_now().samples - samples, 1100000);
	assert_true(totals_now().overflow - overflow > 1000000 - SITE_MAX);
	assert_int_equal(totals_now().no_stack, no_stack);
	assert_true(meta_bytes() - before < 20 * MIB);
	assert_true(totals_now().sites <= SITE_MAX - 1);
	site_unread_all();
	while (site_read(&cursor, &view, classes))
		for (unsigned i = 0; i < view.classes; i++)
			counted += classes[i].samples;
	assert_int_equal(counted, totals_now().samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_stack_is_the_site_without),
		cmocka_unit_test(a_sample_adds_what_it_weighs),
		cmocka_unit_test(classes_of_a_site_are_kept_apart),
		cmocka_unit_test(sites_do_not_mix_their_classes),
		cmocka_unit_test(ages_fall_into_their_bins),
		cmocka_unit_test(
			only_requests_count_where_nothing_can_be_freed),
		cmocka_unit_test(thinned_samples_keep_the_books),
		cmocka_unit_test(the_peak_is_that_of_the_whole_heap),
		cmocka_unit_test(a_reader_gets_what_changed),
		cmocka_unit_test(a_new_peak_is_news_for_sites_at_rest),
		cmocka_unit_test(a_slow_reader_goes_round),
		cmocka_unit_test(threads_are_counted_by_number),
		cmocka_unit_test(threads_lose_nothing),
		cmocka_unit_test(overflow_has_a_name),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
