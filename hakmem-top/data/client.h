/*
 * The viewer's end of the socket: connects, reconnects with a growing pause,
 * sends queries and cuts what comes back into frames. Never blocks; whoever
 * drives it polls client_fd() for client_events() up to client_timeout_ms()
 * and then calls client_next() until it returns CLIENT_NOTHING.
 *
 * An answer that takes longer than CLIENT_ANSWER_NS (an export, for which names
 * may have to be looked up, CLIENT_EXPORT_NS), or bytes that are not frames,
 * end the connection. Memory is fixed: one largest frame in, a page of queries
 * out.
 */
#ifndef HAKMEM_TOP_CLIENT_H
#define HAKMEM_TOP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/frame.h"

#define CLIENT_ANSWER_NS UINT64_C(5000000000)
#define CLIENT_EXPORT_NS UINT64_C(60000000000)

struct client;

enum client_event {
	CLIENT_NOTHING,	  /* poll again */
	CLIENT_CONNECTED, /* queries may be asked now */
	CLIENT_FRAME,	  /* a frame, valid until the next call */
	CLIENT_LOST,	  /* connection ended or failed: client_trouble() */
};

enum client_what {
	CLIENT_PROCESSES,
	CLIENT_DETAIL,
	CLIENT_HISTORY,
	CLIENT_EXPORT,
	CLIENT_SITES,
	CLIENT_STACK,
	CLIENT_BASELINE,
	CLIENT_BASELINE_DROP,
	CLIENT_CONTROL,
	CLIENT_KINDS /* how many there are; as an answer: to no query */
};

/* What to ask; fields that a query does not need stay 0 or NULL. */
struct client_query {
	enum client_what what;
	uint64_t process_id; /* 0: by pid */
	uint32_t pid;
	uint64_t since_ns;
	const char *export_what, *export_format, *export_sample;
	const char *baseline; /* its name; in other queries: since then */
	bool mine;	      /* BASELINE: goes with this connection */
	uint32_t site_id;
	uint64_t sample_bytes; /* CONTROL: 0 changes nothing */
	bool sampling_off;
	uint32_t interval_ms;
};

/*
 * A client for the socket at `path`, not yet connected; NULL without memory.
 * With `check` a directory that others may write to is refused.
 */
struct client *client_new(const char *path, bool check);
void client_free(struct client *client);

/* The descriptor to poll, -1 for none, and the poll events to wait for. */
int client_fd(const struct client *client);
short client_events(const struct client *client);

/* Milliseconds until client_next has something to do by itself; -1 = never. */
int client_timeout_ms(const struct client *client, uint64_t now_ns);

/* Goes one step; `*frame` is filled for CLIENT_FRAME. */
enum client_event client_next(struct client *client, uint64_t now_ns,
			      struct frame *frame);

/* Queues a query; false when not connected or too many are unanswered. */
bool client_ask(struct client *client, const struct client_query *query,
		uint64_t now_ns);

/* What the oldest query without an answer asks; frames answer it. */
enum client_what client_due(const struct client *client);

/* Tells that the answer to the oldest query is complete. */
void client_answered(struct client *client, uint64_t now_ns);

bool client_connected(const struct client *client);

/* Why there is no connection, one line; "" while there is one. */
const char *client_trouble(const struct client *client);

/* The path of the socket. */
const char *client_path(const struct client *client);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t client_now_ns(void);

#endif
