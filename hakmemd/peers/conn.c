#include "hakmemd/peers/conn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hakmemd/core/clock.h"
#include "hakmemd/core/log.h"
#include "proto/hakmem.pb-c.h"

#define READ_BYTES    65536u
#define READ_ROUNDS   4	  /* then the others have their turn */
#define PASSED_MAX    253 /* descriptors in one message: SCM_MAX_FD */
#define REFUSAL_BYTES 256u

static void conn_destroy(struct conn *conn)
{
	conn->conns->ops->closed(conn);
	loop_remove(conn->conns->loop, &conn->source);
	close(conn->source.fd);
	if (conn->previous)
		conn->previous->next = conn->next;
	else
		conn->conns->first = conn->next;
	if (conn->next)
		conn->next->previous = conn->previous;
	buf_free(&conn->in);
	buf_free(&conn->out);
	free(conn);
}

void conn_close(struct conn *conn)
{
	conn->dead = true;
	if (!conn->busy)
		conn_destroy(conn);
}

bool conn_has_room(const struct conn *conn)
{
	return buf_length(&conn->out) <= CONN_PAUSE_BYTES;
}

static bool conn_is_paused(const struct conn *conn)
{
	return conn->held || !conn_has_room(conn);
}

/* What to wait for follows from what there is to do. */
static void conn_update(struct conn *conn)
{
	uint32_t events = 0;

	if (!conn->ended && (conn->closing || !conn_is_paused(conn)))
		events |= EPOLLIN;
	if (buf_length(&conn->out) > 0)
		events |= EPOLLOUT;
	loop_want(conn->conns->loop, &conn->source, events);
}

static void conn_set_due(struct conn *conn, uint64_t *due_ns, uint64_t at_ns)
{
	*due_ns = at_ns;
	loop_tick_by(conn->conns->loop, at_ns);
}

/* Sends what the socket takes; false when the peer is gone. */
static bool conn_flush(struct conn *conn)
{
	while (buf_length(&conn->out) > 0) {
		ssize_t sent = send(conn->source.fd, buf_bytes(&conn->out),
				    buf_length(&conn->out),
				    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN || errno == ENOBUFS ||
			       errno == ENOMEM;
		buf_take(&conn->out, (size_t)sent);
		if (!conn->closing)
			conn_set_due(conn, &conn->out_due_ns,
				     clock_ns() + CONN_STALL_NS);
	}
	if (!conn->closing)
		conn->out_due_ns = 0;
	return true;
}

void conn_send(struct conn *conn, uint16_t type,
	       const ProtobufCMessage *message)
{
	size_t length = protobuf_c_message_get_packed_size(message);
	uint8_t *place = NULL;

	if (conn->closing || conn->dead)
		return;
	if (length <= FRAME_PAYLOAD_MAX &&
	    buf_length(&conn->out) + length < CONN_OUT_MAX)
		place = buf_reserve(&conn->out, FRAME_HEADER_BYTES + length);
	if (!place) {
		log_line("pid %d: no room for an answer of %zu bytes: dropped",
			 (int)conn->peer.pid, length);
		conn->dead = true; /* freed by conn_work() */
		return;
	}
	if (conn->out_due_ns == 0)
		conn_set_due(conn, &conn->out_due_ns,
			     clock_ns() + CONN_STALL_NS);
	frame_encode(place, type, (uint32_t)length, conn->sent++);
	protobuf_c_message_pack(message, place + FRAME_HEADER_BYTES);
	buf_commit(&conn->out, FRAME_HEADER_BYTES + length);
}

static void conn_say_refused(struct conns *conns, const struct ucred *peer,
			     const char *text)
{
	conns->refused_total++;
	log_line("pid %d, user %d refused: %s", (int)peer->pid, (int)peer->uid,
		 text);
}

void conn_fail(struct conn *conn, const char *format, ...)
{
	Hakmem__Error error;
	char text[REFUSAL_BYTES];
	va_list arguments;

	hakmem__error__init(&error);
	if (conn->closing || conn->dead)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	error.text = text;
	conn_say_refused(conn->conns, &conn->peer, text);
	conn_send(conn, FRAME_ERROR, &error.base);
	conn->closing = true;
	conn->in_due_ns = 0;
	conn_set_due(conn, &conn->out_due_ns, clock_ns() + CONN_LINGER_NS);
}

void conn_refuse(struct conns *conns, int fd, const struct ucred *peer,
		 const char *text)
{
	Hakmem__Error error;
	uint8_t bytes[FRAME_HEADER_BYTES + REFUSAL_BYTES + 16];
	char copy[REFUSAL_BYTES];
	size_t length;

	hakmem__error__init(&error);
	snprintf(copy, sizeof(copy), "%s", text);
	error.text = copy;
	length = hakmem__error__get_packed_size(&error);
	frame_encode(bytes, FRAME_ERROR, (uint32_t)length, 0);
	hakmem__error__pack(&error, bytes + FRAME_HEADER_BYTES);
	/* As far as it goes: the peer is not owed it. */
	if (send(fd, bytes, FRAME_HEADER_BYTES + length,
		 MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0;
	close(fd);
	conn_say_refused(conns, peer, text);
}

/* One frame from the front of the queue; false when no more can be done. */
static bool conn_handle_one(struct conn *conn)
{
	struct frame frame;
	enum frame_status status = frame_decode(buf_bytes(&conn->in),
						buf_length(&conn->in), &frame);

	if (status == FRAME_MORE)
		return false;
	if (status != FRAME_READY) {
		conn_fail(conn, "%s", frame_status_text(status));
		return false;
	}
	if (frame.sequence != conn->received) {
		conn_fail(conn, "frame %u came, %u was due", frame.sequence,
			  conn->received);
		return false;
	}
	conn->received++;
	conn->in_due_ns = 0;
	conn->greeted = true;
	conn->conns->ops->frame(conn, &frame);
	if (conn->closing || conn->dead)
		return false;
	buf_take(&conn->in, FRAME_HEADER_BYTES + frame.length);
	return true;
}

/* Handles the whole frames that lie there, as far as the peer reads. */
static void conn_handle(struct conn *conn)
{
	while (buf_length(&conn->in) > 0 && !conn_is_paused(conn) &&
	       conn_handle_one(conn))
		;
	if (conn->closing || conn->dead)
		return;
	if (conn->greeted &&
	    (conn_is_paused(conn) || buf_length(&conn->in) == 0))
		conn->in_due_ns = 0;
	else if (conn->in_due_ns == 0)
		conn_set_due(conn, &conn->in_due_ns,
			     clock_ns() + CONN_FRAME_NS);
}

/* Closes every descriptor that came along; true when there was one. */
static bool conn_close_passed(struct msghdr *message)
{
	bool any = (message->msg_flags & MSG_CTRUNC) != 0;

	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at;
	     at = CMSG_NXTHDR(message, at)) {
		size_t bytes = at->cmsg_len - CMSG_LEN(0);
		int fd;

		if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i + sizeof(fd) <= bytes; i += sizeof(fd)) {
			memcpy(&fd, CMSG_DATA(at) + i, sizeof(fd));
			close(fd);
			any = true;
		}
	}
	return any;
}

/* One read. 1: bytes came; 0: none now; -1: the end, or the peer is gone. */
static int conn_take(struct conn *conn)
{
	static uint8_t bytes[READ_BYTES];
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(PASSED_MAX * sizeof(int))];
	} control;
	struct iovec vector = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(conn->source.fd, &message,
			      MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (conn_close_passed(&message))
		conn_fail(conn, "descriptors came along; none are wanted");
	if (got == 0)
		return -1;
	/* What comes after an ERROR is read and forgotten. */
	if (!conn->closing && !buf_append(&conn->in, bytes, (size_t)got))
		conn_fail(conn, "the daemon is out of memory");
	return 1;
}

/* Reads for a while; false when the connection is at its end. */
static bool conn_receive(struct conn *conn)
{
	for (int i = 0; i < READ_ROUNDS; i++) {
		int got;

		if (!conn->closing && conn_is_paused(conn))
			return true;
		got = conn_take(conn);
		if (got <= 0)
			return got == 0;
		if (!conn->closing)
			conn_handle(conn);
		if (conn->dead)
			return true;
	}
	return true;
}

/* Sends, and answers what was asked while the peer did not read. */
static bool conn_advance(struct conn *conn)
{
	for (;;) {
		size_t waiting;

		if (!conn_flush(conn))
			return false;
		if (buf_length(&conn->out) > 0)
			return true;
		if (conn->conns->ops->drained && !conn->closing) {
			conn->conns->ops->drained(conn);
			if (conn->dead)
				return false;
			if (buf_length(&conn->out) > 0)
				continue;
		}
		waiting = buf_length(&conn->in);
		if (conn->closing || waiting == 0 || conn_is_paused(conn))
			return true;
		conn_handle(conn);
		if (conn->dead)
			return false;
		if (buf_length(&conn->in) == waiting && !conn->closing &&
		    buf_length(&conn->out) == 0)
			return true;
	}
}

/* Everything that can be done now; then waits again or is gone. */
static void conn_work(struct conn *conn, bool readable)
{
	conn->busy = true;
	if (readable && !conn->ended && !conn_receive(conn))
		conn->ended = true;
	if (!conn->dead && !conn_advance(conn))
		conn->dead = true;
	if (buf_length(&conn->out) == 0 &&
	    (conn->closing || (conn->ended && !conn->held)))
		conn->dead = true;
	conn->busy = false;
	if (conn->dead)
		conn_destroy(conn);
	else
		conn_update(conn);
}

void conn_push(struct conn *conn)
{
	if (!conn->busy)
		conn_work(conn, false);
}

void conn_hold(struct conn *conn)
{
	conn->held = true;
}

void conn_release(struct conn *conn)
{
	conn->held = false;
	conn_push(conn);
}

void conn_finish(struct conn *conn)
{
	/* More than a socket can hold; another process may still write there.
	 */
	int rounds = 16;

	conn->busy = true;
	while (rounds-- > 0 && !conn->closing && !conn->dead &&
	       conn_take(conn) > 0)
		if (!conn->closing)
			conn_handle(conn);
	conn->busy = false;
	conn_close(conn);
}

static void conn_ready(void *owner, uint32_t events)
{
	struct conn *conn = owner;
	bool gone = (events & (EPOLLHUP | EPOLLERR)) != 0;

	/* Nobody is there to take an answer; last words are still heard. */
	if (gone && (conn->closing || conn->ended || conn_is_paused(conn)))
		conn_close(conn);
	else
		conn_work(conn, gone || (events & EPOLLIN));
}

static void conn_link_in(struct conn *conn)
{
	struct conns *conns = conn->conns;

	conn->next = conns->first;
	if (conns->first)
		conns->first->previous = conn;
	conns->first = conn;
}

struct conn *conn_open(struct conns *conns, int fd, const struct ucred *peer,
		       uint64_t now_ns)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn) {
		close(fd);
		return NULL;
	}
	conn->source.fd = fd;
	conn->source.ready = conn_ready;
	conn->source.owner = conn;
	conn->conns = conns;
	conn->peer = *peer;
	if (!loop_add(conns->loop, &conn->source, EPOLLIN)) {
		close(fd);
		free(conn);
		return NULL;
	}
	conn_link_in(conn);
	conn_set_due(conn, &conn->in_due_ns, now_ns + CONN_HANDSHAKE_NS);
	return conn;
}

static bool conn_is_due(uint64_t due_ns, uint64_t now_ns)
{
	return due_ns != 0 && due_ns <= now_ns;
}

static void conn_expire(struct conn *conn, uint64_t now_ns)
{
	if (conn_is_due(conn->out_due_ns, now_ns)) {
		if (!conn->closing)
			conn_say_refused(conn->conns, &conn->peer,
					 "takes no answer for 10 s");
		conn_close(conn);
	} else if (conn_is_due(conn->in_due_ns, now_ns)) {
		conn_fail(conn, "no whole frame came in time");
		conn_work(conn, false);
	}
}

void conn_expire_all(struct conns *conns, uint64_t now_ns, uint64_t late_ns)
{
	struct conn *next;

	for (struct conn *conn = conns->first; conn; conn = next) {
		next = conn->next;
		if (conn->in_due_ns)
			conn->in_due_ns += late_ns;
		if (conn->out_due_ns)
			conn->out_due_ns += late_ns;
		conn_expire(conn, now_ns);
	}
}

uint64_t conn_next_due(const struct conns *conns)
{
	uint64_t due_ns = UINT64_MAX;

	for (const struct conn *conn = conns->first; conn; conn = conn->next) {
		if (conn->in_due_ns && conn->in_due_ns < due_ns)
			due_ns = conn->in_due_ns;
		if (conn->out_due_ns && conn->out_due_ns < due_ns)
			due_ns = conn->out_due_ns;
	}
	return due_ns;
}

void conn_close_all(struct conns *conns)
{
	while (conns->first)
		conn_close(conns->first);
}
