/*
 * What a daemon could have told, for the tests of what shows it: lists and
 * details on the heap as `decode` makes them, to be changed at will and freed
 * with the functions of `model`.
 */
#ifndef TESTS_SCENE_H
#define TESTS_SCENE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/data/model.h"

#define SCENE_S UINT64_C(1000000000)

/* Another text in the place of one on the heap. */
static inline void scene_name(char **text, const char *name)
{
	free(*text);
	*text = strdup(name);
}

/* The n-th process, n from 1 on: id n, pid 100 + n, n KiB alive, running. */
static inline struct process scene_process(size_t n)
{
	struct process process = {
		.id = n,
		.pid = (uint32_t)(100 + n),
		.parent_pid = 1,
		.start_ticks = 7 * n,
		.state_ns = 50 * SCENE_S,
		.age_ns = 75 * SCENE_S,
	};
	char command[48];

	process.figures[FIGURE_LIVE_BYTES] = 1024 * n;
	process.figures[FIGURE_LIVE_OBJECTS] = 10 * n;
	process.figures[FIGURE_PEAK_LIVE_BYTES] = 2048 * n;
	process.figures[FIGURE_RSS_BYTES] = n << 20;
	process.figures[FIGURE_ALLOCS] = 1000 * n;
	process.figures[FIGURE_FREES] = 900 * n;
	process.figures[FIGURE_REQUESTS_1024] = 100 * n;
	snprintf(command, sizeof(command), "/bin/program%zu -x", n);
	process.command = strdup(command);
	process.executable = strdup("/bin/program");
	return process;
}

/* What it has now is its baseline. */
static inline void scene_mark(struct process *process)
{
	process->base_ns = process->state_ns;
	memcpy(process->base, process->figures, sizeof(process->base));
}

/* `count` processes of a daemon with pid 4000. */
static inline struct processes *scene_list(size_t count)
{
	struct processes *list = calloc(1, sizeof(*list));

	list->now_ns = 50 * SCENE_S;
	list->daemon_pid = 4000;
	list->daemon_version = strdup("9.8.7");
	list->count = list->room = count;
	list->rows = calloc(count + 1, sizeof(*list->rows));
	for (size_t i = 0; i < count; i++)
		list->rows[i] = scene_process(i + 1);
	return list;
}

/* Process n in full: the sizes 1-16 and 1024, the classes 16 and 1040. */
static inline struct detail *scene_detail(size_t n)
{
	struct detail *detail = calloc(1, sizeof(*detail));

	detail->process = scene_process(n);
	detail->now_ns = detail->state_ns = 50 * SCENE_S;
	detail->interval_ms = 1000;
	detail->library_version = strdup("9.8.7");
	detail->errors = calloc(1, sizeof(*detail->errors));
	detail->size_count = detail->class_count = 2;
	detail->sizes = calloc(3, sizeof(*detail->sizes));
	detail->classes = calloc(3, sizeof(*detail->classes));
	detail->base_sizes = calloc(3, sizeof(*detail->base_sizes));
	detail->base_classes = calloc(3, sizeof(*detail->base_classes));
	detail->sizes[0] = (struct size_bin){.low = 1,
					     .high = 16,
					     .requests = 900,
					     .requested_bytes = 7200,
					     .reserved_bytes = 14400,
					     .live_objects = 60,
					     .live_bytes = 960,
					     .stderr_requests = 9};
	detail->sizes[1] = (struct size_bin){.low = 1024,
					     .high = 1024,
					     .requests = 100,
					     .requested_bytes = 102400,
					     .reserved_bytes = 104000,
					     .live_objects = 40,
					     .live_bytes = 41600};
	detail->classes[0] = (struct class_row){.stride = 16,
						.low = 1,
						.high = 16,
						.usable = 16,
						.slab_bytes = 65536,
						.headerless = true,
						.allocs = 900,
						.frees = 840,
						.slabs = 1};
	detail->classes[1] = (struct class_row){.index = 1,
						.stride = 1040,
						.low = 897,
						.high = 1024,
						.usable = 1039,
						.slab_bytes = 65536,
						.allocs = 100,
						.frees = 60,
						.slabs = 2};
	return detail;
}

/* `count` seconds of history up to second 50: 100 bytes more in each. */
static inline struct history *scene_history(uint64_t id, size_t count)
{
	struct history *history = calloc(1, sizeof(*history));

	history->process_id = id;
	history->count = count;
	history->time_ns = calloc(count + 1, sizeof(uint64_t));
	history->figures[FIGURE_LIVE_BYTES] =
		calloc(count + 1, sizeof(uint64_t));
	for (size_t i = 0; i < count; i++) {
		history->time_ns[i] = (51 - count + i) * SCENE_S;
		history->figures[FIGURE_LIVE_BYTES][i] = 100 * (i + 1);
	}
	return history;
}

#endif
