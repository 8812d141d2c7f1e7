/*
 * A line of text that is being typed. Pure: keys go in, a string comes out.
 */
#ifndef HAKMEM_TOP_PROMPT_H
#define HAKMEM_TOP_PROMPT_H

#include <stddef.h>

#define PROMPT_MAX 256

enum prompt_state { PROMPT_GOING_ON, PROMPT_DONE, PROMPT_CANCELED };

struct prompt {
	const char *label;
	char text[PROMPT_MAX];
	size_t length;
};

/* Starts with `text` typed already. */
void prompt_start(struct prompt *prompt, const char *label, const char *text);

/*
 * Takes a key: a character (UTF-8 comes byte by byte), Backspace, Ctrl-U to
 * clear, Ctrl-W to drop a word, Enter, Esc. Other keys change nothing.
 */
enum prompt_state prompt_key(struct prompt *prompt, int key);

#endif
