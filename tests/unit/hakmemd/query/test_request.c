#include "hakmemd/query/request.h"

#include "tests/unit/hakmemd/asker.h"

static struct request request;

static int begin_request(void **state)
{
	if (begin(state) != 0)
		return -1;
	query.query_id = 42;
	request = (struct request){
		.conn = conn, .context = &context, .query = &query};
	return 0;
}

static void an_error_names_its_request(void **state)
{
	Hakmem__Error *error;

	(void)state;
	request_refuse(&request, "no site %u of %s", 5, "this");
	conn_push(conn);
	error = hear(FRAME_ERROR, &hakmem__error__descriptor);
	assert_int_equal(error->query_id, 42);
	assert_string_equal(error->text, "no site 5 of this");
	let_go(error);
	request_no_memory(&request);
	conn_push(conn);
	error = hear(FRAME_ERROR, &hakmem__error__descriptor);
	assert_string_equal(error->text,
			    "the daemon is short of memory; ask again later");
	let_go(error);
	harness_turn();
	assert_non_null(conn); /* it goes on */
	assert_false(conn->closing);
}

/* A peer's words may be part of it: one line, no control, whole characters. */
static void what_is_said_is_one_good_line(void **state)
{
	static char longest[400];
	Hakmem__Done *done;

	(void)state;
	request_done(&request, "%s", "a\nb\tc\x1b[31m\x7f \xc2\x9b \xff");
	conn_push(conn);
	done = hear(FRAME_DONE, &hakmem__done__descriptor);
	assert_int_equal(done->query_id, 42);
	assert_string_equal(done->text, "a?b?c?[31m? ?? ?");
	let_go(done);
	memset(longest, 'x', sizeof(longest) - 1);
	request_done(&request, "%s", longest);
	conn_push(conn);
	done = hear(FRAME_DONE, &hakmem__done__descriptor);
	assert_int_equal(strlen(done->text), 255);
	let_go(done);
	/* cut in the middle of a character */
	memcpy(longest + 253, "\xe2\x82\xac", 3);
	request_done(&request, "%s", longest);
	conn_push(conn);
	done = hear(FRAME_DONE, &hakmem__done__descriptor);
	for (const char *at = done->text; *at; at++)
		assert_true(*at == 'x' || *at == '?');
	let_go(done);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin_request, end)
	const struct CMUnitTest tests[] = {
		CASE(an_error_names_its_request),
		CASE(what_is_said_is_one_good_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
