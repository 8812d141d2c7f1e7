#include "libhakmem/stream/sitefeed.h"

#include "libhakmem/profile/site.h"
#include "proto/frame.h"
#include "tests/unit/libhakmem/unit.h"

#define SITES 2000
#define DEPTH 128

static uint32_t ids[SITES];

static void add_sample(uint32_t site, unsigned class)
{
	struct site_sample sample = {
		.site = site,
		.class = class,
		.weight = sampler_weigh(100, 0.25),
		.now_ns = UINT64_C(1) << 60,
		.thread = 12345678,
		.thread_number = 1,
		.name = "a name of 15 b.",
	};
	uint32_t cell = site_add(&sample, true);

	site_free(cell, &sample.weight, 0, UINT64_C(1) << 60);
	site_add(&sample, true);
}

/* Stacks as deep as they come; the first site has every class. */
static int fill(void **state)
{
	uint64_t pcs[DEPTH], seed = 1;
	uint32_t modules[DEPTH];

	(void)state;
	sizeclass_init();
	for (int i = 0; i < SITES; i++) {
		for (int k = 0; k < DEPTH; k++) {
			pcs[k] = draw(&seed);
			modules[k] = 16384 + (uint32_t)k;
		}
		ids[i] = site_intern(
			&(struct frames){pcs, modules, DEPTH, i % 2});
		add_sample(ids[i], (unsigned)i % SITE_CLASSES);
	}
	for (unsigned class = 0; class < SITE_CLASSES; class ++)
		add_sample(ids[0], class);
	return 0;
}

static void everything_comes_once_in_bounded_messages(void **state)
{
	static unsigned seen[SITE_MAX];
	Hakmem__Sites *sites;
	unsigned stacks = 0, most = 0;

	(void)state;
	sitefeed_restart();
	while ((sites = sitefeed_sites())) {
		assert_true(hakmem__sites__get_packed_size(sites) <
			    SITEFEED_BYTES_MAX);
		for (size_t i = 0; i < sites->n_sites; i++) {
			Hakmem__Site *site = sites->sites[i];

			seen[site->site_id]++;
			stacks += site->n_pcs == DEPTH &&
				  site->n_modules == DEPTH;
			if (site->n_classes > most)
				most = (unsigned)site->n_classes;
		}
	}
	for (int i = 0; i < SITES; i++)
		assert_int_equal(seen[ids[i]], 1);
	assert_int_equal(stacks, SITES);
	assert_int_equal(most, SITE_CLASSES);
	assert_null(sitefeed_sites());
}

static void what_changed_comes_without_its_stack(void **state)
{
	Hakmem__Sites *sites;

	(void)state;
	/* twice: the first is a new peak, which is news for others, too */
	add_sample(ids[5], SITE_CLASS_LARGE);
	while (sitefeed_sites())
		;
	add_sample(ids[5], SITE_CLASS_LARGE);
	sites = sitefeed_sites();
	assert_non_null(sites);
	assert_int_equal(sites->n_sites, 1);
	assert_int_equal(sites->sites[0]->site_id, ids[5]);
	assert_int_equal(sites->sites[0]->n_pcs, 0);
	assert_string_equal(sites->sites[0]->thread_name, "a name of 15 b.");
	/* large blocks: the number of classes */
	assert_int_equal(sites->sites[0]->classes[0]->class_index,
			 sizeclass_count);
	assert_int_equal(sites->sites[0]->classes[0]->n_lifetimes, AGES_COUNT);
	assert_null(sitefeed_sites());
}

static void what_did_not_go_out_comes_again(void **state)
{
	Hakmem__Sites *sites;
	uint32_t first;
	size_t count;

	(void)state;
	sitefeed_restart();
	sites = sitefeed_sites();
	first = sites->sites[0]->site_id;
	count = sites->n_sites;
	sitefeed_sites_again();
	sitefeed_restart();
	sites = sitefeed_sites();
	assert_int_equal(sites->sites[0]->site_id, first);
	assert_int_equal(sites->n_sites, count);
	assert_int_equal(sites->sites[0]->n_pcs, DEPTH);
	sitefeed_sites_again();
	count = 0;
	while ((sites = sitefeed_sites())) {
		count += sites->n_sites;
		for (size_t i = 0; i < sites->n_sites; i++)
			assert_int_equal(sites->sites[i]->n_pcs, DEPTH);
	}
	assert_int_equal(count, SITES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_comes_once_in_bounded_messages),
		cmocka_unit_test(what_changed_comes_without_its_stack),
		cmocka_unit_test(what_did_not_go_out_comes_again),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
