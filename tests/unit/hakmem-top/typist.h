/*
 * Somebody who looks at the terminal and types, for functions that only return
 * when one quits: a thread that waits for each text in turn, behind the one
 * before, and then acts. When a text does not come it asks the program to end
 * and says so.
 */
#ifndef TESTS_TYPIST_H
#define TESTS_TYPIST_H

#include "tests/unit/hakmem-top/terminal.h"

struct typist_step {
	const char *wait;  /* what has to be written first; NULL ends */
	const char *keys;  /* to be typed then, or NULL */
	void (*act)(void); /* to be called then, or NULL */
};

static struct {
	const struct typist_step *steps;
	pthread_t thread;
	const char *missed; /* the text that did not come */
} typist;

static inline void *typist_work(void *unused)
{
	size_t from = 0;

	for (const struct typist_step *step = typist.steps; step->wait;
	     step++) {
		if (!terminal_wrote_since(step->wait, &from)) {
			typist.missed = step->wait;
			kill(getpid(), SIGTERM);
			return unused;
		}
		if (step->keys &&
		    write(terminal.master, step->keys, strlen(step->keys)) < 0)
			return unused;
		if (step->act)
			step->act();
	}
	return unused;
}

static inline bool typist_start(const struct typist_step *steps)
{
	typist.steps = steps;
	typist.missed = NULL;
	return terminal_thread(&typist.thread, typist_work) == 0;
}

/* Waits until all was done; the text that never came, or "". */
static inline const char *typist_end(void)
{
	pthread_join(typist.thread, NULL);
	return typist.missed ? typist.missed : "";
}

#endif
