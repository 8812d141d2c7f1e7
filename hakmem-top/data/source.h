/*
 * What can be asked of the daemon, a row each: which frames answer it, how they
 * are read, who frees what they become. One query, one answer, in one or more
 * frames; answers come in the order of the queries.
 *
 *   query       answer
 *   PROCESSES   struct processes      SITES    struct sites
 *   DETAIL      struct detail         STACK    struct stack
 *   HISTORY     struct history        EXPORT   struct buffer
 *   BASELINE, BASELINE_DROP, CONTROL: the line that says what was done, a
 * string
 */
#ifndef HAKMEM_TOP_SOURCE_H
#define HAKMEM_TOP_SOURCE_H

#include <stdbool.h>

#include "hakmem-top/data/client.h"

/* An answer on its way; all zero before its first frame. */
struct answer {
	enum client_what what; /* the query that it answers */
	void *data;	       /* what came of it; NULL when it failed */
	bool failed;	       /* then `why` says why */
	bool refused;	       /* by the daemon, in its own words */
	char why[256];
};

/*
 * Takes a frame that answers the client's oldest query. True when the answer is
 * complete: `answer->data` is then the caller's, who makes the struct zero
 * again before the next one. An answer that failed may still go on.
 */
bool source_take(struct answer *answer, struct client *client,
		 const struct frame *frame, uint64_t now_ns);

/* Frees what an answer to such a query is; NULL is nothing. */
void source_free(enum client_what what, void *data);

/* Forgets an answer that will not be completed, or is not wanted. */
void source_drop(struct answer *answer);

#endif
