#include "hakmem-top/data/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proto/hakmem.pb-c.h"
#include "proto/path.h"

#define IN_BYTES	 (FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX)
#define OUT_BYTES	 4096u
#define WORD_MAX	 72u /* of what to export and how, a baseline */
#define UNANSWERED_MAX	 16u
#define RETRY_FIRST_NS	 100000000u
#define RETRY_LONGEST_NS 2000000000u

enum phase { IDLE, CONNECTING, CONNECTED };

struct client {
	struct sockaddr_un address;
	bool check;
	enum phase phase;
	int fd;
	uint64_t retry_at_ns, retry_pause_ns;
	uint64_t deadline_ns; /* of the oldest answer; 0 = none due */
	unsigned unanswered;
	enum client_what asked[UNANSWERED_MAX]; /* these, oldest first */
	uint32_t sent, received; /* frames: the next sequence numbers */
	size_t in_used,
		in_taken; /* `in_taken` bytes belong to the last frame */
	size_t out_used;
	char trouble[256];
	uint8_t out[OUT_BYTES];
	uint8_t in[IN_BYTES];
};

uint64_t client_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct client *client_new(const char *path, bool check)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->address.sun_family = AF_UNIX;
	snprintf(client->address.sun_path, sizeof(client->address.sun_path),
		 "%s", path);
	client->check = check;
	client->fd = -1;
	client->retry_pause_ns = RETRY_FIRST_NS;
	return client;
}

void client_free(struct client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client);
}

int client_fd(const struct client *client)
{
	return client->fd;
}

short client_events(const struct client *client)
{
	short events = 0;

	if (client->phase == CONNECTED)
		events |= POLLIN;
	if (client->phase == CONNECTING || client->out_used > 0)
		events |= POLLOUT;
	return events;
}

int client_timeout_ms(const struct client *client, uint64_t now_ns)
{
	uint64_t at = client->phase == IDLE ? client->retry_at_ns
					    : client->deadline_ns;

	if (client->phase != IDLE && at == 0)
		return -1;
	return at <= now_ns ? 0 : (int)((at - now_ns) / 1000000u + 1);
}

/* Ends the connection; the next try comes after a pause that doubles. */
static enum client_event client_lose(struct client *client, uint64_t now_ns,
				     const char *why)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	client->phase = IDLE;
	client->retry_at_ns = now_ns + client->retry_pause_ns;
	client->retry_pause_ns *= 2;
	if (client->retry_pause_ns > RETRY_LONGEST_NS)
		client->retry_pause_ns = RETRY_LONGEST_NS;
	client->deadline_ns = 0;
	client->unanswered = 0;
	client->sent = client->received = 0;
	client->in_used = client->in_taken = client->out_used = 0;
	snprintf(client->trouble, sizeof(client->trouble), "%s", why);
	return CLIENT_LOST;
}

static const char *client_connect_trouble(int error)
{
	switch (error) {
	case ENOENT:
		return "no daemon there: the socket does not exist";
	case ECONNREFUSED:
		return "no daemon there: nobody listens on the socket";
	case EAGAIN:
		return "the daemon is busy: its queue of connections is full";
	default:
		return strerror(error);
	}
}

static enum client_event client_finish_connect(struct client *client,
					       uint64_t now_ns)
{
	(void)now_ns;
	client->phase = CONNECTED;
	client->trouble[0] = '\0';
	return CLIENT_CONNECTED;
}

static enum client_event client_start(struct client *client, uint64_t now_ns)
{
	if (now_ns < client->retry_at_ns)
		return CLIENT_NOTHING;
	if (client->check &&
	    !path_trusted(client->address.sun_path, geteuid()) &&
	    errno != ENOENT)
		return client_lose(
			client, now_ns,
			"others may write to the socket's directory: "
			"not trusted");
	client->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (client->fd < 0)
		return client_lose(client, now_ns, strerror(errno));
	if (connect(client->fd, (struct sockaddr *)&client->address,
		    sizeof(client->address)) == 0)
		return client_finish_connect(client, now_ns);
	if (errno != EINPROGRESS)
		return client_lose(client, now_ns,
				   client_connect_trouble(errno));
	client->phase = CONNECTING;
	client->deadline_ns = now_ns + CLIENT_ANSWER_NS;
	return CLIENT_NOTHING;
}

static enum client_event client_finish(struct client *client, uint64_t now_ns)
{
	struct pollfd poller = {.fd = client->fd, .events = POLLOUT};
	socklen_t length = sizeof(int);
	int error = 0;

	if (poll(&poller, 1, 0) <= 0)
		return now_ns < client->deadline_ns
			       ? CLIENT_NOTHING
			       : client_lose(client, now_ns,
					     "cannot connect in 5 s");
	if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		error = errno;
	if (error != 0)
		return client_lose(client, now_ns,
				   client_connect_trouble(error));
	client->deadline_ns = 0;
	return client_finish_connect(client, now_ns);
}

/* Sends what the socket takes; false when the connection is broken. */
static bool client_flush(struct client *client)
{
	ssize_t done;

	if (client->out_used == 0)
		return true;
	done = send(client->fd, client->out, client->out_used,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	if (done < 0)
		return errno == EAGAIN || errno == EINTR;
	client->out_used -= (size_t)done;
	memmove(client->out, client->out + done, client->out_used);
	return true;
}

/* 1: a frame; 0: more bytes are needed; -1: not our protocol. */
static int client_cut(struct client *client, struct frame *frame,
		      const char **why)
{
	enum frame_status status;

	memmove(client->in, client->in + client->in_taken,
		client->in_used - client->in_taken);
	client->in_used -= client->in_taken;
	client->in_taken = 0;
	status = frame_decode(client->in, client->in_used, frame);
	if (status == FRAME_MORE)
		return 0;
	if (status != FRAME_READY) {
		*why = frame_status_text(status);
		return -1;
	}
	if (frame->sequence != client->received) {
		*why = "frames out of sequence";
		return -1;
	}
	client->received++;
	client->in_taken = FRAME_HEADER_BYTES + frame->length;
	return 1;
}

static enum client_event client_receive(struct client *client, uint64_t now_ns,
					struct frame *frame)
{
	const char *why = "";
	ssize_t got;

	for (;;) {
		int found = client_cut(client, frame, &why);

		if (found > 0)
			return CLIENT_FRAME;
		if (found < 0)
			return client_lose(client, now_ns, why);
		got = recv(client->fd, client->in + client->in_used,
			   IN_BYTES - client->in_used, MSG_DONTWAIT);
		if (got == 0)
			return client_lose(client, now_ns,
					   "the daemon closed the connection");
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno != EAGAIN)
			return client_lose(client, now_ns, strerror(errno));
		if (got < 0)
			return CLIENT_NOTHING;
		client->in_used += (size_t)got;
	}
}

enum client_event client_next(struct client *client, uint64_t now_ns,
			      struct frame *frame)
{
	enum client_event event;

	if (client->phase == IDLE)
		return client_start(client, now_ns);
	if (client->phase == CONNECTING)
		return client_finish(client, now_ns);
	if (!client_flush(client))
		return client_lose(client, now_ns,
				   "the daemon closed the connection");
	event = client_receive(client, now_ns, frame);
	if (event == CLIENT_NOTHING && client->deadline_ns != 0 &&
	    now_ns >= client->deadline_ns)
		return client_lose(
			client, now_ns,
			client_due(client) == CLIENT_EXPORT
				? "the daemon did not export in 60 s"
				: "the daemon did not answer in 5 s");
	return event;
}

static const Hakmem__QueryWhat client_wire_what[CLIENT_KINDS] = {
	[CLIENT_PROCESSES] = HAKMEM__QUERY_WHAT__QUERY_PROCESSES,
	[CLIENT_DETAIL] = HAKMEM__QUERY_WHAT__QUERY_DETAIL,
	[CLIENT_HISTORY] = HAKMEM__QUERY_WHAT__QUERY_HISTORY,
	[CLIENT_EXPORT] = HAKMEM__QUERY_WHAT__QUERY_EXPORT,
	[CLIENT_SITES] = HAKMEM__QUERY_WHAT__QUERY_SITES,
	[CLIENT_STACK] = HAKMEM__QUERY_WHAT__QUERY_STACK,
	[CLIENT_BASELINE] = HAKMEM__QUERY_WHAT__QUERY_BASELINE_SET,
	[CLIENT_BASELINE_DROP] = HAKMEM__QUERY_WHAT__QUERY_BASELINE_DROP,
	[CLIENT_CONTROL] = HAKMEM__QUERY_WHAT__QUERY_CONTROL,
};

enum client_what client_due(const struct client *client)
{
	return client->unanswered ? client->asked[0] : CLIENT_KINDS;
}

/* Until when the answer to the oldest query has to be there. */
static uint64_t client_deadline(const struct client *client, uint64_t now_ns)
{
	if (client->unanswered == 0)
		return 0;
	return now_ns + (client_due(client) == CLIENT_EXPORT
				 ? CLIENT_EXPORT_NS
				 : CLIENT_ANSWER_NS);
}

/* The words of a query, kept until it is packed. */
struct words {
	char what[WORD_MAX], format[WORD_MAX], sample[WORD_MAX];
	char baseline[WORD_MAX];
};

static char *client_word(char out[WORD_MAX], const char *text)
{
	snprintf(out, WORD_MAX, "%s", text ? text : "");
	return out;
}

static void client_fill(Hakmem__Query *message, Hakmem__Control *control,
			struct words *words, const struct client_query *query)
{
	hakmem__query__init(message);
	message->what = client_wire_what[query->what];
	message->process_id = query->process_id;
	message->pid = query->pid;
	message->since_ns = query->since_ns;
	message->export_what = client_word(words->what, query->export_what);
	message->export_format =
		client_word(words->format, query->export_format);
	message->export_sample =
		client_word(words->sample, query->export_sample);
	message->baseline = client_word(words->baseline, query->baseline);
	message->site_id = query->site_id;
	message->mine = query->mine;
	if (query->what != CLIENT_CONTROL)
		return;
	hakmem__control__init(control);
	control->sample_bytes = query->sample_bytes;
	control->sampling_off = query->sampling_off;
	control->interval_ms = query->interval_ms;
	message->control = control;
}

bool client_ask(struct client *client, const struct client_query *query,
		uint64_t now_ns)
{
	uint8_t *at = client->out + client->out_used;
	Hakmem__Control control;
	Hakmem__Query message;
	struct words words;
	size_t length;

	client_fill(&message, &control, &words, query);
	message.query_id = client->sent + 1;
	length = hakmem__query__get_packed_size(&message);
	if (client->phase != CONNECTED ||
	    client->unanswered == UNANSWERED_MAX ||
	    length + FRAME_HEADER_BYTES > OUT_BYTES - client->out_used)
		return false;
	frame_encode(at, FRAME_QUERY, (uint32_t)length, client->sent++);
	hakmem__query__pack(&message, at + FRAME_HEADER_BYTES);
	client->out_used += FRAME_HEADER_BYTES + length;
	client->asked[client->unanswered++] = query->what;
	if (client->unanswered == 1)
		client->deadline_ns = client_deadline(client, now_ns);
	client_flush(
		client); /* a broken socket shows at the next client_next */
	return true;
}

void client_answered(struct client *client, uint64_t now_ns)
{
	if (client->unanswered > 0)
		memmove(client->asked, client->asked + 1,
			--client->unanswered * sizeof(client->asked[0]));
	client->deadline_ns = client_deadline(client, now_ns);
	client->retry_pause_ns = RETRY_FIRST_NS;
}

bool client_connected(const struct client *client)
{
	return client->phase == CONNECTED;
}

const char *client_trouble(const struct client *client)
{
	return client->trouble;
}

const char *client_path(const struct client *client)
{
	return client->address.sun_path;
}
