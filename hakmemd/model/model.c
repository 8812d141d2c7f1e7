#include "hakmemd/model/model.h"

#include <stdlib.h>
#include <string.h>

#include "hakmemd/model/check.h"
#include "hakmemd/model/site_check.h"

/* Fields that we do not know are not kept: nobody here could check them. */
static void model_forget_unknown(ProtobufCMessage *message)
{
	message->n_unknown_fields = 0;
}

static bool model_repack(struct model_blob *blob,
			 const ProtobufCMessage *message)
{
	size_t length = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = realloc(blob->bytes, length ? length : 1);

	if (!bytes)
		return false;
	blob->bytes = bytes;
	blob->length = protobuf_c_message_pack(message, bytes);
	return true;
}

static void model_drop(struct model_blob *blob)
{
	free(blob->bytes);
	*blob = (struct model_blob){.bytes = NULL};
}

static void model_forget_unknown_hello(Hakmem__Hello *hello)
{
	model_forget_unknown(&hello->base);
	for (size_t i = 0; i < hello->n_classes; i++)
		model_forget_unknown(&hello->classes[i]->base);
	for (size_t i = 0; i < hello->n_cells; i++)
		model_forget_unknown(&hello->cells[i]->base);
}

static void model_forget_unknown_state(Hakmem__State *state)
{
	model_forget_unknown(&state->base);
	for (size_t i = 0; i < state->n_large_bins; i++)
		model_forget_unknown(&state->large_bins[i]->base);
}

static void model_forget_sites(struct model *model)
{
	baseline_clear(&model->baselines, &model->sites);
	sites_clear(&model->sites);
}

const char *model_hello(struct model *model, Hakmem__Hello *hello)
{
	const char *why = check_hello(hello);
	struct model_blob blob = {.bytes = NULL};
	struct figures_map order;
	char *command, *executable;

	if (why)
		return why;
	if (!figures_map(hello->figure_names, &order))
		return "the names of figures make no sense";
	hello->figure_names = (char *)(uintptr_t)figures_names;
	model_forget_unknown_hello(hello);
	command = strdup(hello->command);
	executable = strdup(hello->executable);
	if (!command || !executable || !model_repack(&blob, &hello->base)) {
		free(command);
		free(executable);
		return "out of memory";
	}
	free(model->command);
	free(model->executable);
	model->command = command;
	model->executable = executable;
	/* The columns of a kept state must belong to the kept hello; of another
	 * session, all counters began anew. */
	if (!model->hello.bytes || hello->session != model->session ||
	    hello->n_classes != model->classes ||
	    hello->n_cells != model->cells) {
		model_drop(&model->state);
		for (size_t i = 0; i < FIGURES; i++)
			model->figures[i] = FIGURE_UNKNOWN;
		history_clear(&model->history);
		model_forget_sites(model);
	}
	model->order = order;
	model_drop(&model->hello);
	model->hello = blob;
	model->classes = hello->n_classes;
	model->cells = hello->n_cells;
	model->session = hello->session;
	return NULL;
}

/* Times never run backwards or ahead of us in the history. */
static uint64_t model_bounded_time(const struct model *model, uint64_t time_ns,
				   uint64_t now_ns)
{
	if (time_ns > now_ns || time_ns < model->state_ns)
		return now_ns;
	return time_ns;
}

static void model_note(struct model *model)
{
	struct history_point point =
		history_point(model->state_ns, model->figures);

	history_add(&model->history, &point);
	sites_look(&model->sites, model->state_ns,
		   figure_or_0(model->figures, FIGURE_SAMPLE_BYTES));
}

void model_unchanged(struct model *model, uint64_t now_ns)
{
	if (model->state_ns == 0 || now_ns <= model->state_ns)
		return;
	model->state_ns = now_ns;
	model_note(model);
}

void model_rss(struct model *model, uint64_t bytes)
{
	model->figures[FIGURE_RSS_BYTES] = bytes;
}

/* The state's figures become ours, in our order. A peak that was seen stays
 * one: who looks in from outside leaves no trace of it there. */
static void model_take_figures(struct model *model, Hakmem__State *state,
			       uint64_t now_ns)
{
	uint64_t peak = figure_or_0(model->figures, FIGURE_PEAK_LIVE_BYTES);

	figures_take(&model->order, state->figures, state->n_figures,
		     model->figures);
	if (figure_or_0(model->figures, FIGURE_PEAK_LIVE_BYTES) < peak)
		model->figures[FIGURE_PEAK_LIVE_BYTES] = peak;
	state->figures = model->figures;
	state->n_figures = FIGURES;
	model->state_ns = model_bounded_time(model, state->time_ns, now_ns);
	model->states++;
	model_note(model);
}

const char *model_state(struct model *model, struct pool *pool,
			const uint8_t *bytes, size_t length, uint64_t now_ns)
{
	Hakmem__State *state = (Hakmem__State *)pool_unpack(
		pool, &hakmem__state__descriptor, bytes, length);
	const char *why;

	if (!state)
		return "not a State message";
	if (!model->hello.bytes)
		return "a state before a hello";
	why = check_state(state, model->classes, model->cells);
	if (why)
		return why;
	model_forget_unknown_state(state);
	model_take_figures(model, state, now_ns);
	return model_repack(&model->state, &state->base) ? NULL
							 : "out of memory";
}

const char *model_modules(struct model *model, struct pool *pool,
			  const uint8_t *bytes, size_t length)
{
	Hakmem__Modules *modules = (Hakmem__Modules *)pool_unpack(
		pool, &hakmem__modules__descriptor, bytes, length);
	const char *why;

	if (!modules)
		return "not a Modules message";
	why = site_check_modules(modules);
	if (!why)
		sites_take_modules(&model->sites, modules);
	return why;
}

const char *model_sites(struct model *model, struct pool *pool,
			const uint8_t *bytes, size_t length)
{
	Hakmem__Sites *sites = (Hakmem__Sites *)pool_unpack(
		pool, &hakmem__sites__descriptor, bytes, length);
	const char *why;

	if (!sites)
		return "not a Sites message";
	if (!model->state.bytes)
		return "sites before a state";
	why = site_check_sites(sites, model->classes);
	if (!why)
		sites_take(&model->sites, sites);
	return why;
}

const char *model_baseline(struct model *model, const char *name,
			   const void *owner,
			   char dropped[BASELINE_NAME_MAX + 1])
{
	const struct baseline_content options = {
		.name = name,
		.owner = owner,
		.time_ns = model->state_ns,
		.figures = model->figures,
		.state = model->state.bytes,
		.state_bytes = model->state.length,
	};

	return baseline_set(&model->baselines, &model->sites, &options,
			    dropped);
}

Hakmem__Hello *model_hello_message(const struct model *model, struct pool *pool)
{
	if (!model->hello.bytes)
		return NULL;
	return (Hakmem__Hello *)pool_unpack(pool, &hakmem__hello__descriptor,
					    model->hello.bytes,
					    model->hello.length);
}

Hakmem__State *model_state_message(const struct model *model, struct pool *pool)
{
	if (!model->state.bytes)
		return NULL;
	return (Hakmem__State *)pool_unpack(pool, &hakmem__state__descriptor,
					    model->state.bytes,
					    model->state.length);
}

Hakmem__State *model_base_message(const struct baseline *baseline,
				  struct pool *pool)
{
	if (!baseline->state)
		return NULL;
	return (Hakmem__State *)pool_unpack(pool, &hakmem__state__descriptor,
					    baseline->state,
					    baseline->state_bytes);
}

size_t model_bytes(const struct model *model)
{
	return model->hello.length + model->state.length + model->sites.bytes +
	       model->history.room * sizeof(struct history_point) +
	       (model->command ? strlen(model->command) : 0) +
	       (model->executable ? strlen(model->executable) : 0);
}

void model_free(struct model *model)
{
	model_drop(&model->hello);
	model_drop(&model->state);
	free(model->command);
	free(model->executable);
	history_free(&model->history);
	model_forget_sites(model);
	memset(model, 0, sizeof(*model));
}
