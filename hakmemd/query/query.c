#include "hakmemd/query/query.h"

#include <string.h>
#include <unistd.h>

#include "hakmemd/core/clock.h"
#include "hakmemd/export/writers.h"
#include "hakmemd/model/check.h"
#include "hakmemd/query/query_baseline.h"
#include "hakmemd/query/query_heap.h"
#include "hakmemd/query/query_sites.h"
#include "hakmemd/model/sizes.h"

#define ANSWER_BUDGET (16u << 20)
/* Beyond this commands are cut: so long a list is read for its figures. */
#define LONG_LIST_BYTES (4u << 20)
#define SHORT_TEXT	160u

static char query_no_text[1];

/* The figures of a baseline, too, unless it is NULL. */
static void query_describe(const struct process *from, uint64_t now_ns,
			   const struct baseline *baseline, Hakmem__Process *to)
{
	const struct model *model = &from->model;
	uint64_t until_ns = from->ended_ns ? from->ended_ns : now_ns;

	hakmem__process__init(to);
	to->process_id = from->id;
	to->pid = (uint32_t)from->pid;
	to->parent_pid = (uint32_t)from->parent;
	to->uid = from->uid;
	to->start_ticks = from->start_ticks;
	to->command = model->command ? model->command : query_no_text;
	to->executable = model->executable ? model->executable : query_no_text;
	to->state = from->state;
	to->exit_known = from->exit_known;
	to->exit_status = from->exit_status;
	to->exit_signal = from->exit_signal;
	to->first_seen_ns = from->first_seen_ns;
	to->ended_ns = from->ended_ns;
	to->parent_process_id = from->parent_id;
	to->age_ns = until_ns > from->start_ns ? until_ns - from->start_ns : 0;
	to->state_ns = model->state_ns;
	to->states_total = model->states;
	to->n_figures = FIGURES;
	to->figures = (int64_t *)(uintptr_t)model->figures;
	if (!baseline)
		return;
	to->n_base_figures = FIGURES;
	to->base_figures = (int64_t *)(uintptr_t)baseline->figures;
	to->base_ns = baseline->time_ns;
}

/* A copy cut to SHORT_TEXT bytes, never inside a character. */
static char *query_shorten(struct pool *pool, char *text)
{
	size_t length = strlen(text);
	char *copy;

	if (length <= SHORT_TEXT)
		return text;
	copy = pool_alloc(pool, SHORT_TEXT + 1);
	if (!copy)
		return query_no_text;
	length = SHORT_TEXT;
	while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

/* What one row adds to a message: itself, its tag and its length. */
static size_t query_packed_bytes(const Hakmem__Process *row)
{
	return hakmem__process__get_packed_size(row) + 6;
}

static size_t query_list(const struct request *request, uint64_t now_ns,
			 Hakmem__Process *rows)
{
	struct process *at = registry_first(request->context->registry);
	size_t count = 0, bytes = 0;

	for (; at; at = at->next) {
		if (at->watched.awaited && !at->session)
			continue;
		query_describe(at, now_ns,
			       baseline_find(&at->model.baselines,
					     request->query->baseline),
			       &rows[count]);
		bytes += query_packed_bytes(&rows[count++]);
	}
	for (size_t i = 0; bytes > LONG_LIST_BYTES && i < count; i++) {
		rows[i].command = query_shorten(request->pool, rows[i].command);
		rows[i].executable =
			query_shorten(request->pool, rows[i].executable);
	}
	return count;
}

static void query_answer_processes(const struct request *request)
{
	size_t count = registry_count(request->context->registry), sent = 0;
	uint64_t now_ns = clock_ns();
	Hakmem__Processes answer;
	static char version[] = HAKMEM_VERSION;
	Hakmem__Process *rows = pool_array(request->pool, count, sizeof(*rows));
	Hakmem__Process **heads =
		pool_array(request->pool, count, sizeof(*heads));

	hakmem__processes__init(&answer);
	if (!rows || !heads) {
		request_no_memory(request);
		return;
	}
	count = query_list(request, now_ns, rows);
	for (size_t i = 0; i < count; i++)
		heads[i] = &rows[i];
	answer.query_id = request->query->query_id;
	answer.now_ns = now_ns;
	answer.daemon_version = version;
	answer.daemon_pid = (uint32_t)getpid();
	answer.refused_total = request->conn->conns->refused_total;
	answer.figure_names = (char *)(uintptr_t)figures_names;
	do {
		size_t bytes = 0;

		answer.processes = heads + sent;
		answer.n_processes = 0;
		while (sent < count &&
		       (bytes += query_packed_bytes(heads[sent])) <=
			       REQUEST_FILL_BYTES) {
			answer.n_processes++;
			sent++;
		}
		answer.more = sent < count;
		conn_send(request->conn, FRAME_PROCESSES, &answer.base);
	} while (answer.more);
}

static Hakmem__SizeBin **query_bins(struct pool *pool,
				    const struct sizes_row *from, size_t count)
{
	Hakmem__SizeBin *rows = pool_array(pool, count, sizeof(*rows));
	Hakmem__SizeBin **heads = pool_array(pool, count, sizeof(*heads));

	if (!rows || !heads)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		hakmem__size_bin__init(&rows[i]);
		rows[i].low_bytes = from[i].low_bytes;
		rows[i].high_bytes = from[i].high_bytes;
		rows[i].requests = from[i].requests;
		rows[i].requested_bytes = from[i].requested_bytes;
		rows[i].reserved_bytes = from[i].reserved_bytes;
		rows[i].live_objects = from[i].live_objects;
		rows[i].live_bytes = from[i].live_bytes;
		rows[i].requests_stderr = from[i].requests_stderr;
		heads[i] = &rows[i];
	}
	return heads;
}

/* The histogram of a state; false without memory. */
static bool query_sizes_of(const struct request *request,
			   const Hakmem__Hello *hello,
			   const Hakmem__State *state, Hakmem__SizeBin ***rows,
			   size_t *count)
{
	static struct sizes_row sizes[BINS_COUNT];

	*count = sizes_compute(hello, state, sizes);
	*rows = query_bins(request->pool, sizes, *count);
	return *rows || *count == 0;
}

/* The same of the baseline, if the request names one. */
static bool query_add_base(const struct request *request,
			   const struct baseline *baseline,
			   Hakmem__Detail *answer)
{
	if (!baseline)
		return true;
	answer->base_ns = baseline->time_ns;
	answer->base_state = model_base_message(baseline, request->pool);
	if (!answer->base_state)
		return baseline->state == NULL;
	return query_sizes_of(request, answer->hello, answer->base_state,
			      &answer->base_sizes, &answer->n_base_sizes);
}

static bool query_add_baselines(const struct request *request,
				Hakmem__Detail *answer)
{
	const struct baselines *baselines = &request->process->model.baselines;
	Hakmem__Baseline *rows =
		pool_array(request->pool, baselines->count, sizeof(*rows));

	answer->baselines = pool_array(request->pool, baselines->count,
				       sizeof(*answer->baselines));
	if (!rows || !answer->baselines)
		return false;
	answer->n_baselines = baselines->count;
	for (size_t i = 0; i < baselines->count; i++) {
		hakmem__baseline__init(&rows[i]);
		rows[i].name = (char *)(uintptr_t)baselines->list[i].name;
		rows[i].time_ns = baselines->list[i].time_ns;
		answer->baselines[i] = &rows[i];
	}
	return true;
}

static void query_answer_detail(const struct request *request)
{
	const struct model *model = &request->process->model;
	const struct baseline *baseline =
		baseline_find(&model->baselines, request->query->baseline);
	Hakmem__Detail answer;
	Hakmem__Process row;

	hakmem__detail__init(&answer);
	answer.query_id = request->query->query_id;
	answer.now_ns = clock_ns();
	query_describe(request->process, answer.now_ns, baseline, &row);
	answer.process = &row;
	answer.hello = model_hello_message(model, request->pool);
	answer.state = model_state_message(model, request->pool);
	if (!answer.hello ||
	    (answer.state &&
	     !query_sizes_of(request, answer.hello, answer.state, &answer.sizes,
			     &answer.n_sizes)) ||
	    !query_add_base(request, baseline, &answer) ||
	    !query_add_baselines(request, &answer))
		request_no_memory(request);
	else if (hakmem__detail__get_packed_size(&answer) > FRAME_PAYLOAD_MAX)
		request_refuse(request,
			       "process %u tells more than one frame holds",
			       row.pid);
	else
		conn_send(request->conn, FRAME_DETAIL, &answer.base);
}

/* The names of the figures that are kept, a blank behind each. */
static char *query_kept_names(struct pool *pool)
{
	char *names = pool_alloc(pool, strlen(figures_names) + 1);
	char *at = names;

	for (size_t i = 0; names && i < FIGURES; i++)
		if (figures_table[i].trend == FIGURE_KEPT) {
			at = stpcpy(at, figures_table[i].name);
			*at++ = ' ';
		}
	if (names)
		*at = '\0';
	return names;
}

static void query_answer_history(const struct request *request)
{
	const struct history *history = &request->process->model.history;
	size_t first = history_after(history, request->query->since_ns);
	size_t count = history->count - first;
	Hakmem__History answer;

	hakmem__history__init(&answer);
	answer.query_id = request->query->query_id;
	answer.process_id = request->process->id;
	answer.n_time_ns = count;
	answer.n_figures = count * FIGURES_KEPT;
	answer.time_ns = pool_array(request->pool, count, sizeof(uint64_t));
	answer.figures =
		pool_array(request->pool, answer.n_figures, sizeof(uint64_t));
	answer.figure_names = query_kept_names(request->pool);
	if (!answer.time_ns || !answer.figures || !answer.figure_names) {
		request_no_memory(request);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct history_point *point =
			history_at(history, first + i);

		answer.time_ns[i] = point->time_ns;
		for (size_t k = 0; k < FIGURES_KEPT; k++)
			answer.figures[k * count + i] = (int64_t)point->kept[k];
	}
	conn_send(request->conn, FRAME_HISTORY, &answer.base);
}

static bool query_write_table(enum format format, struct export_table *table,
			      const struct model *model, struct buf *text)
{
	table->time_s = clock_unix_s(model->state_ns);
	return writer_of(format)->table(table, text);
}

static void query_send_export(const struct request *request, struct buf *text)
{
	Hakmem__Export answer;

	hakmem__export__init(&answer);
	answer.query_id = request->query->query_id;
	do {
		size_t length = buf_length(text);

		answer.data.len = length < REQUEST_FILL_BYTES
					  ? length
					  : REQUEST_FILL_BYTES;
		answer.data.data = text->data + text->begin;
		answer.last = answer.data.len == length;
		conn_send(request->conn, FRAME_EXPORT, &answer.base);
		text->begin += answer.data.len;
	} while (!answer.last);
}

static void query_answer_table(const struct request *request,
			       enum format format)
{
	const struct model *model = &request->process->model;
	Hakmem__Hello *hello = model_hello_message(model, request->pool);
	Hakmem__State *state = model_state_message(model, request->pool);
	struct export_table table;
	struct buf text = {.data = NULL};

	if (!hello || !state ||
	    !export_table(request->query->export_what, request->process->pid,
			  model->command, hello, state, &table))
		request_refuse(request, "pid %d has not sent its figures yet",
			       (int)request->process->pid);
	else if (!query_write_table(format, &table, model, &text))
		request_no_memory(request);
	else
		query_send_export(request, &text);
	buf_free(&text);
}

static void query_answer_export(const struct request *request)
{
	const Hakmem__Query *query = request->query;
	unsigned subject = format_subject_named(query->export_what);
	enum format format = format_named(query->export_format, subject);
	char names[FORMAT_NAMES_MAX];

	if (!subject) {
		format_subject_names(names);
		request_refuse(request, "no export '%.32s': %s",
			       query->export_what, names);
	} else if (format == FORMAT_COUNT) {
		format_names(subject, names);
		request_refuse(request, "no export format '%.32s' of %s: %s",
			       query->export_format, query->export_what, names);
	} else if (subject == FORMAT_HEAP) {
		query_heap(request, format);
	} else {
		query_answer_table(request, format);
	}
}

/* FRESH: of one, and as it is now. */
struct row {
	Hakmem__QueryWhat what;
	enum { NONE, ONE, FRESH, ONE_OR_ALL } processes;
	void (*answer)(const struct request *request);
};

static const struct row query_answers[] = {
	{HAKMEM__QUERY_WHAT__QUERY_PROCESSES, NONE, query_answer_processes},
	{HAKMEM__QUERY_WHAT__QUERY_DETAIL, FRESH, query_answer_detail},
	{HAKMEM__QUERY_WHAT__QUERY_HISTORY, ONE, query_answer_history},
	{HAKMEM__QUERY_WHAT__QUERY_EXPORT, FRESH, query_answer_export},
	{HAKMEM__QUERY_WHAT__QUERY_SITES, ONE, query_sites_table},
	{HAKMEM__QUERY_WHAT__QUERY_STACK, ONE, query_sites_stack},
	{HAKMEM__QUERY_WHAT__QUERY_BASELINE_SET, ONE_OR_ALL,
	 query_baseline_set},
	{HAKMEM__QUERY_WHAT__QUERY_BASELINE_DROP, ONE_OR_ALL,
	 query_baseline_drop},
	{HAKMEM__QUERY_WHAT__QUERY_CONTROL, ONE, query_sites_control},
};

static bool query_find_process(struct request *request)
{
	const Hakmem__Query *query = request->query;

	request->process = registry_find(request->context->registry,
					 query->process_id, (pid_t)query->pid);
	if (request->process)
		return true;
	if (query->process_id)
		request_refuse(request, "no process with id %llu (any more)",
			       (unsigned long long)query->process_id);
	else
		request_refuse(
			request,
			"no process with pid %u: it is not under the preload, "
			"or ended long ago",
			query->pid);
	return false;
}

static bool query_is_about_all(const Hakmem__Query *query)
{
	return query->process_id == 0 && query->pid == 0;
}

static void query_answer(struct request *request)
{
	for (size_t i = 0; i < sizeof(query_answers) / sizeof(query_answers[0]);
	     i++) {
		if (query_answers[i].what != request->query->what)
			continue;
		if (query_answers[i].processes != NONE &&
		    !(query_answers[i].processes == ONE_OR_ALL &&
		      query_is_about_all(request->query)) &&
		    !query_find_process(request))
			return;
		if (query_answers[i].processes == FRESH)
			request_refresh(request, request->process);
		query_answers[i].answer(request);
		return;
	}
	request_refuse(request, "no query of kind %d: this is hakmemd %s",
		       (int)request->query->what, HAKMEM_VERSION);
}

/* Strings that come back in an answer must be good ones. */
static void query_clean(const Hakmem__Query *query)
{
	char *strings[] = {query->export_what, query->export_format,
			   query->export_sample, query->baseline};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if (*strings[i]) /* else a constant */
			check_string(strings[i], CHECK_STRING_MAX);
}

void query_frame(struct conn *conn, struct query_context *context,
		 const struct frame *frame)
{
	struct request request = {.conn = conn, .context = context};
	struct pool pool;

	if (frame->type != FRAME_QUERY) {
		conn_fail(conn, "frame type %u is out of place here",
			  frame->type);
		return;
	}
	pool_init(&pool, ANSWER_BUDGET);
	request.pool = &pool;
	request.query =
		(Hakmem__Query *)pool_unpack(&pool, &hakmem__query__descriptor,
					     frame->payload, frame->length);
	if (request.query) {
		query_clean(request.query);
		query_answer(&request);
	} else {
		conn_fail(conn, "QUERY: not a Query message");
	}
	pool_free(&pool);
}

void query_closed(struct conn *conn, struct query_context *context)
{
	query_heap_closed(conn);
	query_baseline_closed(context->registry, conn);
}
