#include "hakmemd/model/model.h"

#include "tests/unit/hakmemd/unit.h"
#include "tests/unit/figures.h"

static struct unit unit;
static struct model model;

static void begin(void)
{
	static char command[] = "program --flag", executable[] = "/bin/program";

	unit_begin(&unit);
	unit_class(&unit, 80, 48, 79, 20, 5);
	unit.hello.command = command;
	unit.hello.executable = executable;
	unit.hello.session = 1;
	model_free(&model);
	assert_null(model_hello(&model, &unit.hello));
}

static const char *say(uint64_t time_ns, uint64_t now_ns)
{
	uint8_t bytes[4096];
	struct pool pool;
	const char *why;

	unit.state.time_ns = time_ns;
	pool_init(&pool, POOL_BUDGET_BYTES);
	why = model_state(&model, &pool, bytes,
			  hakmem__state__pack(&unit.state, bytes), now_ns);
	pool_free(&pool);
	return why;
}

static bool has_state(void)
{
	struct pool pool;
	bool has;

	pool_init(&pool, POOL_BUDGET_BYTES);
	has = model_state_message(&model, &pool) != NULL;
	pool_free(&pool);
	return has;
}

static void figures_are_the_newest(void **state)
{
	(void)state;
	begin();
	FIGURE_IN(&unit.state, LIVE_BYTES) = 77;
	FIGURE_IN(&unit.state, REJECTS) = 6;
	assert_null(say(1000, 2000));
	FIGURE_IN(&unit.state, LIVE_BYTES) = 78;
	assert_null(say(1001, 2000));
	assert_string_equal(model.command, "program --flag");
	assert_int_equal(model.figures[FIGURE_LIVE_BYTES], 78);
	assert_int_equal(model.figures[FIGURE_REJECTS], 6);
	assert_int_equal(model.states, 2);
	assert_int_equal(model.state_ns, 1001);
	assert_true(has_state());
}

/* A library of another version: one figure that we do not have, and few of
 * ours, in its own order. What is kept and handed on has our order. */
static void figures_go_by_their_names(void **state)
{
	char names[] = "from_the_future rss_bytes live_bytes";
	char twice[] = "live_bytes live_bytes";
	uint64_t told[] = {1, 2, 3};
	Hakmem__State *kept;
	struct pool pool;

	(void)state;
	begin();
	unit.hello.figure_names = twice;
	assert_string_equal(model_hello(&model, &unit.hello),
			    "the names of figures make no sense");
	unit.hello.figure_names = names;
	assert_null(model_hello(&model, &unit.hello));
	unit.state.figures = told;
	unit.state.n_figures = 3;
	assert_null(say(1000, 2000));
	assert_int_equal(model.figures[FIGURE_RSS_BYTES], 2);
	assert_int_equal(model.figures[FIGURE_LIVE_BYTES], 3);
	assert_true(model.figures[FIGURE_ALLOCS] == FIGURE_UNKNOWN);
	pool_init(&pool, POOL_BUDGET_BYTES);
	kept = model_state_message(&model, &pool);
	assert_int_equal(kept->n_figures, FIGURES);
	assert_int_equal(kept->figures[FIGURE_LIVE_BYTES], 3);
	assert_string_equal(model_hello_message(&model, &pool)->figure_names,
			    figures_names);
	pool_free(&pool);
}

static void a_refused_message_changes_nothing(void **state)
{
	(void)state;
	begin();
	FIGURE_IN(&unit.state, LIVE_BYTES) = 98;
	assert_null(say(1000, 2000));
	unit.objects[0] = __builtin_nan("");
	FIGURE_IN(&unit.state, LIVE_BYTES) = 99;
	assert_non_null(say(1001, 2000));
	assert_int_equal(model.figures[FIGURE_LIVE_BYTES], 98);
	assert_int_equal(model.states, 1);
	unit.class[0].stride_bytes = 0;
	assert_non_null(model_hello(&model, &unit.hello));
	assert_true(has_state());
}

static void a_state_needs_a_hello(void **state)
{
	(void)state;
	begin();
	model_free(&model);
	assert_non_null(say(1, 2));
}

/* A lost connection continues; an exec begins anew. */
static void a_new_session_forgets(void **state)
{
	(void)state;
	begin();
	assert_null(say(1000, 2000));
	assert_null(model_hello(&model, &unit.hello));
	assert_true(has_state());
	assert_int_equal(model.history.count, 1);
	unit.hello.session = 2;
	assert_null(model_hello(&model, &unit.hello));
	assert_false(has_state());
	assert_int_equal(model.history.count, 0);
	assert_int_equal(model.states, 1);
}

static void times_stay_in_bounds(void **state)
{
	(void)state;
	begin();
	assert_null(say(5000, 2000));
	assert_int_equal(model.state_ns, 2000);
	assert_null(say(1, 3000));
	assert_int_equal(model.state_ns, 3000);
}

#define MS UINT64_C(1000000)

static void a_moment_is_one_point(void **state)
{
	(void)state;
	begin();
	assert_null(say(1000 * MS, 1000 * MS));
	assert_null(say(3000 * MS, 3000 * MS));
	FIGURE_IN(&unit.state, LIVE_BYTES) = 3;
	assert_null(say(3000 * MS, 3000 * MS));
	assert_int_equal(model.history.count, 2);
	assert_int_equal(history_at(&model.history, 1)->kept[KEPT_LIVE_BYTES],
			 3);
}

static void history_keeps_ten_minutes(void **state)
{
	static const unsigned steps_ms[] = {20, 100, 300, 900, 1000, 1050};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(steps_ms); i++) {
		const struct history *history = &model.history;
		uint64_t now = 1000 * MS, newest;

		begin();
		for (uint64_t t = 0; t < 1500000; t += steps_ms[i]) {
			now += steps_ms[i] * MS;
			FIGURE_IN(&unit.state, ALLOCS)++;
			assert_null(say(now, now));
		}
		assert_int_equal(history->count, HISTORY_POINTS);
		newest = history_at(history, history->count - 1)->time_ns;
		assert_true(newest == now);
		assert_true(newest - history_at(history, 0)->time_ns >=
			    600000 * MS);
		assert_true(newest - history_at(history, 0)->time_ns <=
			    800000 * MS);
		for (size_t at = 1; at + 1 < history->count; at++)
			assert_true(
				history_at(history, at)->time_ns -
					history_at(history, at - 1)->time_ns >=
				HISTORY_STEP_NS - HISTORY_LENIENT_NS);
		assert_int_equal(history_after(history, newest),
				 history->count);
		assert_int_equal(history_after(history, newest - 1),
				 history->count - 1);
		assert_int_equal(history_after(history, 0), 0);
	}
}

/* Whatever the pool refuses, a message fails and nothing else does. */
static void a_small_arena_fails_the_message_only(void **state)
{
	uint8_t bytes[4096];
	struct pool pool;
	size_t length, failed = 0;

	(void)state;
	begin();
	FIGURE_IN(&unit.state, LIVE_BYTES) = 5;
	length = hakmem__state__pack(&unit.state, bytes);
	for (size_t budget = 0; budget < 8192; budget += 16) {
		pool_init(&pool, budget);
		failed += model_state(&model, &pool, bytes, length, 9) != NULL;
		pool_free(&pool);
	}
	assert_in_range(failed, 10, 500);
	assert_int_equal(model.states, 512 - failed);
}

static int end(void **state)
{
	(void)state;
	model_free(&model);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_the_newest),
		cmocka_unit_test(figures_go_by_their_names),
		cmocka_unit_test(a_refused_message_changes_nothing),
		cmocka_unit_test(a_state_needs_a_hello),
		cmocka_unit_test(a_new_session_forgets),
		cmocka_unit_test(times_stay_in_bounds),
		cmocka_unit_test(a_moment_is_one_point),
		cmocka_unit_test(history_keeps_ten_minutes),
		cmocka_unit_test(a_small_arena_fails_the_message_only),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
