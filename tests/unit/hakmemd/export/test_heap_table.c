#include "hakmemd/export/heap_table.h"

#include "tests/unit/hakmemd/unit_heap.h"

static struct unit_heap unit;

static void csv_has_a_row_a_site(void **state)
{
	const char *text;

	(void)state;
	unit_heap_begin(&unit);
	unit_heap_build(&unit, HEAP_PROFILE_INUSE, "");
	text = unit_heap_write(&unit, heap_csv);
	assert_non_null(strstr(
		text, "site_id,function,location,module,live_bytes,"
		      "live_bytes_stderr,live_objects,live_objects_stderr,"
		      "live_samples,alloc_bytes,alloc_bytes_stderr,"
		      "alloc_objects,alloc_objects_stderr,samples,"
		      "alloc_bytes_per_s,peak_bytes,peak_bytes_stderr,"
		      "peak_objects,peak_objects_stderr,"
		      "highest_bytes,mean_age_s,short_lived_share,growing,"
		      "growth_bytes_per_s,growth_minutes,thread_id,"
		      "thread_name,threads,truncated,stack\n10,"));
	assert_non_null(
		strstr(text, "\n10,\"a;b<c>+0x1100\",\"\",\"a;b<c>\",6000.500,"
			     "2449.592,60.005,24.496,6,20000.000,"));
	assert_non_null(strstr(text, ",50.000,0.000,0,"));
	/* at the peak: 12001 bytes +- sqrt(6000.5 * 2000), 120 objects */
	assert_non_null(strstr(text, ",12001.000,3464.246,120.010,34.642,"));
	assert_non_null(strstr(text, "\"a:b<c>+0x1120;a:b<c>+0x1200\"\n"));
	unit_heap_end(&unit);
}

static void json_has_frames(void **state)
{
	const char *text;

	(void)state;
	unit_heap_begin(&unit);
	unit_heap_build(&unit, HEAP_PROFILE_INUSE, "");
	text = unit_heap_write(&unit, heap_json);
	assert_non_null(strstr(text,
			       ",\"pid\":4711,\"command\":\"pro&gram "
			       "\\u0022x\\u0022\\u001b\",\"what\":\"heap\","
			       "\"sample\":\"inuse\",\"mark\":null,"
			       "\"sample_bytes\":1000,"
			       "\"bytes\":9500.750,"));
	assert_non_null(strstr(
		text, "\"frames\":[{\"function\":\"a;b<c>+0x1200\","
		      "\"file\":\"\",\"line\":0,\"module\":\"/bin/a;b<c>\","
		      "\"module_offset\":\"0x1200\",\"inlined\":false,"));
	assert_null(strstr(text, "\"stack\""));
	unit_heap_end(&unit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_has_a_row_a_site),
		cmocka_unit_test(json_has_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
