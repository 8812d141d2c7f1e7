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
	assert_true(view.rows[0].rates[VIEW_ALLOCS] == 100.0);
	assert_true(view.rows[0].rates[VIEW_FREES] == 50.0);
	assert_true(view.rows[0].rates[VIEW_PAGE_BOUNDARY] == 10.0);
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
	assert_true(view.rows[0].rates[VIEW_ALLOCS] == 100.0);
	assert_true(view.rows[0].age_s == 1);
	assert_false(view.rows[0].stale);
	list.now_ns = 17 * S;
	view_update(&view, &list);
	assert_false(view.rows[0].rated); /* by now it may be any other */
	assert_true(view.rows[0].age_s == 6);
	assert_true(view.rows[0].stale);
	/* Of what ended the figures are as old as they were at its end. */
	rows[0].state = MODEL_EXITED;
	rows[0].ended_ns = 13 * S;
	view_update(&view, &list);
	assert_true(view.rows[0].age_s == 2);
	assert_false(view.rows[0].stale);
	rows[0].state_ns = 0;
	view_update(&view, &list);
	assert_true(view.rows[0].age_s < 0);
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
	assert_true(view.rows[0].rates[VIEW_ALLOCS] == 0);
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
	assert_true(view.rows[0].rates[VIEW_ALLOCS] == 0);
	assert_true(view.rows[0].rated);
	view_clear(&view);
}

static void a_baseline_is_of_those_that_have_it_or_came_later(void **state)
{
	struct process later[] = {one(2, 11 * S, 9), one(9, 11 * S, 50),
				  one(5, 11 * S, 1500)};
	struct processes next = list_of(later, 3, 11 * S);
	struct view view = {.memory = NULL};

	(void)state;
	view.baseline_ns = 10 * S;
	later[0].base_ns = 10 * S;
	later[0].base[FIGURE_ALLOCS] = 7;
	later[1].first_seen_ns = 10 * S; /* born since then */
	later[2].first_seen_ns = 9 * S;	 /* whose baseline is lost */
	assert_true(view_update(&view, &next));
	assert_true(view.rows[0].marked && view.rows[2].marked);
	assert_int_equal(view.rows[0].base[FIGURE_ALLOCS], 7);
	assert_int_equal(view.rows[1].base[FIGURE_ALLOCS], 0);
	assert_null(view.rows[2].base);
	view.baseline_ns = 0;
	assert_true(view_update(&view, &next));
	assert_false(view.rows[0].marked);
	assert_null(view.rows[0].base);
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
	rows[0].figures[FIGURE_LIVE_BYTES] = 100;
	rows[1].figures[FIGURE_LIVE_BYTES] = 1000;
	rows[1].figures[FIGURE_REJECTS] = 3;
	rows[1].state = MODEL_ENDED;
	view_update(&view, &list);
	totals = view_totals(&view);
	assert_int_equal(totals.alive, 1);
	assert_int_equal(totals.ended, 1);
	assert_int_equal(totals.figures[FIGURE_LIVE_BYTES], 100);
	assert_int_equal(totals.figures[FIGURE_REJECTS], 3);
	assert_int_equal(totals.figures[FIGURE_ALLOCS], 30);
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
		cmocka_unit_test(
			a_baseline_is_of_those_that_have_it_or_came_later),
		cmocka_unit_test(family_is_pid_children_and_theirs),
		cmocka_unit_test(totals_count_memory_of_the_living),
		cmocka_unit_test(newest_of_a_pid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
