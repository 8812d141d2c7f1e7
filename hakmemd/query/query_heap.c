#include "hakmemd/query/query_heap.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmemd/core/clock.h"
#include "hakmemd/export/writers.h"
#include "hakmemd/query/query_baseline.h"

#define BUDGET_BYTES (256u << 20)
#define LOOK_NS	     (CLOCK_SECOND / 20) /* between looks for names */
#define AGAIN_NS     CLOCK_SECOND	 /* all names are asked for again */

struct job {
	struct job *previous, *next;
	struct conn *conn;
	struct query_context *context;
	Hakmem__Query query; /* its id; the rest is below */
	uint64_t process_id, deadline_ns, tried_ns;
	enum format format;
	enum heap_profile_sample sample;
	char baseline[BASELINE_NAME_MAX + 1]; /* "" = none */
	bool written;
	struct buf text;
};

static bool query_heap_sample_named(const char *name,
				    enum heap_profile_sample *out)
{
	enum heap_profile_sample last = HEAP_PROFILE_PEAK;

	*out = HEAP_PROFILE_INUSE;
	if (*name == '\0')
		return true;
	for (; *out <= last; ++*out)
		if (strcmp(heap_profile_sample_name(*out), name) == 0)
			return true;
	return false;
}

static void query_heap_link_in(struct job *job)
{
	struct query_context *context = job->context;

	job->next = context->jobs;
	if (context->jobs)
		context->jobs->previous = job;
	context->jobs = job;
	job->conn->owner = job;
}

static void query_heap_drop(struct job *job)
{
	if (job->previous)
		job->previous->next = job->next;
	else
		job->context->jobs = job->next;
	if (job->next)
		job->next->previous = job->previous;
	job->conn->owner = NULL;
	job->context->jobs_bytes -= buf_length(&job->text);
	buf_free(&job->text);
	free(job);
}

/* The answer is complete. */
static void query_heap_finish(struct job *job)
{
	struct conn *conn = job->conn;

	query_heap_drop(job);
	conn_release(conn);
}

/* Queues as much as there is room for. True when that was the last. */
static bool query_heap_feed(struct job *job)
{
	Hakmem__Export answer;
	bool last = false;

	hakmem__export__init(&answer);
	answer.query_id = job->query.query_id;
	while (!last && conn_has_room(job->conn)) {
		size_t length = buf_length(&job->text);

		last = length <= REQUEST_FILL_BYTES;
		answer.data.len = last ? length : REQUEST_FILL_BYTES;
		answer.data.data =
			length ? job->text.data + job->text.begin : NULL;
		answer.last = last;
		conn_send(job->conn, FRAME_EXPORT, &answer.base);
		job->context->jobs_bytes -= answer.data.len;
		buf_take(&job->text, answer.data.len);
	}
	return last;
}

/* False after an ERROR. An empty file is a good one: nothing grew, perhaps. */
static bool query_heap_write_out(const struct job *job,
				 const struct request *request,
				 const struct heap_profile *profile,
				 struct buf *text)
{
	bool good;

	text->limit = QUERY_HEAP_BYTES_MAX;
	good = writer_of(job->format)->heap(profile, text);
	if (!good && buf_length(text) > QUERY_HEAP_BYTES_MAX / 2)
		request_refuse(request,
			       "the export is larger than %u MiB: try pprof "
			       "or folded",
			       QUERY_HEAP_BYTES_MAX >> 20);
	else if (!good)
		request_no_memory(request);
	else if (buf_length(text) + job->context->jobs_bytes >
		 QUERY_HEAP_BYTES_ALL)
		request_refuse(request, "the daemon is busy with other "
					"exports; ask again later");
	else
		return true;
	buf_free(text);
	return false;
}

/* Builds the profile and writes the file; false while names are missing. */
static bool query_heap_build(struct job *job, const struct request *request,
			     bool impatient)
{
	const struct baselines *baselines = &request->process->model.baselines;
	struct heap_profile_options options = {
		.process = request->process,
		.symbols = job->context->symbols,
		.sample = job->sample,
		.baseline = baseline_find(baselines, job->baseline),
		.impatient = impatient};
	struct heap_profile profile;
	struct pool pool;
	enum heap_profile_result result;

	if (job->baseline[0] && !options.baseline) {
		request_refuse(request, "no baseline '%.64s' of this process",
			       job->baseline);
		return true;
	}
	pool_init(&pool, BUDGET_BYTES);
	result = heap_profile_build(&profile, &options, &pool);
	if (result == HEAP_PROFILE_READY)
		job->written = query_heap_write_out(job, request, &profile,
						    &job->text);
	else if (result == HEAP_PROFILE_NO_MEMORY)
		request_no_memory(request);
	pool_free(&pool);
	malloc_trim(0); /* it was much, and is seldom */
	job->context->jobs_bytes += buf_length(&job->text);
	return result != HEAP_PROFILE_PENDING;
}

/* One try; true when the answer is complete (an ERROR, perhaps). */
static bool query_heap_advance(struct job *job, uint64_t now_ns)
{
	struct request request = {.conn = job->conn,
				  .context = job->context,
				  .query = &job->query};

	job->tried_ns = now_ns;
	request.process =
		registry_find(job->context->registry, job->process_id, 0);
	if (!request.process) {
		request_refuse(&request, "the process is forgotten already");
		return true;
	}
	if (!query_heap_build(job, &request, now_ns >= job->deadline_ns))
		return false;
	return !job->written || query_heap_feed(job);
}

/* What is wrong with a request, told; false if nothing is. */
static bool query_heap_is_wrong(const struct request *request,
				enum heap_profile_sample *sample)
{
	const Hakmem__Query *query = request->query;
	const struct model *model = &request->process->model;

	if (!query_heap_sample_named(query->export_sample, sample))
		request_refuse(request, "no sample '%.32s': inuse, alloc, peak",
			       query->export_sample);
	else if (*sample == HEAP_PROFILE_PEAK && *query->baseline)
		request_refuse(request, "the peak has no difference to a "
					"baseline: inuse or alloc");
	else if (model->sites.count == 0)
		request_refuse(request,
			       "pid %d has told of no sites: sampling is off, "
			       "or nothing was sampled yet",
			       (int)request->process->pid);
	else
		return false;
	return true;
}

void query_heap(const struct request *request, enum format format)
{
	const Hakmem__Query *query = request->query;
	const struct baseline *baseline;
	enum heap_profile_sample sample;
	uint64_t now_ns = clock_ns();
	struct job *job;

	if (query_heap_is_wrong(request, &sample) ||
	    !query_baseline_find(request, &baseline))
		return;
	job = calloc(1, sizeof(*job));
	if (!job) {
		request_no_memory(request);
		return;
	}
	hakmem__query__init(&job->query);
	job->query.query_id = query->query_id;
	job->conn = request->conn;
	job->context = request->context;
	job->process_id = request->process->id;
	job->format = format;
	job->sample = sample;
	job->deadline_ns = now_ns + QUERY_HEAP_PATIENCE_NS;
	snprintf(job->baseline, sizeof(job->baseline), "%s", query->baseline);
	query_heap_link_in(job);
	if (query_heap_advance(job, now_ns)) {
		query_heap_drop(job);
		return;
	}
	conn_hold(job->conn);
	loop_tick_by(job->context->loop, now_ns + LOOK_NS);
}

void query_heap_drained(struct conn *conn)
{
	struct job *job = conn->owner;

	if (job && job->written && query_heap_feed(job))
		query_heap_finish(job);
}

void query_heap_closed(struct conn *conn)
{
	if (conn->owner)
		query_heap_drop(conn->owner);
}

void query_heap_settled(void *argument)
{
	struct query_context *context = argument;

	for (struct job *job = context->jobs; job; job = job->next)
		job->tried_ns = 0;
	if (context->jobs)
		loop_tick_by(context->loop, clock_ns());
}

/* Is it worth another try? */
static bool query_heap_is_due(const struct job *job, uint64_t now_ns)
{
	return symbols_pending(job->context->symbols) == 0 ||
	       now_ns >= job->deadline_ns || now_ns >= job->tried_ns + AGAIN_NS;
}

uint64_t query_heap_tick(struct query_context *context, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;
	struct job *next;

	for (struct job *job = context->jobs; job; job = next) {
		next = job->next;
		if (job->written)
			continue; /* the connection calls */
		if (query_heap_is_due(job, now_ns)) {
			struct conn *conn = job->conn;

			if (query_heap_advance(job, now_ns))
				query_heap_finish(job);
			else
				conn_push(conn);
		}
		next_ns = now_ns + LOOK_NS;
	}
	return next_ns;
}
