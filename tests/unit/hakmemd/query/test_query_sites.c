#include "hakmemd/query/query_sites.h"

#include <math.h>

#include "tests/unit/hakmemd/asker.h"

static struct unit_sites said;
static struct process *process;

static void say(void)
{
	unit_sites_say(&said, &process->model);
}

/* Sites 10 and 12 with stacks, and 1 without. */
static int begin_sites(void **state)
{
	if (begin(state) != 0)
		return -1;
	process = add_sampled(&said);
	unit_site(&said, 12, 3000, 7000, 0x2000, 2);
	unit_site(&said, 10, 6000, 20000, 0x1000, 3);
	unit_site(&said, 1, 500, 1000, 0, 0);
	say();
	query.baseline = (char *)(uintptr_t) "";
	return 0;
}

static Hakmem__SiteTable *table(void)
{
	ask(ASK(SITES));
	return hear(FRAME_SITE_TABLE, &hakmem__site_table__descriptor);
}

static void the_table_is_by_live_bytes(void **state)
{
	Hakmem__SiteTable *answer = table();

	(void)state;
	assert_int_equal(answer->query_id, 7);
	assert_true(answer->process_id == process->id);
	assert_true(answer->sample_bytes == 1000);
	assert_false(answer->more);
	assert_int_equal(answer->n_rows, 3);
	assert_int_equal(answer->rows[0]->site_id, 10);
	assert_int_equal(answer->rows[1]->site_id, 12);
	assert_int_equal(answer->rows[2]->site_id, 1);
	assert_true(answer->rows[0]->live_bytes == 6000);
	assert_true(fabs(answer->rows[0]->live_bytes_stderr -
			 sqrt(6000 * 1000.0)) < 1e-6);
	/* the sums: errors add up as variances */
	assert_true(answer->live_bytes == 9500);
	assert_true(fabs(answer->live_bytes_stderr - sqrt(9500 * 1000.0)) <
		    1e-6);
	let_go(answer);
}

static void more_rows_than_fit_a_frame_come_in_several(void **state)
{
	static char name[] = "fifteen letters";
	uint32_t seen = 0, frames = 0;
	bool more = true;

	(void)state;
	for (uint32_t id = 100; id < 5100; id++) {
		unit_site(&said, id, id, id, 0x1000 + 64 * (uint64_t)id, 1)
			->site.thread_name = name;
		if (said.message.n_sites == UNIT_SITES || id == 5099)
			say();
	}
	ask(ASK(SITES));
	while (more) {
		Hakmem__SiteTable *part;
		struct frame heard;

		while (!peer_hear(&peer, &heard))
			harness_turn();
		assert_true(heard.length <= FRAME_PAYLOAD_MAX);
		part = hakmem__site_table__unpack(NULL, heard.length,
						  heard.payload);
		assert_non_null(part);
		seen += (uint32_t)part->n_rows;
		more = part->more;
		frames++;
		hakmem__site_table__free_unpacked(part, NULL);
	}
	/* the largest ones, and no more */
	assert_int_equal(seen, QUERY_SITES_ROWS);
	assert_true(frames > 1);
}

static void a_stack_is_told_leaf_first(void **state)
{
	char expected[64];
	Hakmem__Stack *answer;

	(void)state;
	query.site_id = 10;
	ask(ASK(STACK));
	answer = hear(FRAME_STACK, &hakmem__stack__descriptor);
	assert_int_equal(answer->row->site_id, 10);
	assert_int_equal(answer->n_frames, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(answer->frames[i]->pc == 0x1000 + 16 * i);
	assert_int_equal(answer->n_lifetimes, 20);
	assert_int_equal(answer->n_classes, 1);
	assert_true(answer->classes[0]->alloc_bytes == 20000);
	assert_false(answer->truncated);
	let_go(answer);
	query.site_id = 11;
	snprintf(expected, sizeof(expected), "no site 11 of pid %d",
		 (int)getpid());
	refused(ASK(STACK), expected);
}

static void a_control_must_make_sense(void **state)
{
	Hakmem__Control control;

	(void)state;
	refused(ASK(CONTROL), "the control says nothing");
	hakmem__control__init(&control);
	query.control = &control;
	refused(ASK(CONTROL), "the control says nothing");
	control.sampling_off = 1;
	control.sample_bytes = 5;
	refused(ASK(CONTROL), "sampling cannot be off and have a distance");
	control.sampling_off = 0;
	control.sample_bytes = (UINT64_C(1) << 40) + 1;
	refused(ASK(CONTROL), "samples are at most 1 TiB apart");
	control.sample_bytes = 5;
	control.interval_ms = 9;
	refused(ASK(CONTROL), "the interval is 10 .. 3600000 ms");
	control.interval_ms = 3600001;
	refused(ASK(CONTROL), "the interval is 10 .. 3600000 ms");
	/* good, but nobody listens: our session is none */
	control.interval_ms = 3600000;
	registry_disconnect(process);
	refused(ASK(CONTROL), "the program is not connected");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin_sites, end)
	const struct CMUnitTest tests[] = {
		CASE(the_table_is_by_live_bytes),
		CASE(more_rows_than_fit_a_frame_come_in_several),
		CASE(a_stack_is_told_leaf_first),
		CASE(a_control_must_make_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
