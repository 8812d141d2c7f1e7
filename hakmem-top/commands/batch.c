#include "hakmem-top/commands/batch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hakmem-top/data/fetch.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/base/signals.h"
#include "hakmem-top/base/text.h"
#include "hakmem-top/screens/report.h"

static void batch_report_text(struct context *context)
{
	struct view_totals totals = view_totals(&context->view);
	char live[FMT_MAX], rss[FMT_MAX], rate[FMT_MAX], clock[32];
	time_t when = (time_t)context->time_s;
	struct tm local;

	strftime(clock, sizeof(clock), "%Y-%m-%d %H:%M:%S",
		 localtime_r(&when, &local));
	printf("%s  %zu running, %zu ended  live %s  rss %s  allocs/s %s\n",
	       clock, totals.alive, totals.ended,
	       fmt_bytes(live, totals.figures[FIGURE_LIVE_BYTES]),
	       fmt_bytes(rss, totals.figures[FIGURE_RSS_BYTES]),
	       fmt_rate(rate, totals.rates[VIEW_ALLOCS]));
	report_write(stdout, &screen_processes, context, OPTS_TEXT, SIZE_MAX);
	putchar('\n');
}

/* One report; 1 when nobody reads any more, -1 with one line in `why`. */
static int batch_report(const struct opts *opts, struct client *client,
			struct context *context, bool first, char *why,
			size_t size)
{
	const struct client_query query = {.what = CLIENT_PROCESSES};
	struct processes *list = fetch_answer(client, &query, why, size);
	bool done;

	if (!list)
		return -1;
	context->time_s = report_time();
	done = view_update(&context->view, list) &&
	       screen_processes.refresh(context);
	if (!done)
		snprintf(why, size, "out of memory");
	else if (opts->format == OPTS_CSV && !first)
		report_csv_rows(stdout, &screen_processes, context, SIZE_MAX);
	else if (opts->format != OPTS_NO_FORMAT && opts->format != OPTS_TEXT)
		report_write(stdout, &screen_processes, context, opts->format,
			     SIZE_MAX);
	else
		batch_report_text(context);
	context->view.count = 0; /* the rows point into the list */
	model_processes_free(list);
	if (!done || fflush(stdout) == 0)
		return done ? 0 : -1;
	snprintf(why, size, "cannot write to stdout: %s", strerror(errno));
	return errno == EPIPE ? 1 : -1;
}

/* Deals with what signals came; false when reporting is over. */
static bool batch_heed_signals(struct run *run)
{
	bool by_terminal;
	int signal;

	while ((signal = signals_next(&by_terminal)) != 0) {
		if (signal == SIGCHLD) {
			if (run && run_reap(run))
				return false;
			continue;
		}
		if (!run)
			return false;
		if (run->own_group || !by_terminal)
			run_signal(run, signal);
	}
	return true;
}

/* Sleeps until `at_ns`; false when reporting is over before. */
static bool batch_sleep_until(uint64_t at_ns, struct run *run)
{
	struct pollfd pollers[2] = {
		{.fd = signals_fd(), .events = POLLIN},
		{.fd = 1, .events = 0}, /* POLLERR: the reader is gone */
	};

	for (;;) {
		uint64_t now = client_now_ns();
		int ms = now >= at_ns ? 0 : (int)((at_ns - now) / 1000000 + 1);

		if (!batch_heed_signals(run))
			return false;
		if (ms == 0)
			return true;
		pollers[1].revents = 0;
		poll(pollers, 2, ms);
		if ((pollers[1].revents & POLLERR) && !run)
			return false;
	}
}

int batch_run(const struct opts *opts, struct client *client, struct run *run,
	      char *why, size_t size)
{
	uint64_t interval = (uint64_t)(opts->interval_s * 1e9);
	uint64_t next = client_now_ns(), done = 0;
	struct context context = {.list = NULL};
	int result = 0;
	bool going = true;

	if (run && !run->daemon)
		context.view.root_pid = (uint32_t)run->command;
	/* Scripts get the rows in the daemon's order. */
	if (opts->format == OPTS_JSON || opts->format == OPTS_CSV)
		screen_processes.table()->sort = TABLE_UNSORTED;
	while (result == 0 && going && (!opts->count || done < opts->count)) {
		result = batch_report(opts, client, &context, done++ == 0, why,
				      size);
		next += interval;
		if (opts->count && done == opts->count)
			break;
		going = result == 0 && batch_sleep_until(next, run);
	}
	if (result == 0 && run && run->ended)
		result = batch_report(opts, client, &context, false, why, size);
	view_clear(&context.view);
	return result < 0 ? -1 : 0;
}
