#include "hakmem-top/term/prompt.h"

#include <curses.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct prompt prompt;

static void type(const char *keys)
{
	for (; *keys; keys++)
		assert_int_equal(prompt_key(&prompt, (unsigned char)*keys),
				 PROMPT_GOING_ON);
}

static void edits_a_line(void **state)
{
	(void)state;
	prompt_start(&prompt, "Name:", "old");
	type("er\b\bé x\177\177\177");
	assert_string_equal(prompt.text, "old");
	type(" two words\027");
	assert_string_equal(prompt.text, "old two ");
	assert_int_equal(prompt_key(&prompt, KEY_LEFT), PROMPT_GOING_ON);
	assert_string_equal(prompt.text, "old two ");
	type("\025");
	assert_string_equal(prompt.text, "");
	type("\b");
	assert_int_equal(prompt_key(&prompt, '\r'), PROMPT_DONE);
	assert_int_equal(prompt_key(&prompt, 27), PROMPT_CANCELED);
}

static void takes_no_more_than_fits(void **state)
{
	(void)state;
	prompt_start(&prompt, "", "");
	for (int i = 0; i < 1000; i++)
		prompt_key(&prompt, 'a');
	assert_int_equal(strlen(prompt.text), PROMPT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_a_line),
		cmocka_unit_test(takes_no_more_than_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
