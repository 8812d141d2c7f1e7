#include "hakmem-top/commands/batch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hakmem-top/data/dump.h"
#include "hakmem-top/data/fetch.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/base/signals.h"
#include "hakmem-top/base/text.h"
#include "hakmem-top/data/view.h"

static double wall_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int by_live(const void *a, const void *b)
{
	const struct view_row *left = a, *right = b;

	return left->process->live_bytes < right->process->live_bytes
		       ? -1
		       : left->process->live_bytes > right->process->live_bytes;
}

static void rate_or_dash(char out[FMT_MAX], const struct view_row *row,
			 double rate)
{
	if (row->rated)
		fmt_rate(out, rate);
	else
		strcpy(out, "-");
}

static void print_row(const struct view_row *row)
{
	const struct process *process = row->process;
	char live[FMT_MAX], rss[FMT_MAX], allocs[FMT_MAX], frees[FMT_MAX];
	char part[FMT_MAX], boundary[FMT_MAX], rejects[FMT_MAX], age[FMT_MAX];
	char state[FMT_MAX], command[TEXT_MAX];

	rate_or_dash(allocs, row, row->allocs_s);
	rate_or_dash(frees, row, row->frees_s);
	rate_or_dash(boundary, row, row->page_boundary_s);
	model_state_text(process, state, sizeof(state));
	text_clean(command, sizeof(command), text_command(process->command),
		   100, false);
	printf("%7u %6s %6s %7s %7s %5s %6s %5s %6s %-8s %s\n", process->pid,
	       fmt_bytes(live, process->live_bytes),
	       fmt_bytes(rss, process->rss_bytes), allocs, frees,
	       fmt_percent(part, process->requests_1024, process->allocs),
	       boundary, fmt_count(rejects, process->rejects),
	       fmt_age(age, process->age_ns), state, command);
}

static void report_text(const struct view *view, double time_s)
{
	struct view_totals totals = view_totals(view);
	void **rows = calloc(view->count + 1, sizeof(*rows));
	char live[FMT_MAX], rss[FMT_MAX], rate[FMT_MAX], clock[32];
	time_t when = (time_t)time_s;
	struct tm local;

	if (!rows)
		return;
	strftime(clock, sizeof(clock), "%Y-%m-%d %H:%M:%S",
		 localtime_r(&when, &local));
	printf("%s  %zu running, %zu ended  live %s  rss %s  allocs/s %s\n",
	       clock, totals.alive, totals.ended,
	       fmt_bytes(live, totals.live_bytes),
	       fmt_bytes(rss, totals.rss_bytes),
	       fmt_rate(rate, totals.allocs_s));
	printf("%7s %6s %6s %7s %7s %5s %6s %5s %6s %-8s %s\n", "PID", "LIVE",
	       "RSS", "ALLOC/S", "FREE/S", "1024%", "PGB/S", "REJ", "AGE",
	       "STATE", "COMMAND");
	for (size_t i = 0; i < view->count; i++)
		rows[i] = &view->rows[i];
	view_sort(rows, view->count, by_live, true);
	for (size_t i = 0; i < view->count; i++)
		print_row(rows[i]);
	putchar('\n');
	free(rows);
}

/* One report; 1 when nobody reads any more, -1 with one line in `why`. */
static int report(const struct opts *opts, struct client *client,
		  struct view *view, bool first, char *why, size_t size)
{
	struct processes *list = fetch_processes(client, why, size);
	double time_s = wall_s();

	if (!list)
		return -1;
	if (!view_update(view, list)) {
		model_processes_free(list);
		snprintf(why, size, "out of memory");
		return -1;
	}
	if (opts->format == OPTS_JSON) {
		dump_report_json(stdout, time_s, view);
	} else if (opts->format == OPTS_CSV) {
		if (first)
			dump_report_csv_header(stdout);
		dump_report_csv(stdout, time_s, view);
	} else {
		report_text(view, time_s);
	}
	view->count = 0; /* the rows point into the list */
	model_processes_free(list);
	if (fflush(stdout) == 0)
		return 0;
	snprintf(why, size, "cannot write to stdout: %s", strerror(errno));
	return errno == EPIPE ? 1 : -1;
}

/* Deals with what signals came; false when reporting is over. */
static bool heed_signals(struct run *run)
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
static bool sleep_until(uint64_t at_ns, struct run *run)
{
	struct pollfd pollers[2] = {
		{.fd = signals_fd(), .events = POLLIN},
		{.fd = 1, .events = 0}, /* POLLERR: the reader is gone */
	};

	for (;;) {
		uint64_t now = client_now_ns();
		int ms = now >= at_ns ? 0 : (int)((at_ns - now) / 1000000 + 1);

		if (!heed_signals(run))
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
	struct view view = {.memory = NULL};
	int result = 0;
	bool going = true;

	if (run && !run->daemon)
		view.root_pid = (uint32_t)run->command;
	while (result == 0 && going && (!opts->count || done < opts->count)) {
		result = report(opts, client, &view, done++ == 0, why, size);
		next += interval;
		if (opts->count && done == opts->count)
			break;
		going = result == 0 && sleep_until(next, run);
	}
	if (result == 0 && run && run->ended)
		result = report(opts, client, &view, false, why, size);
	view_clear(&view);
	return result < 0 ? -1 : 0;
}
