#include "hakmem-top/data/fetch.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hakmem-top/data/decode.h"
#include "hakmem-top/data/decode_sites.h"
#include "hakmem-top/base/pile.h"

static bool explain(const struct client *client, bool was_connected, char *why,
		    size_t size)
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
static bool wait_for(struct client *client, enum client_event wanted,
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
			return explain(client, was_connected, why, size);
		if (event == CLIENT_NOTHING)
			poll(&poller, 1,
			     client_timeout_ms(client, client_now_ns()));
	}
}

static bool ask(struct client *client, const struct client_query *query,
		char *why, size_t size)
{
	struct frame frame;

	if (!client_connected(client) &&
	    !wait_for(client, CLIENT_CONNECTED, &frame, why, size))
		return false;
	if (client_ask(client, query, client_now_ns()))
		return true;
	snprintf(why, size, "%s: too many questions at once",
		 client_path(client));
	return false;
}

/* The next frame of an answer, of type `type`; false with the ERROR's text. */
static bool answer(struct client *client, uint16_t type, struct frame *frame,
		   char *why, size_t size)
{
	if (!wait_for(client, CLIENT_FRAME, frame, why, size))
		return false;
	if (frame->type == type)
		return true;
	if (frame->type == FRAME_ERROR)
		decode_error(frame, why, size);
	else
		snprintf(why, size, "%s: unexpected answer of type %u",
			 client_path(client), frame->type);
	client_answered(client, client_now_ns());
	return false;
}

static bool malformed(const struct client *client, char *why, size_t size)
{
	snprintf(why, size, "%s: the answer makes no sense",
		 client_path(client));
	return false;
}

struct processes *fetch_processes(struct client *client, char *why, size_t size)
{
	const struct client_query query = {.what = CLIENT_PROCESSES};
	struct processes *list = NULL;
	struct frame frame;
	bool more = true;

	if (!ask(client, &query, why, size))
		return NULL;
	while (more) {
		if (!answer(client, FRAME_PROCESSES, &frame, why, size)) {
			model_processes_free(list);
			return NULL;
		}
		if (!decode_processes(&frame, &list, &more)) {
			malformed(client, why, size);
			break;
		}
	}
	client_answered(client, client_now_ns());
	return list;
}

struct detail *fetch_detail(struct client *client, uint64_t process_id,
			    char *why, size_t size)
{
	const struct client_query query = {.what = CLIENT_DETAIL,
					   .process_id = process_id};
	struct detail *detail;
	struct frame frame;

	if (!ask(client, &query, why, size) ||
	    !answer(client, FRAME_DETAIL, &frame, why, size))
		return NULL;
	client_answered(client, client_now_ns());
	detail = decode_detail(&frame);
	if (!detail)
		malformed(client, why, size);
	return detail;
}

static struct sites *sites_now(struct client *client, uint64_t process_id,
			       uint32_t pid, char *why, size_t size)
{
	const struct client_query query = {
		.what = CLIENT_SITES, .process_id = process_id, .pid = pid};
	struct sites *sites = NULL;
	struct frame frame;
	bool more = true;

	if (!ask(client, &query, why, size))
		return NULL;
	while (more) {
		if (!answer(client, FRAME_SITE_TABLE, &frame, why, size)) {
			sites_free(sites);
			return NULL;
		}
		if (!decode_sites(&frame, &sites, &more)) {
			malformed(client, why, size);
			break;
		}
	}
	client_answered(client, client_now_ns());
	return sites;
}

struct sites *fetch_sites(struct client *client, uint64_t process_id,
			  uint32_t pid, uint64_t until_ns, char *why,
			  size_t size)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	struct sites *sites = sites_now(client, process_id, pid, why, size);

	while (sites && sites->pending && client_now_ns() < until_ns) {
		sites_free(sites);
		nanosleep(&pause, NULL);
		sites = sites_now(client, process_id, pid, why, size);
	}
	return sites;
}

bool fetch_done(struct client *client, const struct client_query *query,
		char *why, size_t size)
{
	struct frame frame;

	if (!ask(client, query, why, size) ||
	    !answer(client, FRAME_DONE, &frame, why, size))
		return false;
	client_answered(client, client_now_ns());
	return decode_done(&frame, why, size) || malformed(client, why, size);
}

bool fetch_export(struct client *client, const struct client_query *query,
		  char **data, size_t *length, char *why, size_t size)
{
	struct pile pile = {.data = NULL};
	struct frame frame;
	bool last = false, good;

	good = ask(client, query, why, size);
	while (good && !last) {
		good = answer(client, FRAME_EXPORT, &frame, why, size);
		if (good && !decode_export(&frame, &last, pile_append, &pile))
			good = malformed(client, why, size);
	}
	client_answered(client, client_now_ns());
	if (!good) {
		pile_clear(&pile);
		return false;
	}
	*data = pile.data;
	*length = pile.length;
	return true;
}
