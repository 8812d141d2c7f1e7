#include "hakmemd/query/query_sites.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmemd/model/check.h"
#include "proto/limits.h"
#include "hakmemd/model/estimate.h"
#include "hakmemd/export/site_row.h"
#include "hakmemd/query/query_baseline.h"

static struct stack_source query_sites_source_of(const struct request *request)
{
	return (struct stack_source){.symbols = request->context->symbols,
				     .process = request->process};
}

struct ranked {
	double bytes;
	const struct site *site;
};

static int query_sites_largest_first(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return (a->site->id > b->site->id) - (a->site->id < b->site->id);
}

/* All sites by live bytes, with their sum in the answer; NULL = no memory. */
static struct ranked *query_sites_rank(const struct request *request,
				       Hakmem__SiteTable *answer)
{
	const struct sites *sites = &request->process->model.sites;
	struct ranked *all =
		pool_array(request->pool, sites->count, sizeof(*all));
	double variance = 0;

	for (uint32_t i = 0; all && i < sites->count; i++) {
		const struct sites_figures *sum = &sites->list[i]->sum;

		all[i] = (struct ranked){sum->live_bytes, sites->list[i]};
		answer->live_bytes += sum->live_bytes;
		variance += sum->live_bytes_var;
	}
	answer->live_bytes_stderr = sqrt(variance);
	if (all)
		qsort(all, sites->count, sizeof(*all),
		      query_sites_largest_first);
	return all;
}

/* A row with its names, and what changed since `baseline` unless it is NULL.
 * False while names are looked up. */
static bool query_sites_fill_row(const struct request *request,
				 const struct site *site,
				 const struct baseline *baseline,
				 Hakmem__SiteRow *row)
{
	struct stack_source source = query_sites_source_of(request);

	site_row_fill(row, &request->process->model, site, NULL);
	if (baseline)
		row->since = pool_alloc(request->pool, sizeof(*row->since));
	if (row->since)
		site_row_since(row->since, site, baseline);
	return site_row_name(row, &source, site, request->pool);
}

static void query_sites_send_table(const struct request *request,
				   Hakmem__SiteTable *answer,
				   Hakmem__SiteRow **heads, size_t count)
{
	size_t sent = 0;

	do {
		size_t bytes = 0;

		answer->rows = heads + sent;
		answer->n_rows = 0;
		while (sent < count) {
			bytes +=
				hakmem__site_row__get_packed_size(heads[sent]) +
				6;
			if (bytes > REQUEST_FILL_BYTES)
				break;
			answer->n_rows++;
			sent++;
		}
		answer->more = sent < count;
		conn_send(request->conn, FRAME_SITE_TABLE, &answer->base);
	} while (answer->more);
}

void query_sites_table(const struct request *request)
{
	const struct model *model = &request->process->model;
	size_t count = model->sites.count < QUERY_SITES_ROWS
			       ? model->sites.count
			       : QUERY_SITES_ROWS;
	Hakmem__SiteRow *rows = pool_array(request->pool, count, sizeof(*rows));
	Hakmem__SiteRow **heads =
		pool_array(request->pool, count, sizeof(*heads));
	Hakmem__SiteTable answer;
	const struct baseline *baseline =
		baseline_find(&model->baselines, request->query->baseline);
	struct ranked *ranked;

	hakmem__site_table__init(&answer);
	ranked = query_sites_rank(request, &answer);
	if (!rows || !heads || !ranked) {
		request_no_memory(request);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		heads[i] = &rows[i];
		if (!query_sites_fill_row(request, ranked[i].site, baseline,
					  &rows[i]))
			answer.symbols_pending = 1;
	}
	answer.query_id = request->query->query_id;
	answer.process_id = request->process->id;
	answer.now_ns = model->state_ns;
	answer.sample_bytes = model_sample_bytes(model);
	if (baseline)
		answer.baseline = request->query->baseline;
	answer.z = estimate_of(&model->sites,
			       model_hello_message(model, request->pool),
			       model_state_message(model, request->pool))
			   .z;
	query_sites_send_table(request, &answer, heads, count);
}

static char *query_sites_copy(struct pool *pool, const char *text)
{
	static char nothing[1];
	size_t length = strnlen(text, STACK_NAME_MAX);
	char *out = pool_alloc(pool, length + 1);

	if (!out)
		return nothing;
	memcpy(out, text, length);
	check_string(out, length);
	return out;
}

static Hakmem__StackFrame *
query_sites_frame_of(struct pool *pool, const struct sites_module *module,
		     uint64_t pc, const struct symbol_frame *from)
{
	Hakmem__StackFrame *frame = pool_alloc(pool, sizeof(*frame));

	if (!frame)
		return NULL;
	hakmem__stack_frame__init(frame);
	frame->pc = pc;
	frame->function = query_sites_copy(pool, from->function);
	frame->file = query_sites_copy(pool, from->file);
	frame->line = from->line;
	frame->module = query_sites_copy(pool, module ? module->path : "");
	frame->module_offset = module ? pc - module->bias : 0;
	frame->inlined = from->inlined;
	frame->note = query_sites_copy(pool, from->note);
	return frame;
}

/* As many frames as a message holds; the rest counts as cut off. */
static void query_sites_fill_frames(const struct request *request,
				    const struct site *site, size_t bytes,
				    Hakmem__Stack *answer)
{
	struct stack_source source = query_sites_source_of(request);
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];

	answer->frames =
		pool_array(request->pool, site->depth * SYMBOL_FRAMES_MAX,
			   sizeof(*answer->frames));
	for (uint32_t i = 0; answer->frames && i < site->depth; i++) {
		const struct sites_module *module =
			stack_module(&source, site, i);
		size_t count = stack_frames(&source, site, i, frames);

		if (count == 0) {
			struct stack_source now = source;

			now.impatient = true;
			answer->symbols_pending = 1;
			count = stack_frames(&now, site, i, frames);
		}
		for (size_t f = 0; f < count; f++) {
			Hakmem__StackFrame *frame =
				query_sites_frame_of(request->pool, module,
						     site->pcs[i], &frames[f]);

			if (frame)
				bytes += 6 +
					 hakmem__stack_frame__get_packed_size(
						 frame);
			if (!frame || bytes > REQUEST_FILL_BYTES) {
				answer->truncated = 1;
				return;
			}
			answer->frames[answer->n_frames++] = frame;
		}
	}
}

static double *query_sites_lifetimes_of(struct pool *pool, const float *from)
{
	double *out = pool_array(pool, AGES_COUNT, sizeof(*out));

	for (uint32_t i = 0; out && i < AGES_COUNT; i++)
		out[i] = (double)from[i];
	return out;
}

static void query_sites_fill_class(struct pool *pool,
				   const struct sites_class *from,
				   Hakmem__SiteClass *to)
{
	hakmem__site_class__init(to);
	to->class_index = from->index;
	to->samples = (uint64_t)from->figures.samples;
	to->live_samples = (uint64_t)from->figures.live_samples;
	to->alloc_objects = from->figures.alloc_objects;
	to->alloc_objects_var = from->figures.alloc_objects_var;
	to->alloc_bytes = from->figures.alloc_bytes;
	to->alloc_bytes_var = from->figures.alloc_bytes_var;
	to->live_objects = from->figures.live_objects;
	to->live_objects_var = from->figures.live_objects_var;
	to->live_bytes = from->figures.live_bytes;
	to->live_bytes_var = from->figures.live_bytes_var;
	to->peak_bytes = from->peak_bytes;
	to->peak_objects = from->peak_objects;
	to->peak_bytes_var = from->peak_bytes_var;
	to->peak_objects_var = from->peak_objects_var;
	to->highest_bytes = from->highest_bytes;
	to->live_birth_seconds = from->birth_seconds;
	to->lifetimes = query_sites_lifetimes_of(pool, from->lifetimes);
	to->n_lifetimes = to->lifetimes ? AGES_COUNT : 0;
}

/* False without memory. */
static bool query_sites_fill_classes(const struct request *request,
				     const struct site *site,
				     Hakmem__Stack *answer)
{
	uint32_t count = site->class_count;
	Hakmem__SiteClass *classes =
		pool_array(request->pool, count, sizeof(*classes));

	answer->classes =
		pool_array(request->pool, count, sizeof(*answer->classes));
	if (!classes || !answer->classes)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		query_sites_fill_class(request->pool, &site->classes[i],
				       &classes[i]);
		answer->classes[i] = &classes[i];
	}
	answer->n_classes = count;
	return true;
}

void query_sites_stack(const struct request *request)
{
	const struct model *model = &request->process->model;
	const struct site *site =
		sites_find(&model->sites, request->query->site_id);
	double lifetimes[AGES_COUNT];
	const struct baseline *baseline =
		baseline_find(&model->baselines, request->query->baseline);
	Hakmem__Stack answer;
	Hakmem__SiteRow row;

	hakmem__stack__init(&answer);
	if (!site) {
		request_refuse(request, "no site %u of pid %d",
			       request->query->site_id,
			       (int)request->process->pid);
		return;
	}
	if (!query_sites_fill_row(request, site, baseline, &row))
		answer.symbols_pending = 1;
	sites_lifetimes(site, lifetimes);
	answer.query_id = request->query->query_id;
	answer.row = &row;
	answer.truncated = site->truncated;
	answer.lifetimes = lifetimes;
	answer.n_lifetimes = AGES_COUNT;
	if (!query_sites_fill_classes(request, site, &answer)) {
		request_no_memory(request);
		return;
	}
	query_sites_fill_frames(request, site,
				hakmem__stack__get_packed_size(&answer),
				&answer);
	conn_send(request->conn, FRAME_STACK, &answer.base);
}

/* NULL, or what is wrong with it. */
static const char *query_sites_check_control(const Hakmem__Control *control)
{
	if (!control || (control->sample_bytes == 0 && !control->sampling_off &&
			 control->interval_ms == 0))
		return "the control says nothing";
	if (control->sampling_off && control->sample_bytes)
		return "sampling cannot be off and have a distance";
	if (control->sample_bytes > LIMIT_SAMPLE_BYTES_MAX)
		return "samples are at most 1 TiB apart";
	if (control->interval_ms &&
	    (control->interval_ms < LIMIT_INTERVAL_MS_MIN ||
	     control->interval_ms > LIMIT_INTERVAL_MS_MAX))
		return "the interval is " LIMIT_TEXT(
			LIMIT_INTERVAL_MS_MIN) " .. " LIMIT_TEXT(LIMIT_INTERVAL_MS_MAX) " ms";
	return NULL;
}

void query_sites_control(const struct request *request)
{
	const Hakmem__Control *control = request->query->control;
	struct process *process = request->process;
	const char *why = query_sites_check_control(control);
	uid_t asks = request->conn->peer.uid;

	if (!why && asks != 0 && asks != process->uid)
		why = "the program belongs to another user";
	if (!why && !registry_control(process, control))
		why = "the program is not connected";
	if (why) {
		request_refuse(request, "%s", why);
		return;
	}
	if (control->sampling_off)
		request_done(request, "told pid %d: sampling off",
			     (int)process->pid);
	else if (control->sample_bytes)
		request_done(request,
			     "told pid %d: a sample every %" PRIu64 " bytes",
			     (int)process->pid, control->sample_bytes);
	else
		request_done(request, "told pid %d: a state every %u ms",
			     (int)process->pid, control->interval_ms);
}
