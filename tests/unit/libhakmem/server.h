/*
 * The daemon's end of the connection, inside the test. Each case is a program
 * of its own, in a child, with a server of its own.
 */
#ifndef TESTS_UNIT_LIBHAKMEM_SERVER_H
#define TESTS_UNIT_LIBHAKMEM_SERVER_H

#include "libhakmem/heap/boot.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/stream/publish.h"
#include "libhakmem/heap/thread.h"
#include "proto/frame.h"
#include "proto/hakmem.pb-c.h"
#include "tests/unit/libhakmem/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define MS	 UINT64_C(1000000)
#define INTERVAL 100 /* ms */

static char directory[64], path[96];
static int listener = -1;

/* The daemon's end of one connection. */
struct server {
	int fd;
	uint8_t bytes[512 * 1024];
	size_t used;
	uint32_t sequence;
};
static struct server server = {.fd = -1}, second = {.fd = -1};

static inline int make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/hakmem-unit-%d.d",
		 (int)getpid());
	snprintf(path, sizeof(path), "%s/sock", directory);
	return mkdir(directory, 0700);
}

static inline int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static inline struct sockaddr_un address_of(const char *at)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	must(strlen(at) < sizeof(address.sun_path));
	memcpy(address.sun_path, at, strlen(at));
	return address;
}

static inline void listen_at(const char *at, int backlog)
{
	struct sockaddr_un address = address_of(at);

	unlink(at);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	must(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	must(listen(listener, backlog) == 0);
}

static inline void configure(void)
{
	must(boot_ready());
	thread_cache();
	conf.stream = true;
	conf.socket = path;
	conf.interval_ms = INTERVAL;
	conf.log = NULL;
	conf.errors = 0;
}

static inline void start(void)
{
	configure();
	errno = 77;
	publish_start();
	must(errno == 77);
}

static inline bool accept_to(struct server *to)
{
	to->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	to->used = 0;
	to->sequence = 0;
	return to->fd >= 0;
}

/* Reads what is there; false at the end of the connection. */
static inline bool receive(struct server *from)
{
	for (;;) {
		ssize_t got = read(from->fd, from->bytes + from->used,
				   sizeof(from->bytes) - from->used);

		if (got < 0) {
			must(errno == EAGAIN);
			return true;
		}
		if (got == 0)
			return from->used == sizeof(from->bytes);
		from->used += (size_t)got;
	}
}

static inline void drop_frame(struct server *from, size_t payload)
{
	size_t length = FRAME_HEADER_BYTES + payload;

	memmove(from->bytes, from->bytes + length, from->used - length);
	from->used -= length;
}

/* Modules and sites come between the states; whoever waits for one kind passes
 * over what may stand before it. */
static inline bool may_precede(uint16_t type, uint16_t wanted)
{
	bool detail = type == FRAME_MODULES || type == FRAME_SITES;

	return type != wanted &&
	       (detail || wanted == FRAME_MODULES || wanted == FRAME_SITES);
}

/* The next frame's payload, unpacked; NULL when there is none. Sequence and
 * type must be right. */
static inline ProtobufCMessage *
next_message(struct server *from, uint16_t type,
	     const ProtobufCMessageDescriptor *kind)
{
	ProtobufCMessage *message;
	struct frame frame;
	enum frame_status status;

	for (;;) {
		receive(from);
		status = frame_decode(from->bytes, from->used, &frame);
		if (status == FRAME_MORE)
			return NULL;
		must(status == FRAME_READY);
		must(frame.sequence == from->sequence);
		from->sequence++;
		if (!may_precede(frame.type, type))
			break;
		drop_frame(from, frame.length);
	}
	must(frame.type == type);
	message = protobuf_c_message_unpack(kind, NULL, frame.length,
					    frame.payload);
	must(message != NULL);
	drop_frame(from, frame.length);
	return message;
}

static NOINLINE __attribute__((unused)) Hakmem__Hello *
next_hello(struct server *from)
{
	return (Hakmem__Hello *)next_message(from, FRAME_HELLO,
					     &hakmem__hello__descriptor);
}

static NOINLINE __attribute__((unused)) Hakmem__State *
next_state(struct server *from)
{
	return (Hakmem__State *)next_message(from, FRAME_STATE,
					     &hakmem__state__descriptor);
}

static NOINLINE __attribute__((unused)) Hakmem__Sites *
next_sites(struct server *from)
{
	return (Hakmem__Sites *)next_message(from, FRAME_SITES,
					     &hakmem__sites__descriptor);
}

static NOINLINE __attribute__((unused)) Hakmem__Modules *
next_modules(struct server *from)
{
	return (Hakmem__Modules *)next_message(from, FRAME_MODULES,
					       &hakmem__modules__descriptor);
}

/* The library's descriptor: the one socket that is connected to our path. */
static inline int library_fd(void)
{
	DIR *all = opendir("/proc/self/fd");
	struct dirent *entry;
	int found = -1;

	while ((entry = readdir(all))) {
		struct sockaddr_un peer;
		socklen_t length = sizeof(peer);
		int fd = atoi(entry->d_name);

		if (getpeername(fd, (struct sockaddr *)&peer, &length) == 0 &&
		    length > sizeof(sa_family_t) &&
		    strncmp(peer.sun_path, directory, strlen(directory)) == 0)
			found = fd;
	}
	closedir(all);
	return found;
}

static inline bool is_empty(int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLIN};

	return poll(&look, 1, 0) == 0;
}

#define CHILD_TEST(body)                                                       \
	static void test_##body(void **state)                                  \
	{                                                                      \
		(void)state;                                                   \
		assert_child_passes(body);                                     \
	}

#endif
