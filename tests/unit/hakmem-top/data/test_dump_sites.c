#include "hakmem-top/data/dump_sites.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char function[] = "f<int, \"x\">", file[] = "a\x1b[2J.c", none[] = "",
	    module[] = "/lib/m.so";

static struct site site(void)
{
	return (struct site){
		.id = 3,
		.threads = 2,
		.thread_id = 77,
		.function = function,
		.location = file,
		.module = module,
		.thread = none,
		.live = {1.5, 0.5, 4},
		.live_objects = {2, 1, 4},
		.allocated = {10, 2, 9},
		.alloc_objects = 20,
		.rate = 1,
		.peak_bytes = 7,
		.peak_error = 3,
		.growing = true,
	};
}

static char *data;
static size_t length;

static FILE *start(void)
{
	free(data);
	data = NULL;
	return open_memstream(&data, &length);
}

static int finish(void **state)
{
	(void)state;
	free(data);
	data = NULL;
	return 0;
}

static void csv_has_the_promised_columns(void **state)
{
	struct site one = site();
	const struct site *rows[] = {&one};
	FILE *out = start();

	(void)state;
	dump_sites_table_csv(out, rows, 1);
	fclose(out);
	assert_string_equal(
		data,
		"site_id,function,location,module,live_bytes,"
		"live_bytes_stderr,live_objects,live_objects_stderr,"
		"live_samples,alloc_bytes,alloc_bytes_stderr,alloc_objects,"
		"samples,alloc_bytes_per_s,peak_bytes,peak_bytes_stderr,"
		"highest_bytes,"
		"mean_age_s,short_lived_share,growing,growth_bytes_per_s,"
		"growth_minutes,thread_id,thread_name,threads\n"
		"3,\"f<int, \"\"x\"\">\",a^[[2J.c,/lib/m.so,1.500,0.500,2.000,"
		"1.000,4,10.000,2.000,20.000,9,1.000,7.000,3.000,0.000,0.000,"
		"0.000,1,0.000,0.000,77,\"\",2\n");
}

static void json_has_the_promised_names(void **state)
{
	struct site one = site();
	const struct site *rows[] = {&one, &one};
	struct sites sites = {
		.sample_bytes = 512, .live = {3, 1, 8}, .z = -0.5};
	static const char *const parts[] = {
		"{\"pid\":42,\"sample_bytes\":512,\"live_bytes\":3.000,",
		"\"live_bytes_stderr\":1.000,\"z\":-0.500,",
		"\"symbols_pending\":false,\"sites\":[\n{\"site_id\":3,",
		"\"function\":\"f<int, \\\"x\\\">\",",
		"\"location\":\"a\\u001b[2J.c\"",
		"\"growing\":true",
		"\"threads\":2},\n{\"site_id\":3,",
	};
	FILE *out = start();

	(void)state;
	dump_sites_table_json(out, 42, &sites, rows, 2);
	fclose(out);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(data, parts[i]))
			fail_msg("no %s in %s", parts[i], data);
}

static void stacks_have_their_frames(void **state)
{
	struct stack_frame frame = {.pc = 0x1234,
				    .module_offset = 0x34,
				    .function = function,
				    .file = file,
				    .module = module,
				    .note = none,
				    .line = 12,
				    .inlined = true};
	const struct stack_frame *frames[] = {&frame};
	struct stack stack = {.site = site(), .truncated = true};
	FILE *out = start();

	(void)state;
	stack.lifetimes[11] = 2.5;
	dump_sites_stack_csv(out, frames, 1);
	fclose(out);
	assert_string_equal(data, "function,file,line,module,module_offset,pc,"
				  "inlined,note\n"
				  "\"f<int, \"\"x\"\">\",a^[[2J.c,12,"
				  "/lib/m.so,0x34,0x1234,1,\"\"\n");
	out = start();
	dump_sites_stack_json(out, 42, &stack, frames, 1);
	fclose(out);
	assert_non_null(strstr(data, "\"truncated\":true"));
	assert_non_null(strstr(data, "{\"age_us\":1048576,\"objects\":2.500}"));
	assert_non_null(strstr(data,
			       "\"line\":12,\"module\":\"/lib/m.so\","
			       "\"module_offset\":\"0x34\",\"pc\":\"0x1234\","
			       "\"inlined\":true"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_has_the_promised_columns),
		cmocka_unit_test(json_has_the_promised_names),
		cmocka_unit_test(stacks_have_their_frames),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}
