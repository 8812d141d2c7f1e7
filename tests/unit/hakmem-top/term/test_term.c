#include "hakmem-top/term/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <termios.h>
#include <cmocka.h>

#include "tests/unit/hakmem-top/terminal.h"

static struct term_click click;
static char why[256];

static int setup_terminal(void **state)
{
	(void)state;
	why[0] = '\0';
	return terminal_open(24, 80, "xterm") ? 0 : -1;
}

static int setup(void **state)
{
	const struct term_conf conf = {.color = true, .mouse = true};

	if (setup_terminal(state) != 0)
		return -1;
	return term_open(&conf, why, sizeof(why)) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	terminal_close();
	return 0;
}

/* The next key, for which the kernel may need a moment. */
static int key_of(const char *typed)
{
	terminal_type(typed);
	return term_key(&click);
}

static void expect_refusal(const char *type, const char *wanted)
{
	const struct term_conf conf = {.color = true};

	if (type)
		setenv("TERM", type, 1);
	else
		unsetenv("TERM");
	assert_false(term_open(&conf, why, sizeof(why)));
	assert_string_equal(why, wanted);
	term_close(); /* harmless */
}

static void unusable_terminals_are_refused(void **state)
{
	(void)state;
	expect_refusal("nonesuch", "unknown terminal type 'nonesuch': set "
				   "TERM, or use --batch");
	expect_refusal(NULL, "unknown terminal type 'unknown': set TERM, or "
			     "use --batch");
	expect_refusal("", "unknown terminal type 'unknown': set TERM, or use "
			   "--batch");
	expect_refusal("dumb", "terminal type 'dumb' cannot place its cursor: "
			       "set TERM, or use --batch");
}

/* In a session without a terminal, or with one that is not stdin. */
static int open_apart(bool controlling)
{
	const struct term_conf conf = {.color = true};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct pollfd poller;

	if (setsid() < 0 || dup2(null, 0) < 0)
		return 1;
	if (controlling && ioctl(terminal.slave, TIOCSCTTY, 0) != 0)
		return 2;
	if (!term_open(&conf, why, sizeof(why)))
		return strcmp(why, "no terminal to read keys from: use "
				   "--batch") == 0
			       ? 3
			       : 4;
	if (write(terminal.slave, "ready", 5) != 5)
		return 5;
	poller = (struct pollfd){.fd = term_fd(), .events = POLLIN};
	poll(&poller, 1, 60000);
	return term_key(&click) == 'x' ? 0 : 6;
}

static int status_apart(bool controlling)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(open_apart(controlling));
	if (controlling && terminal_wrote("ready"))
		assert_int_equal(write(terminal.master, "x", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void keys_come_from_the_terminal_not_from_a_pipe(void **state)
{
	(void)state;
	assert_int_equal(status_apart(false), 3);
	assert_int_equal(status_apart(true), 0);
}

static void gives_the_terminal_back_as_it_was(void **state)
{
	const struct term_conf conf = {.color = true, .mouse = true};
	struct termios before = {0}, while_open, after = {0};

	(void)state;
	assert_int_equal(tcgetattr(terminal.slave, &before), 0);
	assert_true(term_open(&conf, why, sizeof(why)));
	tcgetattr(terminal.slave, &while_open);
	assert_false(while_open.c_lflag & (ICANON | ECHO));
	term_begin();
	term_end();
	assert_true(terminal_wrote("\033[?1049h")); /* the other screen */
	assert_true(terminal_wrote("\033[?25l"));   /* no cursor */
	terminal_forget();
	term_close();
	assert_true(terminal_wrote("\033[?1049l"));
	assert_true(terminal_wrote("\033[?25h"));
	assert_true(terminal_wrote("\033[?1006;1000l")); /* no mouse */
	tcgetattr(terminal.slave, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	terminal_forget();
	term_close();
	assert_int_equal(terminal.used, 0);
}

static void put_fills_and_cuts(void **state)
{
	(void)state;
	term_begin();
	term_put(3, 0, 80, TERM_TEXT,
		 "................................................");
	assert_int_equal(term_put(3, 4, 6, TERM_TEXT, "ab"), 10);
	assert_string_equal(terminal_text(3, 0, 14), "....ab    ....");
	assert_int_equal(term_put(3, 4, 6, TERM_TEXT, "abcdef"), 10);
	assert_string_equal(terminal_text(3, 0, 14), "....abcdef....");
	assert_int_equal(term_put(3, 4, 6, TERM_TEXT, "abcdefg"), 10);
	assert_string_equal(terminal_text(3, 0, 14), "....abcde\u2026....");
	assert_int_equal(term_put_right(3, 4, 6, TERM_TEXT, "ab"), 10);
	assert_string_equal(terminal_text(3, 0, 14), "....    ab....");
	assert_int_equal(term_put_right(3, 4, 6, TERM_TEXT, "abcdefg"), 10);
	assert_string_equal(terminal_text(3, 0, 14), "....abcde\u2026....");
	assert_int_equal(term_put(3, 4, 0, TERM_TEXT, "ab"), 4);
	assert_string_equal(terminal_text(3, 0, 14), "....abcde\u2026....");
}

static void wide_characters_take_two_columns(void **state)
{
	(void)state;
	term_begin();
	term_put(0, 0, 80, TERM_TEXT, "..........");
	assert_int_equal(term_put(0, 0, 6, TERM_TEXT, "\u4e2d\u6587"), 6);
	assert_string_equal(terminal_text(0, 0, 10), "\u4e2d\u6587  ....");
	assert_int_equal(term_put(0, 0, 4, TERM_TEXT, "a\u4e2d\u6587"), 4);
	assert_string_equal(terminal_text(0, 0, 10), "a\u4e2d\u2026  ....");
}

static void add_takes_its_own_width(void **state)
{
	(void)state;
	term_begin();
	assert_int_equal(term_add(1, 2, TERM_TEXT, "abc"), 5);
	assert_int_equal(term_addf(1, 5, TERM_TEXT, "%s-%d", "x", 42), 9);
	assert_string_equal(terminal_row(1), "  abcx-42");
	assert_int_equal(term_add(2, 77, TERM_TEXT, "abc"), 80);
	assert_string_equal(terminal_text(2, 77, 3), "abc");
	assert_int_equal(term_add(2, 77, TERM_TEXT, "abcd"), 80);
	assert_string_equal(terminal_text(2, 77, 3), "ab\u2026");
	assert_string_equal(terminal_row(3), "");
}

static void what_lies_outside_is_left_out(void **state)
{
	static const struct {
		int y, x;
	} outside[] = {{-1, 0}, {24, 0}, {0, -1}, {0, 80}};

	(void)state;
	term_begin();
	for (size_t i = 0; i < 4; i++) {
		int y = outside[i].y, x = outside[i].x;

		assert_int_equal(term_put(y, x, 9, TERM_TEXT, "text"), x);
		assert_int_equal(term_put_right(y, x, 9, TERM_TEXT, "text"), x);
		assert_int_equal(term_add(y, x, TERM_TEXT, "text"), x);
	}
	for (int y = 0; y < 24; y++)
		assert_string_equal(terminal_row(y), "");
	assert_int_equal(term_put(23, 76, 99, TERM_TEXT, "text"), 80);
	assert_string_equal(terminal_text(23, 76, 4), "text");
	assert_int_equal(term_put_right(23, 76, 99, TERM_TEXT, "wxyz"), 80);
	assert_string_equal(terminal_text(23, 76, 4), "wxyz");
}

static void nothing_unprintable_gets_out(void **state)
{
	(void)state;
	term_begin();
	term_add(0, 0, TERM_TEXT, "a\033[31mb\r\n\tc\x7f \xff \u202e");
	assert_string_equal(terminal_row(0), "a^[[31mb^M^J^Ic^? \ufffd \ufffd");
	terminal_forget();
	term_end();
	assert_true(terminal_wrote("a^[[31mb^M^J^Ic^?"));
}

static void ascii_when_asked_or_when_the_locale_is(void **state)
{
	const struct term_conf conf = {.ascii = true}, other = {.ascii = false};

	(void)state;
	assert_true(term_open(&conf, why, sizeof(why)));
	assert_false(term_utf8());
	term_put(0, 0, 5, TERM_TEXT, "\u4e2dabcdefg");
	assert_string_equal(terminal_row(0), "?abc~");
	term_close();
	assert_true(term_open(&other, why, sizeof(why)));
	assert_true(term_utf8());
	term_close();
	setlocale(LC_ALL, "C");
	assert_true(term_open(&other, why, sizeof(why)));
	assert_false(term_utf8());
}

static chtype look(enum term_role role)
{
	term_put(0, 0, 1, role, "x");
	return mvinch(0, 0);
}

static void roles_have_colors(void **state)
{
	short fore, back;

	(void)state;
	for (int role = 0; role < TERM_ROLES; role++)
		assert_int_equal(
			PAIR_NUMBER(look((enum term_role)role) & A_COLOR),
			role + 1);
	assert_true(look(TERM_BAD) & A_BOLD);
	pair_content(TERM_BAD + 1, &fore, &back);
	assert_int_equal(fore, COLOR_RED);
	assert_int_equal(back, -1);
	/* The role ends with the text. */
	term_put(0, 0, 1, TERM_BAD, "x");
	addstr("y");
	assert_int_equal(mvinch(0, 1), 'y');
}

static void without_color_attributes_tell_roles_apart(void **state)
{
	const struct term_conf conf = {.color = false};

	(void)state;
	assert_true(term_open(&conf, why, sizeof(why)));
	for (int role = 0; role < TERM_ROLES; role++)
		assert_int_equal(look((enum term_role)role) & A_COLOR, 0);
	assert_int_equal(look(TERM_TEXT), 'x');
	assert_int_equal(look(TERM_HEADER), 'x' | A_REVERSE);
	assert_int_equal(look(TERM_SORTED), 'x' | A_REVERSE | A_BOLD);
	assert_int_equal(look(TERM_SELECTED), 'x' | A_REVERSE);
	assert_int_equal(look(TERM_BAD), 'x' | A_BOLD);
	terminal_forget();
	term_end();
	assert_false(strstr(terminal.written, "\033[3") != NULL);
}

static void begin_wipes_and_end_shows(void **state)
{
	(void)state;
	term_begin();
	term_add(5, 5, TERM_TEXT, "first sight");
	assert_null(strstr(terminal.written, "first sight"));
	term_end();
	assert_true(terminal_wrote("first sight"));
	term_begin();
	assert_string_equal(terminal_row(5), "");
	term_end();
}

static void the_cursor_shows_where_it_is_put(void **state)
{
	(void)state;
	term_begin();
	term_add(9, 0, TERM_TEXT, "typed");
	term_cursor(9, 5);
	term_end();
	assert_int_equal(getcury(curscr), 9);
	assert_int_equal(getcurx(curscr), 5);
	assert_int_equal(curs_set(1), 1); /* it was visible */
	term_begin();
	assert_int_equal(curs_set(0), 0);
	term_cursor(24, 0); /* no such place */
	term_cursor(0, 80);
	assert_int_equal(curs_set(0), 0);
}

static void repaint_writes_all_anew(void **state)
{
	(void)state;
	term_begin();
	term_add(5, 5, TERM_TEXT, "same text");
	term_end();
	assert_true(terminal_wrote("same text"));
	terminal_forget();
	term_repaint();
	term_end();
	assert_true(terminal_wrote("same text"));
}

static void keys_do_not_wait(void **state)
{
	(void)state;
	assert_int_equal(term_key(&click), TERM_NO_KEY);
	assert_int_equal(key_of("q"), 'q');
	assert_int_equal(term_key(&click), TERM_NO_KEY);
	assert_int_equal(key_of("\033OA"), KEY_UP);
	assert_int_equal(key_of("\033[15~"), KEY_F(5));
	assert_int_equal(key_of("\r"), '\r');
	assert_int_equal(key_of("\033"), 27);
	assert_int_equal(key_of("ab"), 'a');
	assert_int_equal(term_key(&click), 'b');
}

static void clicks_tell_where(void **state)
{
	(void)state;
	/* The protocol counts from 1, columns first; 64 and 65: the wheel. */
	assert_int_equal(key_of("\033[<64;3;8M"), KEY_MOUSE);
	assert_int_equal(click.wheel, -1);
	assert_int_equal(click.y, 7);
	assert_int_equal(click.x, 2);
	assert_int_equal(key_of("\033[<65;3;8M"), KEY_MOUSE);
	assert_int_equal(click.wheel, 1);
	assert_int_equal(key_of("\033[<0;11;21M\033[<0;11;21m"), KEY_MOUSE);
	assert_int_equal(click.wheel, 0);
	assert_int_equal(click.y, 20);
	assert_int_equal(click.x, 10);
	assert_false(click.twice);
	assert_int_equal(key_of("\033[<0;11;21M\033[<0;11;21m"
				"\033[<0;11;21M\033[<0;11;21m"),
			 KEY_MOUSE);
	assert_true(click.twice);
}

static void a_terminal_that_goes_is_told(void **state)
{
	(void)state;
	assert_int_equal(term_key(&click), TERM_NO_KEY);
	terminal_hang_up();
	assert_int_equal(term_key(&click), TERM_CLOSED);
}

static void a_new_size_is_a_key(void **state)
{
	const struct winsize size = {.ws_row = 11, .ws_col = 41};

	(void)state;
	assert_int_equal(term_rows(), 24);
	assert_int_equal(term_columns(), 80);
	assert_int_equal(ioctl(terminal.master, TIOCSWINSZ, &size), 0);
	raise(SIGWINCH);
	assert_int_equal(term_key(&click), KEY_RESIZE);
	assert_int_equal(term_rows(), 11);
	assert_int_equal(term_columns(), 41);
	assert_int_equal(term_put(10, 0, 99, TERM_TEXT, "below"), 41);
	assert_int_equal(term_put(11, 0, 99, TERM_TEXT, "outside"), 0);
}

int main(void)
{
#define OPENS(name)                                                            \
	cmocka_unit_test_setup_teardown(name, setup_terminal, teardown)
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		OPENS(unusable_terminals_are_refused),
		OPENS(keys_come_from_the_terminal_not_from_a_pipe),
		OPENS(gives_the_terminal_back_as_it_was),
		TEST(put_fills_and_cuts),
		TEST(wide_characters_take_two_columns),
		TEST(add_takes_its_own_width),
		TEST(what_lies_outside_is_left_out),
		TEST(nothing_unprintable_gets_out),
		OPENS(ascii_when_asked_or_when_the_locale_is),
		TEST(roles_have_colors),
		OPENS(without_color_attributes_tell_roles_apart),
		TEST(begin_wipes_and_end_shows),
		TEST(the_cursor_shows_where_it_is_put),
		TEST(repaint_writes_all_anew),
		TEST(keys_do_not_wait),
		TEST(clicks_tell_where),
		TEST(a_terminal_that_goes_is_told),
		TEST(a_new_size_is_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
