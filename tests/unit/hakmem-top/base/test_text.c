#include "hakmem-top/base/text.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *clean(const char *text, size_t columns, bool utf8)
{
	static char out[256];

	text_clean(out, sizeof(out), text, columns, utf8);
	return out;
}

static void control_characters_become_carets(void **state)
{
	(void)state;
	assert_string_equal(clean("a\033[31mb\007\r\n\t\177", 80, true),
			    "a^[[31mb^G^M^J^I^?");
}

static void bad_utf8_becomes_a_mark(void **state)
{
	(void)state;
	assert_string_equal(clean("x\xFF\xC0\xAFy", 80, true), "x���y");
	assert_string_equal(clean("\xE4\xB8", 80, true), "��");
	assert_string_equal(clean("\xED\xA0\x80", 80, true), "���");
	assert_string_equal(clean("\xC2\x9B", 80, true), "�");
	assert_string_equal(clean("x\xFFy", 80, false), "x?y");
}

static void what_hides_or_reorders_is_shown(void **state)
{
	(void)state;
	assert_string_equal(clean("a\u202Eb\u200Bc\uFEFF", 80, true), "a�b�c�");
	assert_string_equal(clean("e\u0301", 80, true), "e");
}

static void wide_characters_take_two_columns(void **state)
{
	char out[64];

	(void)state;
	assert_int_equal(text_clean(out, sizeof(out), "中文", 80, true), 4);
	assert_string_equal(clean("中文", 80, false), "??");
	assert_int_equal(text_clean(out, sizeof(out), "中文", 3, true), 3);
	assert_string_equal(out, "中…");
	assert_int_equal(text_clean(out, sizeof(out), "中文", 2, true), 1);
	assert_string_equal(out, "…");
}

static void cuts_with_a_mark(void **state)
{
	(void)state;
	assert_string_equal(clean("abcdef", 6, true), "abcdef");
	assert_string_equal(clean("abcdef", 5, true), "abcd…");
	assert_string_equal(clean("abcdef", 5, false), "abcd~");
	assert_string_equal(clean("abcdef", 1, false), "~");
	assert_string_equal(clean("abcdef", 0, true), "");
}

/* Whatever the bytes, the result fits and holds no control character. */
static void stays_within_bounds(void **state)
{
	char text[200], out[64];

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		size_t size = 8 + (size_t)(rand() % 56);
		size_t columns = (size_t)(rand() % 40), used;
		int length = rand() % 199;

		for (int i = 0; i < length; i++)
			text[i] = (char)(rand() % 255 + 1);
		text[length] = '\0';
		memset(out, 'Z', sizeof(out));
		used = text_clean(out, size, text, columns, round & 1);
		assert_true(used <= columns);
		assert_true(strlen(out) < size);
		for (size_t i = 0; out[i]; i++)
			assert_true((unsigned char)out[i] >= 0x20 &&
				    out[i] != 0x7F);
		for (size_t i = size; i < sizeof(out); i++)
			assert_int_equal(out[i], 'Z');
	}
}

static char *written(void (*write)(FILE *, const char *), const char *text)
{
	char *data = NULL;
	size_t length;
	FILE *out = open_memstream(&data, &length);

	write(out, text);
	fclose(out);
	return data;
}

static void json_is_always_valid(void **state)
{
	char *made = written(text_json, "a\"\\\n\033\xFF é\u202E\U000E0001");

	(void)state;
	assert_string_equal(made, "\"a\\\"\\\\\\u000a\\u001b\\ufffd é\\u202e"
				  "\\udb40\\udc01\"");
	free(made);
}

static void csv_quotes_what_needs_it(void **state)
{
	static const char *const cases[][2] = {
		{"plain text", "plain text"},
		{"a,b", "\"a,b\""},
		{"say \"x\"", "\"say \"\"x\"\"\""},
		{"", "\"\""},
		{"two\nlines\033[m", "two^Jlines^[[m"},
		{"\xFF", "�"},
		{"é", "é"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *made = written(text_csv, cases[i][0]);

		assert_string_equal(made, cases[i][1]);
		free(made);
	}
}

static void command_loses_its_directory(void **state)
{
	(void)state;
	assert_string_equal(text_command("/usr/bin/python3 /a/b"),
			    "python3 /a/b");
	assert_string_equal(text_command("ls /"), "ls /");
	assert_string_equal(text_command("/bin/"), "/bin/");
	assert_string_equal(text_command(""), "");
	assert_true(text_has("Hakmem", "KME"));
	assert_true(text_has("x", ""));
	assert_false(text_has("x", "y"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_characters_become_carets),
		cmocka_unit_test(bad_utf8_becomes_a_mark),
		cmocka_unit_test(what_hides_or_reorders_is_shown),
		cmocka_unit_test(wide_characters_take_two_columns),
		cmocka_unit_test(cuts_with_a_mark),
		cmocka_unit_test(stays_within_bounds),
		cmocka_unit_test(json_is_always_valid),
		cmocka_unit_test(csv_quotes_what_needs_it),
		cmocka_unit_test(command_loses_its_directory),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
