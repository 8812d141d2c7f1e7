#include "hakmem-top/data/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "hakmem-top/data/view.h"

#define S UINT64_C(1000000000)

static char text[] = "program";

static struct process one(uint64_t id, uint64_t state_ns, uint64_t allocs)
{
	struct process made = {.id = id,
			       .pid = (uint32_t)(id + 100),
			       .state_ns = state_ns,
			       .command = text,
			       .executable = text};

	made.figures[FIGURE_ALLOCS] = allocs;
	made.figures[FIGURE_FREES] = allocs / 2;
	made.figures[FIGURE_PAGE_BOUNDARY] = allocs / 10;
	return made;
}

static struct processes list_of(struct process *rows, size_t count,
				uint64_t now_ns)
{
	return (struct processes){
		.now_ns = now_ns, .rows = rows, .count = count};
}

static void tree_puts_children_behind_parents(void **state)
{
	struct process rows[] = {one(1, S, 1), one(2, S, 1), one(3, S, 1),
				 one(4, S, 1), one(5, S, 1), one(6, S, 1)};
	struct processes list = list_of(rows, 6, S);
	static const uint64_t want[] = {2, 4, 1, 3, 5, 6};
	static const unsigned depth[] = {0, 1, 2, 1, 0, 1};
	struct view view = {.memory = NULL};
	void *order[6];

	(void)state;
	rows[0].parent_id = 4;
	rows[2].parent_id = 2;
	rows[3].parent_id = 2;
	rows[4].parent_id = 6; /* 5 and 6 are each other's parent */
	rows[5].parent_id = 5;
	view_update(&view, &list);
	for (size_t i = 0; i < 6; i++)
		order[i] = &view.rows[i];
	order[2] = &view.rows[3]; /* siblings keep the given order: 4, 3 */
	order[3] = &view.rows[2];
	assert_true(tree_order(order, 6));
	for (size_t i = 0; i < 6; i++) {
		const struct view_row *row = order[i];

		assert_int_equal(row->process->id, want[i]);
		assert_int_equal(row->depth, depth[i]);
	}
	view_clear(&view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree_puts_children_behind_parents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
