#include "hakmem-top/data/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define S UINT64_C(1000000000)

static char text[] = "program";

static struct process one(uint64_t id, uint64_t state_ns, uint64_t allocs)
{
	return (struct process){.id = id,
				.pid = (uint32_t)(id + 100),
				.state_ns = state_ns,
				.allocs = allocs,
				.frees = allocs / 2,
				.page_boundary = allocs / 10,
				.command = text,
				.executable = text};
}

static struct processes list_of(struct process *rows, size_t count,
				uint64_t now_ns)
{
	return (struct processes){
		.now_ns = now_ns, .rows = rows, .count = count};
}

static void rate_needs_growth_and_time(void **state)
{
	(void)state;
	assert_true(view_rate(10, 30, 2 * S) == 10.0);
	assert_true(view_rate(30, 10, S) == 0);
	assert_true(view_rate(0, 10, 0) == 0);
}

static void rates_come_from_state_times(void **state)
{
	struct process rows[] = {one(1, 10 * S, 1000)};
	struct processes list = list_of(rows, 1, 10 * S);
	struct view view = {.memory = NULL};

	(void)state;
	assert_true(view_update(&view, &list));
	assert_false(view.rows[0].rated);
	rows[0] = one(1, 14 * S, 1400);
	list.now_ns = 11 * S; /* the time between polls does not matter */
	assert_true(view_update(&view, &list));
	assert_true(view.rows[0].rated);
	assert_true(view.rows[0].allocs_s == 100.0);
	assert_true(view.rows[0].frees_s == 50.0);
	assert_true(view.rows[0].page_boundary_s == 10.0);
	view_clear(&view);
}

static void same_state_keeps_rate_until_stale(void **state)
{
	struct process rows[] = {one(1, 10 * S, 1000)};
	struct processes list = list_of(rows, 1, 10 * S);
	struct view view = {.memory = NULL};

	(void)state;
	view_update(&view, &list);
	rows[0] = one(1, 11 * S, 1100);
	list.now_ns = 11 * S;
	view_update(&view, &list);
	list.now_ns = 12 * S;
	view_update(&view, &list);
	assert_true(view.rows[0].allocs_s == 100.0);
	list.now_ns = 17 * S;
	view_update(&view, &list);
	assert_true(view.rows[0].rated);
	assert_true(view.rows[0].allocs_s == 0);
	view_clear(&view);
}

static void counters_that_restart_are_no_negative_rate(void **state)
{
	struct process rows[] = {one(1, 10 * S, 1000)};
	struct processes list = list_of(rows, 1, 10 * S);
	struct view view = {.memory = NULL};

	(void)state;
	view_update(&view, &list);
	rows[0] = one(1, 11 * S, 5);
	list.now_ns = 11 * S;
	view_update(&view, &list);
	assert_true(view.rows[0].allocs_s == 0);
	view_clear(&view);
}

static void the_ended_have_no_rate(void **state)
{
	struct process rows[] = {one(1, 10 * S, 1000)};
	struct processes list = list_of(rows, 1, 10 * S);
	struct view view = {.memory = NULL};

	(void)state;
	view_update(&view, &list);
	rows[0] = one(1, 11 * S, 2000);
	rows[0].state = MODEL_EXITED;
	list.now_ns = 11 * S;
	view_update(&view, &list);
	assert_true(view.rows[0].allocs_s == 0);
	assert_true(view.rows[0].rated);
	view_clear(&view);
}

static void mark_remembers_by_id(void **state)
{
	struct process rows[] = {one(5, 10 * S, 1000), one(2, 10 * S, 7)};
	struct process later[] = {one(2, 11 * S, 9), one(9, 11 * S, 50),
				  one(5, 11 * S, 1500)};
	struct processes list = list_of(rows, 2, 10 * S);
	struct processes next = list_of(later, 3, 11 * S);
	struct view view = {.memory = NULL};

	(void)state;
	assert_true(view_set_baseline(&view, &list));
	assert_true(view_update(&view, &next));
	assert_true(view.rows[0].has_baseline);
	assert_int_equal(view.rows[0].base.allocs, 7);
	assert_int_equal(view.rows[1].base.allocs, 0);
	assert_int_equal(view.rows[2].base.allocs, 1000);
	assert_true(view_set_baseline(&view, NULL));
	assert_true(view_update(&view, &next));
	assert_false(view.rows[0].has_baseline);
	view_clear(&view);
}

static void family_is_pid_children_and_theirs(void **state)
{
	struct process rows[] = {one(1, S, 1), one(2, S, 1), one(3, S, 1),
				 one(4, S, 1), one(5, S, 1)};
	struct processes list = list_of(rows, 5, S);
	struct view view = {.root_pid = 102};

	(void)state;
	rows[2].parent_id = 2;
	rows[3].parent_id = 3;
	rows[4].parent_pid = 102; /* known by pid alone */
	assert_true(view_update(&view, &list));
	assert_int_equal(view.count, 4);
	assert_int_equal(view.rows[0].process->id, 2);
	assert_int_equal(view.rows[3].process->id, 5);
	view_clear(&view);
}

static void totals_count_memory_of_the_living(void **state)
{
	struct process rows[] = {one(1, S, 10), one(2, S, 20)};
	struct processes list = list_of(rows, 2, S);
	struct view view = {.memory = NULL};
	struct view_totals totals;

	(void)state;
	rows[0].live_bytes = 100;
	rows[1].live_bytes = 1000;
	rows[1].rejects = 3;
	rows[1].state = MODEL_ENDED;
	view_update(&view, &list);
	totals = view_totals(&view);
	assert_int_equal(totals.alive, 1);
	assert_int_equal(totals.ended, 1);
	assert_int_equal(totals.live_bytes, 100);
	assert_int_equal(totals.rejects, 3);
	assert_int_equal(totals.allocs, 30);
	view_clear(&view);
}

static void newest_of_a_pid(void **state)
{
	struct process rows[] = {one(1, S, 1), one(2, S, 1)};
	struct processes list = list_of(rows, 2, S);

	(void)state;
	rows[0].pid = rows[1].pid = 7;
	rows[0].first_seen_ns = 9;
	rows[1].first_seen_ns = 5;
	assert_ptr_equal(view_newest(&list, 7), &rows[0]);
	assert_null(view_newest(&list, 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rate_needs_growth_and_time),
		cmocka_unit_test(rates_come_from_state_times),
		cmocka_unit_test(same_state_keeps_rate_until_stale),
		cmocka_unit_test(counters_that_restart_are_no_negative_rate),
		cmocka_unit_test(the_ended_have_no_rate),
		cmocka_unit_test(mark_remembers_by_id),
		cmocka_unit_test(family_is_pid_children_and_theirs),
		cmocka_unit_test(totals_count_memory_of_the_living),
		cmocka_unit_test(newest_of_a_pid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
