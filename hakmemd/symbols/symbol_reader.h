/*
 * Gets answers for the cache from a helper process: starts it when there is a
 * request, gives it a batch at a time, file by file in turn (those of our own
 * user first), stores what comes back, ends it when there is nothing to do.
 *
 * A helper reads the files of one user only, with that user's rights; for the
 * files of another one another helper is started. So a file that takes it over
 * can say nothing about what is not its user's anyway.
 *
 * A helper that dies or is silent too long is replaced. The file it worked on
 * gets a strike, or all of them for silence; a file with
 * SYMBOL_READER_STRIKES is bad: its requests are answered without it. Main
 * thread only.
 */
#ifndef HAKMEMD_SYMBOL_READER_H
#define HAKMEMD_SYMBOL_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "hakmemd/core/child.h"
#include "hakmemd/core/loop.h"
#include "hakmemd/symbols/symbol_cache.h"
#include "hakmemd/symbols/symbol_wire.h"

#define SYMBOL_READER_STRIKES 2u

struct symbol_reader_settings {
	/* The helper: answers what comes by `channel`, never returns. */
	void (*run)(int channel, void *argument);
	void *argument;
	uint64_t patience_ns; /* that it gets for an answer */
	uint64_t idle_ns;     /* without a request, after which it is ended */
	uint64_t file_bytes;  /* that it may write into a file */
	void (*settled)(void *argument); /* every request has its answer */
	void *settled_argument;
};

/* What it works on: the first requests of one file. */
struct symbol_batch {
	struct symbol_file *file; /* NULL = nothing */
	uint32_t count, done;
	struct symbol_entry *entries[SYMBOL_WIRE_BATCH];
};

struct symbol_reader {
	struct loop_source channel, alarm;
	struct loop *loop;
	struct symbol_cache *cache;
	struct symbol_reader_settings settings;
	struct child child;
	uid_t uid;	  /* whose files this helper reads; no other's */
	gid_t gid;	  /* the group it has: see group_of */
	unsigned batches; /* so many of them in a row */
	bool helped;	  /* this helper has answered something */
	bool kicked;	  /* the alarm is set to begin work */
	bool open;	  /* something was asked since `settled` was called */
	struct symbol_files turns[2]; /* files with requests: ours, others' */
	struct symbol_batch batch;
	uint64_t progress_ns, due_ns;
	uint64_t asked_total, failed_total, helpers_total, helpers_lost;
	struct symbol_request request;
	struct symbol_packet packet;
};

/* `reader` is zeroed; false with errno. */
bool symbol_reader_init(struct symbol_reader *reader, struct loop *loop,
			struct symbol_cache *cache,
			const struct symbol_reader_settings *settings);
void symbol_reader_close(struct symbol_reader *reader);

/* Queues a request about an entry of the cache; false when there are too
 * many. Nothing happens before the loop runs. */
bool symbol_reader_ask(struct symbol_reader *reader,
		       struct symbol_entry *entry);

/* Has the cache trimmed as soon as the loop runs. */
void symbol_reader_kick(struct symbol_reader *reader);

#endif
