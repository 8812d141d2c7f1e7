/*
 * The keys: one table (in input.c, beside the functions that it calls) from
 * which the help screen, --help and the footer come. Letters that sort are in
 * the columns of each screen and never here.
 */
#ifndef HAKMEM_TOP_KEYS_H
#define HAKMEM_TOP_KEYS_H

#include <stddef.h>

struct input;

/* Where a key means something, for the footer. */
enum keys_scope {
	KEYS_ALL,
	KEYS_LIST,
	KEYS_PROCESS,
	KEYS_OPENS, /* where Enter opens something */
};

#define KEYS_CODES 8

struct key {
	void (*press)(struct input *input, int argument);
	int argument;		/* 0: the code of the key */
	int codes[KEYS_CODES];	/* of curses, 0 ends */
	const char *names;	/* as people write them */
	const char *help;	/* what it does */
	const char *footer;	/* in a word, NULL: not in the footer */
	const char *footer_key; /* its name there */
	enum keys_scope scope;
};

extern const struct key keys_table[];
extern const size_t keys_count;

/* The key of a code, NULL when there is none. */
const struct key *keys_find(int code);

#endif
