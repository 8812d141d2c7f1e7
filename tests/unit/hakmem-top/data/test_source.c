#include "hakmem-top/data/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hakmem-top/base/buffer.h"
#include "tests/unit/hakmem-top/feeder.h"
#include "tests/unit/hakmem-top/scene.h"

static struct client *client;
static struct answer answer;

static int setup(void **state)
{
	struct frame frame;

	(void)state;
	answer = (struct answer){.data = NULL};
	if (!feeder_open(NULL))
		return -1;
	client = client_new(feeder.path, true);
	if (!client || client_next(client, 1, &frame) != CLIENT_CONNECTED)
		return -1;
	feeder_accept();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	source_drop(&answer);
	client_free(client);
	feeder_close();
	return 0;
}

static void ask(enum client_what what)
{
	const struct client_query query = {.what = what};

	assert_true(client_ask(client, &query, 1));
}

/* Takes the frame that was fed; true when the answer is complete. */
static bool take(void)
{
	struct frame frame;

	assert_int_equal(client_next(client, 1, &frame), CLIENT_FRAME);
	return source_take(&answer, client, &frame, 1);
}

static void feed_list(bool more)
{
	struct processes *list = scene_list(2);

	feeder_list(list, more);
	model_processes_free(list);
}

static void answers_come_in_the_order_of_the_queries(void **state)
{
	struct detail *detail = scene_detail(2);

	(void)state;
	ask(CLIENT_PROCESSES);
	ask(CLIENT_DETAIL);
	feed_list(true);
	assert_false(take());
	feed_list(false);
	assert_true(take());
	assert_int_equal(answer.what, CLIENT_PROCESSES);
	assert_int_equal(((struct processes *)answer.data)->count, 4);
	source_drop(&answer);
	feeder_detail(detail);
	assert_true(take());
	assert_int_equal(answer.what, CLIENT_DETAIL);
	assert_int_equal(((struct detail *)answer.data)->process.pid, 102);
	assert_int_equal(client_due(client), CLIENT_KINDS);
	model_detail_free(detail);
}

static void nobody_asked_is_nothing(void **state)
{
	(void)state;
	feed_list(false);
	assert_false(take());
	assert_null(answer.data);
}

static void a_refusal_has_the_daemons_words(void **state)
{
	(void)state;
	ask(CLIENT_PROCESSES);
	feed_list(true);
	assert_false(take());
	feeder_error("no");
	assert_true(take());
	assert_true(answer.failed && answer.refused);
	assert_string_equal(answer.why, "no");
	assert_null(answer.data);
}

static void another_answer_is_not_taken(void **state)
{
	(void)state;
	ask(CLIENT_SITES);
	feed_list(false);
	assert_true(take());
	assert_true(answer.failed && !answer.refused);
	assert_memory_equal(answer.why, "unexpected answer of type ", 26);
}

/* What is left of it still comes, and is not the next one. */
static void a_part_that_makes_no_sense_spoils_the_answer(void **state)
{
	static const char big[16384]; /* fits the socket */

	(void)state;
	ask(CLIENT_EXPORT);
	for (size_t sent = 0; sent <= BUFFER_MAX; sent += sizeof(big)) {
		feeder_export(big, sizeof(big), false);
		assert_false(take());
	}
	assert_true(answer.failed);
	feeder_export("end", 3, true);
	assert_true(take());
	assert_true(answer.failed);
	assert_null(answer.data);
	assert_string_equal(answer.why, "the answer makes no sense");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(answers_come_in_the_order_of_the_queries),
		TEST(nobody_asked_is_nothing),
		TEST(a_refusal_has_the_daemons_words),
		TEST(another_answer_is_not_taken),
		TEST(a_part_that_makes_no_sense_spoils_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
