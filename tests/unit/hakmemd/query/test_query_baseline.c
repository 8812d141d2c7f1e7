#include "hakmemd/query/query_baseline.h"

#include "tests/unit/hakmemd/asker.h"

static struct unit_sites said;
static struct process *process;
static char name[] = "before", nothing[1];

static int begin_one(void **state)
{
	if (begin(state) != 0)
		return -1;
	process = add_sampled(&said);
	unit_site(&said, 12, 3000, 7000, 0x2000, 2);
	unit_site(&said, 10, 6000, 20000, 0x1000, 3);
	unit_sites_say(&said, &process->model);
	query.baseline = name;
	return 0;
}

static void done(Hakmem__QueryWhat what, const char *text)
{
	Hakmem__Done *answer;

	ask(what);
	answer = hear(FRAME_DONE, &hakmem__done__descriptor);
	assert_string_equal(answer->text, text);
	assert_int_equal(answer->query_id, 7);
	let_go(answer);
}

static void go_on(void)
{
	unit.state.time_ns = clock_ns();
	unit.state.class_allocs[0] += 100;
	speak(process);
	unit_site(&said, 12, 10000, 30000, 0x2000, 2);
	unit_sites_say(&said, &process->model);
}

static void sites_come_with_what_changed_since(void **state)
{
	Hakmem__SiteTable *answer;
	Hakmem__Stack *stack;

	(void)state;
	ask(ASK(SITES)); /* before there is one */
	answer = hear(FRAME_SITE_TABLE, &hakmem__site_table__descriptor);
	assert_string_equal(answer->baseline, "");
	assert_null(answer->rows[0]->since);
	let_go(answer);
	done(ASK(BASELINE_SET), "marked 'before'");
	go_on();
	ask(ASK(SITES));
	answer = hear(FRAME_SITE_TABLE, &hakmem__site_table__descriptor);
	assert_string_equal(answer->baseline, "before");
	assert_int_equal(answer->rows[0]->site_id, 12);
	assert_true(answer->rows[0]->live_bytes == 10000);
	assert_true(answer->rows[0]->since->live_bytes == 7000);
	assert_true(answer->rows[0]->since->alloc_bytes == 23000);
	assert_true(answer->rows[1]->live_bytes == 6000);
	assert_true(answer->rows[1]->since->live_bytes == 0);
	assert_true(answer->rows[1]->since->live_bytes_stderr == 0);
	assert_true(answer->live_bytes == 16000);
	let_go(answer);
	query.site_id = 12;
	ask(ASK(STACK));
	stack = hear(FRAME_STACK, &hakmem__stack__descriptor);
	assert_true(stack->row->since->live_bytes == 7000);
	let_go(stack);
	query.baseline = nothing;
	ask(ASK(SITES));
	answer = hear(FRAME_SITE_TABLE, &hakmem__site_table__descriptor);
	assert_null(answer->rows[0]->since);
	let_go(answer);
}

static void a_process_comes_with_its_state_of_then(void **state)
{
	uint64_t then = unit.state.class_allocs[0];
	Hakmem__Detail *answer;

	(void)state;
	ask(ASK(DETAIL));
	answer = hear(FRAME_DETAIL, &hakmem__detail__descriptor);
	assert_true(answer->base_ns == 0);
	assert_null(answer->base_state);
	let_go(answer);
	done(ASK(BASELINE_SET), "marked 'before'");
	go_on();
	ask(ASK(DETAIL));
	answer = hear(FRAME_DETAIL, &hakmem__detail__descriptor);
	assert_true(answer->base_ns > 0);
	assert_true(answer->base_ns < answer->process->state_ns);
	assert_true(answer->base_state->class_allocs[0] == then);
	assert_true(answer->state->class_allocs[0] == then + 100);
	assert_int_equal(answer->n_base_sizes, 1);
	assert_true(answer->base_sizes[0]->requests == then);
	assert_true(answer->sizes[0]->requests == then + 100);
	assert_int_equal(answer->n_baselines, 1);
	assert_string_equal(answer->baselines[0]->name, "before");
	assert_true(answer->baselines[0]->time_ns == answer->base_ns);
	let_go(answer);
	query.baseline = nothing;
	ask(ASK(DETAIL));
	answer = hear(FRAME_DETAIL, &hakmem__detail__descriptor);
	assert_null(answer->base_state);
	assert_int_equal(answer->n_baselines, 1);
	let_go(answer);
}

/* So that a list shows what changed in each; a younger process has none. */
static void the_list_comes_with_the_figures_of_then(void **state)
{
	Hakmem__Processes *answer;

	(void)state;
	done(ASK(BASELINE_SET), "marked 'before'");
	FIGURE_IN(&unit.state, LIVE_BYTES) = 5000;
	go_on();
	unit.hello.session = 2;
	add(NOBODY);
	ask(ASK(PROCESSES));
	answer = hear(FRAME_PROCESSES, &hakmem__processes__descriptor);
	assert_int_equal(answer->n_processes, 2);
	assert_int_equal(answer->processes[0]->n_base_figures, FIGURES);
	assert_true(answer->processes[0]->figures[FIGURE_LIVE_BYTES] == 5000);
	assert_true(answer->processes[0]->base_figures[FIGURE_LIVE_BYTES] !=
		    5000);
	assert_true(answer->processes[0]->base_ns > 0);
	assert_int_equal(answer->processes[1]->n_base_figures, 0);
	let_go(answer);
}

static void all_processes_at_once(void **state)
{
	struct process *other;

	(void)state;
	unit.hello.session = 2;
	other = add(NOBODY);
	query.process_id = query.pid = 0;
	done(ASK(BASELINE_SET), "marked 'before' in 2 processes");
	assert_non_null(baseline_find(&process->model.baselines, name));
	assert_non_null(baseline_find(&other->model.baselines, name));
	/* One that had not spoken then has nothing to compare with. */
	query.process_id = other->id;
	ask(ASK(DETAIL));
	let_go(hear(FRAME_DETAIL, &hakmem__detail__descriptor));
	query.process_id = 0;
	done(ASK(BASELINE_DROP), "forgot the mark 'before'");
	assert_int_equal(process->model.baselines.count, 0);
	assert_int_equal(other->model.baselines.count, 0);
	done(ASK(BASELINE_DROP), "forgot the mark 'before'");
	query.process_id = process->id;
	refused(ASK(BASELINE_DROP), "no baseline 'before' of this process");
	query.baseline = nothing;
	refused(ASK(BASELINE_SET), "the name of a baseline has 1 to 64 bytes");
}

static void what_a_viewer_calls_its_own_goes_with_it(void **state)
{
	static char own[] = "viewer-1";

	(void)state;
	done(ASK(BASELINE_SET), "marked 'before'");
	query.mine = 1;
	query.baseline = own;
	done(ASK(BASELINE_SET), "marked 'viewer-1'");
	assert_int_equal(process->model.baselines.count, 2);
	conn_close(conn);
	assert_int_equal(process->model.baselines.count, 1);
	assert_non_null(baseline_find(&process->model.baselines, name));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin_one, end)
	const struct CMUnitTest tests[] = {
		CASE(sites_come_with_what_changed_since),
		CASE(a_process_comes_with_its_state_of_then),
		CASE(the_list_comes_with_the_figures_of_then),
		CASE(all_processes_at_once),
		CASE(what_a_viewer_calls_its_own_goes_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
