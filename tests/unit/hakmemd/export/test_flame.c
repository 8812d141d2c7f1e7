#include "hakmemd/export/flame.h"

#include "tests/unit/hakmemd/unit_heap.h"

static struct unit_heap unit;
static struct flame flame;

static int begin(void **state)
{
	(void)state;
	unit_heap_begin(&unit);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unit_heap_end(&unit);
	return 0;
}

static void build(enum heap_profile_sample sample)
{
	assert_int_equal(unit_heap_build(&unit, sample, ""),
			 HEAP_PROFILE_READY);
	assert_true(flame_build(&flame, &unit.profile, &unit.pool));
}

/* A child of `parent` by name; it must be there once. */
static const struct flame_node *child(const struct flame_node *parent,
				      const char *name)
{
	const struct flame_node *found = NULL;

	for (uint32_t at = parent->child; at; at = flame.nodes[at].sibling)
		if (strcmp(flame.nodes[at].name, name) == 0) {
			assert_null(found);
			found = &flame.nodes[at];
		}
	if (!found)
		fail_msg("%s has no child %s", parent->name, name);
	return found;
}

static void a_node_holds_all_that_goes_through(void **state)
{
	const struct flame_node *node;

	(void)state;
	build(HEAP_PROFILE_INUSE);
	assert_string_equal(flame.nodes[0].name, "all");
	assert_int_equal(flame.nodes[0].depth, 0);
	assert_int_equal(flame.nodes[0].sibling, 0);
	assert_int_equal(flame.depth, 3);
	assert_float_equal(flame.nodes[0].bytes, unit.profile.bytes, 1e-3);
	assert_float_equal(flame.nodes[0].bytes_var, 9500750, 1);
	assert_float_equal(flame.nodes[0].objects, 95.0075, 1e-4);
	node = child(&flame.nodes[0], "a;b<c>+0x1120");
	assert_int_equal(node->depth, 1);
	assert_float_equal(node->bytes, 9000.75, 1e-3);
	assert_float_equal(node->bytes_var, 9000750, 1);
	assert_float_equal(node->live_bytes, 9000.75, 1e-3);
	assert_string_equal(unit.profile.functions[node->function].name,
			    node->name);
	node = child(child(node, "a;b<c>+0x1110"), "a;b<c>+0x1100");
	assert_int_equal(node->depth, 3);
	assert_int_equal(node->child, 0);
	assert_float_equal(node->bytes, 6000.5, 1e-3);
	assert_float_equal(child(&flame.nodes[0], "[no stack]")->bytes, 500, 0);
	assert_float_equal(flame.shrunk, 0, 0);
}

/* What was allocated is summed up, but the age stays that of what lives. */
static void the_sample_chosen_is_summed_up(void **state)
{
	(void)state;
	build(HEAP_PROFILE_ALLOC);
	assert_float_equal(flame.nodes[0].bytes, 28000, 0);
	assert_float_equal(flame.nodes[0].live_bytes, 9500.75, 1e-3);
}

/* Twelve leaves of one caller, said in no order, and two of the same size. */
static void children_stand_largest_first(void **state)
{
	const struct flame_node *caller;
	double last = 1e9;
	unsigned count = 0;

	(void)state;
	for (uint32_t i = 0; i < 12; i++)
		unit_site(&unit.said, 100 + i,
			  1000 * (1 + i * 7 % 12 - (i == 5)), 20000,
			  UNIT_BIAS + 0x1300 + 64 * i, 2)
			->pcs[1] = UNIT_BIAS + 0x1800;
	unit_heap_say(&unit, 101);
	build(HEAP_PROFILE_INUSE);
	caller = child(&flame.nodes[0], "a;b<c>+0x1800");
	for (uint32_t at = caller->child; at; at = flame.nodes[at].sibling) {
		assert_true(flame.nodes[at].bytes <= last);
		assert_int_equal(flame.nodes[at].depth, 2);
		last = flame.nodes[at].bytes;
		count++;
	}
	assert_int_equal(count, 12);
	/* The larger of two callers too. */
	assert_ptr_equal(caller, &flame.nodes[flame.nodes[0].child]);
}

static void what_shrank_is_left_out(void **state)
{
	(void)state;
	unit_heap_build(&unit, HEAP_PROFILE_INUSE, "");
	assert_int_equal(unit.profile.row_count, 3);
	unit.profile.rows[0].bytes = -6000.5;
	unit.profile.rows[2].bytes = 0;
	assert_true(flame_build(&flame, &unit.profile, &unit.pool));
	assert_float_equal(flame.shrunk, -6000.5, 1e-3);
	assert_float_equal(flame.nodes[0].bytes, 3000.25, 1e-3);
	assert_int_equal(flame.count, 3); /* all, 0x1120, 0x1200 */
	assert_int_equal(flame.depth, 2);
	unit.profile.row_count = 0;
	assert_true(flame_build(&flame, &unit.profile, &unit.pool));
	assert_int_equal(flame.count, 1);
	assert_int_equal(flame.nodes[0].child, 0);
	assert_float_equal(flame.nodes[0].bytes, 0, 0);
}

/* "leaf" is inlined into "outer", which calls itself: a node each time. */
static void inlined_functions_lie_inside(void **state)
{
	static struct heap_profile_function functions[] = {{"leaf", ""},
							   {"outer", ""}};
	static const struct heap_profile_line lines[] = {
		{.function = 0, .inlined = true}, {.function = 1}};
	struct heap_profile_location locations[] = {
		{.pc = 1, .lines = lines, .line_count = 2},
		{.pc = 2, .lines = lines + 1, .line_count = 1}};
	uint32_t stack[200] = {0};
	const struct site site = {.id = 7};
	struct heap_profile_row row = {.site = &site,
				       .locations = stack,
				       .depth = COUNT_OF(stack),
				       .bytes = 100};
	const struct flame_node *node;
	struct heap_profile profile;

	(void)state;
	for (size_t i = 1; i < COUNT_OF(stack); i++)
		stack[i] = 1;
	memset(&profile, 0, sizeof(profile));
	profile.rows = &row;
	profile.row_count = 1;
	profile.locations = locations;
	profile.functions = functions;
	pool_free(&unit.pool);
	pool_init(&unit.pool, 1u << 20);
	assert_true(flame_build(&flame, &profile, &unit.pool));
	assert_int_equal(flame.count, 2 + COUNT_OF(stack));
	assert_int_equal(flame.depth, 1 + COUNT_OF(stack));
	node = &flame.nodes[0];
	for (size_t i = 0; i < COUNT_OF(stack); i++)
		node = child(node, "outer");
	assert_int_equal(child(node, "leaf")->child, 0);
}

static void without_memory_there_is_none(void **state)
{
	struct pool small;
	bool built = false;

	(void)state;
	unit_heap_build(&unit, HEAP_PROFILE_INUSE, "");
	for (size_t budget = 16; !built; budget += 16) {
		pool_init(&small, budget);
		built = flame_build(&flame, &unit.profile, &small);
		assert_true(!built || budget > 256);
		pool_free(&small);
	}
}

static void the_age_is_that_of_live_bytes(void **state)
{
	const double expected = (6000.5 * 50 + 3000.25 * 0.5) / 9000.75;
	struct flame_node node = {.live_bytes = 10, .birth_seconds = 300};
	double age;

	(void)state;
	assert_float_equal(flame_age(&node, 42 * UNIT_SECOND), 12, 1e-6);
	/* Clocks of two processes need not agree: never below 0. */
	assert_float_equal(flame_age(&node, 29 * UNIT_SECOND), 0, 0);
	node.live_bytes = 0;
	assert_float_equal(flame_age(&node, 42 * UNIT_SECOND), -1, 0);
	node.live_bytes = -5;
	assert_float_equal(flame_age(&node, 42 * UNIT_SECOND), -1, 0);
	build(HEAP_PROFILE_INUSE);
	age = flame_age(child(&flame.nodes[0], "a;b<c>+0x1120"),
			100 * UNIT_SECOND);
	assert_float_equal(age, expected, 1e-3);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		WITH(a_node_holds_all_that_goes_through),
		WITH(the_sample_chosen_is_summed_up),
		WITH(children_stand_largest_first),
		WITH(what_shrank_is_left_out),
		WITH(inlined_functions_lie_inside),
		WITH(without_memory_there_is_none),
		WITH(the_age_is_that_of_live_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
