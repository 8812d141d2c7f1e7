#include "hakmemd/peers/session.h"

#include "hakmemd/core/clock.h"

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

static void control(void *session, const Hakmem__Control *control)
{
	struct conn *conn = session;

	conn_send(conn, FRAME_CONTROL, &control->base);
	conn_push(conn);
}

static const struct registry_session calls = {
	.detach = detach, .finish = finish, .control = control};

static void hello(struct conn *conn, struct registry *registry,
		  const struct frame *frame)
{
	const char *why = "not a Hello message";
	struct process *process = NULL;
	Hakmem__Hello *message;
	struct pool pool;

	pool_init(&pool, POOL_BUDGET_BYTES);
	message =
		(Hakmem__Hello *)pool_unpack(&pool, &hakmem__hello__descriptor,
					     frame->payload, frame->length);
	if (message)
		process =
			registry_connect(registry, conn->source.fd, &conn->peer,
					 message, conn, &calls, &why);
	pool_free(&pool);
	conn->owner = process;
	if (!process)
		conn_fail(conn, "HELLO: %s", why);
}

static const char *take_state(struct process *process, struct pool *pool,
			      const struct frame *frame)
{
	return model_state(&process->model, pool, frame->payload, frame->length,
			   clock_ns());
}

static const char *take_modules(struct process *process, struct pool *pool,
				const struct frame *frame)
{
	return model_modules(&process->model, pool, frame->payload,
			     frame->length);
}

static const char *take_sites(struct process *process, struct pool *pool,
			      const struct frame *frame)
{
	return model_sites(&process->model, pool, frame->payload,
			   frame->length);
}

/* What may come after the hello. */
struct kind {
	uint16_t type;
	const char *name;
	/* NULL, or why it is refused. */
	const char *(*take)(struct process *process, struct pool *pool,
			    const struct frame *frame);
};

static const struct kind kinds[] = {
	{FRAME_STATE, "STATE", take_state},
	{FRAME_MODULES, "MODULES", take_modules},
	{FRAME_SITES, "SITES", take_sites},
};

static const struct kind *kind_of(const struct frame *frame)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].type == frame->type)
			return &kinds[i];
	return NULL;
}

static void news(struct conn *conn, const struct kind *kind,
		 const struct frame *frame)
{
	struct pool pool;
	const char *why;

	pool_init(&pool, POOL_BUDGET_BYTES);
	why = kind->take(conn->owner, &pool, frame);
	pool_free(&pool);
	if (why)
		conn_fail(conn, "%s: %s", kind->name, why);
}

void session_frame(struct conn *conn, struct registry *registry,
		   const struct frame *frame)
{
	const struct kind *kind = kind_of(frame);

	if (frame->type == FRAME_HELLO && !conn->owner)
		hello(conn, registry, frame);
	else if (kind && conn->owner)
		news(conn, kind, frame);
	else
		conn_fail(conn, "frame type %u is out of place here",
			  frame->type);
}

void session_closed(struct conn *conn)
{
	if (conn->owner)
		registry_disconnect(conn->owner);
	conn->owner = NULL;
}
