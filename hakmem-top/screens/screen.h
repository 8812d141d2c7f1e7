/*
 * A screen: one file, one const struct. The app owns the loop, header and
 * footer; a screen draws the middle, names the sources that it needs, and has a
 * table whose columns also are its files.
 *
 * All screens share one context. While it is frozen nothing in it changes but
 * what a screen opens for the first time.
 */
#ifndef HAKMEM_TOP_SCREEN_H
#define HAKMEM_TOP_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hakmem-top/data/client.h"
#include "hakmem-top/data/model.h"
#include "hakmem-top/base/opts.h"
#include "hakmem-top/data/sites.h"
#include "hakmem-top/screens/table.h"
#include "hakmem-top/data/view.h"

#define SCREEN_FILTER_MAX 64

struct context {
	/* The newest answers that are shown; NULL until one came. */
	struct processes *list;
	struct detail *detail;
	struct detail *before; /* the state before `detail`, for rates */
	struct history *history;
	struct sites *sites;
	struct stack *stack;
	char sites_trouble[128]; /* why there are none; "" = no trouble */

	double time_s; /* Unix time of the list that is shown */
	struct view view;
	uint64_t open_id;  /* the open process; 0 = the list, or it is lost */
	uint32_t open_pid; /* 0 = the list */
	uint32_t site_id;  /* the open site of it; 0 = none */
	bool tree;
	char filter[SCREEN_FILTER_MAX];
};

/* A source that a screen wants to be asked for at every poll. */
#define NEEDS(source) (1u << CLIENT_##source)

struct screen {
	const char *name; /* on its tab */
	const char *what; /* in JSON: what its rows are */
	bool of_process;  /* needs context.detail */
	unsigned needs;	  /* beyond the detail: NEEDS(HISTORY) | ... */
	bool heap;	  /* its export may also be one of the heap */
	const struct screen *inside; /* what Enter on a row shows, or NULL */
	const struct screen
		*outside; /* what Esc goes back to; NULL: the list */
	/* Makes the table's rows anew after data, filter or order changed. */
	bool (*refresh)(struct context *context);
	/* NULL when the screen has none. */
	struct table *(*table)(void);
	/* Tells the context what `inside` is to show; false: nothing. */
	bool (*enter)(struct context *context);
	/* Draws rows y .. y + height - 1. */
	void (*draw)(struct context *context, int y, int height, int width);
	/* More members of its JSON, each behind a comma; or NULL. */
	void (*head)(const struct context *context, FILE *out);
	/* Writes what no table holds; false when there is nothing; or NULL. */
	bool (*save)(struct context *context, enum opts_format format,
		     FILE *out);
};

extern const struct screen screen_processes;
extern const struct screen screen_overview;
extern const struct screen screen_sizes;
extern const struct screen screen_classes;
extern const struct screen screen_sites;
extern const struct screen screen_stack;
extern const struct screen screen_health;

#endif
