#include "hakmemd/export/heap_svg.h"

#include "hakmemd/export/flame.h"
#include "tests/unit/hakmemd/unit_heap.h"

static struct unit_heap unit;

static void the_tree_sums_up(void **state)
{
	const struct flame_node *node;
	struct flame flame;
	double age;

	(void)state;
	unit_heap_begin(&unit);
	unit_heap_build(&unit, HEAP_PROFILE_INUSE, "");
	assert_true(flame_build(&flame, &unit.profile, &unit.pool));
	assert_int_equal(flame.count, 6); /* all, 0x1120 and 3 below, none */
	assert_int_equal(flame.depth, 3);
	assert_float_equal(flame.nodes[0].bytes, 9500.75, 1e-9);
	node = &flame.nodes[flame.nodes[0].child];
	assert_string_equal(node->name, "a;b<c>+0x1120");
	assert_float_equal(node->bytes, 9000.75, 1e-9);
	age = (6000.5 * 50 + 3000.25 * 0.5) / 9000.75;
	age -= flame_age(node, 100 * UNIT_SECOND);
	assert_true(age > -1e-6 && age < 1e-6);
	/* The largest child first. */
	assert_string_equal(flame.nodes[node->child].name, "a;b<c>+0x1110");
	assert_string_equal(flame.nodes[flame.nodes[node->child].sibling].name,
			    "a;b<c>+0x1200");
	unit_heap_end(&unit);
}

static size_t count(const char *text, const char *word)
{
	size_t found = 0;

	while ((text = strstr(text, word)) != NULL) {
		found++;
		text += strlen(word);
	}
	return found;
}

static void the_file_is_whole(void **state)
{
	const char *text;

	(void)state;
	unit_heap_begin(&unit);
	unit_heap_build(&unit, HEAP_PROFILE_INUSE, "");
	text = unit_heap_write(&unit, heap_svg);
	assert_int_equal(count(text, "<g class=\"f\""), 6);
	assert_int_equal(count(text, "</g>"), 6);
	assert_non_null(strstr(text, "live bytes of pro&amp;gram \"x\"? (pid"));
	assert_non_null(strstr(text, "9.28 KiB &#177; 3.01 KiB"));
	assert_non_null(strstr(text, "<title>a;b&lt;c&gt;+0x1200\n2.93 KiB "
				     "&#177; 1.69 KiB, 31.58 %\n30 objects\n"
				     "mean age 0.5 s</title>"));
	assert_int_equal(count(text, "fill=\"#fff3b0\"/>"), 2); /* + legend */
	assert_int_equal(count(text, "<![CDATA["), 1);
	assert_int_equal(count(text, "]]>"), 1);
	assert_null(strstr(text, "http://www.w3.org/1999/xlink"));
	assert_int_equal(count(text, "://"), 1); /* the name of the language */
	unit_heap_end(&unit);
}

static void an_empty_heap_is_drawn(void **state)
{
	(void)state;
	unit_heap_begin(&unit);
	sites_clear(&unit.process.model.sites);
	unit_heap_build(&unit, HEAP_PROFILE_INUSE, "");
	assert_int_equal(count(unit_heap_write(&unit, heap_svg), "<g "), 1);
	unit_heap_end(&unit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tree_sums_up),
		cmocka_unit_test(the_file_is_whole),
		cmocka_unit_test(an_empty_heap_is_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
