/*
 * The terminal. All drawing goes through here, and text through term_put,
 * which lets nothing but printable characters out: a caller may hand it what
 * another program wrote. Of curses the rest of the viewer knows the codes of
 * keys alone.
 *
 * One terminal per program; main thread only.
 */
#ifndef HAKMEM_TOP_TERM_H
#define HAKMEM_TOP_TERM_H

#include <stdbool.h>
#include <stddef.h>

#define TERM_LINE_MAX	 1024 /* bytes of one drawn text */
#define TERM_MIN_COLUMNS 40
#define TERM_MIN_ROWS	 10

/* What a text means; colors and attributes follow from it. */
enum term_role {
	TERM_TEXT,
	TERM_DIM,    /* less important */
	TERM_TITLE,  /* names of figures */
	TERM_STRONG, /* the figures to look at first */
	TERM_HEADER, /* column headers */
	TERM_SORTED, /* the header that sorts */
	TERM_SELECTED,
	TERM_GOOD,
	TERM_WARN,
	TERM_BAD,
	TERM_BAR,
	TERM_KEY,   /* name of a key in the footer */
	TERM_LABEL, /* what it does */
	TERM_ROLES
};

struct term_conf {
	bool color, ascii, mouse;
};

/* A click or a turn of the wheel. */
struct term_click {
	int y, x;
	bool twice;
	int wheel; /* -1 up, 1 down, 0 = button */
};

/* term_key's answers beyond characters and the codes of curses. */
#define TERM_NO_KEY -1
#define TERM_CLOSED -2

/*
 * Takes the terminal over. False with one line in `why` when there is none or
 * it cannot move its cursor.
 */
bool term_open(const struct term_conf *conf, char *why, size_t size);

/* Gives it back as it was; harmless when not open. */
void term_close(void);

/* The descriptor to poll for keys. */
int term_fd(void);

int term_rows(void);
int term_columns(void);

/* True when characters beyond ASCII may be drawn. */
bool term_utf8(void);

/* A new screen is drawn between these two. */
void term_begin(void);
void term_end(void);

/* Puts the cursor at y, x and shows it; hidden again by term_begin. */
void term_cursor(int y, int x);

/*
 * Draws `text` at row y, column x, in exactly `width` columns: cut with a mark
 * or filled with blanks. What lies outside the screen is left out. Returns the
 * column behind it.
 */
int term_put(int y, int x, int width, enum term_role role, const char *text);

/* The same with the text at the right end. */
int term_put_right(int y, int x, int width, enum term_role role,
		   const char *text);

/* Draws a text in its own width, cut at the right edge; the column behind. */
int term_add(int y, int x, enum term_role role, const char *text);
int term_addf(int y, int x, enum term_role role, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The next key without waiting, a click in `*click` for KEY_MOUSE. */
int term_key(struct term_click *click);

/* Draws everything anew, after something else wrote to the terminal. */
void term_repaint(void);

/* A short bell or flash. */
void term_beep(void);

#endif
