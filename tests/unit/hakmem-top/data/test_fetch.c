#include "hakmem-top/data/fetch.h"

#include "hakmem-top/base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/hakmem-top/feeder.h"
#include "tests/unit/hakmem-top/scene.h"

static struct client *client;
static struct processes *list;
static struct detail *detail;
static char why[256], wanted[256];

/* What the daemon was asked, kept by the thread that answers. */
static struct {
	int what;
	uint64_t process_id;
	uint32_t pid;
	char export_what[16], export_format[16];
} asked;

static void keep(const Hakmem__Query *query)
{
	asked.what = (int)query->what;
	asked.process_id = query->process_id;
	asked.pid = query->pid;
	snprintf(asked.export_what, sizeof(asked.export_what), "%s",
		 query->export_what);
	snprintf(asked.export_format, sizeof(asked.export_format), "%s",
		 query->export_format);
}

static void start(void (*answer)(const Hakmem__Query *query))
{
	assert_true(feeder_open(answer));
	client = client_new(feeder.path, true);
	assert_non_null(client);
	list = scene_list(3);
	detail = scene_detail(2);
	why[0] = '\0';
}

static int stop(void **state)
{
	(void)state;
	client_free(client);
	model_processes_free(list);
	model_detail_free(detail);
	feeder_close();
	return 0;
}

static struct processes *list_now(void)
{
	const struct client_query query = {.what = CLIENT_PROCESSES};

	return fetch_answer(client, &query, why, sizeof(why));
}

static struct detail *detail_of(uint64_t id)
{
	const struct client_query query = {.what = CLIENT_DETAIL,
					   .process_id = id};

	return fetch_answer(client, &query, why, sizeof(why));
}

static void in_two_frames(const Hakmem__Query *query)
{
	keep(query);
	feeder_list(list, true);
	feeder_list(list, false);
}

static void a_list_is_waited_for_to_its_end(void **state)
{
	struct processes *got;

	(void)state;
	start(in_two_frames);
	got = list_now();
	assert_non_null(got);
	assert_int_equal(asked.what, HAKMEM__QUERY_WHAT__QUERY_PROCESSES);
	assert_int_equal(got->count, 6);
	assert_string_equal(got->rows[5].command, "/bin/program3 -x");
	model_processes_free(got);
	/* On the same connection the next answer has its own deadline. */
	got = list_now();
	assert_non_null(got);
	model_processes_free(got);
	assert_int_equal(client_timeout_ms(client, client_now_ns()), -1);
	assert_int_equal(feeder.queries, 2);
}

static void with_detail(const Hakmem__Query *query)
{
	keep(query);
	feeder_detail(detail);
}

static void a_detail_by_its_id(void **state)
{
	struct detail *got;

	(void)state;
	start(with_detail);
	got = detail_of(2);
	assert_non_null(got);
	assert_int_equal(asked.what, HAKMEM__QUERY_WHAT__QUERY_DETAIL);
	assert_int_equal(asked.process_id, 2);
	assert_int_equal(got->process.pid, 102);
	assert_int_equal(got->size_count, 2);
	model_detail_free(got);
}

static void in_pieces(const Hakmem__Query *query)
{
	keep(query);
	feeder_export("one,", 4, false);
	feeder_export("", 0, false);
	feeder_export("two\0\n", 5, true);
}

static void an_export_is_put_together(void **state)
{
	const struct client_query query = {.what = CLIENT_EXPORT,
					   .pid = 102,
					   .export_what = "sizes",
					   .export_format = "csv"};
	struct buffer *buffer;

	(void)state;
	start(in_pieces);
	buffer = fetch_answer(client, &query, why, sizeof(why));
	assert_non_null(buffer);
	assert_int_equal(asked.what, HAKMEM__QUERY_WHAT__QUERY_EXPORT);
	assert_int_equal(asked.pid, 102);
	assert_string_equal(asked.export_what, "sizes");
	assert_string_equal(asked.export_format, "csv");
	assert_int_equal(buffer->length, 9);
	assert_memory_equal(buffer->data, "one,two\0\n", 9);
	source_free(CLIENT_EXPORT, buffer);
}

static void without_end(const Hakmem__Query *query)
{
	static char piece[255 * 1024];

	(void)query;
	for (size_t sent = 0; sent <= BUFFER_MAX; sent += sizeof(piece))
		feeder_export(piece, sizeof(piece), false);
}

static void an_export_has_a_largest_size(void **state)
{
	const struct client_query query = {.what = CLIENT_EXPORT};

	(void)state;
	start(without_end);
	assert_null(fetch_answer(client, &query, why, sizeof(why)));
	snprintf(wanted, sizeof(wanted), "%s: the answer makes no sense",
		 feeder.path);
	assert_string_equal(why, wanted);
}

static void refuse(const Hakmem__Query *query)
{
	(void)query;
	feeder_error("no such process: 7");
}

static void an_error_is_told_in_its_words(void **state)
{
	const struct client_query query = {.what = CLIENT_EXPORT};

	(void)state;
	start(refuse);
	assert_null(detail_of(7));
	assert_string_equal(why, "no such process: 7");
	why[0] = '\0';
	assert_null(list_now());
	assert_string_equal(why, "no such process: 7");
	why[0] = '\0';
	assert_null(fetch_answer(client, &query, why, sizeof(why)));
	assert_string_equal(why, "no such process: 7");
}

static void refuse_in_the_middle(const Hakmem__Query *query)
{
	feeder_list(list, true);
	refuse(query);
}

static void half_an_answer_is_none(void **state)
{
	(void)state;
	start(refuse_in_the_middle);
	assert_null(list_now());
	assert_string_equal(why, "no such process: 7");
}

static void another_answer_is_not_taken(void **state)
{
	(void)state;
	start(with_detail);
	assert_null(list_now());
	snprintf(wanted, sizeof(wanted), "%s: unexpected answer of type %u",
		 feeder.path, FRAME_DETAIL);
	assert_string_equal(why, wanted);
}

static void babble(const Hakmem__Query *query)
{
	feeder_bytes(query->what == HAKMEM__QUERY_WHAT__QUERY_DETAIL
			     ? FRAME_DETAIL
			     : FRAME_PROCESSES,
		     "\x2a\xff\xff", 3);
}

static void nonsense_is_called_that(void **state)
{
	(void)state;
	start(babble);
	snprintf(wanted, sizeof(wanted), "%s: the answer makes no sense",
		 feeder.path);
	assert_null(list_now());
	assert_string_equal(why, wanted);
	why[0] = '\0';
	assert_null(detail_of(2));
	assert_string_equal(why, wanted);
}

static void hang_up(const Hakmem__Query *query)
{
	(void)query;
	feeder_drop();
}

static void a_daemon_that_goes_is_told(void **state)
{
	(void)state;
	start(hang_up);
	assert_null(list_now());
	snprintf(wanted, sizeof(wanted), "%s: the daemon closed the connection",
		 feeder.path);
	assert_string_equal(why, wanted);
}

static void no_daemon_says_how_to_start_one(void **state)
{
	(void)state;
	start(hang_up);
	client_free(client);
	client = client_new("/nonexistent/hakmem/sock", false);
	assert_null(list_now());
	assert_string_equal(why, "no hakmemd at /nonexistent/hakmem/sock (no "
				 "daemon there: the socket does not exist); "
				 "start one with: hakmemd --daemon");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, stop)
	const struct CMUnitTest tests[] = {
		TEST(a_list_is_waited_for_to_its_end),
		TEST(a_detail_by_its_id),
		TEST(an_export_is_put_together),
		TEST(an_export_has_a_largest_size),
		TEST(an_error_is_told_in_its_words),
		TEST(half_an_answer_is_none),
		TEST(another_answer_is_not_taken),
		TEST(nonsense_is_called_that),
		TEST(a_daemon_that_goes_is_told),
		TEST(no_daemon_says_how_to_start_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
