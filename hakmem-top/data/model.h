/*
 * What the daemon told us, as plain structs: decoded once, bounded, with
 * columns that are known to be of equal length. Cumulative all the way.
 *
 * A struct is made by decode.c and freed by the function here; all
 * pointers in it belong to it. Strings are as the daemon sent them: only text
 * and term may show them.
 */
#ifndef HAKMEM_TOP_MODEL_H
#define HAKMEM_TOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/figures.h"

#define MODEL_PROCESSES_MAX 16384u /* rows kept of one answer */
#define MODEL_CLASSES_MAX   4096u
#define MODEL_SIZES_MAX	    4096u
#define MODEL_HISTORY_MAX   65536u
#define MODEL_ERRORS_MAX    32u

/* How a process is; the numbers are those of the wire. */
enum model_state {
	MODEL_RUNNING,
	MODEL_DISCONNECTED,
	MODEL_EXITED,
	MODEL_SIGNALLED,
	MODEL_OOM_KILLED,
	MODEL_ENDED,
	MODEL_STATES
};

struct process {
	uint64_t id; /* the daemon's key */
	uint64_t parent_id;
	uint32_t pid, parent_pid, uid;
	enum model_state state;
	bool exit_known;
	int32_t exit_status, exit_signal;
	uint64_t start_ticks, first_seen_ns, ended_ns, state_ns, age_ns;
	uint64_t figures[FIGURES];  /* FIGURE_UNKNOWN where there is none */
	uint64_t base_ns;	    /* of the baseline; 0 = it has none */
	uint64_t base[FIGURES];	    /* the figures then */
	char *command, *executable; /* never NULL */
};

struct processes {
	uint64_t now_ns; /* the daemon's CLOCK_MONOTONIC */
	uint32_t daemon_pid;
	char *daemon_version; /* never NULL */
	uint64_t refused;
	size_t count, room;
	size_t omitted; /* rows beyond MODEL_PROCESSES_MAX */
	struct process *rows;
};

struct size_bin {
	uint64_t low, high; /* requested bytes, inclusive */
	uint64_t requests, requested_bytes, reserved_bytes;
	uint64_t live_objects, live_bytes;
	double stderr_requests; /* one standard error; 0 = exact */
};

struct class_row {
	uint32_t index, stride, low, high, usable, slab_bytes;
	bool headerless, aligned_only;
	uint64_t allocs, frees, slabs;
};

struct detail {
	struct process process;
	uint64_t now_ns, state_ns;
	uint32_t interval_ms, page_bytes;
	char *library_version; /* never NULL */
	size_t size_count, class_count, error_count;
	struct size_bin *sizes;
	struct class_row *classes;
	/* The same at the baseline, row by row; 0 where it has none. */
	struct size_bin *base_sizes;
	struct class_row *base_classes;
	char **errors; /* bad HAKMEM_* values, one line each */
};

/* Oldest first, all columns `count` long. */
struct history {
	uint64_t process_id;
	size_t count;
	uint64_t *time_ns;
	uint64_t *figures[FIGURES]; /* NULL: not kept */
};

void model_processes_free(struct processes *processes);
void model_detail_free(struct detail *detail);
void model_history_free(struct history *history);

/* "running", "exited" …: the word scripts may rely on. */
const char *model_state_name(enum model_state state);

/* What a person reads: "running", "exit 3", "SIGSEGV", "OOM". `size` >= 12. */
void model_state_text(const struct process *process, char *out, size_t size);

/* True while the process lives, connected or not. */
bool model_alive(const struct process *process);

#endif
