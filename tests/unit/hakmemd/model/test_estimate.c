#include "hakmemd/model/estimate.h"

#include <math.h>

#include "tests/unit/hakmemd/unit_sites.h"
#include "tests/unit/figures.h"

#define R 524288.0

static struct unit unit;
static struct unit_sites said;
static struct sites sites;
static uint64_t random_state = 99;

static double uniform(void)
{
	random_state =
		random_state * 6364136223846793005u + 1442695040888963407u;
	return (double)(random_state >> 11) / 9007199254740992.0;
}

/* Samples `requests` of `bytes` as the library does, into class `index`. */
static void sample(Hakmem__SiteClass *class, uint32_t index, unsigned requests,
		   double bytes)
{
	double p = -expm1(-bytes / R);

	class->class_index = index;
	class->samples = 0;
	class->alloc_objects = class->alloc_objects_var = 0;
	for (unsigned i = 0; i < requests; i++)
		if (uniform() < p) {
			class->samples++;
			class->alloc_objects += 1 / p;
			class->alloc_objects_var += (1 - p) / (p * p);
		}
}

static double z_of(double factor)
{
	struct unit_site *one;
	struct estimate estimate;

	unit_begin(&unit);
	unit_class(&unit, 64, 49, 63, (uint64_t)(40000 * factor), 0);
	unit_class(&unit, 8192, 7169, 8191, (uint64_t)(3000 * factor), 0);
	unit_class(&unit, 32, 17, 31, 50, 0); /* too few for any sample */
	FIGURE_IN(&unit.state, SAMPLE_BYTES) = (uint64_t)R;
	unit_sites_begin(&said);
	one = unit_site(&said, 5, 1000, 1000, 0, 0);
	one->site.n_classes = 2;
	sample(&one->class[0], 0, 40000, 63);
	sample(&one->class[1], 1, 3000, 8191);
	sites_clear(&sites);
	sites_take(&sites, &said.message);
	estimate = estimate_of(&sites, &unit.hello, &unit.state);
	assert_float_equal(estimate.sum.live_bytes, 1000, 0);
	return estimate.z;
}

/* Of a true estimate z has mean 0 and standard deviation 1. */
static void z_is_normal(void **state)
{
	double sum = 0, squares = 0, far = 0;
	const int runs = 300;

	(void)state;
	for (int i = 0; i < runs; i++) {
		double z = z_of(1);

		sum += z;
		squares += z * z;
		far += fabs(z) > 3;
	}
	assert_true(fabs(sum / runs) < 0.2);
	assert_true(squares / runs > 0.6 && squares / runs < 1.3);
	assert_true(far <= 3);
}

static void z_sees_what_is_wrong(void **state)
{
	double sum = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		sum += z_of(2);
	assert_true(sum / 20 > 4);
}

static void without_samples_nothing_is_said(void **state)
{
	(void)state;
	z_of(1);
	FIGURE_IN(&unit.state, SAMPLE_BYTES) = 0;
	assert_float_equal(estimate_of(&sites, &unit.hello, &unit.state).z, 0,
			   0);
	assert_float_equal(estimate_of(&sites, NULL, NULL).z, 0, 0);
	sites_clear(&sites);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(z_is_normal),
		cmocka_unit_test(z_sees_what_is_wrong),
		cmocka_unit_test(without_samples_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
