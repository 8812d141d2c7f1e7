#include "hakmem-top/data/decode_sites.h"

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

static void tables_are_appended(void **state)
{
	Hakmem__SiteRow row, *rows[2] = {&row, &row};
	Hakmem__SiteTable message;
	struct sites *sites = NULL;
	struct frame frame;
	char function[] = "f";
	bool more = false;

	(void)state;
	hakmem__site_row__init(&row);
	hakmem__site_table__init(&message);
	row.site_id = 7;
	row.function = function;
	row.live_bytes = 100;
	row.live_bytes_stderr = 10;
	row.live_samples = 3;
	row.alloc_bytes = 1000;
	row.samples = 30;
	row.growing = true;
	row.growth_bytes_per_s = 5;
	message.rows = rows;
	message.n_rows = 2;
	message.process_id = 12;
	message.sample_bytes = 4096;
	message.z = -1.5;
	message.live_bytes = 400;
	message.symbols_pending = true;
	message.more = true;
	frame = frame_of(&message.base);
	assert_true(decode_sites(&frame, &sites, &more));
	assert_true(more);
	message.more = false;
	frame = frame_of(&message.base);
	assert_true(decode_sites(&frame, &sites, &more));
	assert_false(more);
	assert_int_equal(sites->count, 4);
	assert_int_equal(sites->process_id, 12);
	assert_int_equal(sites->sample_bytes, 4096);
	assert_int_equal(sites->live.samples, 12);
	assert_true(sites->live.value == 400 && sites->z == -1.5);
	assert_true(sites->pending);
	assert_string_equal(sites->rows[3].function, "f");
	assert_string_equal(sites->rows[3].thread, "");
	assert_int_equal(sites->rows[3].live.samples, 3);
	assert_int_equal(sites->rows[3].allocated.samples, 30);
	assert_true(sites->rows[3].live_objects.samples == 3);
	assert_true(sites->rows[3].growing && sites->rows[3].growth == 5);
	sites_free(sites);
}

static void rows_are_capped(void **state)
{
	const size_t count = SITES_MAX / 2 + 1;
	Hakmem__SiteRow row;
	Hakmem__SiteRow **rows = calloc(count, sizeof(Hakmem__SiteRow *));
	Hakmem__SiteTable message;
	struct sites *sites = NULL;
	struct frame frame;
	bool more;

	(void)state;
	assert_non_null(rows);
	hakmem__site_row__init(&row);
	hakmem__site_table__init(&message);
	for (size_t i = 0; i < count; i++)
		rows[i] = &row;
	message.rows = rows;
	message.n_rows = count;
	frame = frame_of(&message.base);
	assert_true(decode_sites(&frame, &sites, &more));
	assert_true(decode_sites(&frame, &sites, &more));
	assert_int_equal(sites->count, SITES_MAX);
	assert_int_equal(sites->omitted, 2);
	sites_free(sites);
	free(rows);
}

static void numbers_are_finite_and_not_negative(void **state)
{
	Hakmem__SiteRow row, *rows[1] = {&row};
	Hakmem__SiteTable message;
	struct sites *sites = NULL;
	struct frame frame;
	bool more;

	(void)state;
	hakmem__site_row__init(&row);
	hakmem__site_table__init(&message);
	row.live_bytes = (double)NAN;
	row.live_bytes_stderr = -1;
	row.alloc_bytes = (double)INFINITY;
	row.mean_age_s = -3;
	row.short_lived_share = 7;
	row.growth_bytes_per_s = -(double)INFINITY;
	message.rows = rows;
	message.n_rows = 1;
	message.z = (double)NAN;
	frame = frame_of(&message.base);
	assert_true(decode_sites(&frame, &sites, &more));
	assert_true(sites->rows[0].live.value == 0);
	assert_true(sites->rows[0].live.error == 0);
	assert_true(sites->rows[0].allocated.value == 1e18);
	assert_true(sites->rows[0].mean_age_s == 0);
	assert_true(sites->rows[0].short_lived == 1);
	assert_true(sites->rows[0].growth == -1e18);
	assert_true(sites->z == 0);
	sites_free(sites);
}

static void stacks_are_bounded(void **state)
{
	const size_t count = SITES_FRAMES_MAX + 3;
	Hakmem__StackFrame one;
	Hakmem__StackFrame **frames =
		calloc(count, sizeof(Hakmem__StackFrame *));
	double ages[AGES_COUNT + 5];
	Hakmem__SiteClass class, *classes[1] = {&class};
	Hakmem__Stack message;
	struct stack *stack;
	struct frame frame;
	char name[] = "main", note[] = "build-id differs";

	(void)state;
	assert_non_null(frames);
	hakmem__stack_frame__init(&one);
	hakmem__site_class__init(&class);
	hakmem__stack__init(&message);
	one.function = name;
	one.note = note;
	one.line = 9;
	one.inlined = true;
	class.alloc_bytes = 8;
	class.alloc_bytes_var = 9;
	class.samples = 4;
	for (size_t i = 0; i < count; i++)
		frames[i] = &one;
	for (size_t i = 0; i < AGES_COUNT + 5; i++)
		ages[i] = (double)i;
	message.frames = frames;
	message.n_frames = count;
	message.lifetimes = ages;
	message.n_lifetimes = AGES_COUNT + 5;
	message.classes = classes;
	message.n_classes = 1;
	frame = frame_of(&message.base);
	stack = decode_stack(&frame);
	assert_non_null(stack);
	assert_int_equal(stack->frame_count, SITES_FRAMES_MAX);
	assert_true(stack->site.truncated);
	assert_string_equal(stack->frames[5].function, "main");
	assert_string_equal(stack->frames[5].note, "build-id differs");
	assert_string_equal(stack->frames[5].file, "");
	assert_true(stack->frames[5].inlined);
	assert_int_equal(stack->frames[5].line, 9);
	assert_true(stack->lifetimes[AGES_COUNT - 1] == AGES_COUNT - 1);
	assert_int_equal(stack->class_count, 1);
	assert_true(stack->classes[0].allocated.error == 3);
	assert_string_equal(sites_name(&stack->site), "[not known]");
	sites_stack_free(stack);
	free(frames);
}

static void done_is_its_text(void **state)
{
	Hakmem__Done message;
	struct frame frame;
	char text[] = "pid 3: marked", out[64];

	(void)state;
	hakmem__done__init(&message);
	message.text = text;
	frame = frame_of(&message.base);
	assert_true(decode_done(&frame, out, sizeof(out)));
	assert_string_equal(out, "pid 3: marked");
	frame.length = 1;
	assert_false(decode_done(&frame, out, sizeof(out)));
}

/* Empty submessages by the ten thousand would become megabytes. */
static void bombs_are_refused(void **state)
{
	struct frame frame = {.payload = buffer, .length = sizeof(buffer)};
	struct sites *sites = NULL;
	bool more;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(buffer); i += 2) {
		buffer[i] = 5 << 3 | 2; /* rows, empty */
		buffer[i + 1] = 0;
	}
	assert_false(decode_sites(&frame, &sites, &more));
	assert_null(sites);
	for (size_t i = 0; i + 1 < sizeof(buffer); i += 2)
		buffer[i] = 3 << 3 | 2; /* frames */
	sites_stack_free(decode_stack(&frame));
}

static void noise_is_no_crash(void **state)
{
	struct frame frame = {.payload = buffer};

	(void)state;
	srand(3);
	for (int round = 0; round < 20000; round++) {
		struct sites *sites = NULL;
		char text[64];
		bool more;

		frame.length = (uint32_t)(rand() % 200);
		for (uint32_t i = 0; i < frame.length; i++)
			buffer[i] = (uint8_t)(rand() & (round & 1 ? 0xFF : 47));
		decode_sites(&frame, &sites, &more);
		sites_free(sites);
		sites_stack_free(decode_stack(&frame));
		decode_done(&frame, text, sizeof(text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_appended),
		cmocka_unit_test(rows_are_capped),
		cmocka_unit_test(numbers_are_finite_and_not_negative),
		cmocka_unit_test(stacks_are_bounded),
		cmocka_unit_test(done_is_its_text),
		cmocka_unit_test(bombs_are_refused),
		cmocka_unit_test(noise_is_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
