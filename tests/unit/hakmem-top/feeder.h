/*
 * A daemon that says what a test wants: it listens on a socket in a new
 * directory and speaks the protocol. Either the test answers step by step
 * (feeder_accept, feeder_query, feeder_send), or a thread hands each query to
 * a function of the test that sends the answer.
 */
#ifndef TESTS_FEEDER_H
#define TESTS_FEEDER_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "hakmem-top/data/model.h"
#include "proto/frame.h"
#include "proto/hakmem.pb-c.h"
#include "tests/unit/figures.h"

static struct {
	char directory[64], path[96];
	int listener;
	atomic_int peer;   /* the connection, -1 = none */
	uint32_t sequence; /* of the next frame on it */
	void (*answer)(const Hakmem__Query *query);
	pthread_t thread;
	bool threaded;
	atomic_uint queries; /* that came, on all connections */
} feeder = {.listener = -1, .peer = -1};

static inline bool feeder_exactly(void *out, size_t length)
{
	return length == 0 ||
	       recv(feeder.peer, out, length, MSG_WAITALL) == (ssize_t)length;
}

/* The next query, to be freed; NULL when the viewer is gone or silent. */
static inline Hakmem__Query *feeder_query(void)
{
	uint8_t bytes[FRAME_HEADER_BYTES + 4096];
	struct frame frame;

	if (!feeder_exactly(bytes, FRAME_HEADER_BYTES))
		return NULL;
	frame_decode(bytes, FRAME_HEADER_BYTES, &frame);
	if (frame.type != FRAME_QUERY || frame.length > 4096 ||
	    !feeder_exactly(bytes + FRAME_HEADER_BYTES, frame.length))
		return NULL;
	feeder.queries++;
	return hakmem__query__unpack(NULL, frame.length,
				     bytes + FRAME_HEADER_BYTES);
}

/* The next query as its `what`, -1 for none. */
static inline int feeder_what(void)
{
	Hakmem__Query *query = feeder_query();
	int what = query ? (int)query->what : -1;

	if (query)
		hakmem__query__free_unpacked(query, NULL);
	return what;
}

static inline void feeder_accept(void)
{
	const struct timeval patience = {.tv_sec = 10};

	feeder.peer = accept(feeder.listener, NULL, NULL);
	feeder.sequence = 0;
	if (!feeder.threaded) /* a thread waits for as long as it takes */
		setsockopt(feeder.peer, SOL_SOCKET, SO_RCVTIMEO, &patience,
			   sizeof(patience));
}

/* Ends the connection. */
static inline void feeder_drop(void)
{
	int peer = atomic_exchange(&feeder.peer, -1);

	if (peer >= 0)
		close(peer);
}

static inline void *feeder_serve(void *unused)
{
	Hakmem__Query *query;

	for (;;) {
		feeder_accept();
		if (feeder.peer < 0)
			return unused;
		while (feeder.peer >= 0 && (query = feeder_query()) != NULL) {
			feeder.answer(query);
			hakmem__query__free_unpacked(query, NULL);
		}
		feeder_drop();
	}
}

/* Listens; with `answer` a thread serves. False when that cannot be had. */
static inline bool feeder_open(void (*answer)(const Hakmem__Query *query))
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	sigset_t all, old;

	strcpy(feeder.directory, "/tmp/hakmem-feeder-XXXXXX");
	if (!mkdtemp(feeder.directory))
		return false;
	snprintf(feeder.path, sizeof(feeder.path), "%s/sock", feeder.directory);
	strcpy(address.sun_path, feeder.path);
	feeder.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	feeder.peer = -1;
	feeder.queries = 0;
	feeder.answer = answer;
	feeder.threaded = false;
	if (bind(feeder.listener, (struct sockaddr *)&address,
		 sizeof(address)) != 0 ||
	    listen(feeder.listener, 4) != 0)
		return false;
	if (!answer)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	feeder.threaded = true;
	feeder.threaded =
		pthread_create(&feeder.thread, NULL, feeder_serve, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return feeder.threaded;
}

static inline void feeder_close(void)
{
	shutdown(feeder.listener, SHUT_RDWR);
	if (feeder.threaded) {
		shutdown(feeder.peer, SHUT_RDWR);
		pthread_join(feeder.thread, NULL);
	}
	feeder_drop();
	close(feeder.listener);
	unlink(feeder.path);
	rmdir(feeder.directory);
}

static inline void feeder_bytes(uint16_t type, const void *bytes, size_t length)
{
	uint8_t header[FRAME_HEADER_BYTES];

	frame_encode(header, type, (uint32_t)length, feeder.sequence++);
	send(feeder.peer, header, sizeof(header), MSG_NOSIGNAL);
	send(feeder.peer, bytes, length, MSG_NOSIGNAL);
}

static inline void feeder_send(uint16_t type, const ProtobufCMessage *message)
{
	size_t length = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = malloc(length + 1);

	protobuf_c_message_pack(message, bytes);
	feeder_bytes(type, bytes, length);
	free(bytes);
}

static inline void feeder_error(const char *text)
{
	Hakmem__Error message;
	char copy[256];

	hakmem__error__init(&message);
	snprintf(copy, sizeof(copy), "%s", text);
	message.text = copy;
	feeder_send(FRAME_ERROR, &message.base);
}

static inline Hakmem__Process feeder_process(const struct process *from)
{
	Hakmem__Process to;

	hakmem__process__init(&to);
	to.process_id = from->id;
	to.pid = from->pid;
	to.parent_pid = from->parent_pid;
	to.parent_process_id = from->parent_id;
	to.state = (Hakmem__ProcessState)from->state;
	to.exit_known = from->exit_known;
	to.exit_status = from->exit_status;
	to.exit_signal = from->exit_signal;
	to.start_ticks = from->start_ticks;
	to.first_seen_ns = from->first_seen_ns;
	to.state_ns = from->state_ns;
	to.age_ns = from->age_ns;
	for (unsigned i = 0; i < FIGURES; i++)
		*figures_at(&to.n_figures, (uint64_t **)&to.figures,
			    (enum figure)i) = from->figures[i];
	to.base_ns = from->base_ns;
	for (unsigned i = 0; from->base_ns && i < FIGURES; i++)
		*figures_at(&to.n_base_figures, (uint64_t **)&to.base_figures,
			    (enum figure)i) = from->base[i];
	to.command = from->command;
	to.executable = from->executable;
	return to;
}

/* Sends a list as one frame; with `more` another one has to follow. */
static inline void feeder_list(const struct processes *list, bool more)
{
	Hakmem__Processes message;
	Hakmem__Process *rows = calloc(list->count + 1, sizeof(*rows));
	Hakmem__Process **pointers = calloc(list->count + 1, sizeof(*pointers));

	hakmem__processes__init(&message);
	for (size_t i = 0; i < list->count; i++) {
		rows[i] = feeder_process(&list->rows[i]);
		pointers[i] = &rows[i];
	}
	message.now_ns = list->now_ns;
	message.daemon_pid = list->daemon_pid;
	message.daemon_version = list->daemon_version;
	message.n_processes = list->count;
	message.processes = pointers;
	message.more = more;
	message.figure_names = FIGURE_NAMES;
	feeder_send(FRAME_PROCESSES, &message.base);
	free(pointers);
	free(rows);
}

static inline void feeder_done(const char *text)
{
	Hakmem__Done message;

	hakmem__done__init(&message);
	message.text = (char *)(uintptr_t)text;
	feeder_send(FRAME_DONE, &message.base);
}

/* Sends the process and the sizes of a detail. */
static inline void feeder_detail(const struct detail *detail)
{
	Hakmem__Detail message;
	Hakmem__Process process = feeder_process(&detail->process);
	Hakmem__State state;
	Hakmem__SizeBin bins[8], *pointers[8];
	Hakmem__Hello hello;

	hakmem__detail__init(&message);
	hakmem__state__init(&state);
	state.time_ns = detail->state_ns;
	hakmem__hello__init(&hello);
	hello.figure_names = FIGURE_NAMES;
	message.hello = &hello;
	for (size_t i = 0; i < detail->size_count && i < 8; i++) {
		hakmem__size_bin__init(&bins[i]);
		bins[i].low_bytes = detail->sizes[i].low;
		bins[i].high_bytes = detail->sizes[i].high;
		bins[i].requests = detail->sizes[i].requests;
		bins[i].live_bytes = detail->sizes[i].live_bytes;
		pointers[i] = &bins[i];
		message.n_sizes++;
	}
	message.now_ns = detail->now_ns;
	message.process = &process;
	message.state = &state;
	message.sizes = pointers;
	feeder_send(FRAME_DETAIL, &message.base);
}

static inline void feeder_history(const struct history *history)
{
	Hakmem__History message;
	char name[] = "live_bytes ";

	hakmem__history__init(&message);
	message.process_id = history->process_id;
	message.n_time_ns = message.n_figures = history->count;
	message.time_ns = history->time_ns;
	message.figures = (int64_t *)history->figures[FIGURE_LIVE_BYTES];
	message.figure_names = name;
	feeder_send(FRAME_HISTORY, &message.base);
}

/* Sends a piece of an export. */
static inline void feeder_export(const char *data, size_t length, bool last)
{
	Hakmem__Export message;
	char *copy = malloc(length + 1);

	hakmem__export__init(&message);
	memcpy(copy, data, length);
	message.data.data = (uint8_t *)copy;
	message.data.len = length;
	message.last = last;
	feeder_send(FRAME_EXPORT, &message.base);
	free(copy);
}

#endif
