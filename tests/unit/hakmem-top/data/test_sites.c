#include "hakmem-top/data/sites.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char empty[] = "", main_thread[] = "main";

static void a_site_always_has_a_name(void **state)
{
	struct site site = {.id = SITES_NO_STACK, .function = empty};

	(void)state;
	assert_string_equal(sites_name(&site), "[no stack]");
	site.id = SITES_OVERFLOW;
	assert_string_equal(sites_name(&site), "[no room for the stack]");
	site.id = 3;
	site.function = NULL;
	assert_string_equal(sites_name(&site), "[not known]");
	site.function = main_thread;
	assert_string_equal(sites_name(&site), "main");
}

static void a_location_leaves_directories_out(void **state)
{
	char path[] = "/build/src/a.c:7", bare[] = "a.c:7";
	struct site site = {.location = path};

	(void)state;
	assert_string_equal(sites_location(&site), "a.c:7");
	site.location = bare;
	assert_string_equal(sites_location(&site), "a.c:7");
	site.location = empty;
	assert_string_equal(sites_location(&site), "");
}

static void threads_are_named_and_counted(void **state)
{
	struct site site = {
		.thread = main_thread, .thread_id = 8, .threads = 1};
	char text[160];

	(void)state;
	sites_thread_text(&site, text, sizeof(text));
	assert_string_equal(text, "main");
	site.threads = 4;
	sites_thread_text(&site, text, sizeof(text));
	assert_string_equal(text, "main +3");
	site.thread = empty;
	site.threads = 255;
	sites_thread_text(&site, text, sizeof(text));
	assert_string_equal(text, "8 +254 or more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_site_always_has_a_name),
		cmocka_unit_test(a_location_leaves_directories_out),
		cmocka_unit_test(threads_are_named_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
