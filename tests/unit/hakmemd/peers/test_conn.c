#include "hakmemd/peers/conn.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "tests/unit/hakmemd/harness.h"

static struct conns conns;
static struct conn *conn;
static struct peer peer;
static uint64_t opened_ns, refused_before;

static struct {
	unsigned frames, closed;
	uint16_t type;
	uint32_t sequence, length;
	uint8_t first, last; /* bytes of the payload */
	void (*then)(struct conn *conn);
} seen;

static void frame(struct conn *from, const struct frame *what)
{
	assert_ptr_equal(from, conn);
	assert_int_equal(seen.closed, 0);
	seen.frames++;
	seen.type = what->type;
	seen.sequence = what->sequence;
	seen.length = what->length;
	if (what->length) {
		seen.first = what->payload[0];
		seen.last = what->payload[what->length - 1];
	}
	if (seen.then)
		seen.then(from);
}

static void closed(struct conn *from)
{
	assert_ptr_equal(from, conn);
	seen.closed++;
}

static unsigned drained_left; /* so often there is more to say */

static void answer(struct conn *to, size_t bytes);

static void drained(struct conn *from)
{
	assert_ptr_equal(from, conn);
	assert_int_equal(buf_length(&from->out), 0);
	if (drained_left > 0) {
		drained_left--;
		answer(from, 100000);
	}
}

static const struct conn_ops ops = {
	.frame = frame, .closed = closed, .drained = drained};

static int begin(void **state)
{
	int ends[2];
	struct ucred ours;
	socklen_t length = sizeof(ours);

	if (harness_begin(state) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 ||
	    getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &ours, &length) != 0)
		return -1;
	memset(&seen, 0, sizeof(seen));
	peer_begin(&peer, ends[1]);
	opened_ns = clock_ns();
	conns = (struct conns){.loop = harness_loop, .ops = &ops};
	conn = conn_open(&conns, ends[0], &ours, opened_ns);
	refused_before = conns.refused_total;
	return conn ? 0 : -1;
}

static int end(void **state)
{
	drained_left = 0;
	conn_close_all(&conns);
	if (peer.fd >= 0)
		close(peer.fd);
	return harness_end(state);
}

static bool is_over(void)
{
	return seen.closed == 1 && peer_is_over(&peer);
}

/* A frame of `length` bytes, the first 'a', the last 'z'. */
static uint8_t *raw_frame(uint16_t type, uint32_t length)
{
	static uint8_t bytes[FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX];

	memset(bytes, 0, FRAME_HEADER_BYTES + length);
	frame_encode(bytes, type, length, peer.sent++);
	if (length) {
		bytes[FRAME_HEADER_BYTES] = 'a';
		bytes[FRAME_HEADER_BYTES + length - 1] = 'z';
	}
	return bytes;
}

static void say(uint16_t type, uint32_t length)
{
	peer_write(&peer, raw_frame(type, length), FRAME_HEADER_BYTES + length);
}

/* More than the socket holds at once. */
static void write_all(const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(peer.fd, bytes, length,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0) {
			assert_int_equal(errno, EAGAIN);
			sent = 0;
		}
		bytes += sent;
		length -= (size_t)sent;
		harness_turn();
	}
}

/* An answer of about so many bytes. */
static void answer(struct conn *to, size_t bytes)
{
	static uint8_t data[2 * FRAME_PAYLOAD_MAX];
	Hakmem__Export message;

	hakmem__export__init(&message);
	message.query_id = 1;
	message.data.data = data;
	message.data.len = bytes;
	conn_send(to, FRAME_EXPORT, &message.base);
}

static void answer_short(struct conn *to)
{
	answer(to, 10);
}

static void answer_long(struct conn *to)
{
	answer(to, 100000);
}

static void answer_600k(struct conn *to)
{
	for (int i = 0; i < 6; i++)
		answer(to, 100000);
}

static void answer_400k(struct conn *to)
{
	for (int i = 0; i < 4; i++)
		answer(to, 100000);
}

static unsigned hear_all(void)
{
	struct frame heard;
	unsigned count = 0;

	for (int still = 0; still < 3; still++) {
		while (peer_hear(&peer, &heard)) {
			count++;
			still = 0;
		}
		harness_turn();
	}
	return count;
}

static void whole_frames_come_in_order(void **state)
{
	(void)state;
	assert_int_equal(seen.frames, 0);
	say(FRAME_HELLO, 5);
	assert_int_equal(seen.frames, 0); /* from the loop only */
	harness_turn();
	assert_int_equal(seen.frames, 1);
	assert_int_equal(seen.type, FRAME_HELLO);
	assert_int_equal(seen.sequence, 0);
	assert_int_equal(seen.length, 5);
	assert_int_equal(seen.first, 'a');
	assert_int_equal(seen.last, 'z');
	say(FRAME_STATE, 0);
	say(FRAME_STATE, 77);
	harness_turn();
	assert_int_equal(seen.frames, 3);
	assert_int_equal(seen.sequence, 2);
	assert_int_equal(seen.length, 77);
	assert_int_equal(seen.closed, 0);
}

static void a_frame_may_come_in_pieces(void **state)
{
	const uint8_t *bytes = raw_frame(FRAME_HELLO, 20);

	(void)state;
	for (size_t i = 0; i < FRAME_HEADER_BYTES + 20; i++) {
		assert_int_equal(seen.frames, 0);
		peer_write(&peer, bytes + i, 1);
		harness_turn();
	}
	assert_int_equal(seen.frames, 1);
	assert_int_equal(seen.last, 'z');
	assert_int_equal(buf_length(&conn->in), 0);
}

static void the_largest_frame_is_taken(void **state)
{
	(void)state;
	write_all(raw_frame(FRAME_STATE, FRAME_PAYLOAD_MAX),
		  FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX);
	assert_int_equal(seen.frames, 1);
	assert_int_equal(seen.length, FRAME_PAYLOAD_MAX);
	assert_int_equal(seen.last, 'z');
}

static void refused(const char *text)
{
	unsigned frames = seen.frames;

	harness_turn();
	assert_string_equal(peer_error(&peer), text);
	assert_true(is_over());
	assert_int_equal(seen.frames, frames);
	assert_int_equal(conns.refused_total, refused_before + 1);
}

static void a_larger_one_is_refused_by_its_header(void **state)
{
	uint8_t header[FRAME_HEADER_BYTES];

	(void)state;
	frame_encode(header, FRAME_STATE, FRAME_PAYLOAD_MAX + 1, 0);
	peer_write(&peer, header, sizeof(header));
	refused("frame larger than 256 KiB");
}

static void what_is_no_frame_is_refused(void **state)
{
	(void)state;
	peer_write(&peer, "GET", 3);
	refused("not a hakmem frame (bad magic)");
}

static void another_version_is_refused(void **state)
{
	uint8_t header[FRAME_HEADER_BYTES];

	(void)state;
	frame_encode(header, FRAME_HELLO, 0, 0);
	header[4] = FRAME_VERSION + 1;
	peer_write(&peer, header, sizeof(header));
	refused("another protocol version");
}

static void a_frame_that_is_missing_is_noticed(void **state)
{
	(void)state;
	say(FRAME_HELLO, 0);
	harness_turn();
	peer.sent = 2;
	say(FRAME_STATE, 0);
	refused("frame 2 came, 1 was due");
}

static void descriptors_that_come_along_are_closed(void **state)
{
	int ends[2], sent[3];
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(sent))];
	} control = {.room = {0}};
	struct iovec vector = {raw_frame(FRAME_HELLO, 0), FRAME_HEADER_BYTES};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	char byte;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	sent[0] = sent[1] = sent[2] = ends[1];
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(sent));
	memcpy(CMSG_DATA(head), sent, sizeof(sent));
	assert_int_equal(sendmsg(peer.fd, &message, 0), FRAME_HEADER_BYTES);
	close(ends[1]);
	refused("descriptors came along; none are wanted");
	assert_int_equal(read(ends[0], &byte, 1), 0); /* none is open */
	close(ends[0]);
}

static void a_refusal_is_logged(void **state)
{
	struct capture capture;
	char wanted[256];

	(void)state;
	peer_write(&peer, "x", 1);
	capture_begin(&capture, STDERR_FILENO);
	harness_turn();
	snprintf(wanted, sizeof(wanted),
		 "hakmemd: pid %d, user %d refused: not a hakmem frame (bad "
		 "magic)\n",
		 (int)getpid(), (int)getuid());
	assert_string_equal(capture_end(&capture), wanted);
}

static void frames_go_out_in_order(void **state)
{
	struct frame heard;
	Hakmem__Export *message;

	(void)state;
	seen.then = answer_short;
	say(FRAME_QUERY, 0);
	say(FRAME_QUERY, 0);
	harness_turn();
	for (unsigned i = 0; i < 2; i++) {
		assert_true(peer_hear(&peer, &heard));
		assert_int_equal(heard.type, FRAME_EXPORT);
		message = hakmem__export__unpack(NULL, heard.length,
						 heard.payload);
		assert_non_null(message);
		assert_int_equal(message->data.len, 10);
		hakmem__export__free_unpacked(message, NULL);
	}
	assert_false(peer_hear(&peer, &heard));
}

static void a_peer_that_goes_is_noticed(void **state)
{
	(void)state;
	say(FRAME_HELLO, 0);
	harness_turn();
	close(peer.fd);
	peer.fd = -1;
	harness_turn();
	assert_int_equal(seen.closed, 1);
	assert_int_equal(conns.refused_total, refused_before);
	assert_true(conn_next_due(&conns) == UINT64_MAX);
}

static void last_words_are_heard(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		say(FRAME_STATE, 1000);
	peer_write(&peer, "HKM", 3);
	close(peer.fd);
	peer.fd = -1;
	harness_turn();
	assert_int_equal(seen.frames, 10);
	assert_int_equal(seen.closed, 1);
}

/* nc -N: asks, ends its side, and wants the answer all the same. */
static void who_asks_and_shuts_gets_his_answer(void **state)
{
	(void)state;
	seen.then = answer_400k; /* more than the socket holds */
	say(FRAME_QUERY, 0);
	shutdown(peer.fd, SHUT_WR);
	harness_turn();
	assert_int_equal(seen.closed, 0);
	assert_int_equal(conn->source.events, EPOLLOUT); /* else it spins */
	assert_int_equal(hear_all(), 4);
	assert_true(is_over());
}

static void the_first_frame_is_due_in_time(void **state)
{
	const uint64_t due_ns = opened_ns + CONN_HANDSHAKE_NS;

	(void)state;
	assert_true(conn_next_due(&conns) == due_ns);
	peer_write(&peer, "HKM1", 4);
	harness_turn();
	assert_true(conn_next_due(&conns) ==
		    due_ns); /* beginning is not enough */
	conn_expire_all(&conns, due_ns - 1, 0);
	assert_int_equal(seen.closed, 0);
	conn_expire_all(&conns, due_ns, 0);
	assert_string_equal(peer_error(&peer), "no whole frame came in time");
	assert_true(is_over());
	assert_int_equal(conns.refused_total, refused_before + 1);
}

static void a_frame_that_begins_is_due_in_time(void **state)
{
	uint64_t before_ns, due_ns;

	(void)state;
	say(FRAME_HELLO, 0);
	harness_turn();
	assert_true(conn_next_due(&conns) ==
		    UINT64_MAX); /* silence is no crime */
	before_ns = clock_ns();
	peer_write(&peer, "H", 1);
	harness_turn();
	due_ns = conn_next_due(&conns);
	assert_true(due_ns >= before_ns + CONN_FRAME_NS);
	assert_true(due_ns <= clock_ns() + CONN_FRAME_NS);
	peer_write(&peer, "K", 1);
	harness_turn();
	assert_true(conn_next_due(&conns) == due_ns); /* of its first byte */
	conn_expire_all(&conns, due_ns - 1, 0);
	assert_int_equal(seen.closed, 0);
	conn_expire_all(&conns, due_ns, 0);
	assert_string_equal(peer_error(&peer), "no whole frame came in time");
	assert_true(is_over());
}

/* Each begun frame has its own time, also when it came with the one before. */
static void the_next_frame_has_its_own_time(void **state)
{
	uint8_t bytes[FRAME_HEADER_BYTES + 1];
	uint64_t due_ns;

	(void)state;
	memcpy(bytes, raw_frame(FRAME_HELLO, 0), FRAME_HEADER_BYTES);
	bytes[FRAME_HEADER_BYTES] = 'H';
	peer_write(&peer, bytes, sizeof(bytes));
	harness_turn();
	assert_int_equal(seen.frames, 1);
	due_ns = conn_next_due(&conns);
	assert_true(due_ns > opened_ns + CONN_HANDSHAKE_NS);
	peer_write(&peer, raw_frame(FRAME_STATE, 0) + 1,
		   FRAME_HEADER_BYTES - 1);
	harness_turn();
	assert_int_equal(seen.frames, 2);
	assert_true(conn_next_due(&conns) == UINT64_MAX);
}

static void after_standing_still_all_get_more_time(void **state)
{
	const uint64_t due_ns = opened_ns + CONN_HANDSHAKE_NS;
	const uint64_t hour = 3600 * CLOCK_SECOND;

	(void)state;
	conn_expire_all(&conns, due_ns + hour - 1, hour);
	assert_int_equal(seen.closed, 0);
	assert_true(conn_next_due(&conns) == due_ns + hour);
	conn_expire_all(&conns, due_ns + hour, 0);
	assert_int_equal(seen.closed, 1);
}

static unsigned ticks;

static uint64_t tick_once(void *argument, uint64_t now_ns, uint64_t late_ns)
{
	struct loop **loop = argument;

	(void)now_ns;
	(void)late_ns;
	ticks++;
	loop_stop(*loop, 0);
	return UINT64_MAX;
}

/* The loop is told: nobody else wakes up for a deadline. */
static void deadlines_wake_the_loop(void **state)
{
	struct loop *loop = NULL;
	int ends[2];

	(void)state;
	loop = loop_new(tick_once, &loop);
	loop_run(loop); /* the tick that comes at once */
	assert_int_equal(ticks, 1);
	conn_close(conn);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	conns.loop = loop;
	conn = conn_open(&conns, ends[0], &(struct ucred){.pid = 1},
			 clock_ns() - CONN_HANDSHAKE_NS + 20 * MS);
	loop_run(loop);
	assert_int_equal(ticks, 2);
	assert_true(clock_ns() >= conn_next_due(&conns));
	seen.closed = 0;
	conn_close(conn);
	close(ends[1]);
	loop_free(loop);
}

static void who_does_not_read_is_not_read_from(void **state)
{
	unsigned frames = 0;

	(void)state;
	seen.then = answer_long;
	for (unsigned i = 0; i < 20; i++) /* at once */
		say(FRAME_QUERY, 0);
	harness_turn();
	for (unsigned i = 20; i < 40; i++) { /* and one by one */
		say(FRAME_QUERY, 0);
		harness_turn();
		if (i == 20)
			frames = seen.frames;
	}
	assert_int_equal(seen.frames, frames);
	assert_int_equal(conn->source.events, EPOLLOUT);
	/* What the socket holds, what we queue, and one answer more. */
	assert_true(frames < 12);
	assert_true(buf_length(&conn->out) > CONN_PAUSE_BYTES);
	assert_true(buf_length(&conn->out) < CONN_PAUSE_BYTES + 110000);
	assert_true(conn->in_due_ns == 0); /* the delay is not his */
	assert_int_equal(hear_all(), 40);
	assert_int_equal(seen.frames, 40);
	assert_int_equal(seen.closed, 0);
	assert_true(conn_next_due(&conns) == UINT64_MAX);
}

static void who_takes_nothing_is_disconnected(void **state)
{
	uint64_t before_ns, due_ns;

	(void)state;
	seen.then = answer_600k;
	say(FRAME_QUERY, 0);
	harness_turn();
	due_ns = conn_next_due(&conns);
	assert_true(due_ns <= clock_ns() + CONN_STALL_NS);
	conn_expire_all(&conns, due_ns - 1, 0);
	assert_int_equal(seen.closed, 0);
	usleep(1000);
	before_ns = clock_ns();
	peer_read(&peer); /* taking something is enough */
	harness_turn();
	assert_true(conn_next_due(&conns) >= before_ns + CONN_STALL_NS);
	due_ns = conn_next_due(&conns);
	conn_expire_all(&conns, due_ns, 0);
	assert_int_equal(seen.closed, 1);
	assert_int_equal(conns.refused_total, refused_before + 1);
}

/* Also when not one byte of the answer could be sent. */
static void a_full_socket_is_on_the_clock(void **state)
{
	static const char junk[4096];

	(void)state;
	seen.then = answer_short;
	while (send(conn->source.fd, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	while (send(conn->source.fd, junk, 1, MSG_DONTWAIT) > 0)
		;
	say(FRAME_QUERY, 0);
	harness_turn();
	assert_true(buf_length(&conn->out) > 0);
	assert_true(conn_next_due(&conns) <= clock_ns() + CONN_STALL_NS);
	assert_true(conn_next_due(&conns) > clock_ns());
}

/* A long answer need not be queued whole: its parts follow as it is read. */
static void what_was_queued_is_sent_and_more_follows(void **state)
{
	(void)state;
	drained_left = 30;
	seen.then = answer_long;
	say(FRAME_QUERY, 0);
	harness_turn();
	assert_true(drained_left > 20); /* the socket is full */
	assert_true(conn_has_room(conn));
	assert_int_equal(hear_all(), 31);
	assert_int_equal(drained_left, 0);
	assert_int_equal(seen.closed, 0);
}

static void there_is_room_up_to_the_pause(void **state)
{
	(void)state;
	assert_true(conn_has_room(conn));
	while (buf_length(&conn->out) <= CONN_PAUSE_BYTES) {
		assert_true(conn_has_room(conn));
		answer(conn, 50000);
	}
	assert_false(conn_has_room(conn));
}

/* From elsewhere than its callbacks: nobody else would send it. */
static void what_others_queue_is_pushed(void **state)
{
	struct frame heard;

	(void)state;
	say(FRAME_HELLO, 0);
	harness_turn();
	answer(conn, 10);
	assert_false(peer_hear(&peer, &heard));
	conn_push(conn);
	assert_true(peer_hear(&peer, &heard));
	for (int i = 0; i < 6; i++) /* the rest goes when there is room */
		answer(conn, 100000);
	conn_push(conn);
	assert_int_equal(hear_all(), 6);
	assert_int_equal(seen.closed, 0);
}

static void hold(struct conn *to)
{
	conn_hold(to);
}

static void held_it_takes_no_further_frame(void **state)
{
	(void)state;
	seen.then = hold;
	say(FRAME_QUERY, 0);
	say(FRAME_QUERY, 0);
	harness_turn();
	assert_int_equal(seen.frames, 1);
	assert_true(conn_next_due(&conns) ==
		    UINT64_MAX); /* the delay is ours */
	say(FRAME_QUERY, 0);
	harness_turn();
	assert_int_equal(seen.frames, 1);
	seen.then = answer_short;
	answer(conn, 10);
	conn_release(conn);
	harness_turn();
	assert_int_equal(seen.frames, 3);
	assert_int_equal(hear_all(), 3);
	assert_int_equal(seen.closed, 0);
}

static void who_goes_while_it_is_held_is_noticed(void **state)
{
	(void)state;
	seen.then = hold;
	say(FRAME_QUERY, 0);
	harness_turn();
	close(peer.fd);
	peer.fd = -1;
	harness_turn();
	assert_int_equal(seen.closed, 1);
}

/* Shut before we looked: the end is read with the query. */
static void who_shuts_while_it_is_held_gets_his_answer(void **state)
{
	(void)state;
	seen.then = hold;
	say(FRAME_QUERY, 0);
	shutdown(peer.fd, SHUT_WR);
	harness_turn();
	assert_int_equal(seen.closed, 0);
	answer(conn, 10);
	conn_release(conn);
	assert_int_equal(hear_all(), 1);
	assert_true(is_over());
}

static void answer_too_much(struct conn *to)
{
	for (int i = 0; i < 90; i++)
		answer(to, 100000);
	assert_true(to->dead);
	assert_true(buf_length(&to->out) <= CONN_OUT_MAX);
	answer(to, 1); /* says nothing more */
}

static void more_than_the_queue_holds_drops_the_peer(void **state)
{
	(void)state;
	seen.then = answer_too_much;
	say(FRAME_QUERY, 0);
	harness_turn();
	assert_int_equal(seen.closed, 1);
}

static void answer_one_too_large(struct conn *to)
{
	answer(to, FRAME_PAYLOAD_MAX);
}

static void more_than_a_frame_holds_drops_the_peer(void **state)
{
	(void)state;
	seen.then = answer_one_too_large;
	say(FRAME_QUERY, 0);
	harness_turn();
	assert_true(is_over());
}

static void answer_the_largest(struct conn *to)
{
	answer(to, FRAME_PAYLOAD_MAX - 6); /* two tags, id, length */
}

static void what_just_fits_goes_out(void **state)
{
	struct frame heard;

	(void)state;
	seen.then = answer_the_largest;
	say(FRAME_QUERY, 0);
	harness_turn();
	for (int i = 0; i < 3; i++) {
		peer_read(&peer);
		harness_turn();
	}
	assert_true(peer_hear(&peer, &heard));
	assert_int_equal(heard.length, FRAME_PAYLOAD_MAX);
}

static void fail_twice(struct conn *to)
{
	conn_fail(to, "number %d", 1);
	conn_fail(to, "number %d", 2);
	answer(to, 10);
}

static void only_the_first_reason_is_told(void **state)
{
	struct frame heard;

	(void)state;
	seen.then = fail_twice;
	say(FRAME_HELLO, 0);
	say(FRAME_HELLO, 0);
	harness_turn();
	assert_int_equal(seen.frames, 1);
	assert_string_equal(peer_error(&peer), "number 1");
	assert_false(peer_hear(&peer, &heard));
	assert_true(is_over());
	assert_int_equal(conns.refused_total, refused_before + 1);
}

static void fail_at_length(struct conn *to)
{
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	conn_fail(to, "%s", text);
}

static void a_long_reason_is_cut(void **state)
{
	const char *text;

	(void)state;
	seen.then = fail_at_length;
	say(FRAME_HELLO, 0);
	harness_turn();
	text = peer_error(&peer);
	assert_true(strlen(text) > 200 && strlen(text) < 256);
	assert_int_equal(strspn(text, "x"), strlen(text));
}

static void answer_and_fail(struct conn *to)
{
	answer_600k(to);
	conn_fail(to, "enough");
}

static void an_error_waits_a_little_for_who_reads(void **state)
{
	uint64_t before_ns = clock_ns(), due_ns;
	int unread;

	(void)state;
	seen.then = answer_and_fail;
	say(FRAME_QUERY, 0);
	harness_turn();
	assert_int_equal(seen.closed, 0);
	for (int i = 0; i < 5; i++) {
		say(FRAME_QUERY, 100); /* read, and forgotten */
		harness_turn();
	}
	assert_int_equal(seen.frames, 1);
	assert_true(buf_length(&conn->in) < 200);
	assert_int_equal(ioctl(peer.fd, SIOCOUTQ, &unread), 0);
	assert_int_equal(unread, 0);
	due_ns = conn_next_due(&conns);
	assert_true(due_ns >= before_ns + CONN_LINGER_NS);
	assert_true(due_ns <= clock_ns() + CONN_LINGER_NS);
	conn_expire_all(&conns, due_ns - 1, 0);
	assert_int_equal(seen.closed, 0);
	conn_expire_all(&conns, due_ns, 0);
	assert_int_equal(seen.closed, 1);
	assert_int_equal(conns.refused_total, refused_before + 1);
}

static void an_error_comes_after_the_answers(void **state)
{
	struct frame heard;

	(void)state;
	seen.then = answer_and_fail;
	say(FRAME_QUERY, 0);
	harness_turn();
	for (int i = 0; i < 6; i++) {
		while (!peer_hear(&peer, &heard))
			harness_turn();
		assert_int_equal(heard.type, FRAME_EXPORT);
	}
	harness_turn();
	assert_string_equal(peer_error(&peer), "enough");
	assert_true(is_over());
}

static void a_callback_may_close(void **state)
{
	(void)state;
	seen.then = conn_close;
	say(FRAME_HELLO, 0);
	say(FRAME_HELLO, 0);
	harness_turn();
	assert_int_equal(seen.frames, 1);
	assert_true(is_over());
	assert_int_equal(conns.refused_total, refused_before);
}

/* A process has died: what it said is in the socket, not yet read. */
static void finishing_takes_what_was_sent(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		say(FRAME_STATE, 30000); /* several reads */
	peer_write(&peer, "HK", 2);
	conn_finish(conn);
	assert_int_equal(seen.frames, 5);
	assert_true(is_over());
}

static void finishing_stops_at_what_is_wrong(void **state)
{
	(void)state;
	say(FRAME_STATE, 0);
	peer_write(&peer, "garbage", 7);
	conn_finish(conn);
	assert_int_equal(seen.frames, 1);
	assert_int_equal(seen.closed, 1);
	assert_int_equal(conns.refused_total, refused_before + 1);
}

/* Somebody else holds the dead one's socket, and writes without end. */
static void finishing_ends(void **state)
{
	pid_t writer = fork();

	(void)state;
	assert_true(writer >= 0);
	if (writer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			say(FRAME_STATE, 30000);
	}
	harness_until(seen.frames > 0);
	conn_finish(conn);
	assert_int_equal(seen.closed, 1);
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
}

static void all_can_be_closed_at_once(void **state)
{
	int ends[2];
	struct conn *first = conn;

	(void)state;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	conn = conn_open(&conns, ends[0], &first->peer, clock_ns());
	assert_non_null(conn);
	conn_close(conn);
	assert_int_equal(seen.closed, 1);
	conn = first;
	conn_close_all(&conns);
	assert_int_equal(seen.closed, 2);
	assert_true(conn_next_due(&conns) == UINT64_MAX);
	close(ends[1]);
}

static void the_earliest_deadline_counts(void **state)
{
	int ends[2];
	struct conn *second;

	(void)state;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	second = conn_open(&conns, ends[0], &conn->peer, opened_ns - 5);
	assert_true(conn_next_due(&conns) == opened_ns - 5 + CONN_HANDSHAKE_NS);
	conn_expire_all(&conns, opened_ns - 6 + CONN_HANDSHAKE_NS, 0);
	assert_int_equal(seen.closed, 0);
	{
		struct conn *first = conn;

		conn = second; /* the one that goes */
		conn_expire_all(&conns, opened_ns - 5 + CONN_HANDSHAKE_NS, 0);
		conn = first;
	}
	assert_int_equal(seen.closed, 1);
	assert_true(conn_next_due(&conns) == opened_ns + CONN_HANDSHAKE_NS);
	close(ends[1]);
}

/* Nothing of them is file-wide: another daemon's are its own. */
static void those_of_another_daemon_are_apart(void **state)
{
	struct conns others = {.loop = harness_loop, .ops = &ops};
	struct conn *first = conn;
	int ends[2];

	(void)state;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	conn = conn_open(&others, ends[0], &conn->peer, opened_ns - 5);
	assert_true(conn_next_due(&conns) == opened_ns + CONN_HANDSHAKE_NS);
	conn_fail(conn, "not here");
	assert_int_equal(conns.refused_total, refused_before);
	assert_int_equal(others.refused_total, 1);
	conn_close_all(&others);
	assert_int_equal(seen.closed, 1);
	assert_ptr_equal(conns.first, first);
	conn = first;
	seen.closed = 0;
	close(ends[1]);
}

static void a_caller_can_be_turned_away(void **state)
{
	struct ucred who = {.pid = 5, .uid = 6};
	struct capture capture;
	char text[400];
	int ends[2];

	(void)state;
	close(peer.fd);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	peer_begin(&peer, ends[1]);
	capture_begin(&capture, STDERR_FILENO);
	conn_refuse(&conns, ends[0], &who, "not today");
	assert_string_equal(capture_end(&capture),
			    "hakmemd: pid 5, user 6 refused: not today\n");
	assert_string_equal(peer_error(&peer), "not today");
	assert_true(peer_is_over(&peer));
	assert_int_equal(conns.refused_total, refused_before + 1);
	assert_int_equal(fcntl(ends[0], F_GETFD), -1);
	/* A long reason is cut; who is not there is not waited for. */
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	close(peer.fd);
	peer_begin(&peer, ends[1]);
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	conn_refuse(&conns, ends[0], &who, text);
	assert_int_equal(strlen(peer_error(&peer)), 255);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	close(ends[1]);
	conn_refuse(&conns, ends[0], &who, "gone");
	assert_int_equal(conns.refused_total, refused_before + 3);
}

/* epoll refuses a file, as it refuses the watch above its limit. */
static void what_cannot_be_watched_is_closed(void **state)
{
	int file = memfd_create("no socket", MFD_CLOEXEC);

	(void)state;
	assert_null(conn_open(&conns, file, &conn->peer, clock_ns()));
	assert_int_equal(fcntl(file, F_GETFD), -1);
	assert_int_equal(seen.closed, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(a_refusal_is_logged), /* while the log has room */
		CASE(those_of_another_daemon_are_apart),
		CASE(a_caller_can_be_turned_away),
		CASE(whole_frames_come_in_order),
		CASE(a_frame_may_come_in_pieces),
		CASE(the_largest_frame_is_taken),
		CASE(a_larger_one_is_refused_by_its_header),
		CASE(what_is_no_frame_is_refused),
		CASE(another_version_is_refused),
		CASE(a_frame_that_is_missing_is_noticed),
		CASE(descriptors_that_come_along_are_closed),
		CASE(frames_go_out_in_order),
		CASE(a_peer_that_goes_is_noticed),
		CASE(last_words_are_heard),
		CASE(who_asks_and_shuts_gets_his_answer),
		CASE(the_first_frame_is_due_in_time),
		CASE(a_frame_that_begins_is_due_in_time),
		CASE(the_next_frame_has_its_own_time),
		CASE(after_standing_still_all_get_more_time),
		CASE(deadlines_wake_the_loop),
		CASE(who_does_not_read_is_not_read_from),
		CASE(who_takes_nothing_is_disconnected),
		CASE(what_was_queued_is_sent_and_more_follows),
		CASE(there_is_room_up_to_the_pause),
		CASE(what_others_queue_is_pushed),
		CASE(held_it_takes_no_further_frame),
		CASE(who_goes_while_it_is_held_is_noticed),
		CASE(who_shuts_while_it_is_held_gets_his_answer),
		CASE(a_full_socket_is_on_the_clock),
		CASE(more_than_the_queue_holds_drops_the_peer),
		CASE(more_than_a_frame_holds_drops_the_peer),
		CASE(what_just_fits_goes_out),
		CASE(only_the_first_reason_is_told),
		CASE(a_long_reason_is_cut),
		CASE(an_error_waits_a_little_for_who_reads),
		CASE(an_error_comes_after_the_answers),
		CASE(a_callback_may_close),
		CASE(finishing_takes_what_was_sent),
		CASE(finishing_stops_at_what_is_wrong),
		CASE(finishing_ends),
		CASE(all_can_be_closed_at_once),
		CASE(the_earliest_deadline_counts),
		CASE(what_cannot_be_watched_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
