#include "hakmem-top/data/fetch.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>

static bool fetch_explain(const struct client *client, bool was_connected,
			  char *why, size_t size)
{
	if (was_connected)
		snprintf(why, size, "%s: %s", client_path(client),
			 client_trouble(client));
	else
		snprintf(why, size,
			 "no hakmemd at %s (%s); start one with: "
			 "hakmemd --daemon",
			 client_path(client), client_trouble(client));
	return false;
}

/* Waits for the next event; false when there is no connection to be had. */
static bool fetch_wait(struct client *client, enum client_event wanted,
		       struct frame *frame, char *why, size_t size)
{
	bool was_connected = client_connected(client);

	for (;;) {
		enum client_event event =
			client_next(client, client_now_ns(), frame);
		struct pollfd poller = {.fd = client_fd(client),
					.events = client_events(client)};

		if (event == wanted)
			return true;
		if (event == CLIENT_LOST)
			return fetch_explain(client, was_connected, why, size);
		if (event == CLIENT_NOTHING)
			poll(&poller, 1,
			     client_timeout_ms(client, client_now_ns()));
	}
}

static bool fetch_ask(struct client *client, const struct client_query *query,
		      char *why, size_t size)
{
	struct frame frame;

	if (!client_connected(client) &&
	    !fetch_wait(client, CLIENT_CONNECTED, &frame, why, size))
		return false;
	if (client_ask(client, query, client_now_ns()))
		return true;
	snprintf(why, size, "%s: too many queries at once",
		 client_path(client));
	return false;
}

/* Why there is no answer; what the daemon did not say begins with its path. */
static void *fetch_fail(struct client *client, struct answer *answer, char *why,
			size_t size)
{
	snprintf(why, size, "%s%s%s",
		 answer->refused ? "" : client_path(client),
		 answer->refused ? "" : ": ", answer->why);
	source_drop(answer);
	return NULL;
}

void *fetch_answer(struct client *client, const struct client_query *query,
		   char *why, size_t size)
{
	struct answer answer = {.what = query->what};
	struct frame frame;
	bool whole = false;

	if (!fetch_ask(client, query, why, size))
		return NULL;
	while (!whole && !answer.failed) {
		if (!fetch_wait(client, CLIENT_FRAME, &frame, why, size)) {
			source_drop(&answer);
			return NULL;
		}
		whole = source_take(&answer, client, &frame, client_now_ns());
	}
	return answer.failed ? fetch_fail(client, &answer, why, size)
			     : answer.data;
}

struct sites *fetch_sites(struct client *client, uint64_t process_id,
			  uint32_t pid, uint64_t until_ns, char *why,
			  size_t size)
{
	const struct client_query query = {
		.what = CLIENT_SITES, .process_id = process_id, .pid = pid};
	const struct timespec pause = {.tv_nsec = 50000000};
	struct sites *sites = fetch_answer(client, &query, why, size);

	while (sites && sites->pending && client_now_ns() < until_ns) {
		sites_free(sites);
		nanosleep(&pause, NULL);
		sites = fetch_answer(client, &query, why, size);
	}
	return sites;
}
