/*
 * A viewer's query while it is answered, and the answers that every kind may
 * need. Main thread only.
 */
#ifndef HAKMEMD_REQUEST_H
#define HAKMEMD_REQUEST_H

#include "hakmemd/core/pool.h"
#include "hakmemd/peers/conn.h"
#include "hakmemd/peers/registry.h"
#include "hakmemd/peers/watch.h"
#include "hakmemd/symbols/symbol.h"

/* Under FRAME_PAYLOAD_MAX by what the other fields of a message may need. */
#define REQUEST_FILL_BYTES (FRAME_PAYLOAD_MAX - 1024u)

struct job;

/* What answers are made from; zeroed but for the first four. */
struct query_context {
	struct loop *loop;
	struct registry *registry;
	struct symbols *symbols; /* NULL: addresses stay without names */
	struct watch *watch;	 /* NULL: figures are as they came */
	struct job *jobs;	 /* exports of heaps, not complete yet */
	size_t jobs_bytes;	 /* in the texts of all of them */
};

struct request {
	struct conn *conn;
	struct query_context *context;
	struct pool *pool;
	const Hakmem__Query *query;
	struct process *process; /* of those that ask for one */
};

/* Answers ERROR; the connection goes on. */
void request_refuse(const struct request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void request_no_memory(const struct request *request);

/* Makes the figures of a process true now, as far as that takes no longer than
 * people wait. */
void request_refresh(const struct request *request, struct process *process);

/* Answers DONE. */
void request_done(const struct request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
