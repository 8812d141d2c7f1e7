#include "hakmemd/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "hakmemd/core/clock.h"
#include "hakmemd/peers/conn.h"
#include "hakmemd/peers/listen.h"
#include "hakmemd/core/log.h"
#include "hakmemd/core/loop.h"
#include "hakmemd/query/query.h"
#include "hakmemd/query/query_heap.h"
#include "hakmemd/peers/registry.h"
#include "hakmemd/peers/session.h"
#include "hakmemd/peers/watch.h"

#define PROGRAMS_MAX   2048u /* connected at once; half as many unidentified */
#define VIEWERS_MAX    64u
#define FOREIGN_SHARE  8u /* one other user: 1/8 of the programs */
#define RESERVED_FILES 64u
#define ACCEPT_ROUND   64
#define PAUSE_NS       (CLOCK_SECOND / 10)

enum role { UNIDENTIFIED, PROGRAM, VIEWER, ROLES };

/* How many connections each user has; a row is free when its count is 0. */
#define USERS_MAX 64u
struct user {
	uid_t uid;
	unsigned count;
};

struct server {
	struct loop_source listener, signals;
	struct loop *loop;
	struct conns conns;
	struct listen listen;
	struct registry *registry;
	struct symbols *symbols;
	struct watch *watch;
	struct query_context context;
	struct server_settings settings;
	unsigned count[ROLES], limit[ROLES];
	struct user users[USERS_MAX];
	int spare;	    /* given up to say no when files are short */
	uint64_t paused_ns; /* until when nobody is let in; 0 = open */
	uint64_t idle_since_ns;
};

static struct user *server_user_of(struct server *server, uid_t uid)
{
	struct user *empty = NULL;

	for (unsigned i = 0; i < USERS_MAX; i++) {
		if (server->users[i].count && server->users[i].uid == uid)
			return &server->users[i];
		if (server->users[i].count == 0)
			empty = &server->users[i];
	}
	if (empty)
		empty->uid = uid;
	return empty;
}

static bool server_is_trusted(uid_t uid)
{
	return uid == geteuid() || uid == 0;
}

static enum role server_role_of(const struct conn *conn)
{
	return (enum role)conn->role;
}

static void server_closed(struct conn *conn)
{
	struct server *server = conn->conns->owner;
	struct user *user = server_user_of(server, conn->peer.uid);

	if (server_role_of(conn) == PROGRAM)
		session_closed(conn);
	else if (server_role_of(conn) == VIEWER)
		query_closed(conn, &server->context);
	server->count[server_role_of(conn)]--;
	if (user && user->count)
		user->count--;
	/* A caller that never said what he wants was not company. */
	if (server_role_of(conn) != UNIDENTIFIED &&
	    server->count[PROGRAM] + server->count[VIEWER] == 0)
		server->idle_since_ns = clock_ns();
	if (server->settings.idle_ns)
		loop_tick_by(server->loop,
			     server->idle_since_ns + server->settings.idle_ns);
}

/* The first frame tells; false when there is no place for one more. */
static bool server_introduce(struct server *server, struct conn *conn,
			     enum role role)
{
	if (role == VIEWER && !server_is_trusted(conn->peer.uid)) {
		conn_fail(conn,
			  "this hakmemd serves user %u; run one of your own",
			  (unsigned)geteuid());
		return false;
	}
	if (server->count[role] >= server->limit[role]) {
		conn_fail(conn, "too many %s are connected",
			  role == VIEWER ? "viewers" : "programs");
		return false;
	}
	server->count[UNIDENTIFIED]--;
	server->count[role]++;
	conn->role = role;
	return true;
}

static void server_frame(struct conn *conn, const struct frame *frame)
{
	struct server *server = conn->conns->owner;

	if (server_role_of(conn) == UNIDENTIFIED) {
		enum role role = frame->type == FRAME_QUERY ? VIEWER : PROGRAM;

		if (frame->type != FRAME_QUERY && frame->type != FRAME_HELLO)
			conn_fail(conn,
				  "the first frame is of type %u: "
				  "neither HELLO nor QUERY",
				  frame->type);
		else if (server_introduce(server, conn, role))
			server->idle_since_ns = 0;
	}
	if (conn->closing || conn->dead)
		return;
	if (server_role_of(conn) == PROGRAM)
		session_frame(conn, server->registry, frame);
	else if (server_role_of(conn) == VIEWER)
		query_frame(conn, &server->context, frame);
}

static void server_drained(struct conn *conn)
{
	if (server_role_of(conn) == VIEWER)
		query_heap_drained(conn);
}

static const struct conn_ops server_callbacks = {.frame = server_frame,
						 .closed = server_closed,
						 .drained = server_drained};

static void server_admit(struct server *server, int fd)
{
	struct ucred peer = {.pid = 0, .uid = (uid_t)-1};
	socklen_t length = sizeof(peer);
	struct user *user;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
		close(fd);
		return;
	}
	user = server_user_of(server, peer.uid);
	if (!user || (!server_is_trusted(peer.uid) &&
		      user->count >= server->limit[PROGRAM] / FOREIGN_SHARE))
		conn_refuse(&server->conns, fd, &peer,
			    "too many connections of one user");
	else if (!server_is_trusted(peer.uid) &&
		 server->count[UNIDENTIFIED] >= server->limit[UNIDENTIFIED] / 2)
		conn_refuse(&server->conns, fd, &peer,
			    "too many connections at once");
	else if (conn_open(&server->conns, fd, &peer, clock_ns())) {
		server->count[UNIDENTIFIED]++;
		user->count++;
	}
}

static int server_open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* No descriptor is left: the spare one takes a caller in and out again. */
static bool server_turn_away(struct server *server)
{
	struct ucred nobody = {.pid = 0, .uid = (uid_t)-1};
	int fd;

	if (server->spare < 0)
		return false;
	close(server->spare);
	fd = accept4(server->listener.fd, NULL, NULL,
		     SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		conn_refuse(&server->conns, fd, &nobody,
			    "the daemon is out of descriptors");
	server->spare = server_open_spare();
	return fd >= 0;
}

/* A level-triggered listener that nobody accepts from would wake us without
 * end. */
static void server_pause_listener(struct server *server)
{
	server->paused_ns = clock_ns() + PAUSE_NS;
	loop_want(server->loop, &server->listener, 0);
	loop_tick_by(server->loop, server->paused_ns);
}

static void server_accepting(void *owner, uint32_t events)
{
	struct server *server = owner;

	(void)events;
	for (int i = 0; i < ACCEPT_ROUND; i++) {
		int fd;

		/* The rest waits in the queue: the unidentified have little
		 * time. */
		if (server->count[UNIDENTIFIED] >=
		    server->limit[UNIDENTIFIED]) {
			server_pause_listener(server);
			return;
		}
		fd = accept4(server->listener.fd, NULL, NULL,
			     SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			server_admit(server, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno == EAGAIN)
			return;
		if (errno != EMFILE || !server_turn_away(server)) {
			server_pause_listener(server);
			return;
		}
	}
}

static void server_signaled(void *owner, uint32_t events)
{
	struct server *server = owner;
	struct signalfd_siginfo info;

	(void)events;
	if (read(server->signals.fd, &info, sizeof(info)) == sizeof(info))
		loop_stop(server->loop, 0);
}

/* Who has not said what he is keeps nobody here. */
static bool server_is_idle(struct server *server, uint64_t now_ns,
			   uint64_t *next_ns)
{
	uint64_t end_ns;

	if (server->settings.idle_ns == 0 ||
	    server->count[PROGRAM] + server->count[VIEWER] > 0)
		return false;
	end_ns = server->idle_since_ns + server->settings.idle_ns;
	if (end_ns <= now_ns)
		return true;
	if (end_ns < *next_ns)
		*next_ns = end_ns;
	return false;
}

static uint64_t server_tick(void *argument, uint64_t now_ns, uint64_t late_ns)
{
	struct server *server = argument;
	uint64_t next_ns, due_ns;

	conn_expire_all(&server->conns, now_ns, late_ns);
	next_ns = registry_expire(server->registry, now_ns);
	due_ns = watch_tick(server->watch, now_ns);
	if (due_ns < next_ns)
		next_ns = due_ns;
	due_ns = query_heap_tick(&server->context, now_ns);
	if (due_ns < next_ns)
		next_ns = due_ns;
	due_ns = conn_next_due(&server->conns);
	if (due_ns < next_ns)
		next_ns = due_ns;
	if (server->paused_ns && server->paused_ns <= now_ns) {
		server->paused_ns = 0;
		loop_want(server->loop, &server->listener, EPOLLIN);
	} else if (server->paused_ns && server->paused_ns < next_ns)
		next_ns = server->paused_ns;
	if (server_is_idle(server, now_ns, &next_ns)) {
		log_line("nobody was connected for %llu s: ending",
			 (unsigned long long)(server->settings.idle_ns /
					      CLOCK_SECOND));
		loop_stop(server->loop, 0);
	}
	return next_ns;
}

/*
 * A program needs two descriptors, its connection and its pidfd; an
 * unidentified peer, who has not said yet what he is, one.
 */
static void server_set_limits(struct server *server)
{
	const uint64_t fixed = RESERVED_FILES + VIEWERS_MAX;
	uint64_t most = PROGRAMS_MAX;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		rlim_t before = files.rlim_cur;

		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) != 0)
			files.rlim_cur = before;
		if (files.rlim_cur < fixed + most / 2 * 5)
			most = files.rlim_cur > fixed + 40
				       ? (files.rlim_cur - fixed) / 5 * 2
				       : 16;
	}
	server->limit[UNIDENTIFIED] = (unsigned)(most / 2);
	server->limit[PROGRAM] = (unsigned)most;
	server->limit[VIEWER] = VIEWERS_MAX;
}

/* Before the socket can be seen: whoever sees it may end us, cleanly. */
static bool server_catch_signals(struct server *server)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (!server->settings.detached)
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	server->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	server->signals.ready = server_signaled;
	server->signals.owner = server;
	return server->signals.fd >= 0;
}

static struct symbols *server_open_symbols(struct server *server)
{
	const struct symbol_settings settings = {
		.debuginfod = server->settings.debuginfod,
		.settled = query_heap_settled,
		.argument = &server->context,
	};

	return symbols_new(server->loop, &settings);
}

static struct watch *server_open_watch(struct server *server)
{
	const struct watch_settings settings = {
		.library = server->settings.library,
		.socket = server->settings.socket,
	};

	return watch_new(server->loop, server->registry, &settings);
}

static bool server_start(struct server *server, char *why, size_t size)
{
	bool caught = server_catch_signals(server);

	if (!listen_open(&server->listen, server->settings.socket,
			 server->settings.derived, why, size))
		return false;
	server->loop = loop_new(server_tick, server);
	if (server->loop)
		server->registry =
			registry_new(server->loop, server->settings.retain_ns,
				     server->limit[PROGRAM]);
	if (server->loop)
		server->symbols = server_open_symbols(server);
	if (server->registry)
		server->watch = server_open_watch(server);
	server->context = (struct query_context){.loop = server->loop,
						 .registry = server->registry,
						 .symbols = server->symbols,
						 .watch = server->watch};
	server->conns = (struct conns){.loop = server->loop,
				       .ops = &server_callbacks,
				       .owner = server};
	server->listener.fd = server->listen.fd;
	server->listener.ready = server_accepting;
	server->listener.owner = server;
	if (caught && server->watch && server->symbols &&
	    loop_add(server->loop, &server->signals, EPOLLIN) &&
	    loop_add(server->loop, &server->listener, EPOLLIN))
		return true;
	snprintf(why, size, "cannot set up the event loop: %s",
		 strerror(errno));
	return false;
}

struct server *server_open(const struct server_settings *settings, char *why,
			   size_t size)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	server->settings = *settings;
	server->idle_since_ns = clock_ns();
	server->signals.fd = server->listen.fd = server->listen.lock =
		server->listen.directory = -1;
	server->spare = server_open_spare();
	server_set_limits(server);
	if (server_start(server, why, size))
		return server;
	server_close(server);
	return NULL;
}

int server_run(struct server *server)
{
	int result = loop_run(server->loop);

	if (result == 0)
		return 0;
	log_line("the event loop failed: %s", strerror(errno));
	return 1;
}

void server_close(struct server *server)
{
	if (!server)
		return;
	conn_close_all(&server->conns);
	watch_free(server->watch);
	registry_free(server->registry);
	symbols_free(server->symbols);
	listen_close(&server->listen);
	if (server->signals.fd >= 0)
		close(server->signals.fd);
	if (server->spare >= 0)
		close(server->spare);
	loop_free(server->loop);
	free(server);
}
