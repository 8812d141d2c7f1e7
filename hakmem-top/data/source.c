#include "hakmem-top/data/source.h"

#include <stdio.h>
#include <stdlib.h>

#include "hakmem-top/base/buffer.h"
#include "hakmem-top/data/decode.h"
#include "hakmem-top/data/decode_sites.h"

/* Reads a frame of an answer into `*to`; with false `*to` is NULL. */
typedef bool (*source_reader)(const struct frame *frame, void **to, bool *more);

/* Answers of several frames grow, others are whole at once. */
#define GROWS(name, type, decode)                                              \
	static bool source_read_##name(const struct frame *frame, void **to,   \
				       bool *more)                             \
	{                                                                      \
		type *grown = *to;                                             \
		bool good = decode(frame, &grown, more);                       \
                                                                               \
		*to = grown;                                                   \
		return good;                                                   \
	}
#define WHOLE(name, decode)                                                    \
	static bool source_read_##name(const struct frame *frame, void **to,   \
				       bool *more)                             \
	{                                                                      \
		*more = false;                                                 \
		*to = decode(frame);                                           \
		return *to != NULL;                                            \
	}
#define FREES(name, type, release)                                             \
	static void source_free_##name(void *data)                             \
	{                                                                      \
		type *one = data;                                              \
                                                                               \
		release(one);                                                  \
	}
GROWS(processes, struct processes, decode_processes)
WHOLE(detail, decode_detail)
WHOLE(history, decode_history)
GROWS(sites, struct sites, decode_sites)
WHOLE(stack, decode_stack)
FREES(processes, struct processes, model_processes_free)
FREES(detail, struct detail, model_detail_free)
FREES(history, struct history, model_history_free)
FREES(sites, struct sites, sites_free)
FREES(stack, struct stack, sites_stack_free)

static void source_free_buffer(void *data)
{
	if (data)
		buffer_clear(data);
	free(data);
}

static bool source_read_export(const struct frame *frame, void **to, bool *more)
{
	bool last = false, good;

	if (!*to)
		*to = calloc(1, sizeof(struct buffer));
	good = *to && decode_export(frame, &last, buffer_append, *to);
	*more = !last;
	if (!good) {
		source_free_buffer(*to);
		*to = NULL;
	}
	return good;
}

static bool source_read_done(const struct frame *frame, void **to, bool *more)
{
	*more = false;
	*to = calloc(1, 256);
	if (*to && decode_done(frame, *to, 256))
		return true;
	free(*to);
	*to = NULL;
	return false;
}

static const struct source {
	uint16_t frame;
	source_reader read;
	void (*release)(void *data);
} source_sources[CLIENT_KINDS] = {
	[CLIENT_PROCESSES] = {FRAME_PROCESSES, source_read_processes,
			      source_free_processes},
	[CLIENT_DETAIL] = {FRAME_DETAIL, source_read_detail,
			   source_free_detail},
	[CLIENT_HISTORY] = {FRAME_HISTORY, source_read_history,
			    source_free_history},
	[CLIENT_EXPORT] = {FRAME_EXPORT, source_read_export,
			   source_free_buffer},
	[CLIENT_SITES] = {FRAME_SITE_TABLE, source_read_sites,
			  source_free_sites},
	[CLIENT_STACK] = {FRAME_STACK, source_read_stack, source_free_stack},
	[CLIENT_BASELINE] = {FRAME_DONE, source_read_done, free},
	[CLIENT_BASELINE_DROP] = {FRAME_DONE, source_read_done, free},
	[CLIENT_CONTROL] = {FRAME_DONE, source_read_done, free},
};

void source_free(enum client_what what, void *data)
{
	if (what < CLIENT_KINDS)
		source_sources[what].release(data);
}

void source_drop(struct answer *answer)
{
	source_free(answer->what, answer->data);
	*answer = (struct answer){.what = CLIENT_PROCESSES};
}

static void source_fail(struct answer *answer)
{
	source_free(answer->what, answer->data);
	answer->data = NULL;
	answer->failed = true;
}

/* Reads one frame; true when another one of the same answer follows. */
static bool source_read(struct answer *answer, const struct frame *frame)
{
	const struct source *source = &source_sources[answer->what];
	void *dropped = NULL, **to = answer->failed ? &dropped : &answer->data;
	bool more = false;

	if (frame->type == FRAME_ERROR) {
		source_fail(answer);
		answer->refused = true;
		decode_error(frame, answer->why, sizeof(answer->why));
	} else if (frame->type != source->frame) {
		source_fail(answer);
		snprintf(answer->why, sizeof(answer->why),
			 "unexpected answer of type %u", frame->type);
	} else if (!source->read(frame, to, &more)) {
		answer->failed = true;
		snprintf(answer->why, sizeof(answer->why),
			 "the answer makes no sense");
	}
	if (dropped)
		source->release(dropped);
	return more;
}

bool source_take(struct answer *answer, struct client *client,
		 const struct frame *frame, uint64_t now_ns)
{
	answer->what = client_due(client);
	if (answer->what == CLIENT_KINDS) /* nobody asked */
		return false;
	if (source_read(answer, frame))
		return false;
	client_answered(client, now_ns);
	return true;
}
