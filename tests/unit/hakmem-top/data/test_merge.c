#include "hakmem-top/data/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct sites *table(size_t count, const char *const *names,
			   double allocated)
{
	struct sites *sites = calloc(1, sizeof(*sites));

	assert_non_null(sites);
	sites->rows = calloc(count + 1, sizeof(*sites->rows));
	assert_non_null(sites->rows);
	sites->count = sites->room = count;
	sites->sample_bytes = 100 + count;
	for (size_t i = 0; i < count; i++)
		sites->rows[i] = (struct site){
			.id = (uint32_t)i + 3,
			.function = strdup(names[i]),
			.location = strdup("a.c:1"),
			.module = strdup("m"),
			.thread = strdup(""),
			.live = {allocated / 2, 1, 5},
			.allocated = {allocated * (double)(i + 1), 3, 10},
		};
	return sites;
}

static void the_same_are_added_up_largest_first(void **state)
{
	static const char *const one[] = {"f", "g"}, *const two[] = {"g", "h"};
	struct merge merge = {.table_count = 0};

	(void)state;
	assert_true(merge_add(&merge, table(2, one, 10)));  /* f 10, g 20 */
	assert_true(merge_add(&merge, table(2, two, 100))); /* g 100, h 200 */
	merge_finish(&merge);
	assert_int_equal(merge.count, 3);
	assert_string_equal(merge.rows[0].site->function, "h");
	assert_string_equal(merge.rows[1].site->function, "g");
	assert_true(merge.rows[1].allocated.value == 120);
	assert_true(merge.rows[1].allocated.error > 4.2 &&
		    merge.rows[1].allocated.error < 4.3);
	assert_int_equal(merge.rows[1].allocated.samples, 20);
	assert_true(merge.rows[1].live.value == 55);
	assert_string_equal(merge.rows[2].site->function, "f");
	assert_true(merge.sample_bytes == 102);
	merge_clear(&merge);
	assert_int_equal(merge.count, 0);
}

static void other_places_are_other_sites(void **state)
{
	static const char *const names[] = {"f", "f"};
	struct merge merge = {.table_count = 0};
	struct sites *sites = table(2, names, 1);

	(void)state;
	sites->rows[1].location[4] = '2';
	assert_true(merge_add(&merge, sites));
	merge_finish(&merge);
	assert_int_equal(merge.count, 2);
	merge_clear(&merge);
}

static void tables_have_an_end(void **state)
{
	static const char *const names[] = {"f"};
	struct merge merge = {.table_count = 0};

	(void)state;
	merge_finish(&merge);
	for (size_t i = 0; i < MERGE_TABLES; i++)
		assert_true(merge_add(&merge, table(1, names, 1)));
	assert_false(merge_add(&merge, table(1, names, 1)));
	merge_finish(&merge);
	assert_int_equal(merge.count, 1);
	assert_true(merge.rows[0].allocated.value == MERGE_TABLES);
	merge_clear(&merge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_are_added_up_largest_first),
		cmocka_unit_test(other_places_are_other_sites),
		cmocka_unit_test(tables_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
