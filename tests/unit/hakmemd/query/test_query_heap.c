#include "hakmemd/query/query_heap.h"

#include "tests/unit/hakmemd/asker.h"

static struct unit_sites said;
static struct process *process;
static char nothing[1], format[16], sample[16], baseline[80];

static void say(void)
{
	unit_sites_say(&said, &process->model);
}

static int begin_heap(void **state)
{
	static char what[] = "heap";

	if (begin(state) != 0)
		return -1;
	process = add_sampled(&said);
	query.export_what = what;
	query.export_format = format;
	query.export_sample = sample;
	query.baseline = baseline;
	strcpy(format, "folded");
	sample[0] = baseline[0] = nothing[0];
	return 0;
}

static void tell_sites(void)
{
	unit_site(&said, 10, 6000, 20000, 0x1000, 3);
	unit_site(&said, 1, 500, 1000, 0, 0);
	say();
}

/* More than a viewer is owed at once, as JSON. */
static void tell_many_sites(void)
{
	for (uint32_t id = 100; id < 6100; id++) {
		unit_site(&said, id, 1000, 1000, 0x1000 + 4096 * (uint64_t)id,
			  8);
		if (said.message.n_sites == UNIT_SITES || id == 6099)
			say();
	}
}

/* The whole file, and in how many frames it came. */
static char *file(size_t *length, unsigned *frames)
{
	char *data = NULL;
	bool last = false;

	*length = 0;
	*frames = 0;
	while (!last) {
		Hakmem__Export *part;
		struct frame heard;

		while (!peer_hear(&peer, &heard)) {
			assert_non_null(conn);
			harness_turn();
		}
		assert_int_equal(heard.type, FRAME_EXPORT);
		part = hakmem__export__unpack(NULL, heard.length,
					      heard.payload);
		assert_non_null(part);
		assert_int_equal(part->query_id, 7);
		data = realloc(data, *length + part->data.len + 1);
		assert_non_null(data);
		if (part->data.len)
			memcpy(data + *length, part->data.data, part->data.len);
		*length += part->data.len;
		data[*length] = '\0';
		last = part->last;
		++*frames;
		hakmem__export__free_unpacked(part, NULL);
	}
	return data;
}

static void what_makes_no_sense_is_refused(void **state)
{
	char text[128];

	(void)state;
	snprintf(text, sizeof(text),
		 "pid %d has told of no sites: sampling is off, or nothing was "
		 "sampled yet",
		 (int)getpid());
	refused(ASK(EXPORT), text);
	tell_sites();
	strcpy(format, "xml");
	refused(ASK(EXPORT), "no export format 'xml' of heap: csv, json, "
			     "pprof, folded, svg");
	strcpy(format, "folded");
	strcpy(sample, "live");
	refused(ASK(EXPORT), "no sample 'live': inuse, alloc, peak");
	strcpy(sample, "peak");
	strcpy(baseline, "m");
	refused(ASK(EXPORT),
		"the peak has no difference to a baseline: inuse or alloc");
	strcpy(sample, "alloc");
	refused(ASK(EXPORT), "no baseline 'm' of this process");
}

static void a_file_comes_at_once_when_no_name_is_missing(void **state)
{
	unsigned frames;
	size_t length;
	char *text;

	(void)state;
	tell_sites();
	ask(ASK(EXPORT));
	text = file(&length, &frames);
	assert_int_equal(frames, 1);
	assert_non_null(strstr(text, " 6000\n"));
	assert_non_null(strstr(text, " 500\n"));
	free(text);
	strcpy(sample, "alloc");
	ask(ASK(EXPORT));
	text = file(&length, &frames);
	assert_non_null(strstr(text, " 20000\n"));
	free(text);
	assert_false(conn->held);
}

static void a_difference_to_a_baseline(void **state)
{
	char dropped[BASELINE_NAME_MAX + 1];
	unsigned frames;
	size_t length;
	char *text;

	(void)state;
	tell_sites();
	assert_null(model_baseline(&process->model, "m", NULL, dropped));
	unit_site(&said, 10, 6700, 21000, 0x1000, 3);
	say();
	strcpy(baseline, "m");
	ask(ASK(EXPORT));
	text = file(&length, &frames);
	assert_non_null(strstr(text, " 700\n"));
	assert_null(strstr(text, " 500\n"));
	free(text);
}

/* It goes on as the viewer reads. */
static void a_large_file_comes_in_pieces(void **state)
{
	unsigned frames;
	size_t length;
	char *text;

	(void)state;
	tell_many_sites();
	strcpy(format, "json");
	ask(ASK(EXPORT));
	text = file(&length, &frames);
	assert_true(length > 4u * FRAME_PAYLOAD_MAX);
	assert_true(frames > length / FRAME_PAYLOAD_MAX);
	assert_int_equal(text[0], '{');
	free(text);
	assert_false(conn->held);
}

/* A viewer that goes in the middle takes its job with it. */
static void a_viewer_may_leave(void **state)
{
	(void)state;
	tell_many_sites();
	strcpy(format, "json");
	ask(ASK(EXPORT));
	assert_true(conn->held);
	shutdown(peer.fd, SHUT_RDWR);
	harness_until(conn == NULL);
	assert_true(query_heap_tick(&context, clock_ns()) == UINT64_MAX);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin_heap, end)
	const struct CMUnitTest tests[] = {
		CASE(what_makes_no_sense_is_refused),
		CASE(a_file_comes_at_once_when_no_name_is_missing),
		CASE(a_difference_to_a_baseline),
		CASE(a_large_file_comes_in_pieces),
		CASE(a_viewer_may_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
