#include "hakmem-top/data/decode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/base/unpack.h"
#include "proto/hakmem.pb-c.h"

#define STRING_MAX 4096u

static char *decode_copy(const char *text)
{
	return unpack_copy(text, STRING_MAX);
}

/* Names that make no sense name nothing. */
static void decode_read_order(const char *names, struct figures_map *out)
{
	if (!figures_map(names, out))
		out->count = 0;
}

static bool decode_take_process(const Hakmem__Process *from,
				const struct figures_map *order,
				struct process *to)
{
	*to = (struct process){
		.id = from->process_id,
		.parent_id = from->parent_process_id,
		.pid = from->pid,
		.parent_pid = from->parent_pid,
		.uid = from->uid,
		.state = (unsigned)from->state < MODEL_STATES
				 ? (enum model_state)from->state
				 : MODEL_ENDED,
		.exit_known = from->exit_known,
		.exit_status = from->exit_status,
		.exit_signal = from->exit_signal,
		.start_ticks = from->start_ticks,
		.first_seen_ns = from->first_seen_ns,
		.ended_ns = from->ended_ns,
		.state_ns = from->state_ns,
		.age_ns = from->age_ns,
		.base_ns = from->base_ns,
		.command = decode_copy(from->command),
		.executable = decode_copy(from->executable),
	};
	figures_take(order, (const uint64_t *)from->figures, from->n_figures,
		     to->figures);
	if (from->base_ns)
		figures_take(order, (const uint64_t *)from->base_figures,
			     from->n_base_figures, to->base);
	return to->command && to->executable;
}

static bool decode_reserve(struct processes *list, size_t extra)
{
	struct process *rows;

	if (extra <= list->room - list->count)
		return true;
	rows = reallocarray(list->rows, list->count + extra, sizeof(*rows));
	if (!rows)
		return false;
	list->rows = rows;
	list->room = list->count + extra;
	return true;
}

static bool decode_take_processes(const Hakmem__Processes *from,
				  struct processes *list)
{
	struct figures_map order;
	size_t space = MODEL_PROCESSES_MAX - list->count;
	size_t count = from->n_processes < space ? from->n_processes : space;

	if (!decode_reserve(list, count))
		return false;
	decode_read_order(from->figure_names, &order);
	for (size_t i = 0; i < count; i++)
		if (!decode_take_process(from->processes[i], &order,
					 &list->rows[list->count++]))
			return false;
	list->omitted += from->n_processes - count;
	list->now_ns = from->now_ns;
	list->daemon_pid = from->daemon_pid;
	list->refused = from->refused_total;
	free(list->daemon_version);
	list->daemon_version = decode_copy(from->daemon_version);
	return list->daemon_version != NULL;
}

bool decode_processes(const struct frame *frame, struct processes **processes,
		      bool *more)
{
	Hakmem__Processes *message = (Hakmem__Processes *)unpack_frame(
		frame, &hakmem__processes__descriptor);
	struct processes *list = *processes;
	bool done;

	*more = false;
	if (!message)
		return false;
	if (!list)
		list = calloc(1, sizeof(*list));
	done = list && decode_take_processes(message, list);
	*more = message->more;
	unpack_discard(message);
	if (!done) {
		model_processes_free(list);
		list = NULL;
	}
	*processes = list;
	return done;
}

static struct size_bin decode_bin(const Hakmem__SizeBin *bin)
{
	double error = bin->requests_stderr;

	return (struct size_bin){
		.low = bin->low_bytes,
		.high = bin->high_bytes,
		.requests = bin->requests,
		.requested_bytes = bin->requested_bytes,
		.reserved_bytes = bin->reserved_bytes,
		.live_objects = bin->live_objects,
		.live_bytes = bin->live_bytes,
		.stderr_requests = isfinite(error) && error > 0 ? error : 0,
	};
}

static bool decode_take_sizes(const Hakmem__Detail *from, struct detail *to)
{
	size_t count = from->n_sizes < MODEL_SIZES_MAX ? from->n_sizes
						       : MODEL_SIZES_MAX;

	to->sizes = calloc(count + 1, sizeof(*to->sizes));
	to->base_sizes = calloc(count + 1, sizeof(*to->base_sizes));
	if (!to->sizes || !to->base_sizes)
		return false;
	for (size_t i = 0, base = 0; i < count; i++) {
		to->sizes[i] = decode_bin(from->sizes[i]);
		/* Both are in the order of sizes. */
		while (base < from->n_base_sizes &&
		       from->base_sizes[base]->low_bytes < to->sizes[i].low)
			base++;
		if (base < from->n_base_sizes &&
		    from->base_sizes[base]->low_bytes == to->sizes[i].low)
			to->base_sizes[i] = decode_bin(from->base_sizes[base]);
	}
	to->size_count = count;
	return true;
}

#define AT(state, column, i)                                                   \
	((i) < (state)->n_##column ? (state)->column[i] : 0)

static struct class_row decode_class(const Hakmem__Hello *hello,
				     const Hakmem__State *state, size_t i)
{
	const Hakmem__SizeClass *class = hello->classes[i];

	return (struct class_row){
		.index = (uint32_t)i,
		.stride = class->stride_bytes,
		.low = class->low_bytes,
		.high = class->high_bytes,
		.usable = class->usable_bytes,
		.slab_bytes = class->slab_bytes,
		.headerless = class->headerless,
		.aligned_only = class->aligned_only,
		.allocs = AT(state, class_allocs, i),
		.frees = AT(state, class_frees, i),
		.slabs = AT(state, class_slabs, i),
	};
}

static bool decode_take_classes(const Hakmem__Hello *hello,
				const Hakmem__State *state,
				const Hakmem__State *base, struct detail *to)
{
	size_t count = hello->n_classes < MODEL_CLASSES_MAX ? hello->n_classes
							    : MODEL_CLASSES_MAX;

	to->classes = calloc(count + 1, sizeof(*to->classes));
	to->base_classes = calloc(count + 1, sizeof(*to->base_classes));
	if (!to->classes || !to->base_classes)
		return false;
	for (size_t i = 0; i < count; i++) {
		to->classes[i] = decode_class(hello, state, i);
		to->base_classes[i] = decode_class(hello, base, i);
	}
	to->class_count = count;
	return true;
}

static bool decode_take_hello(const Hakmem__Hello *hello, struct detail *to)
{
	size_t count = hello->n_config_errors < MODEL_ERRORS_MAX
			       ? hello->n_config_errors
			       : MODEL_ERRORS_MAX;

	to->interval_ms = hello->interval_ms;
	to->page_bytes = hello->page_bytes;
	to->library_version = decode_copy(hello->library_version);
	to->errors = calloc(count + 1, sizeof(*to->errors));
	if (!to->library_version || !to->errors)
		return false;
	for (; to->error_count < count; to->error_count++) {
		to->errors[to->error_count] =
			decode_copy(hello->config_errors[to->error_count]);
		if (!to->errors[to->error_count])
			return false;
	}
	return true;
}

/* A part that the daemon left out (nothing received yet) reads as all zero. */
static bool decode_take_detail(const Hakmem__Detail *from, struct detail *to)
{
	struct figures_map order;
	Hakmem__Process process;
	Hakmem__Hello hello;
	Hakmem__State state, base;

	hakmem__process__init(&process);
	hakmem__hello__init(&hello);
	hakmem__state__init(&state);
	hakmem__state__init(&base);
	if (from->process)
		process = *from->process;
	if (from->hello)
		hello = *from->hello;
	if (from->state)
		state = *from->state;
	if (from->base_state)
		base = *from->base_state;
	to->now_ns = from->now_ns;
	to->state_ns = state.time_ns;
	decode_read_order(hello.figure_names, &order);
	return decode_take_process(&process, &order, &to->process) &&
	       decode_take_hello(&hello, to) &&
	       decode_take_classes(&hello, &state, &base, to) &&
	       decode_take_sizes(from, to);
}

struct detail *decode_detail(const struct frame *frame)
{
	Hakmem__Detail *message = (Hakmem__Detail *)unpack_frame(
		frame, &hakmem__detail__descriptor);
	struct detail *detail;

	if (!message)
		return NULL;
	detail = calloc(1, sizeof(*detail));
	if (detail && !decode_take_detail(message, detail)) {
		model_detail_free(detail);
		detail = NULL;
	}
	unpack_discard(message);
	return detail;
}

/* The newest `count` of a column of `available` >= count figures. */
static uint64_t *decode_take_column(const uint64_t *column, size_t available,
				    size_t count)
{
	uint64_t *copied = calloc(count + 1, sizeof(*copied));

	if (copied && count)
		memcpy(copied, column + (available - count),
		       count * sizeof(*copied));
	return copied;
}

/* The columns that the daemon keeps and we know. */
static bool decode_take_columns(const Hakmem__History *from, size_t count,
				struct history *to)
{
	struct figures_map order;
	size_t length = from->n_time_ns;

	decode_read_order(from->figure_names, &order);
	for (size_t i = 0; i < order.count; i++) {
		uint64_t **column = order.figure[i] < FIGURES
					    ? &to->figures[order.figure[i]]
					    : NULL;

		if (!column || (i + 1) * length > from->n_figures)
			continue;
		*column = decode_take_column((const uint64_t *)from->figures +
						     i * length,
					     length, count);
		if (!*column)
			return false;
	}
	return true;
}

struct history *decode_history(const struct frame *frame)
{
	Hakmem__History *from = (Hakmem__History *)unpack_frame(
		frame, &hakmem__history__descriptor);
	struct history *to;
	bool taken = false;

	if (!from)
		return NULL;
	to = calloc(1, sizeof(*to));
	if (to) {
		to->process_id = from->process_id;
		to->count = from->n_time_ns < MODEL_HISTORY_MAX
				    ? from->n_time_ns
				    : MODEL_HISTORY_MAX;
		to->time_ns = decode_take_column(from->time_ns, from->n_time_ns,
						 to->count);
		taken = to->time_ns && decode_take_columns(from, to->count, to);
	}
	unpack_discard(from);
	if (taken)
		return to;
	model_history_free(to);
	return NULL;
}

bool decode_export(const struct frame *frame, bool *last,
		   bool (*append)(void *to, const void *data, size_t length),
		   void *to)
{
	Hakmem__Export *message = (Hakmem__Export *)unpack_frame(
		frame, &hakmem__export__descriptor);
	bool done;

	if (!message)
		return false;
	*last = message->last;
	done = append(to, message->data.data, message->data.len);
	unpack_discard(message);
	return done;
}

void decode_error(const struct frame *frame, char *out, size_t size)
{
	Hakmem__Error *message = (Hakmem__Error *)unpack_frame(
		frame, &hakmem__error__descriptor);

	snprintf(out, size, "%s",
		 message && message->text && *message->text
			 ? message->text
			 : "the daemon refused without a reason");
	unpack_discard(message);
}
