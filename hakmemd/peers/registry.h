/*
 * All processes known: those that run and, for a while, those that ended.
 *
 * A process is its pid and start time, both from the kernel. One that comes
 * back (a lost connection, an exec) continues its record. How it ended is seen
 * through its pidfd. Main thread only.
 */
#ifndef HAKMEMD_REGISTRY_H
#define HAKMEMD_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "hakmemd/core/loop.h"
#include "hakmemd/look/look_wire.h"
#include "hakmemd/model/model.h"
#include "hakmemd/peers/procfs.h"

#define REGISTRY_BYTES_MAX	   (256u << 20) /* of all records, ditto */
#define REGISTRY_MAX		   4096u /* records, of which ended ones go first */
#define REGISTRY_FOREIGN_MAX	   256u		/* records of one other user */
#define REGISTRY_SITES_MAX	   (192u << 20) /* of these bytes: sites */
#define REGISTRY_SITES_FOREIGN_MAX (32u << 20)	/* of all other users */

/* What peers/watch keeps of a process that it looks into. */
struct watched {
	uint64_t base;	     /* of the library there; 0 = not known */
	uint64_t cpu_ns;     /* before the last look that succeeded; 0 = none */
	uint64_t asked_ns;   /* the same before the look under way */
	uint64_t again_ns;   /* not before */
	enum look_end ended; /* of the last look */
	bool looked;	     /* there was one, with all modules and sites */
	bool due;
	bool awaited; /* nothing is known before its first look ends */
};

struct process {
	struct registry *registry;
	struct loop_source watch;	 /* the pidfd, fd < 0 = none */
	struct process *previous, *next; /* by id */
	uint64_t id;
	pid_t pid, parent;
	uid_t uid;
	uint64_t unique;      /* pidfd_unique; 0 = not known */
	uint64_t start_ticks; /* 0 = not known: it was gone when we looked */
	uint64_t start_ns, first_seen_ns, ended_ns;
	uint64_t parent_id;
	Hakmem__ProcessState state;
	bool exit_known;
	int exit_status, exit_signal;
	char oom_events[PROCFS_EVENTS_MAX]; /* of its cgroup; "" = none */
	uint64_t oom_kills;		    /* there, when it came */
	struct model model;
	struct watched watched;
	void *session; /* whoever is connected for it, or NULL */
	const struct registry_session *calls;
};

/* What the registry tells whoever is connected for a process. */
struct registry_session {
	/* A newer connection of the same process has taken over. */
	void (*detach)(void *session);
	/* The process has ended: what it said last lies in the socket. */
	void (*finish)(void *session);
	/* A word to the program. */
	void (*control)(void *session, const Hakmem__Control *control);
};

struct registry;

/*
 * NULL with errno. `retain_ns` is how long ended processes stay; at most
 * `watch_max` are watched by pidfd, the others looked at now and then.
 */
struct registry *registry_new(struct loop *loop, uint64_t retain_ns,
			      size_t watch_max);
void registry_free(struct registry *registry);

/*
 * The record of the process at the other end of `socket`, which sent `hello`;
 * made if it is new, and connected to `session`. NULL with a line in `*why`.
 */
struct process *registry_connect(struct registry *registry, int socket,
				 const struct ucred *peer, Hakmem__Hello *hello,
				 void *session,
				 const struct registry_session *calls,
				 const char **why);

/*
 * The record of a process that runs and that nobody told us of; made if it is
 * new, silent until it says something or is looked into. NULL when it is gone,
 * or there is no room.
 */
struct process *registry_find_out(struct registry *registry, pid_t pid,
				  uid_t uid);

/* Who made it, by the session of its parent, if that is not known yet. */
void registry_adopt(struct process *process, uint64_t parent_session);

/* The session is over; the process may live. */
void registry_disconnect(struct process *process);

/* Tells the program; false when it is not connected. */
bool registry_control(struct process *process, const Hakmem__Control *control);

struct process *registry_first(struct registry *registry);

/* By id; or, if that is 0, the newest of that pid. NULL if there is none. */
struct process *registry_find(struct registry *registry, uint64_t id,
			      pid_t pid);

size_t registry_count(const struct registry *registry);

/* Drops what was retained long enough; returns when to come again. */
uint64_t registry_expire(struct registry *registry, uint64_t now_ns);

#endif
