#include "hakmem-top/ui/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/hakmem-top/feeder.h"
#include "tests/unit/hakmem-top/scene.h"

#define S SCENE_S

enum {
	LIST = HAKMEM__QUERY_WHAT__QUERY_PROCESSES,
	DETAIL = HAKMEM__QUERY_WHAT__QUERY_DETAIL,
	HISTORY = HAKMEM__QUERY_WHAT__QUERY_HISTORY,
};

static struct context context;
static struct client *client;
static struct feed feed;
static struct processes *list;

static int setup(void **state)
{
	(void)state;
	context = (struct context){.tree = false};
	if (!feeder_open(NULL))
		return -1;
	client = client_new(feeder.path, true);
	feed_init(&feed, client, &context, 2);
	list = scene_list(3);
	return client ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	model_processes_free(list);
	feed_clear(&feed);
	screen_processes.refresh(&context);
	client_free(client);
	feeder_close();
	return 0;
}

/* No query waits to be read. */
static bool quiet(void)
{
	char byte;

	return recv(feeder.peer, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

static void connect_at(uint64_t now_ns)
{
	assert_true(feed_step(&feed, now_ns));
	feeder_accept();
	assert_int_equal(feeder_what(), LIST);
}

/* Connected, with the list of the scene shown. */
static void show_list_at(uint64_t now_ns)
{
	connect_at(now_ns);
	feeder_list(list, false);
	assert_true(feed_step(&feed, now_ns));
	assert_non_null(context.list);
}

/* The process n is open and shown, from a state of second `state_s`. */
static void show_detail(size_t n, uint64_t state_s, uint64_t now_ns)
{
	struct detail *detail = scene_detail(n);

	detail->state_ns = state_s * S;
	assert_int_equal(feeder_what(), LIST);
	assert_int_equal(feeder_what(), DETAIL);
	feeder_list(list, false);
	feeder_detail(detail);
	assert_true(feed_step(&feed, now_ns));
	model_detail_free(detail);
}

static void open_at(size_t n, uint64_t now_ns)
{
	feed_open(&feed, &list->rows[n - 1]);
	feed_step(&feed, now_ns);
	show_detail(n, 50, now_ns);
	assert_non_null(context.detail);
	assert_int_equal(context.detail->process.id, n);
}

static void asks_every_interval(void **state)
{
	(void)state;
	show_list_at(10 * S);
	assert_int_equal(context.list->count, 3);
	assert_int_equal(context.view.count, 3);
	assert_true(feed.shown_at > 0);
	assert_int_equal(feed_timeout_ms(&feed, 10 * S), 2001);
	assert_false(feed_step(&feed, 12 * S - 1));
	assert_true(quiet());
	assert_int_equal(feed_timeout_ms(&feed, 12 * S), 0);
	assert_false(feed_step(&feed, 12 * S));
	assert_int_equal(feeder_what(), LIST);
	assert_true(quiet());
}

static void never_asks_before_the_answer_is_there(void **state)
{
	(void)state;
	connect_at(10 * S);
	assert_false(feed_step(&feed, 14 * S));
	assert_true(quiet());
	assert_int_equal(feed_timeout_ms(&feed, 14 * S), 1001); /* deadline */
	feeder_list(list, false);
	/* What was missed meanwhile is not made up for. */
	assert_true(feed_step(&feed, (uint64_t)(14.5 * S)));
	assert_int_equal(feeder_what(), LIST);
	feeder_list(list, false);
	feed_step(&feed, 15 * S);
	assert_true(quiet());
	assert_int_equal(feed_timeout_ms(&feed, 15 * S), 1501);
}

static void a_new_interval_holds_at_once(void **state)
{
	(void)state;
	show_list_at(10 * S);
	feed_set_interval(&feed, 0.5);
	assert_int_equal(feed.interval_ns, 500000000);
	feed_step(&feed, 10 * S + 1);
	assert_int_equal(feeder_what(), LIST);
	feeder_list(list, false);
	feed_step(&feed, 10 * S + 1);
	assert_int_equal(feed_timeout_ms(&feed, 10 * S + 1), 501);
}

static void frames_of_one_answer_are_one_list(void **state)
{
	struct processes *rest = scene_list(1);

	(void)state;
	connect_at(10 * S);
	feeder_list(list, true);
	assert_false(feed_step(&feed, 10 * S));
	assert_null(context.list);
	feeder_list(rest, false);
	assert_true(feed_step(&feed, 10 * S));
	assert_int_equal(context.list->count, 4);
	model_processes_free(rest);
}

static void nonsense_waits_for_the_next_poll(void **state)
{
	(void)state;
	show_list_at(10 * S);
	feed_step(&feed, 12 * S);
	assert_int_equal(feeder_what(), LIST);
	feeder_bytes(FRAME_PROCESSES, "\x2a\xff\xff", 3);
	assert_true(feed_step(&feed, 12 * S));
	assert_string_equal(feed.trouble, "the answer makes no sense");
	assert_int_equal(context.list->count, 3);
	feed_step(&feed, 14 * S);
	assert_int_equal(feeder_what(), LIST);
	list->rows[0].figures[FIGURE_LIVE_BYTES] = 77;
	feeder_list(list, false);
	assert_true(feed_step(&feed, 14 * S));
	assert_string_equal(feed.trouble, "");
	assert_int_equal(context.list->rows[0].figures[FIGURE_LIVE_BYTES], 77);
}

static void an_open_process_is_asked_for_at_once(void **state)
{
	Hakmem__Query *query;

	(void)state;
	show_list_at(10 * S);
	feed_open(&feed, &list->rows[1]);
	assert_int_equal(context.open_id, 2);
	feed.needs = NEEDS(HISTORY);
	feed_step(&feed, 10 * S + 1);
	assert_int_equal(feeder_what(), LIST);
	query = feeder_query();
	assert_non_null(query);
	assert_int_equal(query->what, DETAIL);
	assert_int_equal(query->process_id, 2);
	hakmem__query__free_unpacked(query, NULL);
	query = feeder_query();
	assert_non_null(query);
	assert_int_equal(query->what, HISTORY);
	assert_int_equal(query->process_id, 2);
	hakmem__query__free_unpacked(query, NULL);
	assert_true(quiet());
}

static void the_history_comes_with_it(void **state)
{
	struct history *history = scene_history(2, 4);

	(void)state;
	show_list_at(10 * S);
	feed.needs = NEEDS(HISTORY);
	open_at(2, 11 * S);
	assert_int_equal(feeder_what(), HISTORY);
	feeder_history(history);
	assert_true(feed_step(&feed, 11 * S));
	assert_int_equal(context.history->count, 4);
	history->process_id = 3; /* of the one that was open before */
	history->count = 2;
	feed_step(&feed, 20 * S);
	show_detail(2, 50, 20 * S);
	assert_int_equal(feeder_what(), HISTORY);
	feeder_history(history);
	feed_step(&feed, 20 * S);
	assert_int_equal(context.history->count, 4);
	model_history_free(history);
}

static void a_newer_state_keeps_the_one_before(void **state)
{
	(void)state;
	show_list_at(10 * S);
	open_at(2, 10 * S + 1);
	assert_null(context.before);
	feed_step(&feed, 20 * S);
	show_detail(2, 50, 20 * S); /* the same state again */
	assert_null(context.before);
	feed_step(&feed, 30 * S);
	show_detail(2, 52, 30 * S);
	assert_non_null(context.before);
	assert_int_equal(context.before->state_ns, 50 * S);
	assert_int_equal(context.detail->state_ns, 52 * S);
	feed_step(&feed, 40 * S);
	show_detail(2, 52, 40 * S);
	assert_int_equal(context.before->state_ns, 50 * S);
	feed_step(&feed, 50 * S);
	show_detail(2, 53, 50 * S);
	assert_int_equal(context.before->state_ns, 52 * S);
}

static void the_answer_about_another_is_not_shown(void **state)
{
	(void)state;
	show_list_at(10 * S);
	open_at(2, 10 * S + 1);
	feed_step(&feed, 20 * S);
	show_detail(3, 55, 20 * S);
	assert_int_equal(context.detail->process.id, 2);
	feed_open(&feed, NULL);
	assert_int_equal(context.open_id, 0);
	assert_null(context.detail);
}

static void frozen_asks_for_nothing(void **state)
{
	(void)state;
	show_list_at(10 * S);
	feed_step(&feed, 12 * S);
	assert_int_equal(feeder_what(), LIST);
	feed_freeze(&feed, true);
	list->rows[0].figures[FIGURE_LIVE_BYTES] = 77;
	feeder_list(list, false); /* was asked before */
	assert_false(feed_step(&feed, 12 * S));
	assert_int_equal(context.list->rows[0].figures[FIGURE_LIVE_BYTES],
			 1024);
	assert_false(feed_step(&feed, 20 * S));
	assert_true(quiet());
	feed_freeze(&feed, false);
	feed_step(&feed, 20 * S + 1);
	assert_int_equal(feeder_what(), LIST);
}

static void frozen_opens_a_process_once(void **state)
{
	struct detail *detail = scene_detail(2);
	struct history *history = scene_history(2, 4);

	(void)state;
	show_list_at(10 * S);
	feed_freeze(&feed, true);
	feed_open(&feed, &list->rows[1]);
	feed_step(&feed, 11 * S);
	assert_int_equal(feeder_what(), DETAIL);
	assert_int_equal(feeder_what(), HISTORY);
	feeder_detail(detail);
	feeder_history(history);
	assert_true(feed_step(&feed, 11 * S));
	assert_int_equal(context.detail->process.id, 2);
	assert_int_equal(context.history->count, 4);
	feed_step(&feed, 20 * S);
	assert_true(quiet());
	model_history_free(history);
	model_detail_free(detail);
}

static void a_freeze_does_not_forget_what_is_due(void **state)
{
	(void)state;
	show_list_at(10 * S);
	feed_open(&feed, &list->rows[1]);
	feed_freeze(&feed, true);
	feed_step(&feed, 11 * S);
	assert_int_equal(feeder_what(), DETAIL);
	assert_int_equal(feeder_what(), HISTORY);
}

static void what_moves_is_not_shown_while_frozen(void **state)
{
	(void)state;
	show_list_at(10 * S);
	open_at(2, 11 * S);
	feed_step(&feed, 20 * S);
	feed_freeze(&feed, true);
	list->rows[1].figures[FIGURE_LIVE_BYTES] = 1;
	show_detail(2, 60, 20 * S);
	assert_int_equal(context.detail->state_ns, 50 * S);
	assert_int_equal(context.list->rows[1].figures[FIGURE_LIVE_BYTES],
			 2048);
}

/* The next query is `what`, with the baseline of this viewer, or without. */
static Hakmem__Query expect_query(int what, bool baseline)
{
	Hakmem__Query *query = feeder_query(), copy;
	char name[32];

	snprintf(name, sizeof(name), "viewer-%d", (int)getpid());
	assert_non_null(query);
	assert_int_equal(query->what, what);
	assert_string_equal(query->baseline, baseline ? name : "");
	copy = *query;
	hakmem__query__free_unpacked(query, NULL);
	return copy;
}

/* The list of the scene is shown and marked. */
static void mark_at(uint64_t now_ns)
{
	Hakmem__Query query;

	assert_true(feed_set_baseline(&feed, true, now_ns));
	assert_int_equal(feed.baseline_at, 0); /* not before it is there */
	query = expect_query(HAKMEM__QUERY_WHAT__QUERY_BASELINE_SET, true);
	assert_true(query.mine);
	assert_int_equal(query.process_id, 0);
	assert_int_equal(query.pid, 0);
	feeder_done("marked");
	assert_true(feed_step(&feed, now_ns));
	assert_true(feed.baseline_at > 0);
	assert_int_equal(context.view.baseline_ns, list->now_ns);
}

static void the_daemon_keeps_the_baseline(void **state)
{
	(void)state;
	show_list_at(10 * S);
	mark_at(10 * S);
	expect_query(LIST, true); /* at once */
	scene_mark(&list->rows[0]);
	list->rows[0].figures[FIGURE_LIVE_BYTES] = 5000;
	feeder_list(list, false);
	assert_true(feed_step(&feed, 10 * S));
	assert_int_equal(context.view.rows[0].base[FIGURE_LIVE_BYTES], 1024);
	assert_null(context.view.rows[1].base);
	feed_open(&feed, &list->rows[0]);
	feed_step(&feed, 11 * S);
	expect_query(LIST, true);
	expect_query(DETAIL, true);
	assert_true(feed_set_baseline(&feed, false, 11 * S));
	expect_query(HAKMEM__QUERY_WHAT__QUERY_BASELINE_DROP, true);
	assert_int_equal(feed.baseline_at, 0);
	assert_false(context.view.rows[0].marked);
	feeder_list(list, false);
	feeder_error("not known");
	feeder_done("forgotten");
	feed_step(&feed, 11 * S);
	feed_step(&feed, 13 * S);
	expect_query(LIST, false);
}

static void no_mark_while_frozen_or_without_a_list(void **state)
{
	(void)state;
	connect_at(10 * S);
	assert_false(feed_set_baseline(&feed, true, 10 * S));
	feeder_list(list, false);
	feed_step(&feed, 10 * S);
	feed_freeze(&feed, true);
	assert_false(feed_set_baseline(&feed, true, 10 * S));
	assert_true(quiet());
}

static void a_baseline_that_fails_is_said(void **state)
{
	(void)state;
	show_list_at(10 * S);
	assert_true(feed_set_baseline(&feed, true, 10 * S));
	feeder_what();
	feeder_error("there is no memory");
	assert_true(feed_step(&feed, 10 * S));
	assert_string_equal(feed.notice, "no baseline: there is no memory");
	assert_int_equal(feed.baseline_at, 0);
	assert_false(feed.gone);
}

static void an_error_says_what_is_wrong(void **state)
{
	(void)state;
	connect_at(10 * S);
	feeder_error("you are not welcome");
	assert_true(feed_step(&feed, 10 * S));
	assert_string_equal(feed.trouble, "you are not welcome");
	assert_false(feed.gone);
}

static void an_open_process_may_be_gone(void **state)
{
	(void)state;
	show_list_at(10 * S);
	open_at(2, 11 * S);
	feed_step(&feed, 20 * S);
	assert_int_equal(feeder_what(), LIST);
	assert_int_equal(feeder_what(), DETAIL);
	feeder_list(list, false);
	feeder_error("no such process");
	assert_true(feed_step(&feed, 20 * S));
	assert_true(feed.gone);
	assert_string_equal(feed.trouble, "no such process");
}

/* The connection breaks; a later one is made, and the list asked for. */
static void reconnect(void)
{
	feeder_drop();
	assert_true(feed_step(&feed, 20 * S));
	assert_false(client_connected(client));
	assert_non_null(context.list);
	assert_int_equal(feed_timeout_ms(&feed, 20 * S),
			 client_timeout_ms(client, 20 * S));
	assert_true(feed_step(&feed, 30 * S));
	feeder_accept();
	assert_int_equal(feeder_what(), LIST);
	/* Whose ids hold here is not known before the list came. */
	assert_true(quiet());
}

static void the_same_daemon_goes_on_where_it_was(void **state)
{
	(void)state;
	show_list_at(10 * S);
	open_at(2, 11 * S);
	mark_at(19 * S);
	feeder_what();
	feeder_what();
	reconnect();
	/* The baseline went with the connection. */
	assert_string_equal(feed.notice,
			    "the baseline went with the connection");
	assert_int_equal(context.view.baseline_ns, 0);
	feeder_list(list, false);
	feed_step(&feed, 30 * S);
	assert_int_equal(context.open_id, 2);
	assert_int_equal(context.detail->process.state, MODEL_RUNNING);
	feed_step(&feed, 32 * S);
	assert_int_equal(feeder_what(), LIST);
	assert_int_equal(feeder_what(), DETAIL);
}

static void another_daemon_has_other_ids(void **state)
{
	(void)state;
	show_list_at(10 * S);
	open_at(2, 11 * S);
	reconnect();
	list->daemon_pid = 4001;
	list->count = 1; /* ours has not found the new daemon yet */
	feeder_list(list, false);
	feed_step(&feed, 30 * S);
	assert_int_equal(context.open_id, 0);
	assert_int_equal(context.detail->process.state, MODEL_DISCONNECTED);
	feed_step(&feed, 32 * S);
	assert_int_equal(feeder_what(), LIST);
	assert_true(quiet());
	list->count = 3;
	list->rows[1].id = 22;
	list->rows[2].id = 2; /* is somebody else there */
	feeder_list(list, false);
	feed_step(&feed, 32 * S);
	assert_int_equal(context.open_id, 22);
	feed_step(&feed, 34 * S);
	assert_int_equal(feeder_what(), LIST);
	assert_int_equal(feeder_what(), DETAIL);
}

/* The pid was given to another process meanwhile. */
static void a_pid_alone_is_not_the_process(void **state)
{
	(void)state;
	show_list_at(10 * S);
	open_at(2, 11 * S);
	reconnect();
	list->daemon_pid = 4001;
	list->rows[1].start_ticks++;
	feeder_list(list, false);
	feed_step(&feed, 30 * S);
	assert_int_equal(context.open_id, 0);
}

static void half_a_list_is_forgotten_with_the_connection(void **state)
{
	(void)state;
	show_list_at(10 * S);
	feed_step(&feed, 12 * S);
	assert_int_equal(feeder_what(), LIST);
	feeder_list(list, true);
	feed_step(&feed, 12 * S);
	reconnect();
	feeder_list(list, false);
	feed_step(&feed, 30 * S);
	assert_int_equal(context.list->count, 3);
}

static void the_filter_is_for_the_list(void **state)
{
	(void)state;
	strcpy(context.filter, "program2");
	show_list_at(10 * S);
	assert_int_equal(screen_processes.table()->count, 1);
	assert_int_equal(feed.totals.alive, 3); /* of all */
	assert_int_equal(feed.totals.figures[FIGURE_LIVE_BYTES], 6 * 1024);
	context.filter[0] = '\0';
	assert_true(feed_rebuild(&feed));
	assert_int_equal(screen_processes.table()->count, 3);
	open_at(2, 11 * S);
	strcpy(context.filter, "1024"); /* of its sizes */
	assert_true(feed_rebuild(&feed));
	assert_int_equal(screen_processes.table()->count, 3);
}

static void nothing_to_rebuild_is_no_failure(void **state)
{
	(void)state;
	assert_true(feed_rebuild(&feed));
	assert_null(context.list);
}

static void the_trend_holds_the_newest_polls(void **state)
{
	(void)state;
	connect_at(10 * S);
	for (unsigned i = 1; i <= FEED_TREND + 3; i++) {
		uint64_t now_ns = (10 + 2 * i) * S;

		list->rows[0].figures[FIGURE_LIVE_BYTES] = i;
		feeder_list(list, false);
		feed_step(&feed, now_ns);
		assert_int_equal(feeder_what(), LIST);
	}
	assert_int_equal(feed.trend_count, FEED_TREND);
	assert_int_equal(feed.trend[0], 4 + 5 * 1024);
	assert_int_equal(feed.trend[FEED_TREND - 1], FEED_TREND + 3 + 5 * 1024);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(asks_every_interval),
		TEST(never_asks_before_the_answer_is_there),
		TEST(a_new_interval_holds_at_once),
		TEST(frames_of_one_answer_are_one_list),
		TEST(nonsense_waits_for_the_next_poll),
		TEST(an_open_process_is_asked_for_at_once),
		TEST(the_history_comes_with_it),
		TEST(a_newer_state_keeps_the_one_before),
		TEST(the_answer_about_another_is_not_shown),
		TEST(frozen_asks_for_nothing),
		TEST(frozen_opens_a_process_once),
		TEST(a_freeze_does_not_forget_what_is_due),
		TEST(what_moves_is_not_shown_while_frozen),
		TEST(the_daemon_keeps_the_baseline),
		TEST(no_mark_while_frozen_or_without_a_list),
		TEST(a_baseline_that_fails_is_said),
		TEST(an_error_says_what_is_wrong),
		TEST(an_open_process_may_be_gone),
		TEST(the_same_daemon_goes_on_where_it_was),
		TEST(another_daemon_has_other_ids),
		TEST(a_pid_alone_is_not_the_process),
		TEST(half_a_list_is_forgotten_with_the_connection),
		TEST(the_filter_is_for_the_list),
		TEST(nothing_to_rebuild_is_no_failure),
		TEST(the_trend_holds_the_newest_polls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
