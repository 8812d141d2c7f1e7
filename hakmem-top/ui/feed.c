#include "hakmem-top/ui/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hakmem-top/screens/report.h"

void feed_init(struct feed *feed, struct client *client,
	       struct context *context, double interval_s)
{
	*feed = (struct feed){.client = client, .context = context};
	snprintf(feed->baseline, sizeof(feed->baseline), "viewer-%d",
		 (int)getpid());
	feed_set_interval(feed, interval_s);
}

void feed_set_interval(struct feed *feed, double interval_s)
{
	feed->interval_ns = (uint64_t)(interval_s * 1e9);
	feed->next_ns = 0;
}

#define BIT(source) (1u << CLIENT_##source)

/* What a poll asks for; while frozen what was just opened, once. */
static unsigned feed_wanted(const struct feed *feed)
{
	unsigned bits = BIT(PROCESSES) | BIT(DETAIL) | feed->needs;

	if (feed->frozen)
		bits = (bits | BIT(HISTORY)) & ~(feed->asked | BIT(PROCESSES));
	if (!feed->context->site_id)
		bits &= ~BIT(STACK);
	/* Ids of before a reconnect may be another daemon's: the list first. */
	return feed->context->open_id && feed->synced ? bits
						      : bits & BIT(PROCESSES);
}

static void feed_ask_all(struct feed *feed, uint64_t now_ns)
{
	unsigned bits = feed_wanted(feed);

	for (unsigned what = 0; what < CLIENT_KINDS; what++) {
		const struct client_query query = {
			.what = (enum client_what)what,
			.process_id = feed->context->open_id,
			.site_id = feed->context->site_id,
			.baseline = feed->baseline_at ? feed->baseline : NULL,
		};

		if (!(bits & 1u << what))
			continue;
		if (client_ask(feed->client, &query, now_ns))
			feed->pending++;
		feed->asked |= 1u << what;
	}
	if (bits & BIT(STACK)) {
		feed->stack_process = feed->context->open_id;
		feed->stack_site = feed->context->site_id;
	}
}

static void feed_note_trend(struct feed *feed)
{
	if (feed->trend_count == FEED_TREND)
		memmove(feed->trend, feed->trend + 1,
			--feed->trend_count * sizeof(feed->trend[0]));
	feed->trend[feed->trend_count++] =
		feed->totals.figures[FIGURE_LIVE_BYTES];
}

bool feed_rebuild(struct feed *feed)
{
	struct context *context = feed->context;

	if (!context->list)
		return true;
	if (!view_update(&context->view, context->list))
		return false;
	feed->totals = view_totals(&context->view);
	return screen_processes.refresh(context);
}

static void feed_forget_detail(struct context *context)
{
	model_detail_free(context->detail);
	model_detail_free(context->before);
	model_history_free(context->history);
	sites_free(context->sites);
	sites_stack_free(context->stack);
	context->detail = context->before = NULL;
	context->history = NULL;
	context->sites = NULL;
	context->stack = NULL;
	context->sites_trouble[0] = '\0';
}

/* The open process of another daemon, or one that comes back, by its name. */
static void feed_seek(struct feed *feed, const struct processes *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->rows[i].pid == feed->context->open_pid &&
		    list->rows[i].start_ticks == feed->open_ticks)
			feed->context->open_id = list->rows[i].id;
}

/* Another daemon has other ids. What is shown of the open process stays until
 * it has found the new daemon, too. */
static void feed_move_over(struct feed *feed)
{
	struct context *context = feed->context;

	context->open_id = 0;
	if (context->detail)
		context->detail->process.state = MODEL_DISCONNECTED;
}

static bool feed_take_list(struct feed *feed, void *answer)
{
	struct context *context = feed->context;
	struct processes *old = context->list, *list = answer;
	bool done;

	feed->trouble[0] = '\0';
	if (feed->frozen) { /* asked before the freeze */
		model_processes_free(list);
		return false;
	}
	if (old && old->daemon_pid != list->daemon_pid)
		feed_move_over(feed);
	if (context->open_pid && !context->open_id)
		feed_seek(feed, list);
	feed->synced = true;
	context->list = list;
	context->time_s = report_time();
	feed->shown_at = (time_t)context->time_s;
	done = feed_rebuild(feed);
	model_processes_free(old);
	feed_note_trend(feed);
	return done;
}

static bool feed_take_detail(struct feed *feed, void *answer)
{
	struct context *context = feed->context;
	struct detail *detail = answer;

	if (detail->process.id != context->open_id ||
	    (feed->frozen && context->detail)) {
		model_detail_free(detail);
		return true;
	}
	if (context->detail && context->detail->state_ns != detail->state_ns) {
		model_detail_free(context->before);
		context->before = context->detail;
	} else {
		model_detail_free(context->detail);
	}
	context->detail = detail;
	context->open_pid = detail->process.pid;
	feed->open_ticks = detail->process.start_ticks;
	return true;
}

static bool feed_take_history(struct feed *feed, void *answer)
{
	struct context *context = feed->context;
	struct history *history = answer;

	if (history->process_id != context->open_id ||
	    (feed->frozen && context->history)) {
		model_history_free(history);
		return true;
	}
	model_history_free(context->history);
	context->history = history;
	return true;
}

static bool feed_take_sites(struct feed *feed, void *answer)
{
	struct context *context = feed->context;
	struct sites *sites = answer;

	if (sites->process_id != context->open_id) {
		sites_free(sites);
		return true;
	}
	context->sites_trouble[0] = '\0';
	if (feed->frozen && context->sites) {
		sites_free(sites);
		return true;
	}
	sites_free(context->sites);
	context->sites = sites;
	return true;
}

static bool feed_take_stack(struct feed *feed, void *answer)
{
	struct context *context = feed->context;
	struct stack *stack = answer;

	if (feed->stack_process != context->open_id ||
	    feed->stack_site != context->site_id ||
	    (feed->frozen && context->stack)) {
		sites_stack_free(stack);
		return true;
	}
	context->sites_trouble[0] = '\0';
	sites_stack_free(context->stack);
	context->stack = stack;
	return true;
}

static bool feed_take_export(struct feed *feed, void *answer)
{
	struct buffer *buffer = answer;

	feed->export.state = FEED_EXPORTED;
	feed->export.data = *buffer;
	free(buffer);
	return true;
}

/* What is asked from now on comes with what was then. */
static bool feed_take_baseline(struct feed *feed, void *answer)
{
	feed->context->view.baseline_ns = feed->context->list->now_ns;
	feed->baseline_at = (time_t)report_time();
	feed->next_ns = 0;
	free(answer);
	return true;
}

static bool feed_take_done(struct feed *feed, void *answer)
{
	(void)feed;
	free(answer);
	return false;
}

static void feed_forget_baseline(struct feed *feed)
{
	feed->context->view.baseline_ns = 0;
	feed->baseline_at = 0;
}

static void feed_end_export(struct feed *feed, const char *why)
{
	struct feed_export *export = &feed->export;

	if (export->state != FEED_EXPORTING)
		return;
	export->state = FEED_EXPORTED;
	snprintf(export->trouble, sizeof(export->trouble), "%s", why);
}

static void feed_fail_export(struct feed *feed, const struct answer *answer)
{
	feed_end_export(feed, answer->why);
}

/* Shown in the place of what was asked for. */
static void feed_fail_sites(struct feed *feed, const struct answer *answer)
{
	struct context *context = feed->context;

	snprintf(context->sites_trouble, sizeof(context->sites_trouble),
		 "%.120s", answer->why);
}

/* What cannot be read ends nothing, the next poll may do better; a refusal
 * means that the process is not known any more. */
static void feed_fail_process(struct feed *feed, const struct answer *answer)
{
	memcpy(feed->trouble, answer->why, sizeof(feed->trouble));
	feed->gone |= answer->refused && feed->context->open_id;
}

static void feed_fail_baseline(struct feed *feed, const struct answer *answer)
{
	snprintf(feed->notice, sizeof(feed->notice), "no baseline: %.120s",
		 answer->why);
}

static void feed_ignore(struct feed *feed, const struct answer *answer)
{
	(void)feed;
	(void)answer;
}

/* What is done with an answer, or with one that failed. */
static const struct shown {
	bool polled; /* counts to `pending` */
	bool (*take)(struct feed *feed, void *answer);
	void (*fail)(struct feed *feed, const struct answer *answer);
} feed_shown[] = {
	[CLIENT_PROCESSES] = {true, feed_take_list, feed_fail_process},
	[CLIENT_DETAIL] = {true, feed_take_detail, feed_fail_process},
	[CLIENT_HISTORY] = {true, feed_take_history, feed_fail_process},
	[CLIENT_EXPORT] = {false, feed_take_export, feed_fail_export},
	[CLIENT_SITES] = {true, feed_take_sites, feed_fail_sites},
	[CLIENT_STACK] = {true, feed_take_stack, feed_fail_sites},
	[CLIENT_BASELINE] = {false, feed_take_baseline, feed_fail_baseline},
	[CLIENT_BASELINE_DROP] = {false, feed_take_done, feed_ignore},
};

/* Takes a frame in; true when there is something to draw. */
static bool feed_take(struct feed *feed, const struct frame *frame,
		      uint64_t now_ns)
{
	struct answer answer;

	if (!source_take(&feed->incoming, feed->client, frame, now_ns))
		return false;
	answer = feed->incoming;
	feed->incoming = (struct answer){.data = NULL};
	if (answer.what < CLIENT_KINDS && feed_shown[answer.what].polled &&
	    feed->pending)
		feed->pending--;
	if (!answer.failed)
		return feed_shown[answer.what].take(feed, answer.data);
	feed_shown[answer.what].fail(feed, &answer);
	return true;
}

/* What was under way on a connection that ended or is new. */
static void feed_start_over(struct feed *feed, uint64_t now_ns)
{
	feed->pending = 0;
	feed->synced = false;
	source_drop(&feed->incoming);
	feed->next_ns = now_ns;
	feed_end_export(feed, client_trouble(feed->client));
	if (feed->baseline_at)
		strcpy(feed->notice, "the baseline went with the connection");
	feed_forget_baseline(feed);
}

bool feed_step(struct feed *feed, uint64_t now_ns)
{
	enum client_event event;
	struct frame frame;
	bool changed = false;

	while ((event = client_next(feed->client, now_ns, &frame)) !=
	       CLIENT_NOTHING) {
		if (event == CLIENT_FRAME) {
			changed |= feed_take(feed, &frame, now_ns);
			continue;
		}
		changed = true;
		feed_start_over(feed, now_ns);
		if (event == CLIENT_LOST)
			break;
	}
	if (client_connected(feed->client) && feed->pending == 0 &&
	    now_ns >= feed->next_ns) {
		feed_ask_all(feed, now_ns);
		feed->next_ns += feed->interval_ns;
		if (feed->next_ns <= now_ns)
			feed->next_ns = now_ns + feed->interval_ns;
	}
	return changed;
}

int feed_timeout_ms(const struct feed *feed, uint64_t now_ns)
{
	int client_ms = client_timeout_ms(feed->client, now_ns);
	int own_ms;

	if (!client_connected(feed->client) || feed->pending > 0)
		return client_ms;
	own_ms = feed->next_ns <= now_ns
			 ? 0
			 : (int)((feed->next_ns - now_ns) / 1000000u + 1);
	return client_ms < 0 || own_ms < client_ms ? own_ms : client_ms;
}

void feed_open(struct feed *feed, const struct process *process)
{
	struct context *context = feed->context;

	feed_forget_detail(context);
	context->open_id = process ? process->id : 0;
	context->open_pid = process ? process->pid : 0;
	feed->open_ticks = process ? process->start_ticks : 0;
	feed->asked = 0;
	context->site_id = 0;
	feed->next_ns = 0;
}

void feed_open_site(struct feed *feed)
{
	sites_stack_free(feed->context->stack);
	feed->context->stack = NULL;
	feed->asked &= ~BIT(STACK);
	feed->next_ns = 0;
}

bool feed_export(struct feed *feed, const char *format, const char *path,
		 uint64_t now_ns)
{
	const struct client_query query = {
		.what = CLIENT_EXPORT,
		.process_id = feed->context->open_id,
		.export_what = "heap",
		.export_format = format,
	};

	if (feed->export.state != FEED_NO_EXPORT ||
	    feed->context->open_id == 0 ||
	    !client_ask(feed->client, &query, now_ns))
		return false;
	feed->export.state = FEED_EXPORTING;
	snprintf(feed->export.path, sizeof(feed->export.path), "%s", path);
	return true;
}

void feed_export_end(struct feed *feed)
{
	buffer_clear(&feed->export.data);
	feed->export = (struct feed_export){.state = FEED_NO_EXPORT};
}

void feed_freeze(struct feed *feed, bool frozen)
{
	feed->frozen = frozen;
	feed->asked = (feed->context->detail ? BIT(DETAIL) | BIT(HISTORY) : 0) |
		      (feed->context->sites ? BIT(SITES) : 0) |
		      (feed->context->stack ? BIT(STACK) : 0);
	feed->next_ns = 0;
}

bool feed_set_baseline(struct feed *feed, bool mark, uint64_t now_ns)
{
	const struct client_query query = {
		.what = mark ? CLIENT_BASELINE : CLIENT_BASELINE_DROP,
		.baseline = feed->baseline,
		.mine = true,
	};

	if (!feed->context->list || feed->frozen ||
	    !client_ask(feed->client, &query, now_ns))
		return false;
	if (!mark)
		feed_forget_baseline(feed);
	return feed_rebuild(feed);
}

void feed_clear(struct feed *feed)
{
	struct context *context = feed->context;

	feed_forget_detail(context);
	view_clear(&context->view);
	model_processes_free(context->list);
	source_drop(&feed->incoming);
	context->list = NULL;
	feed_export_end(feed);
}
