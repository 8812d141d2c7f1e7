/* The reader against helpers that a hostile file has taken over. */
#include "hakmemd/symbols/symbol_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hakmemd/core/clock.h"

#define REQUESTS 200

static struct loop *the_loop;
static struct symbol_cache the_cache;
static struct symbol_reader the_reader;
static uint64_t the_limit_ns;
static int the_turn;

static void settled(void *argument)
{
	(void)argument;
	loop_stop(the_loop, 0);
}

static uint64_t tick(void *argument, uint64_t now_ns, uint64_t late_ns)
{
	(void)argument;
	(void)late_ns;
	if (now_ns >= the_limit_ns)
		loop_stop(the_loop, 1);
	return the_limit_ns;
}

static bool next_request(int channel, struct symbol_request *request)
{
	return recv(channel, request, sizeof(*request), 0) == sizeof(*request);
}

static void say(int channel, uint32_t index, const char *name)
{
	static struct symbol_packet packet;

	symbol_wire_begin(&packet, index, SYMBOL_NAMED);
	symbol_wire_put(&packet, name, "file.c", 7);
	send(channel, packet.bytes, packet.length, MSG_NOSIGNAL);
}

/* Name by name what is asked: even files well, odd ones by `wrong`. */
static void serve(int channel,
		  void (*wrong)(int channel, struct symbol_request *request))
{
	static struct symbol_request request;

	while (next_request(channel, &request)) {
		if (request.path[1] == 'o')
			wrong(channel, &request);
		else
			for (uint32_t i = 0; i < request.count; i++)
				say(channel, i, "good");
	}
	_exit(0);
}

static void garbage(int channel, struct symbol_request *request)
{
	char bytes[300];

	(void)request;
	memset(bytes, 0xa5, sizeof(bytes));
	send(channel, bytes, sizeof(bytes), MSG_NOSIGNAL);
}

static void too_long(int channel, struct symbol_request *request)
{
	static char bytes[SYMBOL_WIRE_PACKET + 4096];

	(void)request;
	send(channel, bytes, sizeof(bytes), MSG_NOSIGNAL);
}

static void nothing_at_all(int channel, struct symbol_request *request)
{
	(void)request;
	send(channel, "", 0, MSG_NOSIGNAL);
}

static void another_index(int channel, struct symbol_request *request)
{
	say(channel, request->count - 1, "forged");
	say(channel, UINT32_MAX, "forged");
}

static void too_many(int channel, struct symbol_request *request)
{
	for (uint32_t i = 0; i < request->count; i++)
		say(channel, i, "good");
	say(channel, 0, "forged");
	say(channel, 1, "forged");
}

static void leave(int channel, struct symbol_request *request)
{
	(void)channel;
	(void)request;
	_exit(0);
}

static void hang_up(int channel, struct symbol_request *request)
{
	(void)request;
	close(channel);
	pause();
}

static void half(int channel, struct symbol_request *request)
{
	for (uint32_t i = 0; i < request->count / 2; i++)
		say(channel, i, "good");
	_exit(3);
}

static void silence(int channel, struct symbol_request *request)
{
	(void)channel;
	(void)request;
	pause();
}

static void (*const wrongs[])(int, struct symbol_request *) = {
	garbage, too_long, nothing_at_all, another_index, too_many,
	leave,	 hang_up,  half,	   silence,
};

static void run(int channel, void *argument)
{
	(void)argument;
	serve(channel, wrongs[the_turn]);
}

static struct symbol_file *file_called(const char *path, uid_t uid)
{
	const struct symbol_file_key key = {
		.path = path, .started_ns = 1, .uid = uid};
	struct symbol_file *file = symbol_cache_file(&the_cache, &key);

	assert_non_null(file);
	return file;
}

static void ask_all(struct symbol_file *file)
{
	for (uint64_t i = 0; i < REQUESTS; i++) {
		struct symbol_entry *entry =
			symbol_cache_add(&the_cache, file, i, false);

		assert_non_null(entry);
		assert_true(symbol_reader_ask(&the_reader, entry));
	}
}

/* How many of the file's answers have this name; all have one. */
static unsigned count_named(struct symbol_file *file, const char *name)
{
	unsigned count = 0;

	for (uint64_t i = 0; i < REQUESTS; i++) {
		struct symbol_entry *entry =
			symbol_cache_find(&the_cache, file, i, false);

		assert_non_null(entry);
		assert_true(entry->known_ns > 0 && !entry->asked);
		assert_true(entry->count == 1);
		count += strcmp(entry->frames[0].name, name) == 0;
	}
	return count;
}

static void begin(void)
{
	const struct symbol_reader_settings settings = {
		.run = run,
		.patience_ns = CLOCK_SECOND,
		.idle_ns = CLOCK_SECOND,
		.settled = settled,
	};

	the_loop = loop_new(tick, NULL);
	assert_non_null(the_loop);
	memset(&the_reader, 0, sizeof(the_reader));
	assert_true(symbol_cache_init(&the_cache, 1 << 20));
	assert_true(symbol_reader_init(&the_reader, the_loop, &the_cache,
				       &settings));
}

static void end(void)
{
	symbol_reader_close(&the_reader);
	symbol_cache_free(&the_cache);
	loop_free(the_loop);
}

/* Whatever it does: all is answered, and of other users' files truly. */
static void a_helper_taken_over_harms_only_its_user(void **state)
{
	(void)state;
	for (the_turn = 0; the_turn < (int)(sizeof(wrongs) / sizeof(wrongs[0]));
	     the_turn++) {
		struct symbol_file *odd, *even;

		begin();
		odd = file_called("/odd", 1);
		even = file_called("/even", 2);
		ask_all(odd);
		ask_all(even);
		the_limit_ns = clock_ns() + 30 * CLOCK_SECOND;
		assert_int_equal(loop_run(the_loop), 0);
		assert_int_equal(the_cache.asked, 0);
		assert_int_equal(count_named(even, "good"), REQUESTS);
		assert_int_equal(even->strikes, 0);
		count_named(odd, "good");
		assert_true(odd->strikes >= SYMBOL_READER_STRIKES);
		assert_true(the_reader.helpers_total < 12);
		end();
	}
}

/* It answers well for the file that took it over, and lies from then on. */
static void run_sleeper(int channel, void *argument)
{
	static struct symbol_request request;
	bool taken_over = false;

	(void)argument;
	while (next_request(channel, &request)) {
		for (uint32_t i = 0; i < request.count; i++)
			say(channel, i, taken_over ? "forged" : "good");
		taken_over = taken_over || request.path[1] == 'o';
	}
	_exit(0);
}

static void a_helper_taken_over_does_not_stay(void **state)
{
	struct symbol_file *odd, *even;

	(void)state;
	begin();
	the_reader.settings.run = run_sleeper;
	odd = file_called("/odd", 1);
	even = file_called("/even", 2);
	ask_all(odd);
	ask_all(even);
	the_limit_ns = clock_ns() + 30 * CLOCK_SECOND;
	assert_int_equal(loop_run(the_loop), 0);
	assert_true(count_named(odd, "forged") > 0);
	assert_int_equal(count_named(even, "good"), REQUESTS);
	end();
}

/* As one that has grown too large does. */
static void run_one_batch(int channel, void *argument)
{
	static struct symbol_request request;

	(void)argument;
	if (next_request(channel, &request))
		for (uint32_t i = 0; i < request.count; i++)
			say(channel, i, "good");
	_exit(0);
}

static void a_helper_may_end_between_requests(void **state)
{
	struct symbol_file *file;

	(void)state;
	begin();
	the_reader.settings.run = run_one_batch;
	file = file_called("/even", 1);
	ask_all(file);
	the_limit_ns = clock_ns() + 30 * CLOCK_SECOND;
	assert_int_equal(loop_run(the_loop), 0);
	assert_int_equal(count_named(file, "good"), REQUESTS);
	assert_int_equal(file->strikes, 0);
	end();
}

static void files_take_turns(void **state)
{
	struct symbol_file *first, *second;

	(void)state;
	the_turn = 0;
	begin();
	first = file_called("/even1", 1);
	second = file_called("/even2", 1);
	ask_all(first);
	ask_all(second);
	the_limit_ns = clock_ns() + 30 * CLOCK_SECOND;
	assert_int_equal(loop_run(the_loop), 0);
	/* Both had an answer before either had all. */
	assert_true(symbol_cache_find(&the_cache, second, 0, false)->known_ns <
		    symbol_cache_find(&the_cache, first, REQUESTS - 1, false)
			    ->known_ns);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_helper_taken_over_harms_only_its_user),
		cmocka_unit_test(a_helper_taken_over_does_not_stay),
		cmocka_unit_test(a_helper_may_end_between_requests),
		cmocka_unit_test(files_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
