#include "hakmemd/export/stack.h"

#include "hakmemd/symbols/allocators.h"
#include "hakmemd/export/site_row.h"
#include "tests/unit/hakmemd/unit_heap.h"

static struct unit_heap unit;

static void allocation_functions_are_known(void **state)
{
	static const char *const yes[] = {
		"malloc",
		"operator new(unsigned long)",
		"operator new[](unsigned long, std::nothrow_t const&)",
		"realloc@plt",
		"xmalloc",
		"g_malloc0_n",
		"__strdup",
		"std::__new_allocator<int>::allocate(unsigned long)",
		"std::__cxx11::basic_string<char>::_M_create(unsigned long&)",
		"PyMem_RawMalloc",
		"PyMem_Malloc",
		"zmalloc",
		"_PyObject_Malloc"};
	static const char *const no[] = {
		"main",	      "mallocate_things",
		"my_malloc",  "operator_new",
		"",	      "std::thread::_State_impl<x>::_M_run()",
		"[no stack]", "app+0x1234",
		"PyMem_Free"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(yes); i++)
		if (!allocators_function(yes[i]))
			fail_msg("%s is one", yes[i]);
	for (size_t i = 0; i < COUNT_OF(no); i++)
		if (allocators_function(no[i]))
			fail_msg("%s is none", no[i]);
	assert_true(allocators_module("/usr/lib/hakmem/libhakmem.so"));
	assert_true(allocators_module("libhakmem.so"));
	assert_false(allocators_module("/lib/libc.so.6"));
}

static void our_library_is_passed_over(void **state)
{
	static char path[] = "/opt/libhakmem.so";
	struct stack_source source = {.process = &unit.process};
	struct stack_place place;
	struct unit_site *site;

	(void)state;
	unit_heap_begin(&unit);
	unit_heap_module(&unit, 3, path, UNIT_BIAS + 0x200000);
	site = unit_site(&unit.said, 30, 1000, 1000, UNIT_BIAS + 0x1500, 2);
	site->modules[0] = 3;
	unit_heap_say(&unit, 101);
	assert_true(stack_innermost(
		&source, sites_find(&unit.process.model.sites, 30), &place));
	assert_string_equal(place.function, "a;b<c>+0x1510");
	assert_string_equal(place.module, "a;b<c>");
	assert_string_equal(place.location, "");
	assert_true(stack_innermost(
		&source, sites_find(&unit.process.model.sites, 1), &place));
	assert_string_equal(place.function, "[no stack]");
	unit_heap_end(&unit);
}

/* Addresses in no module, and modules never told of. */
static void addresses_without_a_module(void **state)
{
	struct stack_source source = {.process = &unit.process};
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct unit_site *site;
	struct site *kept;

	(void)state;
	unit_heap_begin(&unit);
	site = unit_site(&unit.said, 31, 1000, 1000, 0x7000, 2);
	site->modules[0] = 0;
	site->modules[1] = 999;
	unit_heap_say(&unit, 101);
	kept = sites_find(&unit.process.model.sites, 31);
	assert_int_equal(stack_frames(&source, kept, 0, frames), 1);
	assert_string_equal(frames[0].function, "0x7000");
	assert_int_equal(stack_frames(&source, kept, 1, frames), 1);
	assert_string_equal(frames[0].function, "0x7010");
	assert_null(stack_module(&source, kept, 1));
	unit_heap_end(&unit);
}

static void a_row_has_all_figures(void **state)
{
	struct model *model = &unit.process.model;
	Hakmem__SiteRow row;

	(void)state;
	unit_heap_begin(&unit);
	site_row_fill(&row, model, sites_find(&model->sites, 10), NULL);
	assert_int_equal(row.site_id, 10);
	assert_float_equal(row.live_bytes, 6000.5, 0);
	assert_float_equal(row.live_bytes_stderr, 2449.59, 0.01);
	assert_int_equal(row.live_samples, 6);
	assert_int_equal(row.samples, 20);
	assert_float_equal(row.peak_bytes, 12001, 0);
	assert_float_equal(row.highest_bytes, 18001.5, 0);
	assert_float_equal(row.mean_age_s, 50, 1e-6);
	assert_false(row.growing);
	unit_heap_end(&unit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocation_functions_are_known),
		cmocka_unit_test(our_library_is_passed_over),
		cmocka_unit_test(addresses_without_a_module),
		cmocka_unit_test(a_row_has_all_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
