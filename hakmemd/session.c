#include "hakmemd/session.h"

#include "hakmemd/clock.h"

static void detach(void *session)
{
	struct conn *conn = session;

	conn->owner = NULL;
	conn_close(conn);
}

static void finish(void *session)
{
	conn_finish(session);
}

static const struct registry_session calls = {.detach = detach,
					      .finish = finish};

static void hello(struct conn *conn, struct registry *registry,
		  const struct frame *frame)
{
	const char *why = "not a Hello message";
	struct process *process = NULL;
	Hakmem__Hello *message;
	struct arena arena;

	arena_init(&arena, ARENA_BUDGET_BYTES);
	message = (Hakmem__Hello *)arena_unpack(&arena,
						&hakmem__hello__descriptor,
						frame->payload, frame->length);
	if (message)
		process =
			registry_connect(registry, conn->source.fd, &conn->peer,
					 message, conn, &calls, &why);
	arena_free(&arena);
	conn->owner = process;
	if (!process)
		conn_fail(conn, "HELLO: %s", why);
}

static void state(struct conn *conn, const struct frame *frame)
{
	struct process *process = conn->owner;
	struct arena arena;
	const char *why;

	arena_init(&arena, ARENA_BUDGET_BYTES);
	why = model_state(&process->model, &arena, frame->payload,
			  frame->length, clock_ns());
	arena_free(&arena);
	if (why)
		conn_fail(conn, "STATE: %s", why);
}

void session_frame(struct conn *conn, struct registry *registry,
		   const struct frame *frame)
{
	if (frame->type == FRAME_HELLO && !conn->owner)
		hello(conn, registry, frame);
	else if (frame->type == FRAME_STATE && conn->owner)
		state(conn, frame);
	else
		conn_fail(conn, "frame type %u is out of place here",
			  frame->type);
}

void session_closed(struct conn *conn, struct registry *registry)
{
	if (conn->owner)
		registry_disconnect(registry, conn->owner);
	conn->owner = NULL;
}
