#include "hakmem-top/ui/feed.h"

#include <stdio.h>
#include <string.h>

#include "hakmem-top/data/decode.h"
#include "hakmem-top/data/decode_sites.h"
#include "hakmem-top/screens/report.h"

void feed_init(struct feed *feed, struct client *client,
	       struct context *context, double interval_s)
{
	*feed = (struct feed){.client = client, .context = context};
	feed_set_interval(feed, interval_s);
}

void feed_set_interval(struct feed *feed, double interval_s)
{
	feed->interval_ns = (uint64_t)(interval_s * 1e9);
	feed->next_ns = 0;
}

static void ask(struct feed *feed, enum client_what what, uint64_t now_ns)
{
	const struct client_query query = {
		.what = what,
		.process_id = feed->context->open_id,
		.site_id = what == CLIENT_STACK ? feed->context->site_id : 0,
	};

	if (client_ask(feed->client, &query, now_ns))
		feed->pending++;
}

static void ask_stack(struct feed *feed, uint64_t now_ns)
{
	feed->stack_process = feed->context->open_id;
	feed->stack_site = feed->context->site_id;
	ask(feed, CLIENT_STACK, now_ns);
	feed->stack_asked = true;
}

/* Sites for their screen, or once for the mark that was just set. */
static void ask_sites(struct feed *feed, uint64_t now_ns)
{
	bool more = !feed->frozen || !feed->sites_asked;

	if ((feed->wants_sites && more) || feed->base_due) {
		ask(feed, CLIENT_SITES, now_ns);
		feed->sites_asked = true;
	}
	if (feed->wants_stack && feed->context->site_id &&
	    (!feed->frozen || !feed->stack_asked))
		ask_stack(feed, now_ns);
}

/* While frozen only what was just opened is asked for, once. */
static void ask_all(struct feed *feed, uint64_t now_ns)
{
	/* Ids of before a reconnect may be another daemon's: the list first. */
	bool open = feed->context->open_id != 0 && feed->synced;

	if (!feed->frozen)
		ask(feed, CLIENT_PROCESSES, now_ns);
	if (!open)
		return;
	if (!feed->frozen || !feed->detail_asked) {
		ask(feed, CLIENT_DETAIL, now_ns);
		if (feed->wants_history || feed->frozen)
			ask(feed, CLIENT_HISTORY, now_ns);
		feed->detail_asked = true;
	}
	ask_sites(feed, now_ns);
}

static void note_trend(struct feed *feed)
{
	if (feed->trend_count == FEED_TREND)
		memmove(feed->trend, feed->trend + 1,
			--feed->trend_count * sizeof(feed->trend[0]));
	feed->trend[feed->trend_count++] = feed->totals.live_bytes;
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

static void forget_detail(struct context *context)
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

static void forget_base(struct context *context)
{
	model_detail_free(context->base);
	sites_free(context->sites_base);
	context->base = NULL;
	context->sites_base = NULL;
}

/* The open process of another daemon, or one that comes back, by its name. */
static void seek(struct feed *feed, const struct processes *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->rows[i].pid == feed->context->open_pid &&
		    list->rows[i].start_ticks == feed->open_ticks)
			feed->context->open_id = list->rows[i].id;
}

/* Another daemon has other ids. What is shown of the open process stays until
 * it has found the new daemon, too. */
static void move_over(struct feed *feed)
{
	struct context *context = feed->context;

	view_mark(&context->view, NULL);
	feed->marked_at = 0;
	forget_base(context);
	context->open_id = 0;
	if (context->detail)
		context->detail->process.state = MODEL_DISCONNECTED;
}

static bool take_list(struct feed *feed)
{
	struct context *context = feed->context;
	struct processes *old = context->list, *list = feed->incoming;
	bool done;

	feed->incoming = NULL;
	feed->trouble[0] = '\0';
	if (feed->frozen) { /* asked before the freeze */
		model_processes_free(list);
		return false;
	}
	if (old && old->daemon_pid != list->daemon_pid)
		move_over(feed);
	if (context->open_pid && !context->open_id)
		seek(feed, list);
	feed->synced = true;
	context->list = list;
	context->time_s = report_time();
	feed->shown_at = (time_t)context->time_s;
	done = feed_rebuild(feed);
	model_processes_free(old);
	note_trend(feed);
	return done;
}

static void take_detail(struct feed *feed, struct detail *detail)
{
	struct context *context = feed->context;

	if (detail->process.id != context->open_id ||
	    (feed->frozen && context->detail)) {
		model_detail_free(detail);
		return;
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
}

static void take_history(struct feed *feed, struct history *history)
{
	struct context *context = feed->context;

	if (history->process_id != context->open_id ||
	    (feed->frozen && context->history)) {
		model_history_free(history);
		return;
	}
	model_history_free(context->history);
	context->history = history;
}

static void take_sites(struct feed *feed, struct sites *sites)
{
	struct context *context = feed->context;

	if (sites->process_id != context->open_id) {
		sites_free(sites);
		return;
	}
	context->sites_trouble[0] = '\0';
	if (feed->base_due) {
		context->sites_base = sites_copy(sites);
		feed->base_due = false;
	}
	if (feed->frozen && context->sites) {
		sites_free(sites);
		return;
	}
	sites_free(context->sites);
	context->sites = sites;
}

static void take_stack(struct feed *feed, struct stack *stack)
{
	struct context *context = feed->context;

	if (feed->stack_process != context->open_id ||
	    feed->stack_site != context->site_id ||
	    (feed->frozen && context->stack)) {
		sites_stack_free(stack);
		return;
	}
	context->sites_trouble[0] = '\0';
	sites_stack_free(context->stack);
	context->stack = stack;
}

/* The answer that was due is complete. */
static void answered(struct feed *feed, uint64_t now_ns)
{
	if (feed->pending && client_due(feed->client) != CLIENT_EXPORT)
		feed->pending--;
	client_answered(feed->client, now_ns);
}

static void end_export(struct feed *feed, const char *trouble)
{
	struct feed_export *export = &feed->export;

	if (export->state != FEED_EXPORTING)
		return;
	export->state = FEED_EXPORTED;
	snprintf(export->trouble, sizeof(export->trouble), "%s", trouble);
}

static bool take_list_frame(struct feed *feed, const struct frame *frame,
			    uint64_t now_ns)
{
	bool more = false;

	if (!decode_processes(frame, &feed->incoming, &more))
		snprintf(feed->trouble, sizeof(feed->trouble),
			 "the daemon sent a list that makes no sense");
	else if (more)
		return false;
	answered(feed, now_ns);
	return feed->incoming ? take_list(feed) : true;
}

static void take_sites_frame(struct feed *feed, const struct frame *frame,
			     uint64_t now_ns)
{
	struct sites *sites;
	bool more = false;

	if (decode_sites(frame, &feed->incoming_sites, &more) && more)
		return;
	answered(feed, now_ns);
	sites = feed->incoming_sites;
	feed->incoming_sites = NULL;
	if (sites)
		take_sites(feed, sites);
}

static void take_export_frame(struct feed *feed, const struct frame *frame,
			      uint64_t now_ns)
{
	struct feed_export *export = &feed->export;
	bool last = false;

	if (client_due(feed->client) != CLIENT_EXPORT)
		return;
	if (!decode_export(frame, &last, pile_append, &export->data))
		export->broken = true; /* what is left of it still comes */
	if (!last)
		return;
	answered(feed, now_ns);
	end_export(feed, export->broken
				 ? "the export makes no sense or is too long"
				 : "");
}

/* A refusal means what the question was about. */
static void take_error(struct feed *feed, const struct frame *frame,
		       uint64_t now_ns)
{
	struct context *context = feed->context;
	enum client_what due = client_due(feed->client);
	char text[256];

	answered(feed, now_ns);
	decode_error(frame, text, sizeof(text));
	if (due == CLIENT_EXPORT) {
		end_export(feed, text);
		return;
	}
	if (due == CLIENT_SITES || due == CLIENT_STACK) {
		feed->base_due = false;
		snprintf(context->sites_trouble, sizeof(context->sites_trouble),
			 "%.120s", text);
		return;
	}
	memcpy(feed->trouble, text, sizeof(feed->trouble));
	if (context->open_id)
		feed->gone = true;
}

/* A frame that cannot be read ends nothing: the next poll may do better. */
static bool take(struct feed *feed, const struct frame *frame, uint64_t now_ns)
{
	struct detail *detail;
	struct history *history;
	struct stack *stack;

	switch (frame->type) {
	case FRAME_PROCESSES:
		return take_list_frame(feed, frame, now_ns);
	case FRAME_SITE_TABLE:
		take_sites_frame(feed, frame, now_ns);
		return true;
	case FRAME_EXPORT:
		take_export_frame(feed, frame, now_ns);
		return true;
	case FRAME_ERROR:
		take_error(feed, frame, now_ns);
		return true;
	default:
		break;
	}
	if (client_due(feed->client) == CLIENT_EXPORT)
		end_export(feed, "the daemon answered something else");
	answered(feed, now_ns);
	if (frame->type == FRAME_DETAIL) {
		detail = decode_detail(frame);
		if (detail)
			take_detail(feed, detail);
	} else if (frame->type == FRAME_HISTORY) {
		history = decode_history(frame);
		if (history)
			take_history(feed, history);
	} else if (frame->type == FRAME_STACK) {
		stack = decode_stack(frame);
		if (stack)
			take_stack(feed, stack);
	}
	return true;
}

/* What was under way on a connection that ended or is new. */
static void start_over(struct feed *feed, uint64_t now_ns)
{
	feed->pending = 0;
	feed->synced = false;
	model_processes_free(feed->incoming);
	sites_free(feed->incoming_sites);
	feed->incoming = NULL;
	feed->incoming_sites = NULL;
	feed->next_ns = now_ns;
	end_export(feed, client_trouble(feed->client));
}

bool feed_step(struct feed *feed, uint64_t now_ns)
{
	enum client_event event;
	struct frame frame;
	bool changed = false;

	while ((event = client_next(feed->client, now_ns, &frame)) !=
	       CLIENT_NOTHING) {
		if (event == CLIENT_FRAME) {
			changed |= take(feed, &frame, now_ns);
			continue;
		}
		changed = true;
		start_over(feed, now_ns);
		if (event == CLIENT_LOST)
			break;
	}
	if (client_connected(feed->client) && feed->pending == 0 &&
	    now_ns >= feed->next_ns) {
		ask_all(feed, now_ns);
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

	forget_detail(context);
	forget_base(context);
	context->open_id = process ? process->id : 0;
	context->open_pid = process ? process->pid : 0;
	feed->open_ticks = process ? process->start_ticks : 0;
	feed->detail_asked = feed->sites_asked = feed->base_due = false;
	context->site_id = 0;
	feed->next_ns = 0;
}

void feed_open_site(struct feed *feed)
{
	sites_stack_free(feed->context->stack);
	feed->context->stack = NULL;
	feed->stack_asked = false;
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
	pile_clear(&feed->export.data);
	feed->export = (struct feed_export){.state = FEED_NO_EXPORT};
}

void feed_freeze(struct feed *feed, bool frozen)
{
	feed->frozen = frozen;
	feed->detail_asked = feed->context->detail != NULL;
	feed->sites_asked = feed->context->sites != NULL;
	feed->stack_asked = feed->context->stack != NULL;
	feed->next_ns = 0;
}

void feed_mark(struct feed *feed, bool mark)
{
	struct context *context = feed->context;

	view_mark(&context->view, mark ? context->list : NULL);
	forget_base(context);
	feed->marked_at = mark ? feed->shown_at : 0;
	feed->base_due = false;
	if (mark && context->detail)
		context->base = model_detail_copy(context->detail);
	if (mark && context->sites && feed->wants_sites)
		context->sites_base = sites_copy(context->sites);
	else if (mark && context->open_id && !feed->frozen)
		feed->base_due = true;
	if (feed->base_due)
		feed->next_ns = 0;
	feed_rebuild(feed);
}

void feed_clear(struct feed *feed)
{
	struct context *context = feed->context;

	forget_detail(context);
	forget_base(context);
	view_clear(&context->view);
	model_processes_free(context->list);
	model_processes_free(feed->incoming);
	sites_free(feed->incoming_sites);
	context->list = feed->incoming = NULL;
	feed->incoming_sites = NULL;
	feed_export_end(feed);
}
