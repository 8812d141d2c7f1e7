#include "hakmem-top/term/prompt.h"

#include <curses.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CTRL(letter) ((letter)&0x1F)
#define ESCAPE	     27

void prompt_start(struct prompt *prompt, const char *label, const char *text)
{
	prompt->label = label;
	snprintf(prompt->text, sizeof(prompt->text), "%s", text);
	prompt->length = strlen(prompt->text);
}

/* Drops the last character, all of its bytes. */
static void prompt_drop(struct prompt *prompt)
{
	while (prompt->length > 0 &&
	       (prompt->text[--prompt->length] & 0xC0) == 0x80)
		;
	prompt->text[prompt->length] = '\0';
}

static void prompt_drop_word(struct prompt *prompt)
{
	while (prompt->length > 0 && prompt->text[prompt->length - 1] == ' ')
		prompt_drop(prompt);
	while (prompt->length > 0 && prompt->text[prompt->length - 1] != ' ')
		prompt_drop(prompt);
}

enum prompt_state prompt_key(struct prompt *prompt, int key)
{
	switch (key) {
	case '\n':
	case '\r':
	case KEY_ENTER:
		return PROMPT_DONE;
	case ESCAPE:
		return PROMPT_CANCELED;
	case KEY_BACKSPACE:
	case 127:
	case 8:
		prompt_drop(prompt);
		return PROMPT_GOING_ON;
	case CTRL('u'):
		prompt->length = 0;
		prompt->text[0] = '\0';
		return PROMPT_GOING_ON;
	case CTRL('w'):
		prompt_drop_word(prompt);
		return PROMPT_GOING_ON;
	default:
		break;
	}
	if (key >= ' ' && key < 256 && prompt->length + 1 < PROMPT_MAX) {
		prompt->text[prompt->length++] = (char)key;
		prompt->text[prompt->length] = '\0';
	}
	return PROMPT_GOING_ON;
}
