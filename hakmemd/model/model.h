/*
 * What is known of one process from its own words: the newest hello and state,
 * packed, its figures, and their history; its sites, and baselines.
 * Pure: no I/O, no clock.
 * Main thread only.
 */
#ifndef HAKMEMD_MODEL_H
#define HAKMEMD_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hakmemd/core/pool.h"
#include "hakmemd/model/history.h"
#include "hakmemd/model/baseline.h"
#include "hakmemd/model/sites.h"
#include "proto/hakmem.pb-c.h"

struct model_blob {
	uint8_t *bytes;
	size_t length;
};

struct model {
	struct model_blob hello, state; /* checked, packed anew */
	size_t classes, cells;		/* in the hello */
	uint64_t session, states;	/* states of all sessions */
	char *command, *executable;	/* never NULL after model_hello */
	struct figures_map order;	/* of the program's figures */
	uint64_t figures[FIGURES];	/* of the newest state; RSS of now */
	uint64_t state_ns; /* the moment that they are true of: State.time_ns,
			    * not after it came, or later; 0 = none yet */
	struct history history;
	struct sites sites;
	struct baselines baselines;
};

/*
 * Takes an unpacked Hello, from the network as it is. What is kept has our
 * order of figures, whatever the program's is. NULL, or why it is refused; then
 * the model is unchanged. A hello that differs from the one before forgets its
 * state: another program runs there now.
 */
const char *model_hello(struct model *model, Hakmem__Hello *hello);

/*
 * Takes packed State bytes, unpacking in `pool`. `now_ns` bounds its time. As
 * above.
 */
const char *model_state(struct model *model, struct pool *pool,
			const uint8_t *bytes, size_t length, uint64_t now_ns);

/*
 * Says that the figures are still those of the newest state at `now_ns`: the
 * program did not run since then. Of a state not taken yet: nothing.
 */
void model_unchanged(struct model *model, uint64_t now_ns);

/* The resident memory, as the kernel says it now. */
void model_rss(struct model *model, uint64_t bytes);

/* The same for packed Modules and Sites; they belong to the newest state. */
const char *model_modules(struct model *model, struct pool *pool,
			  const uint8_t *bytes, size_t length);
const char *model_sites(struct model *model, struct pool *pool,
			const uint8_t *bytes, size_t length);

/* Remembers the figures as they are under a name; as baseline_set. */
const char *model_baseline(struct model *model, const char *name,
			   const void *owner,
			   char dropped[BASELINE_NAME_MAX + 1]);

/* Unpack what is kept; NULL when there is none or the pool is spent. */
Hakmem__Hello *model_hello_message(const struct model *model,
				   struct pool *pool);
Hakmem__State *model_state_message(const struct model *model,
				   struct pool *pool);

/* The sampling interval of stacks in bytes; 0: off, or not known. */
static inline uint64_t model_sample_bytes(const struct model *model)
{
	return figure_or_0(model->figures, FIGURE_SAMPLE_BYTES);
}

Hakmem__State *model_base_message(const struct baseline *baseline,
				  struct pool *pool);

/* The memory it takes, about. */
size_t model_bytes(const struct model *model);

/* Gives the memory back; not the struct's own. */
void model_free(struct model *model);

#endif
