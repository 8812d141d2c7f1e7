/*
 * A viewer that asks the daemon's queries over a real connection: what the
 * tests of all kinds of queries need. One process may be added and may speak.
 */
#ifndef TESTS_UNIT_HAKMEMD_ASKER_H
#define TESTS_UNIT_HAKMEMD_ASKER_H

#include "hakmemd/query/query.h"
#include "hakmemd/query/query_heap.h"
#include "tests/unit/hakmemd/harness.h"
#include "tests/unit/hakmemd/unit_sites.h"
#include "tests/unit/figures.h"

#define NOBODY	    0x7ffffff0 /* no process can have so high a number */
#define STATE(name) HAKMEM__PROCESS_STATE__PROCESS_##name
#define ASK(what)   HAKMEM__QUERY_WHAT__QUERY_##what

static struct registry *registry;
static struct query_context context;
static struct unit unit;
static struct peer peer;
static struct conns conns;
static struct conn *conn;
static Hakmem__Query query;

static inline void frame(struct conn *from, const struct frame *what)
{
	query_frame(from, &context, what);
}

static inline void closed(struct conn *from)
{
	query_closed(from, &context);
	conn = NULL;
}

static const struct conn_ops ops = {
	.frame = frame, .closed = closed, .drained = query_heap_drained};

static inline int begin(void **state)
{
	static char command[] = "program", executable[] = "/bin/program";
	struct ucred ours = {.pid = getpid(), .uid = getuid()};
	int ends[2];

	if (harness_begin(state) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	conns = (struct conns){.loop = harness_loop, .ops = &ops};
	registry = registry_new(harness_loop, CLOCK_SECOND, 100);
	context = (struct query_context){.loop = harness_loop,
					 .registry = registry};
	unit_begin(&unit);
	unit_class(&unit, 32, 16, 31, 10, 4);
	unit.class[0].usable_bytes = 31;
	unit.hello.command = command;
	unit.hello.executable = executable;
	unit.hello.session = 1;
	conn = conn_open(&conns, ends[0], &ours, clock_ns());
	peer_begin(&peer, ends[1]);
	hakmem__query__init(&query);
	query.query_id = 7;
	return registry && conn ? 0 : -1;
}

static inline int end(void **state)
{
	conn_close_all(&conns);
	close(peer.fd);
	registry_free(registry);
	return harness_end(state);
}

static inline void detach(void *session)
{
	(void)session;
}

static const struct registry_session calls = {.detach = detach,
					      .finish = detach};

/* A process; above NOBODY it has ended already. */
static inline struct process *add(pid_t pid)
{
	struct ucred who = {.pid = pid, .uid = getuid()};
	const char *why;
	struct process *process =
		registry_connect(registry, -1, &who, &unit.hello,
				 &unit /* anything */, &calls, &why);

	assert_non_null(process);
	return process;
}

static inline void speak(struct process *process)
{
	uint8_t bytes[4096];
	struct pool pool;

	pool_init(&pool, POOL_BUDGET_BYTES);
	assert_null(model_state(&process->model, &pool, bytes,
				hakmem__state__pack(&unit.state, bytes),
				clock_ns()));
	pool_free(&pool);
}

/* A process that has spoken, samples every 1000 bytes, and is asked about; what
 * it has to say of sites begins with none. */
static inline struct process *add_sampled(struct unit_sites *said)
{
	struct process *process = add(getpid());

	unit.state.time_ns = clock_ns();
	FIGURE_IN(&unit.state, SAMPLE_BYTES) = 1000;
	speak(process);
	unit_sites_begin(said);
	query.process_id = process->id;
	return process;
}

static inline void ask(Hakmem__QueryWhat what)
{
	query.what = what;
	peer_say(&peer, FRAME_QUERY, &query.base);
	harness_turn();
}

/* The next frame, unpacked; it must be of that type. */
static inline void *hear(uint16_t type,
			 const ProtobufCMessageDescriptor *descriptor)
{
	struct frame heard;
	ProtobufCMessage *message;

	assert_true(peer_hear(&peer, &heard));
	assert_int_equal(heard.type, type);
	message = protobuf_c_message_unpack(descriptor, NULL, heard.length,
					    heard.payload);
	assert_non_null(message);
	return message;
}

static inline void let_go(void *message)
{
	protobuf_c_message_free_unpacked(message, NULL);
}

/* An ERROR that names the query, and the connection goes on. */
static inline void refused(Hakmem__QueryWhat what, const char *text)
{
	Hakmem__Error *error;

	ask(what);
	error = hear(FRAME_ERROR, &hakmem__error__descriptor);
	assert_string_equal(error->text, text);
	assert_int_equal(error->query_id, 7);
	let_go(error);
	assert_non_null(conn);
	assert_false(conn->closing);
}

#endif
