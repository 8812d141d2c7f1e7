/*
 * What keys and clicks do: to the screen that is shown, its table, the feed,
 * the line that is being typed.
 */
#ifndef HAKMEM_TOP_INPUT_H
#define HAKMEM_TOP_INPUT_H

#include <stdbool.h>

#include "hakmem-top/ui/chrome.h"
#include "hakmem-top/ui/feed.h"
#include "hakmem-top/base/opts.h"
#include "hakmem-top/screens/screen.h"
#include "hakmem-top/term/term.h"

/* What the line that is typed is for. */
enum input_purpose {
	INPUT_FILTER,
	INPUT_SEARCH,
	INPUT_EXPORT,
	INPUT_INTERVAL,
};

struct input {
	const struct opts *opts;
	struct context context;
	struct feed feed;
	struct ui ui;
	enum input_purpose purpose;
	char search[PROMPT_MAX];
	char outer_filter[SCREEN_FILTER_MAX]; /* of the screen outside */
	bool quit;
};

/* Does what a key of term_key means; `where` is read for KEY_MOUSE. */
void input_press(struct input *input, int code, const struct term_click *where);

/* Shows a message in the footer for some seconds. */
void input_say(struct input *input, bool bad, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Makes the rows of the screen anew, if it has data. */
void input_refresh(struct input *input);

/* Writes the export that has come, or says why it has not. */
void input_exported(struct input *input);

/* Goes back from a process to the list. */
void input_leave(struct input *input);

#endif
