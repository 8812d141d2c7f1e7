#include "hakmemd/peers/session.h"

#include "hakmemd/core/clock.h"

static void session_detach(void *session)
{
	struct conn *conn = session;

	conn->owner = NULL;
	conn_close(conn);
}

static void session_finish(void *session)
{
	conn_finish(session);
}

static void session_control(void *session, const Hakmem__Control *control)
{
	struct conn *conn = session;

	conn_send(conn, FRAME_CONTROL, &control->base);
	conn_push(conn);
}

static const struct registry_session session_calls = {.detach = session_detach,
						      .finish = session_finish,
						      .control =
							      session_control};

static void session_hello(struct conn *conn, struct registry *registry,
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
					 message, conn, &session_calls, &why);
	pool_free(&pool);
	conn->owner = process;
	if (!process)
		conn_fail(conn, "HELLO: %s", why);
}

static const char *session_take_state(struct process *process,
				      struct pool *pool,
				      const struct frame *frame)
{
	return model_state(&process->model, pool, frame->payload, frame->length,
			   clock_ns());
}

static const char *session_take_modules(struct process *process,
					struct pool *pool,
					const struct frame *frame)
{
	return model_modules(&process->model, pool, frame->payload,
			     frame->length);
}

static const char *session_take_sites(struct process *process,
				      struct pool *pool,
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

static const struct kind session_kinds[] = {
	{FRAME_STATE, "STATE", session_take_state},
	{FRAME_MODULES, "MODULES", session_take_modules},
	{FRAME_SITES, "SITES", session_take_sites},
};

static const struct kind *session_kind_of(const struct frame *frame)
{
	for (size_t i = 0; i < sizeof(session_kinds) / sizeof(session_kinds[0]);
	     i++)
		if (session_kinds[i].type == frame->type)
			return &session_kinds[i];
	return NULL;
}

static void session_news(struct conn *conn, const struct kind *kind,
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
	const struct kind *kind = session_kind_of(frame);

	if (frame->type == FRAME_HELLO && !conn->owner)
		session_hello(conn, registry, frame);
	else if (kind && conn->owner)
		session_news(conn, kind, frame);
	else
		conn_fail(conn, "frame type %u is out of place here",
			  frame->type);
}

static const char *session_take_hello(struct process *process,
				      struct pool *pool,
				      const struct frame *frame)
{
	Hakmem__Hello *hello =
		(Hakmem__Hello *)pool_unpack(pool, &hakmem__hello__descriptor,
					     frame->payload, frame->length);

	if (!hello)
		return "not a Hello message";
	if (hello->session == 0) /* it was never to speak to anybody */
		hello->session =
			process->start_ticks << 22 ^ (uint64_t)process->pid;
	if (process->model.classes > 0 &&
	    process->model.session == hello->session)
		return NULL;
	registry_adopt(process, hello->parent_session);
	return model_hello(&process->model, hello);
}

const char *session_looked(struct process *process, uint16_t type,
			   const uint8_t *payload, size_t length)
{
	const struct frame frame = {
		.type = type, .length = (uint32_t)length, .payload = payload};
	const struct kind *kind = session_kind_of(&frame);
	struct pool pool;
	const char *why = "a frame out of place";

	pool_init(&pool, POOL_BUDGET_BYTES);
	if (type == FRAME_HELLO)
		why = session_take_hello(process, &pool, &frame);
	else if (kind)
		why = kind->take(process, &pool, &frame);
	pool_free(&pool);
	return why;
}

void session_closed(struct conn *conn)
{
	if (conn->owner)
		registry_disconnect(conn->owner);
	conn->owner = NULL;
}
