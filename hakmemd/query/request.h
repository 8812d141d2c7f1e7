/*
 * A viewer's question while it is answered, and the answers that every kind may
 * need. Main thread only.
 */
#ifndef HAKMEMD_QUESTION_H
#define HAKMEMD_QUESTION_H

#include "hakmemd/core/arena.h"
#include "hakmemd/peers/conn.h"
#include "hakmemd/peers/registry.h"
#include "hakmemd/symbols/symbol.h"

/* Under FRAME_PAYLOAD_MAX by what the other fields of a message may need. */
#define QUESTION_FILL_BYTES (FRAME_PAYLOAD_MAX - 1024u)

struct job;

/* What answers are made from; zeroed but for the first three. */
struct service {
	struct loop *loop;
	struct registry *registry;
	struct symbols *symbols; /* NULL: addresses stay without names */
	struct job *jobs;	 /* exports of heaps, not complete yet */
	size_t jobs_bytes;	 /* in the texts of all of them */
};

struct question {
	struct conn *conn;
	struct service *service;
	struct arena *arena;
	const Hakmem__Query *query;
	struct process *process; /* of those that ask for one */
};

/* Answers ERROR; the connection goes on. */
void question_refuse(const struct question *question, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void question_no_memory(const struct question *question);

/* Answers DONE. */
void question_done(const struct question *question, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
