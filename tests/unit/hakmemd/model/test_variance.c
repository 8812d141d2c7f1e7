#include "hakmemd/model/variance.h"

#include "tests/unit/hakmemd/unit.h"

static double change(double alloc_now, double live_now, double alloc_then,
		     double live_then)
{
	return variance_of_change(
		(struct variance_sums){alloc_now, live_now},
		(struct variance_sums){alloc_then, live_then});
}

static void it_is_the_smaller_of_two_bounds(void **state)
{
	(void)state;
	assert_float_equal(change(30, 30, 20, 20), 10, 0); /* nothing freed */
	assert_float_equal(change(30, 20, 20, 20), 20,
			   0); /* 10 came and went */
	assert_float_equal(change(900, 20, 20, 20), 40, 0); /* all is new */
	assert_float_equal(change(20, 20, 20, 20), 0, 0);
	assert_float_equal(change(20, 5, 20, 20), 15, 0); /* freed alone */
}

/* Sums of another time may be a little off: never below 0. */
static void it_is_never_negative(void **state)
{
	(void)state;
	assert_float_equal(change(10, 10, 20, 20), 0, 0);
	assert_float_equal(change(10, 20, 20, 10), 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_smaller_of_two_bounds),
		cmocka_unit_test(it_is_never_negative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
