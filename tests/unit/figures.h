/*
 * Figures of messages made by tests, by name: FIGURE_IN(&state, LIVE_BYTES)
 * = 7. A message that has none yet gets all of them, each 0, in an array that
 * is used again after FIGURES_MESSAGES others.
 */
#ifndef TESTS_FIGURES_H
#define TESTS_FIGURES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto/figures.h"

#define FIGURES_MESSAGES 1024

static inline uint64_t *figures_at(size_t *count, uint64_t **values,
				   enum figure figure)
{
	static uint64_t pool[FIGURES_MESSAGES][FIGURES];
	static size_t next;

	if (*count == 0) {
		*values = pool[next++ % FIGURES_MESSAGES];
		*count = FIGURES;
		memset(*values, 0, sizeof(pool[0]));
	}
	return &(*values)[figure];
}

#define FIGURE_IN(message, id)                                                 \
	(*({                                                                   \
		__typeof__(message) message_ = (message);                      \
		figures_at((size_t *)(uintptr_t)&message_->n_figures,          \
			   (uint64_t **)(uintptr_t)&message_->figures,         \
			   FIGURE_##id);                                       \
	}))

/* For a message's field figure_names. */
#define FIGURE_NAMES ((char *)(uintptr_t)figures_names)

#endif
