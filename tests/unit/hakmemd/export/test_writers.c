#include "hakmemd/export/writers.h"

#include "tests/unit/hakmemd/unit.h"

/* A format that the table promises has somebody who writes it. */
static void every_format_has_its_writers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FORMAT_COUNT; i++) {
		const struct writer *writer = writer_of((enum format)i);

		assert_int_equal(format_writes((enum format)i, FORMAT_HEAP),
				 writer->heap != NULL);
		assert_int_equal(format_writes((enum format)i, FORMAT_SIZES),
				 writer->table != NULL);
		assert_int_equal(format_writes((enum format)i, FORMAT_CLASSES),
				 writer->table != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_has_its_writers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
