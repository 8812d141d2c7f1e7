/*
 * What a daemon could have told of who allocates, in the manner of scene.h:
 * sites and a stack as `decode_sites` makes them, to be changed at will and
 * freed with the functions of `sites`.
 */
#ifndef TESTS_SCENE_SITES_H
#define TESTS_SCENE_SITES_H

#include <stdlib.h>
#include <string.h>

#include "hakmem-top/data/sites.h"

#define SCENE_K 1024.0
#define SCENE_M (1024 * SCENE_K)

/* Site n with its names, without figures. */
static inline struct site scene_site(uint32_t n, const char *function,
				     const char *location, const char *module)
{
	return (struct site){
		.id = n,
		.threads = 1,
		.thread_id = 4100 + n,
		.function = strdup(function),
		.location = strdup(location),
		.module = strdup(module),
		.thread = strdup(""),
	};
}

/*
 * Four sites, one sample in 1 MiB: a cache of many samples that grows, a buffer
 * of few samples, one of which nothing lives, and one without a stack.
 */
static inline struct sites *scene_sites(void)
{
	struct sites *sites = calloc(1, sizeof(*sites));
	struct site *row = sites->rows = calloc(5, sizeof(*row));

	sites->process_id = 1;
	sites->sample_bytes = (uint64_t)SCENE_M;
	sites->live = (struct estimate){44 * SCENE_M, 4 * SCENE_M, 42};
	sites->z = -0.5;
	sites->count = sites->room = 4;
	row[0] = scene_site(11, "Cache::insert", "src/cache/cache.cc:42",
			    "libcache.so.1");
	row[0].live = (struct estimate){40 * SCENE_M, 4 * SCENE_M, 40};
	row[0].live_objects = (struct estimate){4000, 400, 40};
	row[0].allocated = (struct estimate){80 * SCENE_M, 5 * SCENE_M, 80};
	row[0].alloc_objects = (struct estimate){8000, 500, 80};
	row[0].rate = 2 * SCENE_M;
	row[0].peak = (struct estimate){41 * SCENE_M, 4 * SCENE_M, 80};
	row[0].peak_objects = (struct estimate){4100, 410, 80};
	row[0].highest_bytes = 43 * SCENE_M;
	row[0].mean_age_s = 187;
	row[0].short_lived = 0.25;
	row[0].growing = true;
	row[0].growth = 2048;
	row[0].growth_minutes = 5;
	free(row[0].thread);
	row[0].thread = strdup("worker-3");
	row[0].threads = 4;
	row[1] = scene_site(12, "buffer_grow", "/build/buffer.c:7", "program");
	row[1].live = (struct estimate){1.5 * SCENE_M, 0, 1};
	row[1].live_objects = (struct estimate){1, 0, 1};
	row[1].allocated = (struct estimate){3 * SCENE_M, SCENE_M, 2};
	row[1].peak = (struct estimate){2 * SCENE_M, 0, 2};
	row[1].mean_age_s = 0.5;
	row[1].short_lived = 0.5;
	row[2] = scene_site(13, "parse", "parse.c:99", "libxml.so");
	row[2].allocated = (struct estimate){30 * SCENE_M, 3 * SCENE_M, 30};
	row[2].short_lived = 1;
	row[2].rate = 100 * SCENE_K;
	row[3] = scene_site(SITES_NO_STACK, "", "", "");
	row[3].live = (struct estimate){2.5 * SCENE_M, SCENE_M, 3};
	row[3].live_objects = (struct estimate){3000, 1200, 3};
	row[3].allocated = row[3].live;
	row[3].mean_age_s = 3600;
	row[3].thread_id = 0;
	return sites;
}

static inline struct stack_frame scene_frame(const char *function,
					     const char *file, uint32_t line,
					     const char *module)
{
	return (struct stack_frame){
		.function = strdup(function),
		.file = strdup(file),
		.line = line,
		.module = strdup(module),
		.note = strdup(""),
	};
}

/*
 * The stack of the first of these sites: an inlined function, the one that it
 * is in, one without lines, and an address of which nothing is known.
 */
static inline struct stack *scene_stack(void)
{
	struct stack *stack = calloc(1, sizeof(*stack));
	struct sites *sites = scene_sites();
	struct stack_frame *frame = calloc(5, sizeof(*frame));

	stack->site = sites->rows[0];
	sites->rows[0] = scene_site(0, "", "", "");
	sites_free(sites);
	stack->frames = frame;
	stack->frame_count = 4;
	frame[0] = scene_frame("Node::make", "/build/src/node.h", 12,
			       "/usr/lib/libcache.so.1");
	frame[0].inlined = true;
	frame[0].module_offset = 0x1234;
	frame[0].pc = 0x7f0000001234;
	frame[1] = scene_frame("Cache::insert", "/build/src/cache.cc", 42,
			       "/usr/lib/libcache.so.1");
	frame[1].module_offset = 0x1234;
	frame[1].pc = 0x7f0000001234;
	frame[2] = scene_frame("", "", 0, "/opt/app/program");
	frame[2].module_offset = 0xabc;
	frame[2].pc = 0x400abc;
	free(frame[2].note);
	frame[2].note = strdup("no debug information");
	frame[3] = scene_frame("", "", 0, "");
	frame[3].pc = 0xdeadbeef;
	stack->class_count = 2;
	stack->classes = calloc(3, sizeof(*stack->classes));
	stack->classes[0].index = 0;
	stack->classes[0].allocated.value = 20 * SCENE_M;
	stack->classes[1].index = 1;
	stack->classes[1].allocated.value = 60 * SCENE_M;
	stack->lifetimes[1] = 10;
	stack->lifetimes[11] = 40;
	return stack;
}

#endif
