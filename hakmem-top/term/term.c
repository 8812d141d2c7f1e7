#include "hakmem-top/term/term.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hakmem-top/base/text.h"

/* Last: it makes macros of words like columns. */
#include <term.h>

static SCREEN *term_screen;
static FILE *term_input; /* the terminal's, stdin or /dev/tty */
static bool term_has_utf8, term_has_color;
static int term_attributes[TERM_ROLES];

/* Colors are set sparingly; without any, attributes tell roles apart. */
static const struct style {
	short fore, back; /* -1: the terminal's own */
	int colored, plain;
} term_styles[TERM_ROLES] = {
	[TERM_TEXT] = {-1, -1, 0, 0},
	[TERM_DIM] = {-1, -1, A_DIM, A_DIM},
	[TERM_TITLE] = {COLOR_CYAN, -1, 0, 0},
	[TERM_STRONG] = {-1, -1, A_BOLD, A_BOLD},
	[TERM_HEADER] = {COLOR_BLACK, COLOR_GREEN, 0, A_REVERSE},
	[TERM_SORTED] = {COLOR_BLACK, COLOR_CYAN, 0, A_REVERSE | A_BOLD},
	[TERM_SELECTED] = {COLOR_BLACK, COLOR_CYAN, 0, A_REVERSE},
	[TERM_GOOD] = {COLOR_GREEN, -1, 0, 0},
	[TERM_WARN] = {COLOR_YELLOW, -1, 0, A_BOLD},
	[TERM_BAD] = {COLOR_RED, -1, A_BOLD, A_BOLD},
	[TERM_BAR] = {COLOR_GREEN, -1, 0, 0},
	[TERM_KEY] = {-1, -1, A_BOLD, A_BOLD},
	[TERM_LABEL] = {COLOR_BLACK, COLOR_CYAN, 0, A_REVERSE},
};

/* True when the terminal `name` is known and can place its cursor. */
static bool term_usable(const char *name, char *why, size_t size)
{
	int error = 0;
	const char *address;
	bool places;

	if (setupterm(name, STDOUT_FILENO, &error) != OK) {
		snprintf(why, size,
			 "unknown terminal type '%.40s': set TERM, or use "
			 "--batch",
			 name);
		return false;
	}
	address = tigetstr("cup");
	places = address && (intptr_t)address != -1;
	del_curterm(cur_term); /* newterm reads its own */
	if (!places)
		snprintf(why, size,
			 "terminal type '%.40s' cannot place its cursor: set "
			 "TERM, or use --batch",
			 name);
	return places;
}

static void term_set_roles(void)
{
	term_has_color = term_has_color && has_colors() &&
			 start_color() == OK && use_default_colors() == OK;
	for (int i = 0; i < TERM_ROLES; i++) {
		const struct style *style = &term_styles[i];

		term_attributes[i] = style->plain;
		if (!term_has_color)
			continue;
		init_pair((short)(i + 1), style->fore, style->back);
		term_attributes[i] = style->colored | (int)COLOR_PAIR(i + 1);
	}
}

/* Keys come from stdin, or from the terminal itself when that is a pipe. */
static bool term_open_input(char *why, size_t size)
{
	int fd = isatty(STDIN_FILENO) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
				      : open("/dev/tty", O_RDWR | O_CLOEXEC);

	term_input = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (term_input)
		return true;
	snprintf(why, size, "no terminal to read keys from: use --batch");
	if (fd >= 0)
		close(fd);
	return false;
}

bool term_open(const struct term_conf *conf, char *why, size_t size)
{
	const char *name = getenv("TERM");

	if (!name || !*name)
		name = "unknown";
	if (!term_usable(name, why, size) || !term_open_input(why, size))
		return false;
	term_screen = newterm(name, stdout, term_input);
	if (!term_screen) {
		snprintf(why, size, "cannot set up terminal type '%.40s'",
			 name);
		fclose(term_input);
		return false;
	}
	term_has_utf8 =
		!conf->ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	term_has_color = conf->color;
	term_set_roles();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	if (conf->mouse) {
		mousemask(BUTTON1_PRESSED | BUTTON1_DOUBLE_CLICKED |
				  BUTTON1_CLICKED | BUTTON4_PRESSED |
				  BUTTON5_PRESSED,
			  NULL);
		mouseinterval(150);
	}
	return true;
}

void term_close(void)
{
	if (!term_screen)
		return;
	curs_set(1);
	endwin();
	delscreen(term_screen);
	term_screen = NULL;
	fclose(term_input);
	term_input = NULL;
}

int term_fd(void)
{
	return fileno(term_input);
}

int term_rows(void)
{
	return LINES;
}

int term_columns(void)
{
	return COLS;
}

bool term_utf8(void)
{
	return term_has_utf8;
}

void term_begin(void)
{
	curs_set(0);
	erase();
}

void term_end(void)
{
	refresh();
}

void term_cursor(int y, int x)
{
	if (y < LINES && x < COLS) {
		move(y, x);
		curs_set(1);
	}
}

/* Draws `text`, `used` columns wide, with blanks before and behind. */
static int term_draw(int y, int x, int before, int behind, enum term_role role,
		     const char *text)
{
	attrset(term_attributes[role]);
	move(y, x);
	for (int i = 0; i < before; i++)
		addch(' ');
	addstr(text);
	for (int i = 0; i < behind; i++)
		addch(' ');
	attrset(0);
	return getcurx(stdscr);
}

/* The columns of `width` that lie on the screen. */
static int term_clip(int y, int x, int width)
{
	if (y < 0 || y >= LINES || x < 0 || x >= COLS)
		return 0;
	return width < COLS - x ? width : COLS - x;
}

int term_put(int y, int x, int width, enum term_role role, const char *text)
{
	char clean[TERM_LINE_MAX];
	int room = term_clip(y, x, width), used;

	if (room <= 0)
		return x;
	used = (int)text_clean(clean, sizeof(clean), text, (size_t)room,
			       term_has_utf8);
	term_draw(y, x, 0, room - used, role, clean);
	return x + room;
}

int term_put_right(int y, int x, int width, enum term_role role,
		   const char *text)
{
	char clean[TERM_LINE_MAX];
	int room = term_clip(y, x, width), used;

	if (room <= 0)
		return x;
	used = (int)text_clean(clean, sizeof(clean), text, (size_t)room,
			       term_has_utf8);
	term_draw(y, x, room - used, 0, role, clean);
	return x + room;
}

int term_add(int y, int x, enum term_role role, const char *text)
{
	char clean[TERM_LINE_MAX];
	int room = term_clip(y, x, COLS), used;

	if (room <= 0)
		return x;
	used = (int)text_clean(clean, sizeof(clean), text, (size_t)room,
			       term_has_utf8);
	term_draw(y, x, 0, 0, role, clean);
	return x + used;
}

int term_addf(int y, int x, enum term_role role, const char *format, ...)
{
	char text[TERM_LINE_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return term_add(y, x, role, text);
}

static bool term_closed(void)
{
	struct pollfd poller = {.fd = fileno(term_input), .events = POLLIN};

	return poll(&poller, 1, 0) > 0 &&
	       (poller.revents & (POLLHUP | POLLERR | POLLNVAL));
}

int term_key(struct term_click *click)
{
	int key = getch();
	MEVENT event;

	if (key == ERR)
		return term_closed() ? TERM_CLOSED : TERM_NO_KEY;
	if (key != KEY_MOUSE)
		return key;
	if (getmouse(&event) != OK)
		return TERM_NO_KEY;
	*click = (struct term_click){
		.y = event.y,
		.x = event.x,
		.twice = (event.bstate & BUTTON1_DOUBLE_CLICKED) != 0,
		.wheel = event.bstate & BUTTON4_PRESSED	  ? -1
			 : event.bstate & BUTTON5_PRESSED ? 1
							  : 0,
	};
	return key;
}

void term_repaint(void)
{
	clearok(curscr, TRUE);
}

void term_beep(void)
{
	beep();
}
