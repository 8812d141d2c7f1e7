#include "hakmemd/peers/registry.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hakmemd/model/check.h"
#include "hakmemd/core/clock.h"
#include "hakmemd/peers/pidfd.h"

#define LOOK_NS (2 * CLOCK_SECOND) /* between looks at kills, at lives */
#define DIES_NS (5 * CLOCK_SECOND) /* from the kill to the end, at most */

struct registry {
	struct loop *loop;
	uint64_t retain_ns, last_id;
	struct process *first, *last;
	size_t count, watched, watch_max;
	/* The machine's out-of-memory kills: counted at the last look, not yet
	 * told of any process, and when they rose. */
	uint64_t kills, unclaimed, rose_ns, looked_ns;
	struct sites_pool own, foreign;
};

struct registry *registry_new(struct loop *loop, uint64_t retain_ns,
			      size_t watch_max)
{
	struct registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return NULL;
	registry->loop = loop;
	registry->retain_ns = retain_ns;
	registry->watch_max = watch_max;
	registry->own.max = REGISTRY_SITES_MAX;
	registry->foreign.max = REGISTRY_SITES_FOREIGN_MAX;
	procfs_oom_kills(NULL, &registry->kills);
	return registry;
}

static bool registry_is_foreign(uid_t uid)
{
	return uid != geteuid() && uid != 0;
}

static bool registry_is_over(const struct process *process)
{
	return process->ended_ns != 0;
}

static void registry_unwatch(struct process *process)
{
	struct registry *registry = process->registry;

	if (process->watch.fd < 0)
		return;
	loop_remove(registry->loop, &process->watch);
	close(process->watch.fd);
	process->watch.fd = -1;
	registry->watched--;
}

static void registry_drop(struct process *process)
{
	struct registry *registry = process->registry;

	if (process->session)
		process->calls->detach(process->session);
	registry_unwatch(process);
	if (process->previous)
		process->previous->next = process->next;
	else
		registry->first = process->next;
	if (process->next)
		process->next->previous = process->previous;
	else
		registry->last = process->previous;
	registry->count--;
	model_free(&process->model);
	free(process);
}

void registry_free(struct registry *registry)
{
	if (!registry)
		return;
	while (registry->first)
		registry_drop(registry->first);
	free(registry);
}

/* Counts the machine's kills; what nobody claimed in time is forgotten. */
static void registry_look_for_kills(struct registry *registry, uint64_t now_ns)
{
	uint64_t kills;

	registry->looked_ns = now_ns;
	if (now_ns - registry->rose_ns > DIES_NS)
		registry->unclaimed = 0;
	if (!procfs_oom_kills(NULL, &kills) || kills <= registry->kills)
		return;
	registry->unclaimed += kills - registry->kills;
	registry->kills = kills;
	registry->rose_ns = now_ns;
}

/*
 * SIGKILL just after such a kill, in its own cgroup as far as that is known.
 * One kill explains one end.
 */
static bool registry_was_oom_killed(const struct process *process)
{
	struct registry *registry = process->registry;
	uint64_t kills;

	if (process->exit_signal != SIGKILL)
		return false;
	registry_look_for_kills(registry, clock_ns());
	if (registry->unclaimed == 0 ||
	    (process->oom_events[0] != '\0' &&
	     procfs_oom_kills(process->oom_events, &kills) &&
	     kills <= process->oom_kills))
		return false;
	registry->unclaimed--;
	return true;
}

static void registry_take_status(struct process *process, int status)
{
	process->exit_known = true;
	process->exit_status = 0;
	process->exit_signal = 0;
	if (WIFSIGNALED(status)) {
		process->exit_signal = WTERMSIG(status);
		process->state =
			registry_was_oom_killed(process)
				? HAKMEM__PROCESS_STATE__PROCESS_OOM_KILLED
				: HAKMEM__PROCESS_STATE__PROCESS_SIGNALLED;
	} else {
		process->exit_status = WEXITSTATUS(status);
		process->state = HAKMEM__PROCESS_STATE__PROCESS_EXITED;
	}
}

static void registry_end(struct process *process, uint64_t now_ns)
{
	const struct registry *registry = process->registry;

	if (registry_is_over(process))
		return;
	process->ended_ns = now_ns;
	process->state = HAKMEM__PROCESS_STATE__PROCESS_ENDED;
	loop_tick_by(registry->loop, now_ns + registry->retain_ns);
}

/*
 * Readable: it ended, and may be a zombie whose status /proc shows. Hung up: it
 * was reaped, and newer kernels keep the status for us.
 */
static void registry_watched(void *owner, uint32_t events)
{
	struct process *process = owner;
	struct procfs_stat stat;
	int status;

	registry_end(process, clock_ns());
	if (pidfd_exit_status(process->watch.fd, &status)) {
		if (!process->exit_known)
			registry_take_status(process, status);
		events |= EPOLLHUP;
	} else if (!(events & EPOLLHUP) && !process->exit_known &&
		   procfs_stat(process->pid, &stat) && stat.state == 'Z' &&
		   stat.start_ticks == process->start_ticks &&
		   procfs_is_ours(process->pid)) {
		registry_take_status(process, stat.exit_status);
	}
	if (events & EPOLLHUP)
		registry_unwatch(process);
	else /* until reaped */
		loop_want(process->registry->loop, &process->watch, 0);
	if (process->session)
		process->calls->finish(process->session);
}

static void registry_watch(struct process *process, int pidfd)
{
	struct registry *registry = process->registry;

	if (process->watch.fd >= 0 || pidfd < 0 ||
	    registry->watched >= registry->watch_max) {
		if (pidfd >= 0)
			close(pidfd);
		return;
	}
	process->watch.fd = pidfd;
	process->watch.ready = registry_watched;
	process->watch.owner = process;
	if (loop_add(registry->loop, &process->watch, EPOLLIN)) {
		registry->watched++;
		return;
	}
	close(pidfd);
	process->watch.fd = -1;
}

/* What the kernel says of a process at the moment it connects. */
struct identity {
	pid_t pid, parent;
	uint64_t start_ticks;
	uint64_t unique;
	int pidfd;
	bool alive;
};

static bool registry_is_same(const struct process *process,
			     const struct identity *identity, uint64_t session)
{
	if (identity->unique && process->unique)
		return process->unique == identity->unique;
	if (process->pid != identity->pid)
		return false;
	if (identity->start_ticks)
		return process->start_ticks == identity->start_ticks;
	return session && process->model.session == session;
}

static struct process *registry_find_known(struct registry *registry,
					   const struct identity *identity,
					   uint64_t session)
{
	for (struct process *at = registry->last; at; at = at->previous)
		if (registry_is_same(at, identity, session))
			return at;
	return NULL;
}

/*
 * What has to go before there is room for one more record of `uid`: what ended
 * first. One other user may not push out everybody else's. False when all
 * others live; NULL in `*victim` when there is room.
 */
static bool registry_find_victim(struct registry *registry, uid_t uid,
				 struct process **victim)
{
	bool foreign = registry_is_foreign(uid);
	struct process *oldest = NULL, *own = NULL;
	size_t bytes = 0, same = 0;

	for (struct process *at = registry->first; at; at = at->next) {
		bytes += sizeof(*at) + model_bytes(&at->model);
		same += at->uid == uid;
		if (!registry_is_over(at))
			continue;
		if (!oldest || at->ended_ns < oldest->ended_ns)
			oldest = at;
		if (at->uid == uid && (!own || at->ended_ns < own->ended_ns))
			own = at;
	}
	*victim = NULL;
	if (foreign && same >= REGISTRY_FOREIGN_MAX)
		*victim = own;
	else if (registry->count >= REGISTRY_MAX || bytes >= REGISTRY_BYTES_MAX)
		*victim = oldest;
	else
		return true;
	return *victim != NULL;
}

/* Drops until there is room: one record may be as large as many. */
static bool registry_make_room(struct registry *registry, uid_t uid)
{
	struct process *victim;

	while (registry_find_victim(registry, uid, &victim)) {
		if (!victim)
			return true;
		registry_drop(victim);
	}
	return false;
}

static struct process *registry_append(struct registry *registry)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->registry = registry;
	process->id = ++registry->last_id;
	process->watch.fd = -1;
	process->previous = registry->last;
	if (registry->last)
		registry->last->next = process;
	else
		registry->first = process;
	registry->last = process;
	registry->count++;
	return process;
}

/* By its session, or by its pid if it was there before the child. */
static bool registry_is_parent(const struct process *at,
			       const struct process *child, uint64_t session)
{
	if (at->pid == child->parent && child->parent > 0)
		return !registry_is_over(at) &&
		       (at->start_ticks <= child->start_ticks ||
			child->start_ticks == 0);
	return session && at->model.session == session && at->uid == child->uid;
}

static uint64_t registry_parent_of(struct registry *registry,
				   const struct process *process,
				   uint64_t session)
{
	for (struct process *at = registry->last; at; at = at->previous)
		if (at != process && registry_is_parent(at, process, session))
			return at->id;
	return 0;
}

static void registry_identify(struct identity *identity, int socket,
			      const struct ucred *peer)
{
	struct procfs_stat stat;

	identity->pid = peer->pid;
	identity->parent = 0;
	identity->start_ticks = 0;
	identity->pidfd = pidfd_of_peer(socket, peer->pid);
	identity->unique = pidfd_unique(identity->pidfd);
	if (procfs_stat(peer->pid, &stat)) {
		identity->start_ticks = stat.start_ticks;
		identity->parent = stat.parent;
	}
	identity->alive = identity->pidfd >= 0 ? pidfd_alive(identity->pidfd)
					       : identity->start_ticks != 0;
	/* Gone before we looked: the number may be another's by now. A zombie
	 * still has its own. */
	if (!identity->alive && identity->start_ticks && stat.state != 'Z') {
		identity->start_ticks = 0;
		identity->parent = 0;
	}
}

static struct process *registry_admit(struct registry *registry,
				      const struct identity *identity,
				      uid_t uid, uint64_t now_ns)
{
	struct process *process;

	if (!registry_make_room(registry, uid))
		return NULL;
	process = registry_append(registry);
	if (!process)
		return NULL;
	process->pid = identity->pid;
	process->parent = identity->parent;
	process->uid = uid;
	process->model.sites.pool =
		registry_is_foreign(uid) ? &registry->foreign : &registry->own;
	process->unique = identity->unique;
	process->start_ticks = identity->start_ticks;
	process->first_seen_ns = now_ns;
	process->start_ns = procfs_start_ns(identity->start_ticks);
	if (process->start_ns == 0)
		process->start_ns = now_ns;
	procfs_oom_events(identity->pid, process->oom_events);
	if (process->oom_events[0])
		procfs_oom_kills(process->oom_events, &process->oom_kills);
	loop_tick_by(registry->loop, now_ns + LOOK_NS);
	return process;
}

static void registry_connect_to(struct process *process,
				struct identity *identity, void *session,
				const struct registry_session *calls)
{
	if (process->session)
		process->calls->detach(process->session);
	process->session = session;
	process->calls = calls;
	if (!registry_is_over(process))
		process->state = HAKMEM__PROCESS_STATE__PROCESS_RUNNING;
	registry_watch(process, identity->pidfd);
	identity->pidfd = -1;
	if (!identity->alive && process->watch.fd < 0)
		registry_end(process, clock_ns());
}

struct process *registry_connect(struct registry *registry, int socket,
				 const struct ucred *peer, Hakmem__Hello *hello,
				 void *session,
				 const struct registry_session *calls,
				 const char **why)
{
	char command[CHECK_STRING_MAX];
	struct identity identity;
	struct process *process;
	bool is_new = false;

	registry_identify(&identity, socket, peer);
	if (*hello->command == '\0' && identity.alive) {
		procfs_command(peer->pid, command, sizeof(command));
		hello->command = command;
	}
	process = registry_find_known(registry, &identity, hello->session);
	*why = "too many processes are known already";
	if (!process) {
		is_new = true;
		process = registry_admit(registry, &identity, peer->uid,
					 clock_ns());
	}
	if (process)
		*why = model_hello(&process->model, hello);
	if (!process || *why) {
		if (process && is_new)
			registry_drop(process);
		if (identity.pidfd >= 0)
			close(identity.pidfd);
		return NULL;
	}
	process->uid = peer->uid;
	if (identity.parent == 0 && is_new)
		process->parent = (pid_t)hello->parent_pid;
	registry_adopt(process, hello->parent_session);
	registry_connect_to(process, &identity, session, calls);
	return process;
}

void registry_adopt(struct process *process, uint64_t parent_session)
{
	if (process->parent_id == 0)
		process->parent_id = registry_parent_of(
			process->registry, process, parent_session);
}

/* What is known before it says hello. */
static bool registry_describe(struct process *process)
{
	char command[CHECK_STRING_MAX], executable[CHECK_STRING_MAX];
	Hakmem__Hello hello;

	procfs_command(process->pid, command, sizeof(command));
	procfs_executable(process->pid, executable, sizeof(executable));
	hakmem__hello__init(&hello);
	hello.command = command;
	hello.executable = executable;
	hello.figure_names = (char *)(uintptr_t)figures_names;
	return model_hello(&process->model, &hello) == NULL;
}

struct process *registry_find_out(struct registry *registry, pid_t pid,
				  uid_t uid)
{
	struct identity identity = {.pid = pid};
	struct process *process;
	struct procfs_stat stat;

	identity.pidfd = pidfd_open(pid, 0);
	if (identity.pidfd < 0)
		return NULL;
	identity.unique = pidfd_unique(identity.pidfd);
	identity.alive = pidfd_alive(identity.pidfd) && procfs_stat(pid, &stat);
	if (identity.alive) {
		identity.start_ticks = stat.start_ticks;
		identity.parent = stat.parent;
	}
	process = registry_find_known(registry, &identity, 0);
	if (identity.alive && !process) {
		process = registry_admit(registry, &identity, uid, clock_ns());
		if (process && !registry_describe(process)) {
			registry_drop(process);
			process = NULL;
		}
		if (process) {
			process->state =
				HAKMEM__PROCESS_STATE__PROCESS_DISCONNECTED;
			registry_adopt(process, 0);
			registry_watch(process, identity.pidfd);
			return process;
		}
	}
	close(identity.pidfd);
	return process;
}

static bool registry_lives(const struct process *process)
{
	struct procfs_stat stat;

	if (process->watch.fd >= 0)
		return pidfd_alive(process->watch.fd);
	return process->start_ticks && procfs_stat(process->pid, &stat) &&
	       stat.start_ticks == process->start_ticks && stat.state != 'Z';
}

void registry_disconnect(struct process *process)
{
	process->session = NULL;
	if (registry_is_over(process))
		return;
	process->state = HAKMEM__PROCESS_STATE__PROCESS_DISCONNECTED;
	if (!registry_lives(process) && process->watch.fd < 0)
		registry_end(process, clock_ns());
	loop_tick_by(process->registry->loop, clock_ns() + LOOK_NS);
}

bool registry_control(struct process *process, const Hakmem__Control *control)
{
	if (!process->session)
		return false;
	process->calls->control(process->session, control);
	return true;
}

struct process *registry_first(struct registry *registry)
{
	return registry->first;
}

struct process *registry_find(struct registry *registry, uint64_t id, pid_t pid)
{
	for (struct process *at = registry->last; at; at = at->previous)
		if (id ? at->id == id : at->pid == pid)
			return at;
	return NULL;
}

size_t registry_count(const struct registry *registry)
{
	return registry->count;
}

/* A process that runs; returns when to look at it again. */
static uint64_t registry_check_life(struct process *process, uint64_t now_ns)
{
	if (process->watch.fd < 0 && !registry_lives(process))
		registry_end(process, now_ns);
	return now_ns + LOOK_NS;
}

/* Sites of what has ended make room for those of what runs. */
static void registry_shed(struct registry *registry,
			  const struct sites_pool *pool)
{
	while (pool->used > pool->max / 4 * 3) {
		struct process *oldest = NULL;

		for (struct process *at = registry->first; at; at = at->next)
			if (at->model.sites.pool == pool &&
			    registry_is_over(at) && !at->session &&
			    at->model.sites.bytes &&
			    (!oldest || at->ended_ns < oldest->ended_ns))
				oldest = at;
		if (!oldest)
			return;
		registry_drop(oldest);
	}
}

uint64_t registry_expire(struct registry *registry, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;
	struct process *next;

	registry_shed(registry, &registry->own);
	registry_shed(registry, &registry->foreign);
	for (struct process *at = registry->first; at; at = next) {
		uint64_t due_ns;

		next = at->next;
		if (!registry_is_over(at)) {
			due_ns = registry_check_life(at, now_ns);
		} else {
			due_ns = at->ended_ns + registry->retain_ns;
		}
		if (due_ns > now_ns && due_ns < next_ns)
			next_ns = due_ns;
		else if (due_ns <= now_ns && !at->session)
			registry_drop(at);
	}
	if (next_ns <= now_ns + LOOK_NS &&
	    now_ns >= registry->looked_ns + LOOK_NS)
		registry_look_for_kills(registry, now_ns);
	return next_ns;
}
