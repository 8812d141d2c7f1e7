/*
 * Keeps what the screens show fresh: asks the daemon every interval for the
 * sources that the open screen needs, takes the answers in, freezes, sets
 * baselines. Survives a daemon that goes and comes back: what was shown stays
 * until there is something newer.
 */
#ifndef HAKMEM_TOP_FEED_H
#define HAKMEM_TOP_FEED_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "hakmem-top/data/source.h"
#include "hakmem-top/base/buffer.h"
#include "hakmem-top/screens/screen.h"

#define FEED_TREND 240 /* polls whose total is remembered */

/* An export of the heap on its way from the daemon to a file. */
struct feed_export {
	enum { FEED_NO_EXPORT, FEED_EXPORTING, FEED_EXPORTED } state;
	struct buffer data;
	char path[256];
	char trouble[256]; /* why it failed; "" = it did not */
};

struct feed {
	struct client *client;
	struct context *context;
	uint64_t interval_ns;
	unsigned needs; /* of the screen: struct screen */
	bool frozen;
	time_t shown_at;    /* wall clock of what is shown, 0 = nothing yet */
	time_t baseline_at; /* 0 = no baseline */
	bool gone;	    /* the open process is no longer known: take note */
	char notice[160];   /* what went wrong by itself: say it, make it "" */
	char trouble[256];  /* of the last ERROR frame */
	struct feed_export export;

	struct view_totals totals; /* of all rows, before the filter */
	uint64_t trend[FEED_TREND];
	size_t trend_count;

	/* Private. */
	uint64_t next_ns;
	unsigned pending; /* answers that are due */
	struct answer incoming;
	unsigned asked;		/* since it was opened: bits like `needs` */
	char baseline[24];	/* its name in the daemon */
	uint64_t stack_process; /* whose stack was asked for, and of which */
	uint32_t stack_site;	/* site */
	bool synced;		/* a list came on this connection */
	uint64_t open_ticks;
};

void feed_init(struct feed *feed, struct client *client,
	       struct context *context, double interval_s);

/* Reads and asks as far as it goes; true when there is something to draw. */
bool feed_step(struct feed *feed, uint64_t now_ns);

/* Milliseconds until feed_step has to be called, whatever the socket says. */
int feed_timeout_ms(const struct feed *feed, uint64_t now_ns);

/* Opens a process (0: the list) and asks for it at once. */
void feed_open(struct feed *feed, const struct process *process);

/* Opens a site of the open process and asks for its stack at once. */
void feed_open_site(struct feed *feed);

/*
 * Asks for an export of the open process's heap in this format, for the file
 * `path`. False when another one is on its way or there is no daemon. When
 * export.state is FEED_EXPORTED it has come or failed: take note and call
 * feed_export_end.
 */
bool feed_export(struct feed *feed, const char *format, const char *path,
		 uint64_t now_ns);
void feed_export_end(struct feed *feed);

void feed_freeze(struct feed *feed, bool frozen);
void feed_set_interval(struct feed *feed, double interval_s);

/* Makes the list's rows anew, after filter, baseline or tree changed. */
bool feed_rebuild(struct feed *feed);

/*
 * Asks the daemon to set this viewer's baseline in all processes, or to forget
 * it. It is there when baseline_at is not 0, and goes with the connection.
 * False while frozen, or when the daemon cannot be asked.
 */
bool feed_set_baseline(struct feed *feed, bool mark, uint64_t now_ns);

void feed_clear(struct feed *feed);

#endif
