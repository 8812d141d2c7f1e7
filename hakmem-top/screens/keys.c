#include "hakmem-top/screens/keys.h"

#include <curses.h>

#define CTRL(letter) ((letter)&0x1F)
#define ESCAPE	     27

#define SHOWN(scope, key, label, action, names, help, ...)                     \
	{                                                                      \
		ACTION_##action, {__VA_ARGS__}, names, help, label, key,       \
			KEYS_##scope                                           \
	}
#define HIDDEN(action, names, help, ...)                                       \
	{                                                                      \
		ACTION_##action, {__VA_ARGS__}, names, help, NULL, NULL,       \
			KEYS_ALL                                               \
	}

/* In the order of the help screen and the footer. */
const struct key keys_table[] = {
	SHOWN(ALL, "F1", "Help", HELP, "F1 h ?", "this help", KEY_F(1), 'h',
	      '?'),
	SHOWN(ALL, "q", "Quit", QUIT, "q F10 Ctrl-C", "quit", KEY_F(10), 'q'),
	SHOWN(OPENS, "Enter", "Open", ENTER, "Enter",
	      "open the selected process or site", KEY_ENTER, '\n', '\r'),
	SHOWN(PROCESS, "Esc", "Back", BACK, "Esc",
	      "back to where one came from; first drops a filter", ESCAPE,
	      KEY_BACKSPACE, 127, 8),
	SHOWN(PROCESS, "Tab", "Next", TAB, "Tab", "next screen of the process",
	      '\t'),
	HIDDEN(TAB_BACK, "Shift-Tab", "previous screen", KEY_BTAB),
	HIDDEN(SCREEN, "1-5", "the screen of that number", '1', '2', '3', '4',
	       '5', '6', '7'),
	SHOWN(ALL, "F6", "Sort", SORT_MENU, "F6",
	      "choose the column that sorts", KEY_F(6)),
	SHOWN(ALL, "F4", "Filter", FILTER, "F4 \\",
	      "show only rows that contain a text", KEY_F(4), '\\'),
	SHOWN(ALL, "F3", "Search", SEARCH, "F3 /", "search", KEY_F(3), '/'),
	HIDDEN(NEXT, "n", "next match", 'n'),
	HIDDEN(PREVIOUS, "N", "previous match", 'N'),
	HIDDEN(DELETE, "Del", "drop filter and search", KEY_DC),
	SHOWN(ALL, "z", "Freeze", FREEZE, "Space z",
	      "freeze: sort, filter and look while nothing moves", ' ', 'z'),
	SHOWN(ALL, "m", "Mark", MARK, "m", "mark: show changes since now", 'm'),
	HIDDEN(UNMARK, "M", "forget the mark", 'M'),
	SHOWN(LIST, "F5", "Tree", TREE, "F5 t", "processes as a tree", KEY_F(5),
	      't'),
	SHOWN(ALL, "e", "Export", EXPORT, "e",
	      "write what is on the screen to a file (.csv or .json)", 'e'),
	HIDDEN(SORT_LEFT, "<", "sort by the column to the left", '<', ','),
	HIDDEN(SORT_RIGHT, ">", "sort by the column to the right", '>', '.'),
	HIDDEN(INVERT, "I", "invert the order", 'I'),
	HIDDEN(INTERVAL, "d", "set the interval in seconds", 'd'),
	HIDDEN(FASTER, "-", "shorter interval", '-'),
	HIDDEN(SLOWER, "+", "longer interval", '+', '='),
	HIDDEN(UP, "Up k", "previous row", KEY_UP, 'k'),
	HIDDEN(DOWN, "Down j", "next row", KEY_DOWN, 'j'),
	HIDDEN(PAGE_UP, "PgUp", "previous page", KEY_PPAGE, CTRL('b')),
	HIDDEN(PAGE_DOWN, "PgDn", "next page", KEY_NPAGE, CTRL('f')),
	HIDDEN(FIRST, "Home g", "first row", KEY_HOME, 'g'),
	HIDDEN(LAST, "End G", "last row", KEY_END, 'G'),
	HIDDEN(LEFT, "Left", "bring columns back", KEY_LEFT),
	HIDDEN(RIGHT, "Right", "push columns out to see those that did not fit",
	       KEY_RIGHT),
	HIDDEN(REPAINT, "Ctrl-L", "draw the screen anew", CTRL('l')),
	HIDDEN(SUSPEND, "Ctrl-Z", "suspend; fg comes back", CTRL('z')),
};
const size_t keys_count = sizeof(keys_table) / sizeof(keys_table[0]);

enum action keys_action(int code)
{
	for (size_t i = 0; i < keys_count; i++)
		for (size_t k = 0; k < 8 && keys_table[i].codes[k]; k++)
			if (keys_table[i].codes[k] == code)
				return keys_table[i].action;
	return ACTION_NONE;
}
