#include "hakmemd/export/stack.h"

#include "hakmemd/export/site_row.h"
#include "tests/unit/hakmemd/fixture.h"
#include "tests/unit/hakmemd/unit_heap.h"

static struct unit_heap unit;

/* With the build-id of unit_heap_module, too short for the linker to make. */
static const char owners_c[] =
	"__asm__(\".pushsection .note.id,\\\"a\\\",@note\\n\"\n"
	"	\".long 4, 3, 3\\n.asciz \\\"GNU\\\"\\n.byte 0xab, 0xcd, 1, "
	"0\\n\"\n"
	"	\".popsection\");\n"
	"void malloc(void) { }\n"
	"void xmalloc(void) { }\n"
	"void xmalloc_loop(void) { }\n"
	"void owner(void) { }\n"
	"void start_thread(void) { }\n";

static void stop(void *loop)
{
	loop_stop(loop, 0);
}

static uint64_t never(void *argument, uint64_t now_ns, uint64_t late_ns)
{
	(void)argument;
	(void)now_ns;
	(void)late_ns;
	return UINT64_MAX;
}

/* A site whose stack is these functions of owners.so, leaf first. */
static void say_stack(uint32_t id, const char *const *functions, size_t depth)
{
	struct unit_site *site =
		unit_site(&unit.said, id, 1000, 1000, 0, depth);

	for (size_t i = 0; i < depth; i++) {
		site->modules[i] = 3;
		site->pcs[i] =
			UNIT_BIAS + 0x200000 + 1 +
			fixture_symbol("owners.so", functions[i]).st_value;
	}
}

static void owner_is(struct stack_source *source, struct loop *loop,
		     uint32_t id, const char *function)
{
	const struct site *site = sites_find(&unit.process.model.sites, id);
	struct stack_place place;

	while (!stack_innermost(source, site, &place))
		assert_int_equal(loop_run(loop), 0);
	assert_string_equal(place.function, function);
}

static void the_owner_is_no_allocation_function(void **state)
{
	static const char *const owned[] = {"malloc", "xmalloc", "owner",
					    "start_thread"},
				 *const alone[] = {"malloc", "xmalloc",
						   "xmalloc_loop",
						   "start_thread"},
				 *const no_end[] = {"malloc", "xmalloc_loop"},
				 *const beginning[] = {"start_thread"};
	struct loop *loop = loop_new(never, NULL);
	struct stack_source source = {.process = &unit.process};
	struct symbol_settings settings = {.settled = stop, .argument = loop};

	(void)state;
	fixture_write("owners.c", owners_c);
	fixture_shell("gcc -w -fno-builtin -shared -Wl,--build-id=none "
		      "owners.c -o owners.so");
	source.symbols = symbols_new(loop, &settings);
	assert_non_null(source.symbols);
	unit_heap_begin(&unit);
	unit.process.uid = geteuid();
	unit_heap_module(&unit, 3, (char *)(uintptr_t)fixture_path("owners.so"),
			 UNIT_BIAS + 0x200000);
	say_stack(40, owned, 4);
	say_stack(41, alone, 4);
	say_stack(42, no_end, 2);
	say_stack(43, beginning, 1);
	unit_heap_say(&unit, 101);
	owner_is(&source, loop, 40, "owner");
	owner_is(&source, loop, 41, "xmalloc_loop");
	owner_is(&source, loop, 42, "xmalloc_loop");
	owner_is(&source, loop, 43, "start_thread");
	unit_heap_end(&unit);
	symbols_free(source.symbols);
	loop_free(loop);
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
		cmocka_unit_test(the_owner_is_no_allocation_function),
		cmocka_unit_test(our_library_is_passed_over),
		cmocka_unit_test(addresses_without_a_module),
		cmocka_unit_test(a_row_has_all_figures),
	};

	return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
