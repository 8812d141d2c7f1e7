#include "hakmemd/model/site_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CLASSES 3

static Hakmem__Module module;
static Hakmem__Site site;
static Hakmem__SiteClass class;

static const char *modules_say(void)
{
	Hakmem__Module *rows[] = {&module};
	Hakmem__Modules message;

	hakmem__modules__init(&message);
	message.n_modules = 1;
	message.modules = rows;
	return site_check_modules(&message);
}

static const char *sites_say(void)
{
	Hakmem__SiteClass *classes[] = {&class};
	Hakmem__Site *rows[] = {&site};
	Hakmem__Sites message;

	hakmem__sites__init(&message);
	message.n_sites = 1;
	message.sites = rows;
	site.n_classes = 1;
	site.classes = classes;
	return site_check_sites(&message, CLASSES);
}

static int setup(void **state)
{
	static char path[64], name[64];

	(void)state;
	strcpy(path, "/usr/lib/a.so");
	strcpy(name, "worker");
	hakmem__module__init(&module);
	module.module_id = 1;
	module.path = path;
	module.start = 0x1000;
	module.end = 0x3000;
	hakmem__site__init(&site);
	site.site_id = 3;
	site.thread_name = name;
	hakmem__site_class__init(&class);
	return 0;
}

static void a_sensible_module_is_kept(void **state)
{
	(void)state;
	assert_null(modules_say());
	module.module_id = MODULE_ID_MAX;
	assert_null(modules_say());
}

static void a_module_out_of_range_is_refused(void **state)
{
	(void)state;
	module.module_id = 0;
	assert_non_null(modules_say());
	module.module_id = MODULE_ID_MAX + 1;
	assert_non_null(modules_say());
	module.module_id = 1;
	module.start = module.end + 1;
	assert_non_null(modules_say());
	module.start = 0;
	module.text_start = UINT64_MAX;
	module.text_bytes = 2;
	assert_non_null(modules_say());
	module.text_bytes = 0;
	assert_null(modules_say());
	module.build_id.len = MODULE_BUILD_MAX + 1;
	assert_non_null(modules_say());
}

static void a_site_out_of_range_is_refused(void **state)
{
	(void)state;
	assert_null(sites_say());
	site.site_id = 0;
	assert_non_null(sites_say());
	site.site_id = SITE_ID_MAX + 1;
	assert_non_null(sites_say());
	site.site_id = 3;
	class.class_index = CLASSES; /* large blocks */
	assert_null(sites_say());
	class.class_index = CLASSES + 1;
	assert_non_null(sites_say());
}

static void sums_are_finite_and_not_below_zero(void **state)
{
	(void)state;
	class.live_bytes = -0.25;
	assert_null(sites_say());
	assert_true(class.live_bytes == 0);
	class.live_bytes = NAN;
	assert_non_null(sites_say());
	class.live_bytes = INFINITY;
	assert_non_null(sites_say());
	class.live_bytes = 5;
	assert_null(sites_say());
	assert_true(class.live_bytes == 5);
}

static void a_stack_has_a_module_for_each_frame(void **state)
{
	static uint64_t pcs[SITE_DEPTH_MAX + 1];
	static uint32_t modules[SITE_DEPTH_MAX + 1];

	(void)state;
	site.pcs = pcs;
	site.modules = modules;
	site.n_pcs = site.n_modules = SITE_DEPTH_MAX;
	assert_null(sites_say());
	site.n_modules--;
	assert_non_null(sites_say());
	site.n_pcs = site.n_modules = SITE_DEPTH_MAX + 1;
	assert_non_null(sites_say());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_sensible_module_is_kept, setup),
		cmocka_unit_test_setup(a_module_out_of_range_is_refused, setup),
		cmocka_unit_test_setup(a_site_out_of_range_is_refused, setup),
		cmocka_unit_test_setup(sums_are_finite_and_not_below_zero,
				       setup),
		cmocka_unit_test_setup(a_stack_has_a_module_for_each_frame,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
