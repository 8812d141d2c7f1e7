#include "hakmemd/symbols/lines.h"

#include "tests/unit/hakmemd/fixture.h"

#define FRAMES_MAX 32

static struct fixture_file file;
static struct lines *lines;
static struct lines_frame frames[FRAMES_MAX];

static void open_lines(const char *name)
{
	file = fixture_open(name);
	lines = lines_open(file.elf);
}

static void close_lines(void)
{
	lines_close(lines);
	fixture_close(&file);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = text ? strlen(text) : 0;

	return length >= strlen(end) &&
	       strcmp(text + length - strlen(end), end) == 0;
}

static void is_frame(size_t index, const char *function, uint32_t line,
		     bool inlined)
{
	assert_string_equal(frames[index].function, function);
	assert_true(ends_with(frames[index].file, "/one.c"));
	if (line)
		assert_int_equal(frames[index].line, line);
	assert_true(frames[index].inlined == inlined);
}

/* The address in "outer" where inner calls leaf; its chain is in frames. */
static uint64_t find_inlined(void)
{
	GElf_Sym outer = fixture_symbol("one", "outer");

	for (uint64_t at = 0; at < outer.st_size; at++)
		if (lines_find(lines, outer.st_value + at, frames,
			       FRAMES_MAX) == 3 &&
		    frames[0].line == 5)
			return outer.st_value + at;
	fail_msg("nothing is inlined into outer at line 5");
	return 0;
}

static void inlined_functions_are_told_innermost_first(void **state)
{
	(void)state;
	open_lines("one");
	assert_non_null(lines);
	find_inlined();
	is_frame(0, "inner", 5, true);
	is_frame(1, "middle", 10, true);
	is_frame(2, "outer", 14, false);
	assert_false(frames[2].linked);
	close_lines();
}

/* Of more than there is room for the outermost is kept. */
static void the_outermost_is_kept(void **state)
{
	uint64_t at;

	(void)state;
	open_lines("one");
	at = find_inlined();
	assert_int_equal(lines_find(lines, at, frames, 2), 2);
	is_frame(0, "inner", 5, true);
	is_frame(1, "outer", 14, false);
	assert_int_equal(lines_find(lines, at, frames, 1), 1);
	is_frame(0, "outer", 14, false);
	assert_int_equal(lines_find(lines, at, frames, 0), 0);
	close_lines();
}

static void is_told(const GElf_Sym *symbol, const char *text)
{
	size_t count;

	if (strcmp(text, "leaf") != 0 && strcmp(text, "outer") != 0 &&
	    strcmp(text, "hidden") != 0)
		return;
	for (uint64_t at = 0; at < symbol->st_size; at++) {
		count = lines_find(lines, symbol->st_value + at, frames,
				   FRAMES_MAX);
		assert_true(count > 0);
		is_frame(count - 1, text, 0, false);
	}
}

static void every_byte_of_a_function_is_told(void **state)
{
	(void)state;
	open_lines("one");
	fixture_functions("one", is_told);
	lines_find(lines, fixture_symbol("one", "leaf").st_value, frames, 1);
	is_frame(0, "leaf", 1, false);
	close_lines();
}

static void outside_of_units_there_is_nothing(void **state)
{
	(void)state;
	open_lines("one");
	assert_int_equal(lines_find(lines, 0, frames, FRAMES_MAX), 0);
	assert_int_equal(lines_find(lines, UINT64_MAX, frames, FRAMES_MAX), 0);
	/* Code of the linker's start files has no lines. */
	assert_int_equal(lines_find(lines,
				    fixture_symbol("one", "_start").st_value,
				    frames, FRAMES_MAX),
			 0);
	close_lines();
}

static void a_file_without_lines_has_none(void **state)
{
	(void)state;
	open_lines("one.stripped");
	assert_null(lines);
	lines_close(NULL);
	fixture_close(&file);
}

/* Functions in namespaces and classes, by the name the linker knows. */
static void names_of_cxx_are_the_linkers(void **state)
{
	GElf_Sym run = fixture_symbol("two", "_ZN4shop3runEi");
	size_t count;

	(void)state;
	open_lines("two");
	assert_non_null(lines);
	count = lines_find(lines, run.st_value, frames, FRAMES_MAX);
	assert_true(count > 0);
	assert_string_equal(frames[count - 1].function, "_ZN4shop3runEi");
	assert_true(frames[count - 1].linked);
	assert_true(ends_with(frames[count - 1].file, "/two.cc"));
	close_lines();
}

static void functions_in_namespaces_are_found(void **state)
{
	GElf_Sym symbol;

	(void)state;
	fixture_write("space.cc", "namespace n { namespace m {\n"
				  "static int f(int x) { return x + 1; }\n"
				  "} }\n"
				  "int g(int x) { return n::m::f(x); }\n");
	fixture_shell("g++ -shared -fPIC -g -O0 space.cc -o space.so");
	symbol = fixture_symbol("space.so", "_ZN1n1mL1fEi");
	open_lines("space.so");
	assert_int_equal(lines_find(lines, symbol.st_value, frames, 1), 1);
	assert_non_null(frames[0].function);
	assert_int_equal(frames[0].line, 2);
	close_lines();
}

/* In a unit, but in no function of it: an assembler's, before a label. */
static void lines_without_a_function_are_told(void **state)
{
	GElf_Sym symbol;

	(void)state;
	fixture_write("bare.s", ".text\n"
				"	nop\n"
				"	nop\n" /* line 3 */
				".globl bare\n"
				".type bare,@function\n"
				"bare: ret\n"
				".size bare,.-bare\n");
	fixture_shell("gcc -shared -nostdlib -Wa,-g bare.s -o bare.so");
	symbol = fixture_symbol("bare.so", "bare");
	open_lines("bare.so");
	assert_non_null(lines);
	assert_int_equal(
		lines_find(lines, symbol.st_value - 1, frames, FRAMES_MAX), 1);
	assert_null(frames[0].function);
	assert_true(ends_with(frames[0].file, "bare.s"));
	assert_int_equal(frames[0].line, 3);
	/* "bare" is one byte, and the last of its unit. */
	assert_int_equal(lines_find(lines, symbol.st_value, frames, 1), 1);
	assert_int_equal(lines_find(lines, symbol.st_value + 1, frames, 1), 0);
	assert_false(frames[0].inlined);
	close_lines();
}

/* Several units, each with functions that lie between those of another. */
static void units_may_lie_in_each_other(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < 8; i++) {
		char text[256];

		snprintf(name, sizeof(name), "u%d.c", i);
		snprintf(text, sizeof(text),
			 "\n\nint low%d(int x) { return x * %d; }\n"
			 "__attribute__((section(\".text.cold\"))) "
			 "int high%d(int x) { return x + %d; }\n",
			 i, i, i, i);
		fixture_write(name, text);
	}
	fixture_shell("gcc -shared -fPIC -g -O1 u?.c -o units.so");
	open_lines("units.so");
	for (int i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), i & 1 ? "high%d" : "low%d", i / 2);
		assert_int_equal(
			lines_find(lines,
				   fixture_symbol("units.so", name).st_value,
				   frames, FRAMES_MAX),
			1);
		assert_string_equal(frames[0].function, name);
		assert_int_equal(frames[0].line, 3 + (i & 1));
	}
	close_lines();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inlined_functions_are_told_innermost_first),
		cmocka_unit_test(the_outermost_is_kept),
		cmocka_unit_test(every_byte_of_a_function_is_told),
		cmocka_unit_test(outside_of_units_there_is_nothing),
		cmocka_unit_test(a_file_without_lines_has_none),
		cmocka_unit_test(names_of_cxx_are_the_linkers),
		cmocka_unit_test(functions_in_namespaces_are_found),
		cmocka_unit_test(lines_without_a_function_are_told),
		cmocka_unit_test(units_may_lie_in_each_other),
	};

	return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
