#include "hakmem-top/data/decode.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/hakmem.pb-c.h"

static uint8_t buffer[FRAME_PAYLOAD_MAX];

static struct frame frame_of(const ProtobufCMessage *message)
{
	size_t length = protobuf_c_message_get_packed_size(message);

	assert_true(length <= sizeof(buffer));
	protobuf_c_message_pack(message, buffer);
	return (struct frame){.length = (uint32_t)length, .payload = buffer};
}

static void lists_are_appended(void **state)
{
	Hakmem__Process process, *rows[2] = {&process, &process};
	Hakmem__Processes message;
	struct processes *list = NULL;
	struct frame frame;
	char command[] = "cmd";
	bool more = true;

	(void)state;
	hakmem__process__init(&process);
	hakmem__processes__init(&message);
	process.process_id = 7;
	process.command = command;
	process.state = (Hakmem__ProcessState)99;
	message.processes = rows;
	message.n_processes = 2;
	message.now_ns = 5;
	frame = frame_of(&message.base);
	assert_true(decode_processes(&frame, &list, &more));
	assert_false(more);
	message.more = true;
	frame = frame_of(&message.base);
	assert_int_equal(list->count, 2);
	assert_true(decode_processes(&frame, &list, &more));
	assert_int_equal(list->count, 4);
	assert_string_equal(list->rows[3].command, "cmd");
	assert_string_equal(list->rows[3].executable, "");
	assert_int_equal(list->rows[3].state, MODEL_ENDED);
	assert_int_equal(list->now_ns, 5);
	assert_true(more);
	model_processes_free(list);
}

static void rows_are_capped(void **state)
{
	const size_t count = MODEL_PROCESSES_MAX / 2 + 1;
	Hakmem__Process process;
	Hakmem__Process **rows = calloc(count, sizeof(Hakmem__Process *));
	Hakmem__Processes message;
	struct processes *list = NULL;
	struct frame frame;
	bool more;

	(void)state;
	assert_non_null(rows);
	hakmem__process__init(&process);
	hakmem__processes__init(&message);
	for (size_t i = 0; i < count; i++)
		rows[i] = &process;
	message.processes = rows;
	message.n_processes = count;
	frame = frame_of(&message.base);
	assert_true(decode_processes(&frame, &list, &more));
	assert_true(decode_processes(&frame, &list, &more));
	assert_int_equal(list->count, MODEL_PROCESSES_MAX);
	assert_int_equal(list->omitted, 2);
	model_processes_free(list);
	free(rows);
}

static void what_is_missing_is_zero_or_not_known(void **state)
{
	Hakmem__SizeClass class, *classes[3] = {&class, &class, &class};
	uint64_t allocs[] = {11, 22};
	int64_t figures[] = {1, 2, 3};
	char names[] = "from_the_future rejects_foreign live_bytes rss_bytes";
	Hakmem__Process process;
	Hakmem__SizeBin bin, *bins[1] = {&bin};
	Hakmem__Hello hello;
	Hakmem__State counters;
	Hakmem__Detail message;
	struct detail *detail;
	struct frame frame;

	(void)state;
	hakmem__size_class__init(&class);
	hakmem__hello__init(&hello);
	hakmem__state__init(&counters);
	hakmem__detail__init(&message);
	hakmem__size_bin__init(&bin);
	hello.classes = classes;
	hello.n_classes = 3;
	counters.class_allocs = allocs;
	counters.n_class_allocs = 2;
	hakmem__process__init(&process);
	hello.figure_names = names;
	process.figures = figures;
	process.n_figures = 3;
	message.process = &process;
	bin.requests_stderr = (double)NAN;
	message.hello = &hello;
	message.state = &counters;
	message.sizes = bins;
	message.n_sizes = 1;
	frame = frame_of(&message.base);
	detail = decode_detail(&frame);
	assert_non_null(detail);
	assert_int_equal(detail->class_count, 3);
	assert_int_equal(detail->classes[1].allocs, 22);
	assert_int_equal(detail->classes[2].allocs, 0);
	assert_int_equal(detail->classes[0].frees, 0);
	assert_int_equal(detail->process.figures[FIGURE_REJECTS_FOREIGN], 2);
	assert_int_equal(detail->process.figures[FIGURE_LIVE_BYTES], 3);
	assert_true(detail->process.figures[FIGURE_RSS_BYTES] ==
		    FIGURE_UNKNOWN);
	assert_true(detail->process.figures[FIGURE_ALLOCS] == FIGURE_UNKNOWN);
	assert_true(detail->sizes[0].stderr_requests == 0);
	assert_string_equal(detail->process.command, "");
	model_detail_free(detail);
}

static void history_takes_the_columns_that_both_know(void **state)
{
	uint64_t times[] = {1, 2, 3};
	int64_t figures[] = {10, 20, 30, 7, 8, 9, 4, 5, 6, 1, 2};
	char names[] = "rss_bytes from_the_future live_bytes allocs_total";
	Hakmem__History message;
	struct history *history;
	struct frame frame;

	(void)state;
	hakmem__history__init(&message);
	message.time_ns = times;
	message.n_time_ns = 3;
	message.figures = figures;
	message.n_figures = 11;
	message.figure_names = names;
	frame = frame_of(&message.base);
	history = decode_history(&frame);
	assert_non_null(history);
	assert_int_equal(history->count, 3);
	assert_int_equal(history->time_ns[0], 1);
	assert_int_equal(history->figures[FIGURE_RSS_BYTES][2], 30);
	assert_int_equal(history->figures[FIGURE_LIVE_BYTES][0], 4);
	/* One value is missing, or all. */
	assert_null(history->figures[FIGURE_ALLOCS]);
	assert_null(history->figures[FIGURE_FREES]);
	model_history_free(history);
}

/* 58 KiB of empty submessages would become megabytes: they stay bounded. */
static void bombs_are_refused(void **state)
{
	struct frame frame = {.payload = buffer, .length = sizeof(buffer)};
	struct processes *list = NULL;
	bool more;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(buffer); i += 2) {
		buffer[i] = 5 << 3 | 2; /* processes, empty */
		buffer[i + 1] = 0;
	}
	assert_false(decode_processes(&frame, &list, &more));
	assert_null(list);
}

static void noise_is_no_crash(void **state)
{
	struct frame frame = {.payload = buffer};

	(void)state;
	srand(2);
	for (int round = 0; round < 20000; round++) {
		struct processes *list = NULL;
		char text[64];
		bool more;

		frame.length = (uint32_t)(rand() % 200);
		for (uint32_t i = 0; i < frame.length; i++)
			buffer[i] = (uint8_t)(rand() & (round & 1 ? 0xFF : 47));
		decode_processes(&frame, &list, &more);
		model_processes_free(list);
		model_detail_free(decode_detail(&frame));
		model_history_free(decode_history(&frame));
		decode_error(&frame, text, sizeof(text));
		assert_true(text[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_appended),
		cmocka_unit_test(rows_are_capped),
		cmocka_unit_test(what_is_missing_is_zero_or_not_known),
		cmocka_unit_test(history_takes_the_columns_that_both_know),
		cmocka_unit_test(bombs_are_refused),
		cmocka_unit_test(noise_is_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
