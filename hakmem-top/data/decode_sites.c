#include "hakmem-top/data/decode_sites.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "hakmem-top/base/unpack.h"
#include "proto/hakmem.pb-c.h"

static char *decode_sites_copy(const char *text)
{
	return unpack_copy(text, SITES_TEXT_MAX);
}

/* A figure that cannot be negative. */
static double decode_sites_figure(double value)
{
	value = unpack_real(value);
	return value > 0 ? value : 0;
}

static struct estimate decode_sites_estimate(double value, double error,
					     uint64_t samples)
{
	return (struct estimate){decode_sites_figure(value),
				 decode_sites_figure(error), samples};
}

/* Fewer samples live than at a baseline: what lives rests on none. */
static uint64_t decode_sites_positive(int64_t samples)
{
	return samples > 0 ? (uint64_t)samples : 0;
}

static struct site_change decode_sites_change(const Hakmem__SiteChange *from)
{
	uint64_t born = from->samples;
	uint64_t died = decode_sites_positive(
		(int64_t)(from->samples - (uint64_t)from->live_samples));
	uint64_t moved = born + died;

	return (struct site_change){
		.live = {unpack_real(from->live_bytes),
			 decode_sites_figure(from->live_bytes_stderr), moved},
		.live_objects = {unpack_real(from->live_objects),
				 decode_sites_figure(from->live_objects_stderr),
				 moved},
		.allocated = decode_sites_estimate(
			from->alloc_bytes, from->alloc_bytes_stderr, born),
	};
}

static bool decode_sites_take_site(const Hakmem__SiteRow *from, struct site *to)
{
	*to = (struct site){
		.id = from->site_id,
		.threads = from->threads,
		.thread_id = from->thread_id,
		.function = decode_sites_copy(from->function),
		.location = decode_sites_copy(from->location),
		.module = decode_sites_copy(from->module),
		.thread = decode_sites_copy(from->thread_name),
		.live = decode_sites_estimate(
			from->live_bytes, from->live_bytes_stderr,
			decode_sites_positive(from->live_samples)),
		.live_objects = decode_sites_estimate(
			from->live_objects, from->live_objects_stderr,
			decode_sites_positive(from->live_samples)),
		.allocated = decode_sites_estimate(from->alloc_bytes,
						   from->alloc_bytes_stderr,
						   from->samples),
		.alloc_objects = decode_sites_estimate(
			from->alloc_objects, from->alloc_objects_stderr,
			from->samples),
		.rate = decode_sites_figure(from->alloc_bytes_per_s),
		.peak = decode_sites_estimate(from->peak_bytes,
					      from->peak_bytes_stderr,
					      from->samples),
		.peak_objects = decode_sites_estimate(from->peak_objects,
						      from->peak_objects_stderr,
						      from->samples),
		.highest_bytes = decode_sites_figure(from->highest_bytes),
		.mean_age_s = decode_sites_figure(from->mean_age_s),
		.short_lived =
			fmin(decode_sites_figure(from->short_lived_share), 1),
		.growing = from->growing,
		.growth = unpack_real(from->growth_bytes_per_s),
		.growth_minutes = decode_sites_figure(from->growth_minutes),
		.truncated = from->truncated,
	};
	if (from->since)
		to->since = decode_sites_change(from->since);
	return to->function && to->location && to->module && to->thread;
}

static bool decode_sites_reserve(struct sites *sites, size_t extra)
{
	struct site *rows;

	if (extra <= sites->room - sites->count)
		return true;
	rows = reallocarray(sites->rows, sites->count + extra, sizeof(*rows));
	if (!rows)
		return false;
	sites->rows = rows;
	sites->room = sites->count + extra;
	return true;
}

static bool decode_sites_take_all(const Hakmem__SiteTable *from,
				  struct sites *to)
{
	size_t space = SITES_MAX - to->count;
	size_t count = from->n_rows < space ? from->n_rows : space;
	uint64_t samples = to->live.samples;

	if (!decode_sites_reserve(to, count))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!decode_sites_take_site(from->rows[i],
					    &to->rows[to->count++]))
			return false;
		samples += decode_sites_positive(from->rows[i]->live_samples);
	}
	to->omitted += from->n_rows - count;
	to->process_id = from->process_id;
	to->now_ns = from->now_ns;
	to->sample_bytes = from->sample_bytes;
	to->live = decode_sites_estimate(from->live_bytes,
					 from->live_bytes_stderr, samples);
	to->z = unpack_real(from->z);
	to->pending = from->symbols_pending;
	to->marked = from->baseline && *from->baseline;
	return true;
}

bool decode_sites(const struct frame *frame, struct sites **sites, bool *more)
{
	Hakmem__SiteTable *message = (Hakmem__SiteTable *)unpack_frame(
		frame, &hakmem__site_table__descriptor);
	struct sites *table = *sites;
	bool done = false;

	*more = message && message->more;
	if (message && !table)
		table = calloc(1, sizeof(*table));
	if (message && table)
		done = decode_sites_take_all(message, table);
	unpack_discard(message);
	if (!done) {
		sites_free(table);
		table = NULL;
	}
	*sites = table;
	return done;
}

static bool decode_sites_take_frames(const Hakmem__Stack *from,
				     struct stack *to)
{
	size_t count = from->n_frames < SITES_FRAMES_MAX ? from->n_frames
							 : SITES_FRAMES_MAX;

	to->site.truncated |= from->truncated || count < from->n_frames;
	to->frames = calloc(count + 1, sizeof(*to->frames));
	if (!to->frames)
		return false;
	while (to->frame_count < count) {
		const Hakmem__StackFrame *frame = from->frames[to->frame_count];
		struct stack_frame *made = &to->frames[to->frame_count++];

		*made = (struct stack_frame){
			.pc = frame->pc,
			.module_offset = frame->module_offset,
			.function = decode_sites_copy(frame->function),
			.file = decode_sites_copy(frame->file),
			.module = decode_sites_copy(frame->module),
			.note = decode_sites_copy(frame->note),
			.line = frame->line,
			.inlined = frame->inlined,
		};
		if (!made->function || !made->file || !made->module ||
		    !made->note)
			return false;
	}
	return true;
}

static bool decode_sites_take_classes(const Hakmem__Stack *from,
				      struct stack *to)
{
	size_t count = from->n_classes < SITES_FRAMES_MAX ? from->n_classes
							  : SITES_FRAMES_MAX;

	to->classes = calloc(count + 1, sizeof(*to->classes));
	if (!to->classes)
		return false;
	to->class_count = count;
	for (size_t i = 0; i < count; i++) {
		const Hakmem__SiteClass *class = from->classes[i];

		to->classes[i] = (struct site_class){
			.index = class->class_index,
			.live = decode_sites_estimate(
				class->live_bytes,
				sqrt(decode_sites_figure(
					class->live_bytes_var)),
				class->live_samples),
			.allocated = decode_sites_estimate(
				class->alloc_bytes,
				sqrt(decode_sites_figure(
					class->alloc_bytes_var)),
				class->samples),
			.alloc_objects = decode_sites_estimate(
				class->alloc_objects,
				sqrt(decode_sites_figure(
					class->alloc_objects_var)),
				class->samples),
		};
	}
	return true;
}

static bool decode_sites_take_stack(const Hakmem__Stack *from, struct stack *to)
{
	Hakmem__SiteRow none;

	hakmem__site_row__init(&none);
	to->pending = from->symbols_pending;
	for (size_t i = 0; i < AGES_COUNT && i < from->n_lifetimes; i++)
		to->lifetimes[i] = decode_sites_figure(from->lifetimes[i]);
	return decode_sites_take_site(from->row ? from->row : &none,
				      &to->site) &&
	       decode_sites_take_frames(from, to) &&
	       decode_sites_take_classes(from, to);
}

struct stack *decode_stack(const struct frame *frame)
{
	Hakmem__Stack *message = (Hakmem__Stack *)unpack_frame(
		frame, &hakmem__stack__descriptor);
	struct stack *stack = message ? calloc(1, sizeof(*stack)) : NULL;

	if (stack && !decode_sites_take_stack(message, stack)) {
		sites_stack_free(stack);
		stack = NULL;
	}
	unpack_discard(message);
	return stack;
}

bool decode_done(const struct frame *frame, char *out, size_t size)
{
	Hakmem__Done *message =
		(Hakmem__Done *)unpack_frame(frame, &hakmem__done__descriptor);

	if (!message)
		return false;
	snprintf(out, size, "%s", message->text ? message->text : "");
	unpack_discard(message);
	return true;
}
