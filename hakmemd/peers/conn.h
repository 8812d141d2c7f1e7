/*
 * A connection of a program or a viewer: whole frames in, whole frames out,
 * never blocking, bounded. Those of a daemon belong to one struct conns.
 *
 *   in    grows by the bytes received, up to one frame
 *   out   a peer that does not read is not read from, either; one that takes
 *         nothing for CONN_STALL_NS is disconnected
 *   time  the first frame within CONN_HANDSHAKE_NS, each further one within
 *         CONN_FRAME_NS of its first byte
 *
 * A connection is freed by conn_close, or by itself when the peer goes or
 * misbehaves; `closed` is called just before. Main thread only.
 */
#ifndef HAKMEMD_CONN_H
#define HAKMEMD_CONN_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "hakmemd/core/buf.h"
#include "hakmemd/core/loop.h"
#include "proto/frame.h"

#define CONN_HANDSHAKE_NS UINT64_C(5000000000)
#define CONN_FRAME_NS	  UINT64_C(10000000000)
#define CONN_STALL_NS	  UINT64_C(10000000000)
#define CONN_LINGER_NS	  UINT64_C(2000000000) /* to take a last ERROR */
#define CONN_PAUSE_BYTES  (256u * 1024u)       /* queued out: stop reading */
#define CONN_OUT_MAX	  (8u << 20)	       /* one answer is smaller */

struct conn;

/* What a connection has to tell; `conn->conns->owner` is whom. */
struct conn_ops {
	/* A whole frame in order; the payload lives as long as the call. */
	void (*frame)(struct conn *conn, const struct frame *frame);
	/* The connection is about to be freed. */
	void (*closed)(struct conn *conn);
	/* What was queued is sent: there is room for more. Or NULL. */
	void (*drained)(struct conn *conn);
};

/* All connections of a daemon: zeroed but for the first three. */
struct conns {
	struct loop *loop;
	const struct conn_ops *ops;
	void *owner;
	struct conn *first;
	uint64_t refused_total; /* since the start */
};

struct conn {
	struct conns *conns;
	struct loop_source source;
	struct ucred peer;	      /* from the kernel, never from the peer */
	void *owner;		      /* what the role keeps of it */
	unsigned role;		      /* the owner's, 0 at first */
	struct conn *previous, *next; /* of all connections */
	struct buf in, out;
	uint32_t received, sent;	/* frames: the next sequence numbers */
	uint64_t in_due_ns, out_due_ns; /* 0 = no deadline */
	bool busy;			/* a callback may be on the stack */
	bool dead;			/* to be freed when it is not */
	bool closing;			/* an ERROR is on its way out */
	bool ended;			/* the peer sends no more */
	bool greeted;			/* its first frame came */
	bool held;			/* see conn_hold */
};

/*
 * Takes over the accepted socket `fd`; NULL (and the socket closed) when memory
 * is short. Callbacks come from the loop only.
 */
struct conn *conn_open(struct conns *conns, int fd, const struct ucred *peer,
		       uint64_t now_ns);

/* Queues a frame; without memory or beyond CONN_OUT_MAX the peer is dropped. */
void conn_send(struct conn *conn, uint16_t type,
	       const ProtobufCMessage *message);

/*
 * Sends what others queued there than its own callbacks. It may be freed, but
 * not before it returns when a callback of it is on the stack.
 */
void conn_push(struct conn *conn);

/*
 * An answer is not ready yet: until conn_release no further frame is taken and
 * nothing is read. The peer may still go; `closed` is called then.
 */
void conn_hold(struct conn *conn);
void conn_release(struct conn *conn);

/* More may be queued without exceeding what a peer is owed at once. */
bool conn_has_room(const struct conn *conn);

/* Logs why, tells the peer by ERROR, closes; counts as refused. */
void conn_fail(struct conn *conn, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same for a socket that never became a connection; closes `fd`. */
void conn_refuse(struct conns *conns, int fd, const struct ucred *peer,
		 const char *text);

void conn_close(struct conn *conn);

/* The peer is dead: takes what it sent before, then closes. */
void conn_finish(struct conn *conn);

/* Drops those whose time has come; after standing still all get more. */
void conn_expire_all(struct conns *conns, uint64_t now_ns, uint64_t late_ns);

/* The earliest deadline of all connections; UINT64_MAX when there is none. */
uint64_t conn_next_due(const struct conns *conns);

void conn_close_all(struct conns *conns);

#endif
