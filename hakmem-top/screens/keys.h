/*
 * The keys: one table from which the help screen, --help and the footer come.
 * Letters that sort are in the columns of each screen and never here.
 */
#ifndef HAKMEM_TOP_KEYS_H
#define HAKMEM_TOP_KEYS_H

#include <stddef.h>

enum action {
	ACTION_NONE,
	ACTION_HELP,
	ACTION_SEARCH,
	ACTION_NEXT,
	ACTION_PREVIOUS,
	ACTION_FILTER,
	ACTION_TREE,
	ACTION_SORT_MENU,
	ACTION_SORT_LEFT,
	ACTION_SORT_RIGHT,
	ACTION_INVERT,
	ACTION_FREEZE,
	ACTION_MARK,
	ACTION_UNMARK,
	ACTION_EXPORT,
	ACTION_INTERVAL,
	ACTION_FASTER,
	ACTION_SLOWER,
	ACTION_ENTER,
	ACTION_BACK,
	ACTION_TAB,
	ACTION_TAB_BACK,
	ACTION_SCREEN, /* a digit: the screen of that number */
	ACTION_UP,
	ACTION_DOWN,
	ACTION_PAGE_UP,
	ACTION_PAGE_DOWN,
	ACTION_FIRST,
	ACTION_LAST,
	ACTION_LEFT,
	ACTION_RIGHT,
	ACTION_DELETE,
	ACTION_REPAINT,
	ACTION_QUIT,
	ACTION_SUSPEND,
	ACTIONS
};

/* Where a key means something, for the footer. */
enum keys_scope {
	KEYS_ALL,
	KEYS_LIST,
	KEYS_PROCESS,
	KEYS_OPENS, /* where Enter opens something */
};

struct key {
	enum action action;
	int codes[8];	    /* of curses, 0 ends */
	const char *names;  /* as people write them */
	const char *help;   /* what it does */
	const char *footer; /* in a word, NULL: not in the footer */
	const char *footer_key;
	enum keys_scope scope;
};

extern const struct key keys_table[];
extern const size_t keys_count;

/* The action of a key code; ACTION_NONE when it has none. */
enum action keys_action(int code);

#endif
