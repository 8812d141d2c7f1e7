/*
 * Modules of the daemon on real descriptors, inside the test: the loop is
 * turned by hand, the other end of each connection is the test's own, and peers
 * are children of ours whose credentials the kernel tells.
 */
#ifndef TESTS_UNIT_HAKMEMD_HARNESS_H
#define TESTS_UNIT_HAKMEMD_HARNESS_H

#include "tests/unit/hakmemd/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hakmemd/core/clock.h"
#include "hakmemd/core/loop.h"
#include "proto/frame.h"

#define MS	    UINT64_C(1000000)
#define PATIENCE_NS (60 * CLOCK_SECOND) /* more than any machine needs */

/* --- what is written to stdout or stderr --------------------------------- */

struct capture {
	int fd, saved, file;
};

static inline void capture_begin(struct capture *capture, int fd)
{
	fflush(stdout);
	capture->fd = fd;
	capture->saved = dup(fd);
	capture->file = memfd_create("captured", MFD_CLOEXEC);
	assert_true(capture->saved >= 0 && capture->file >= 0);
	assert_int_equal(dup2(capture->file, fd), fd);
}

static inline const char *capture_end(struct capture *capture)
{
	static char text[65536];
	ssize_t got;

	fflush(stdout);
	dup2(capture->saved, capture->fd);
	got = pread(capture->file, text, sizeof(text) - 1, 0);
	close(capture->saved);
	close(capture->file);
	assert_true(got >= 0);
	text[got] = '\0';
	return text;
}

/* --- the loop, a few rounds at a time ------------------------------------ */

static struct loop *harness_loop;
static unsigned harness_rounds;
static void (*harness_each_tick)(uint64_t now_ns, uint64_t late_ns);

static inline uint64_t harness_tick(void *argument, uint64_t now_ns,
				    uint64_t late_ns)
{
	(void)argument;
	if (harness_each_tick)
		harness_each_tick(now_ns, late_ns);
	if (harness_rounds > 0 && --harness_rounds == 0)
		loop_stop(harness_loop, 0);
	return now_ns; /* never waits: what is to come is there already */
}

static inline void harness_turn(void)
{
	harness_rounds = 4;
	assert_int_equal(loop_run(harness_loop), 0);
}

/* Turns until `what` holds. */
#define harness_until(what)                                                    \
	do {                                                                   \
		uint64_t harness_end_ns = clock_ns() + PATIENCE_NS;            \
                                                                               \
		for (harness_turn(); !(what); harness_turn()) {                \
			if (clock_ns() > harness_end_ns)                       \
				fail_msg("never: %s", #what);                  \
			usleep(1000);                                          \
		}                                                              \
	} while (0)

static inline int harness_begin(void **state)
{
	(void)state;
	harness_each_tick = NULL;
	harness_loop = loop_new(harness_tick, NULL);
	return harness_loop ? 0 : -1;
}

static inline int harness_end(void **state)
{
	(void)state;
	loop_free(harness_loop);
	harness_loop = NULL;
	return 0;
}

/* --- frames, as a program or viewer says and hears them ------------------ */

struct peer {
	int fd;
	uint32_t sent, heard;	 /* frames */
	uint8_t bytes[1u << 20]; /* what came and is not yet heard */
	size_t used, over;	 /* of the frame heard last */
};

static inline void peer_begin(struct peer *peer, int fd)
{
	peer->fd = fd;
	peer->sent = peer->heard = 0;
	peer->used = peer->over = 0;
}

static inline void peer_write(struct peer *peer, const void *bytes,
			      size_t length)
{
	assert_int_equal(send(peer->fd, bytes, length, MSG_NOSIGNAL), length);
}

/* Packs a frame to `out`; returns its length. */
static inline size_t peer_frame(struct peer *peer, uint16_t type,
				const ProtobufCMessage *message, uint8_t *out)
{
	size_t length = protobuf_c_message_get_packed_size(message);

	frame_encode(out, type, (uint32_t)length, peer->sent++);
	protobuf_c_message_pack(message, out + FRAME_HEADER_BYTES);
	return FRAME_HEADER_BYTES + length;
}

static inline void peer_say(struct peer *peer, uint16_t type,
			    const ProtobufCMessage *message)
{
	static uint8_t bytes[FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX];

	peer_write(peer, bytes, peer_frame(peer, type, message, bytes));
}

/* Reads what is there. False at the end of the connection. */
static inline bool peer_read(struct peer *peer)
{
	for (;;) {
		ssize_t got =
			recv(peer->fd, peer->bytes + peer->used,
			     sizeof(peer->bytes) - peer->used, MSG_DONTWAIT);

		if (got < 0 && errno == EAGAIN)
			return true;
		if (got <= 0)
			return peer->used == sizeof(peer->bytes);
		peer->used += (size_t)got;
	}
}

/* The next frame if it has come; its payload lives until the next call. */
static inline bool peer_hear(struct peer *peer, struct frame *frame)
{
	enum frame_status status;

	peer->used -= peer->over;
	memmove(peer->bytes, peer->bytes + peer->over, peer->used);
	peer->over = 0;
	peer_read(peer);
	status = frame_decode(peer->bytes, peer->used, frame);
	if (status == FRAME_MORE)
		return false;
	assert_int_equal(status, FRAME_READY);
	assert_int_equal(frame->sequence, peer->heard);
	peer->heard++;
	peer->over = FRAME_HEADER_BYTES + frame->length;
	return true;
}

/* The daemon has closed the connection, and nothing is left to hear. */
static inline bool peer_is_over(struct peer *peer)
{
	return !peer_read(peer) && peer->used == peer->over;
}

/* The text of the next frame, which must be an ERROR. */
static inline const char *peer_error(struct peer *peer)
{
	static char text[512];
	struct frame frame;
	Hakmem__Error *error;

	if (!peer_hear(peer, &frame))
		return "(nothing came)";
	assert_int_equal(frame.type, FRAME_ERROR);
	error = hakmem__error__unpack(NULL, frame.length, frame.payload);
	assert_non_null(error);
	snprintf(text, sizeof(text), "%s", error->text);
	hakmem__error__free_unpacked(error, NULL);
	return text;
}

/* --- children: processes that the kernel knows as peers ------------------ */

/*
 * The child made the connection; we hold its end, too. It ends by
 * child_exit(), or with us.
 */
struct child {
	pid_t pid;
	int control; /* the byte that is written becomes the exit status */
	int ours;    /* the daemon's end */
	int theirs;  /* the child's */
};

static inline void child_live(int control)
{
	unsigned char status = 0;

	while (read(control, &status, 1) < 0 && errno == EINTR)
		;
	_exit(status);
}

/* A process that connects to `address` as `uid`, unless that is -1. */
static inline void child_connect(struct child *child,
				 const struct sockaddr_un *address,
				 socklen_t length, uid_t uid)
{
	int ends[2];
	char word;

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	child->theirs = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	child->control = ends[0];
	child->pid = fork();
	assert_true(child->pid >= 0 && child->theirs >= 0);
	if (child->pid == 0) {
		if (uid != (uid_t)-1 && setresuid(uid, uid, uid) != 0)
			_exit(99);
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* setuid undoes it */
		if (connect(child->theirs, (const struct sockaddr *)address,
			    length) != 0 ||
		    write(ends[1], "+", 1) != 1)
			_exit(98);
		close(child->theirs);
		close(ends[0]);
		child_live(ends[1]);
	}
	close(ends[1]);
	assert_int_equal(read(child->control, &word, 1), 1);
}

/* A process, connected to us. */
static inline void child_start(struct child *child)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(sa_family_t); /* the kernel finds a name */
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&address, length),
			 0);
	length = sizeof(address);
	assert_int_equal(
		getsockname(listener, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(listen(listener, 1), 0);
	child_connect(child, &address, length, (uid_t)-1);
	child->ours =
		accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(child->ours >= 0);
	close(listener);
}

/* Ends the child, which stays a zombie. */
static inline void child_exit(struct child *child, unsigned char status)
{
	siginfo_t info;

	assert_int_equal(write(child->control, &status, 1), 1);
	assert_int_equal(
		waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT), 0);
}

static inline void child_kill(struct child *child, int signal)
{
	siginfo_t info;

	kill(child->pid, signal);
	assert_int_equal(
		waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT), 0);
}

static inline void child_reap(struct child *child)
{
	assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
	close(child->control);
}

/* Ends and reaps it; the descriptors of the connection are the caller's. */
static inline void child_stop(struct child *child)
{
	child_exit(child, 0);
	child_reap(child);
}

#endif
