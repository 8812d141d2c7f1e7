/*
 * What frames each screen: the header with totals, the tabs, the footer with
 * keys, prompt or message, the menu of columns, the help.
 */
#ifndef HAKMEM_TOP_CHROME_H
#define HAKMEM_TOP_CHROME_H

#include <stdbool.h>
#include <stdint.h>

#include "hakmem-top/ui/feed.h"
#include "hakmem-top/term/prompt.h"
#include "hakmem-top/base/run.h"
#include "hakmem-top/screens/screen.h"

enum chrome_mode {
	CHROME_NORMAL,
	CHROME_HELP,
	CHROME_MENU,   /* F6: which column sorts */
	CHROME_PROMPT, /* something is typed */
};

struct ui {
	enum chrome_mode mode;
	const struct screen *screen;
	struct prompt prompt;
	size_t menu; /* the column that is pointed at */
	int help_top, help_lines;
	char message[256]; /* shown until `message_until_ns` */
	bool message_bad;
	uint64_t message_until_ns;
	const struct run *run; /* NULL unless a command is watched */
};

/* Tabs of a process, in order; ends with NULL. */
extern const struct screen *const chrome_tabs[];

/* Draws everything. */
void chrome_draw(struct ui *ui, const struct feed *feed, uint64_t now_ns);

#endif
