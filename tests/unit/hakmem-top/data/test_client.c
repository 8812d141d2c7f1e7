#include "hakmem-top/data/client.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/hakmem.pb-c.h"

#define S UINT64_C(1000000000)

static char directory[64], path[96];
static int listener, peer;
static struct client *client;
static struct frame frame;

static int setup(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)state;
	strcpy(directory, "/tmp/hakmem-client-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", directory);
	strcpy(address.sun_path, path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	client = client_new(path, true);
	peer = -1;
	if (!client ||
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	return listen(listener, 4);
}

static int teardown(void **state)
{
	(void)state;
	client_free(client);
	close(listener);
	if (peer >= 0)
		close(peer);
	unlink(path);
	return rmdir(directory);
}

static void connect_at(uint64_t now_ns)
{
	enum client_event event = client_next(client, now_ns, &frame);

	if (event == CLIENT_NOTHING)
		event = client_next(client, now_ns, &frame);
	assert_int_equal(event, CLIENT_CONNECTED);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);
}

static void tell(uint32_t sequence, const char *payload)
{
	uint8_t header[FRAME_HEADER_BYTES];

	frame_encode(header, FRAME_DETAIL, (uint32_t)strlen(payload), sequence);
	assert_int_equal(write(peer, header, sizeof(header)), sizeof(header));
	assert_int_equal(write(peer, payload, strlen(payload)),
			 strlen(payload));
}

static void asks_and_hears(void **state)
{
	const struct client_query query = {.what = CLIENT_DETAIL,
					   .process_id = 77};
	uint8_t bytes[256];
	struct frame asked;
	Hakmem__Query *message;
	ssize_t got;

	(void)state;
	assert_false(client_ask(client, &query, 0));
	connect_at(1 * S);
	assert_true(client_ask(client, &query, 1 * S));
	got = read(peer, bytes, sizeof(bytes));
	assert_int_equal(frame_decode(bytes, (size_t)got, &asked), FRAME_READY);
	assert_int_equal(asked.type, FRAME_QUERY);
	message = hakmem__query__unpack(NULL, asked.length, asked.payload);
	assert_int_equal(message->process_id, 77);
	assert_int_equal(message->what, HAKMEM__QUERY_WHAT__QUERY_DETAIL);
	hakmem__query__free_unpacked(message, NULL);
	tell(0, "first");
	tell(1, "second one");
	assert_int_equal(client_next(client, 2 * S, &frame), CLIENT_FRAME);
	assert_int_equal(frame.length, 5);
	assert_memory_equal(frame.payload, "first", 5);
	assert_int_equal(client_next(client, 2 * S, &frame), CLIENT_FRAME);
	assert_memory_equal(frame.payload, "second one", 10);
	assert_int_equal(client_next(client, 2 * S, &frame), CLIENT_NOTHING);
}

static void an_answer_has_a_deadline(void **state)
{
	const struct client_query query = {.what = CLIENT_PROCESSES};

	(void)state;
	connect_at(1 * S);
	assert_int_equal(client_timeout_ms(client, 1 * S), -1);
	assert_true(client_ask(client, &query, 1 * S));
	assert_int_equal(client_next(client, 5 * S, &frame), CLIENT_NOTHING);
	assert_true(client_timeout_ms(client, 5 * S) <= 1001);
	assert_int_equal(client_next(client, 6 * S, &frame), CLIENT_LOST);
	assert_string_equal(client_trouble(client),
			    "the daemon did not answer in 5 s");
	assert_int_equal(client_fd(client), -1);
}

/* An export may take longer, but what was asked behind it no more. */
static void an_export_has_more_time(void **state)
{
	const struct client_query export = {.what = CLIENT_EXPORT};
	const struct client_query list = {.what = CLIENT_PROCESSES};

	(void)state;
	connect_at(1 * S);
	assert_int_equal(client_due(client), CLIENT_KINDS);
	assert_true(client_ask(client, &export, 1 * S));
	assert_true(client_ask(client, &list, 1 * S));
	assert_int_equal(client_due(client), CLIENT_EXPORT);
	assert_int_equal(client_next(client, 60 * S, &frame), CLIENT_NOTHING);
	client_answered(client, 60 * S);
	assert_int_equal(client_due(client), CLIENT_PROCESSES);
	assert_int_equal(client_next(client, 64 * S, &frame), CLIENT_NOTHING);
	assert_int_equal(client_next(client, 65 * S, &frame), CLIENT_LOST);
	assert_int_equal(client_due(client), CLIENT_KINDS);
}

static void an_export_has_an_end(void **state)
{
	const struct client_query export = {.what = CLIENT_EXPORT};

	(void)state;
	connect_at(1 * S);
	assert_true(client_ask(client, &export, 1 * S));
	assert_int_equal(client_next(client, 61 * S, &frame), CLIENT_LOST);
	assert_string_equal(client_trouble(client),
			    "the daemon did not export in 60 s");
}

/* All that a query may hold arrives, and a baseline as long as it may be. */
static void questions_are_sent_whole(void **state)
{
	char baseline[65];
	const struct client_query query = {
		.what = CLIENT_CONTROL,
		.pid = 12,
		.export_sample = "peak",
		.baseline = memset(baseline, 'x', 64),
		.site_id = 9,
		.sample_bytes = UINT64_C(1) << 40,
		.sampling_off = true,
		.interval_ms = 500,
	};
	uint8_t bytes[512];
	struct frame asked;
	Hakmem__Query *message;
	ssize_t got;

	(void)state;
	baseline[64] = '\0';
	connect_at(1 * S);
	assert_true(client_ask(client, &query, 1 * S));
	got = read(peer, bytes, sizeof(bytes));
	assert_int_equal(frame_decode(bytes, (size_t)got, &asked), FRAME_READY);
	message = hakmem__query__unpack(NULL, asked.length, asked.payload);
	assert_int_equal(message->what, HAKMEM__QUERY_WHAT__QUERY_CONTROL);
	assert_int_equal(message->pid, 12);
	assert_string_equal(message->export_sample, "peak");
	assert_string_equal(message->baseline, baseline);
	assert_int_equal(message->site_id, 9);
	assert_non_null(message->control);
	assert_int_equal(message->control->sample_bytes, UINT64_C(1) << 40);
	assert_true(message->control->sampling_off);
	assert_int_equal(message->control->interval_ms, 500);
	hakmem__query__free_unpacked(message, NULL);
}

static void no_question_has_no_deadline(void **state)
{
	const struct client_query query = {.what = CLIENT_PROCESSES};

	(void)state;
	connect_at(1 * S);
	assert_true(client_ask(client, &query, 1 * S));
	client_answered(client, 2 * S);
	assert_int_equal(client_next(client, 900 * S, &frame), CLIENT_NOTHING);
}

static void comes_back_with_growing_pauses(void **state)
{
	uint64_t now = 1 * S, pause, last = 0;

	(void)state;
	connect_at(now);
	close(listener);
	close(peer);
	peer = -1;
	assert_int_equal(client_next(client, now, &frame), CLIENT_LOST);
	assert_string_equal(client_trouble(client),
			    "the daemon closed the connection");
	for (int i = 0; i < 8; i++) {
		assert_int_equal(client_next(client, now, &frame),
				 CLIENT_NOTHING);
		pause = (uint64_t)client_timeout_ms(client, now);
		assert_true(pause >= last && pause <= 2001);
		last = pause;
		now += pause * 1000000;
		assert_int_equal(client_next(client, now, &frame), CLIENT_LOST);
		assert_string_equal(
			client_trouble(client),
			"no daemon there: nobody listens on the socket");
	}
	assert_true(last > 1900);
	listener = -1;
}

static void lose_after(const void *bytes, size_t length, const char *trouble)
{
	connect_at(1 * S);
	assert_int_equal(write(peer, bytes, length), length);
	assert_int_equal(client_next(client, 1 * S, &frame), CLIENT_LOST);
	assert_string_equal(client_trouble(client), trouble);
}

static void garbage_ends_the_connection(void **state)
{
	(void)state;
	lose_after("HTTP/1.1 200", 12, "not a hakmem frame (bad magic)");
}

static void a_length_above_the_cap_does_too(void **state)
{
	uint8_t header[FRAME_HEADER_BYTES];

	(void)state;
	frame_encode(header, FRAME_DETAIL, UINT32_MAX, 0);
	lose_after(header, sizeof(header), "frame larger than 256 KiB");
}

static void so_does_a_lost_frame(void **state)
{
	uint8_t header[FRAME_HEADER_BYTES];

	(void)state;
	frame_encode(header, FRAME_DETAIL, 0, 3);
	lose_after(header, sizeof(header), "frames out of sequence");
}

static void an_open_directory_is_not_trusted(void **state)
{
	(void)state;
	assert_int_equal(chmod(directory, 0777), 0);
	assert_int_equal(client_next(client, 1 * S, &frame), CLIENT_LOST);
	assert_non_null(strstr(client_trouble(client), "not trusted"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(asks_and_hears),
		TEST(an_answer_has_a_deadline),
		TEST(an_export_has_more_time),
		TEST(an_export_has_an_end),
		TEST(questions_are_sent_whole),
		TEST(no_question_has_no_deadline),
		TEST(comes_back_with_growing_pauses),
		TEST(garbage_ends_the_connection),
		TEST(a_length_above_the_cap_does_too),
		TEST(so_does_a_lost_frame),
		TEST(an_open_directory_is_not_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
