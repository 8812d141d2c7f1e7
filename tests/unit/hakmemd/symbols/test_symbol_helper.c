#include "hakmemd/symbols/symbol_helper.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "hakmemd/symbols/symbol_wire.h"
#include "tests/unit/hakmemd/fixture.h"

static int channel;
static pid_t helper;
static struct symbol_request request;
static struct symbol_packet packet;
static struct symbol_wire_text frames[SYMBOL_WIRE_FRAMES];

static int begin(void **state)
{
	const struct timeval patience = {.tv_sec = 10};
	int ends[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	helper = fork();
	if (helper == 0) {
		const struct symbol_helper_settings settings = {
			.debug_path = fixture_path("debug")};

		close(ends[0]);
		symbol_helper_run(ends[1], &settings);
	}
	close(ends[1]);
	channel = ends[0];
	setsockopt(channel, SOL_SOCKET, SO_RCVTIMEO, &patience,
		   sizeof(patience));
	return helper > 0 ? 0 : -1;
}

/* It goes when its channel does, if it has not gone by itself. */
static int end(void **state)
{
	int status = -1;

	(void)state;
	close(channel);
	if (waitpid(helper, &status, 0) != helper)
		return -1;
	return status;
}

/* A query about no address yet. */
static void about(uint64_t module, const char *name)
{
	memset(&request, 0, sizeof(request));
	request.module = module;
	snprintf(request.path, sizeof(request.path), "%s", fixture_path(name));
	request.id_bytes = (uint32_t)fixture_build_id("one", request.id);
}

static void ask(void)
{
	assert_int_equal(send(channel, &request, sizeof(request), MSG_NOSIGNAL),
			 sizeof(request));
}

static void hear(uint32_t index, uint16_t reason)
{
	ssize_t got = recv(channel, packet.bytes, sizeof(packet.bytes), 0);

	assert_true(got > 0);
	packet.length = (size_t)got;
	assert_true(symbol_wire_take(&packet, frames));
	assert_int_equal(packet.answer.index, index);
	assert_int_equal(packet.answer.reason, reason);
}

/* The query's only address is that of "hidden". */
static void ask_for_hidden(uint16_t reason)
{
	request.count = 1;
	request.address[0] = fixture_symbol("one", "hidden").st_value;
	ask();
	hear(0, reason);
}

static void answers_come_in_order(void **state)
{
	GElf_Sym outer = fixture_symbol("one", "outer");
	unsigned inlined = 0;

	(void)state;
	about(1, "one");
	for (uint64_t at = 0; at < outer.st_size && at < SYMBOL_WIRE_BATCH - 1;
	     at++)
		request.address[request.count++] = outer.st_value + at;
	request.address[request.count] = 3; /* in no function */
	request.count++;
	ask();
	for (uint32_t i = 0; i + 1 < request.count; i++) {
		hear(i, SYMBOL_NAMED);
		assert_string_equal(frames[packet.answer.frames - 1].name,
				    "outer");
		if (packet.answer.frames != 3)
			continue;
		inlined++;
		assert_string_equal(frames[0].name, "inner");
		assert_string_equal(frames[1].name, "middle");
		assert_int_equal(frames[1].line, 10);
		assert_int_equal(frames[2].line, 14);
		assert_non_null(strstr(frames[2].file, "/one.c"));
	}
	assert_true(inlined > 0);
	hear(request.count - 1, SYMBOL_UNKNOWN);
	assert_int_equal(packet.answer.frames, 0);
}

static void names_are_demangled(void **state)
{
	(void)state;
	about(1, "two");
	request.id_bytes = (uint32_t)fixture_build_id("two", request.id);
	request.count = 1;
	request.address[0] = fixture_symbol("two", "_ZN4shop3runEi").st_value;
	ask();
	hear(0, SYMBOL_NAMED);
	assert_string_equal(frames[packet.answer.frames - 1].name,
			    "shop::run(int)");
}

/* Versions and what the compiler adds are no part of a name. */
static void names_are_cut(void **state)
{
	(void)state;
	fixture_write("odd.s", ".text\n"
			       ".globl _Z3oddi.isra.0\n"
			       ".type _Z3oddi.isra.0,@function\n"
			       "_Z3oddi.isra.0: ret\n"
			       ".size _Z3oddi.isra.0,.-_Z3oddi.isra.0\n"
			       ".globl c.part.0\n"
			       ".type c.part.0,@function\n"
			       "c.part.0: ret\n"
			       ".size c.part.0,.-c.part.0\n");
	fixture_shell("gcc -shared -nostdlib -Wl,--build-id odd.s -o odd.so");
	about(1, "odd.so");
	request.id_bytes = (uint32_t)fixture_build_id("odd.so", request.id);
	request.count = 2;
	request.address[0] =
		fixture_symbol("odd.so", "_Z3oddi.isra.0").st_value;
	request.address[1] = fixture_symbol("odd.so", "c.part.0").st_value;
	ask();
	hear(0, SYMBOL_NAMED);
	assert_string_equal(frames[0].name, "odd(int)");
	assert_string_equal(frames[0].file, "");
	hear(1, SYMBOL_NAMED);
	assert_string_equal(frames[0].name, "c.part.0");
}

static void it_says_why_there_is_no_name(void **state)
{
	(void)state;
	about(1, "missing");
	ask_for_hidden(SYMBOL_ABSENT);
	assert_int_equal(packet.answer.frames, 0);
	about(2, "one.c");
	ask_for_hidden(SYMBOL_NO_ELF);
	about(3, "two");
	ask_for_hidden(SYMBOL_DIFFERS);
	about(4, "one.stripped");
	ask_for_hidden(SYMBOL_UNKNOWN);
}

/* The same number: what was not there is tried again, what was is kept. */
static void a_missing_file_is_tried_again(void **state)
{
	(void)state;
	about(5, "later");
	ask_for_hidden(SYMBOL_ABSENT);
	fixture_shell("cp one later");
	ask_for_hidden(SYMBOL_NAMED);
	assert_string_equal(frames[0].name, "hidden");
	fixture_shell("rm later");
	ask_for_hidden(SYMBOL_NAMED);
	request.module = 6;
	ask_for_hidden(SYMBOL_ABSENT);
}

/* More files than it keeps open. */
static void files_give_way(void **state)
{
	(void)state;
	fixture_shell("cp one first");
	about(100, "first");
	ask_for_hidden(SYMBOL_NAMED);
	fixture_shell("rm first");
	for (uint64_t i = 1; i < 32; i++) {
		about(100 + i, "one");
		ask_for_hidden(SYMBOL_NAMED);
	}
	about(100, "first"); /* still open, and from now on the newest */
	ask_for_hidden(SYMBOL_NAMED);
	about(200, "one");
	ask_for_hidden(SYMBOL_NAMED);
	about(100, "first");
	ask_for_hidden(SYMBOL_NAMED);
	for (uint64_t i = 1; i < 33; i++) {
		about(200 + i, "one");
		ask_for_hidden(SYMBOL_NAMED);
	}
	about(100, "first");
	ask_for_hidden(SYMBOL_ABSENT);
}

static void debug_files_are_read(void **state)
{
	const uint8_t *id = request.id;

	(void)state;
	about(1, "one.stripped");
	fixture_shell("mkdir -p debug/.build-id/%02x", id[0]);
	fixture_shell("objcopy --only-keep-debug one debug/.build-id/%02x/"
		      "$(readelf -n one | sed -n 's/.*Build ID: ..//p').debug",
		      id[0]);
	ask_for_hidden(SYMBOL_NAMED);
	assert_string_equal(frames[packet.answer.frames - 1].name, "hidden");
	assert_non_null(strstr(frames[0].file, "/one.c"));
	/* Even for a file that is gone. */
	about(2, "missing");
	ask_for_hidden(SYMBOL_NAMED);
	request.address[0] = 3;
	ask();
	hear(0, SYMBOL_UNKNOWN);
	/* No source has that one, only the symbol table. */
	request.address[0] = fixture_symbol("one", "_start").st_value;
	ask();
	hear(0, SYMBOL_NAMED);
	assert_string_equal(frames[0].name, "_start");
	fixture_shell("rm -r debug");
}

static void hears_nothing_more(void)
{
	assert_int_equal(recv(channel, packet.bytes, sizeof(packet.bytes), 0),
			 0);
}

static void an_unsound_request_ends_it(void **state)
{
	(void)state;
	about(1, "one");
	request.count = SYMBOL_WIRE_BATCH + 1;
	ask();
	hears_nothing_more();
}

static void an_unsound_id_ends_it(void **state)
{
	(void)state;
	about(1, "one");
	request.id_bytes = SYMBOL_WIRE_ID + 1;
	request.count = 1;
	ask();
	hears_nothing_more();
}

static void half_a_request_ends_it(void **state)
{
	(void)state;
	about(1, "one");
	request.count = 1;
	assert_int_equal(
		send(channel, &request, sizeof(request) - 1, MSG_NOSIGNAL),
		sizeof(request) - 1);
	hears_nothing_more();
}

static void a_path_without_an_end_is_none(void **state)
{
	(void)state;
	about(1, "one");
	memset(request.path, '/', sizeof(request.path));
	ask_for_hidden(SYMBOL_ABSENT);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		WITH(answers_come_in_order),
		WITH(names_are_demangled),
		WITH(names_are_cut),
		WITH(it_says_why_there_is_no_name),
		WITH(a_missing_file_is_tried_again),
		WITH(files_give_way),
		WITH(debug_files_are_read),
		WITH(an_unsound_request_ends_it),
		WITH(an_unsound_id_ends_it),
		WITH(half_a_request_ends_it),
		WITH(a_path_without_an_end_is_none),
	};

	return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
