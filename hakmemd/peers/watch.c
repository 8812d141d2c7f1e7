#include "hakmemd/peers/watch.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hakmemd/core/clock.h"
#include "hakmemd/look/look.h"
#include "hakmemd/look/maps.h"
#include "hakmemd/peers/procfs.h"
#include "hakmemd/peers/session.h"
#include "proto/path.h"

#define ROUND_NS     CLOCK_SECOND
#define FIND_NS	     (CLOCK_SECOND / 2)
#define ALL_ROUNDS   20u    /* until all processes are asked again */
#define STILL_ROUNDS 5u	    /* until the RSS of all is read again */
#define YOUNG	     6u	    /* rounds: it may still become another program */
#define PIDS_MAX     32768u /* processes of the machine that are told apart */

/* A process of the machine. */
struct seen {
	pid_t pid;
	unsigned rounds; /* seen in so many */
	bool ours;	 /* one of the registry's by now */
};

struct watch {
	struct loop *loop;
	struct registry *registry;
	struct watch_settings settings;
	struct look *look;
	uint64_t round_ns, find_ns;
	struct seen *seen; /* by pid */
	size_t count;
	unsigned finds, rounds;
	uint64_t last_id; /* whom the last look was into */
	bool waiting;	  /* in watch_refresh: nobody else is asked meanwhile */
};

static void watch_ask_next(struct watch *watch);

static bool watch_is_over(const struct process *process)
{
	return process->ended_ns != 0;
}

static void watch_frame(void *owner, uint64_t id, uint16_t type,
			const uint8_t *payload, size_t length)
{
	struct watch *watch = owner;
	struct process *process = registry_find(watch->registry, id, 0);
	uint64_t rss;

	if (!process || watch_is_over(process))
		return;
	rss = process->model.figures[FIGURE_RSS_BYTES];
	if (session_looked(process, type, payload, length))
		process->watched.ended = LOOK_TORN;
	if (type == FRAME_STATE && /* which does not tell it, made here */
	    (rss != FIGURE_UNKNOWN || procfs_rss(process->pid, &rss)))
		model_rss(&process->model, rss);
}

/* How long to wait after a look, by how it ended. */
static uint64_t watch_pause(enum look_end end)
{
	switch (end) {
	case LOOK_DONE:
		return 0;
	case LOOK_OTHER:
	case LOOK_DENIED:
	case LOOK_TAKEN:
		return 30 * CLOCK_SECOND;
	default:
		return 2 * CLOCK_SECOND;
	}
}

static void watch_note_end(struct process *process, enum look_end end,
			   uint64_t base)
{
	struct watched *watched = &process->watched;

	if (end == LOOK_DONE && watched->ended == LOOK_TORN)
		end = LOOK_TORN; /* what came made no sense */
	watched->ended = end;
	watched->awaited = false;
	watched->again_ns = clock_ns() + watch_pause(end);
	watched->base = end == LOOK_DONE ? base : 0;
	watched->cpu_ns = end == LOOK_DONE ? watched->asked_ns : 0;
	if (watch_is_over(process) || process->session)
		return;
	watched->looked = end == LOOK_DONE;
	process->state = end == LOOK_DONE
				 ? HAKMEM__PROCESS_STATE__PROCESS_RUNNING
				 : HAKMEM__PROCESS_STATE__PROCESS_DISCONNECTED;
}

static void watch_ended(void *owner, uint64_t id, enum look_end end,
			uint64_t base)
{
	struct watch *watch = owner;
	struct process *process = registry_find(watch->registry, id, 0);

	if (process)
		watch_note_end(process, end, base);
	if (!watch->waiting)
		watch_ask_next(watch);
}

struct watch *watch_new(struct loop *loop, struct registry *registry,
			const struct watch_settings *settings)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	struct look_settings look = {.library = settings->library,
				     .frame = watch_frame,
				     .ended = watch_ended,
				     .owner = watch};

	if (!watch)
		return NULL;
	watch->loop = loop;
	watch->registry = registry;
	watch->settings = *settings;
	watch->look = look_new(loop, &look);
	if (watch->look)
		return watch;
	free(watch);
	return NULL;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	look_free(watch->look);
	free(watch->seen);
	free(watch);
}

/* True if nothing ran there since the figures were last true: they are now. */
static bool watch_stands_still(struct process *process, uint64_t now_ns,
			       uint64_t cpu_ns)
{
	if (process->watched.cpu_ns != cpu_ns || cpu_ns == 0)
		return false;
	model_unchanged(&process->model, now_ns);
	return true;
}

/* Is there something newer than what is known? One that speaks each second is
 * believed a little longer. */
static bool watch_is_due(const struct process *process, uint64_t now_ns)
{
	return now_ns >= process->watched.again_ns &&
	       (!process->session ||
		now_ns > process->model.state_ns + ROUND_NS * 3 / 2);
}

/* What the kernel says of one, and whether it is to be looked into. The memory
 * of one that stands still may be taken from it, but it gets none. */
static void watch_one(struct process *process, uint64_t now_ns, bool all)
{
	uint64_t cpu_ns = 0, rss;
	bool still = procfs_cpu_ns(process->pid, &cpu_ns) &&
		     watch_stands_still(process, now_ns, cpu_ns);

	if ((!still || all) && procfs_rss(process->pid, &rss))
		model_rss(&process->model, rss);
	process->watched.due |= !still && watch_is_due(process, now_ns);
}

static bool watch_ask(struct watch *watch, struct process *process)
{
	struct look_target target = {
		.id = process->id,
		.base = process->watched.base,
		.pid = process->pid,
		.parent = process->parent,
		.hello = process->watched.base == 0 ||
			 process->model.classes == 0,
		.all = !process->session || process->model.classes == 0,
	};

	process->watched.due = false;
	process->watched.ended = LOOK_DONE;
	watch->last_id = process->id;
	if (procfs_cpu_ns(process->pid, &process->watched.asked_ns) &&
	    look_ask(watch->look, &target))
		return true;
	process->watched.ended = LOOK_NO_HELPER;
	process->watched.awaited = false;
	return false;
}

static void watch_ask_next(struct watch *watch)
{
	struct process *at, *next;
	uint64_t last_id = watch->last_id;

	/* From behind the last one on, then from the first one: each has its
	 * turn, also when there are more than can be looked into. */
	for (int round = 0; round < 2; round++)
		for (at = registry_first(watch->registry);
		     at && !look_busy(watch->look); at = next) {
			next = at->next;
			if (at->watched.due && !watch_is_over(at) &&
			    (round == 1 || at->id > last_id))
				watch_ask(watch, at);
		}
}

/* Each second: the kernel's figures, and who is to be looked into. */
static void watch_round(struct watch *watch, uint64_t now_ns)
{
	struct process *at = registry_first(watch->registry);
	bool all = watch->rounds++ % STILL_ROUNDS == 0;

	for (; at; at = at->next)
		if (!watch_is_over(at))
			watch_one(at, now_ns, all);
}

static int watch_by_pid(const void *left, const void *right)
{
	const struct seen *a = left, *b = right;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

/* Would it speak to this daemon, by the rule that programs follow? A child that
 * lost its environment or its user does what its parent does. */
static bool watch_is_ours(struct watch *watch, pid_t pid, uid_t uid)
{
	char named[PATH_MAX], runtime[PATH_MAX], path[PATH_SOCKET_MAX];
	struct procfs_stat stat;
	struct process *parent;

	if (procfs_is_called(pid, LOOK_NAME)) /* this helper, or another's */
		return false;
	if (!procfs_environment(pid, "HAKMEM_SOCKET", named, sizeof(named)))
		named[0] = '\0';
	if (!procfs_environment(pid, "XDG_RUNTIME_DIR", runtime,
				sizeof(runtime)))
		runtime[0] = '\0';
	if (path_socket(named, runtime, uid, path) == 0 &&
	    strcmp(path, watch->settings.socket) == 0)
		return true;
	parent = !named[0] && procfs_stat(pid, &stat)
			 ? registry_find(watch->registry, 0, stat.parent)
			 : NULL;
	return parent && !watch_is_over(parent);
}

/* Asks a process of the machine whether it is a program of ours. */
static bool watch_meet(struct watch *watch, pid_t pid)
{
	struct process *process;
	uint64_t base = 0;
	char path[32];
	struct stat info;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (stat(path, &info) != 0 ||
	    (geteuid() != 0 && info.st_uid != geteuid()) ||
	    maps_find(pid, NULL, &base) != LOOK_DONE ||
	    !watch_is_ours(watch, pid, info.st_uid))
		return false;
	process = registry_find_out(watch->registry, pid, info.st_uid);
	if (process && !process->session && process->watched.base == 0 &&
	    process->watched.again_ns == 0)
		process->watched =
			(struct watched){.due = true, .awaited = true};
	return process != NULL;
}

/* The processes of the machine; those that are new or young are asked, now and
 * then all. */
static void watch_find(struct watch *watch)
{
	bool all = watch->finds++ % ALL_ROUNDS == 0;
	struct seen *now = calloc(PIDS_MAX, sizeof(*now));
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t count = 0;

	while (now && proc && count < PIDS_MAX && (entry = readdir(proc))) {
		struct seen one = {.pid = atoi(entry->d_name)};
		const struct seen *known;

		if (one.pid <= 0)
			continue;
		known = watch->count ? bsearch(&one, watch->seen, watch->count,
					       sizeof(one), watch_by_pid)
				     : NULL;
		one.rounds = known ? known->rounds + 1 : 0;
		one.ours = known && known->ours;
		if (!one.ours && (all || one.rounds < YOUNG))
			one.ours = watch_meet(watch, one.pid);
		now[count++] = one;
	}
	if (proc)
		closedir(proc);
	free(watch->seen);
	watch->seen = now;
	watch->count = now ? count : 0;
	if (now)
		qsort(now, count, sizeof(*now), watch_by_pid);
}

uint64_t watch_tick(struct watch *watch, uint64_t now_ns)
{
	uint64_t next_ns = look_tick(watch->look, now_ns);

	if (now_ns >= watch->find_ns) {
		watch->find_ns = now_ns + FIND_NS;
		watch_find(watch);
	}
	if (now_ns >= watch->round_ns) {
		watch->round_ns = now_ns + ROUND_NS;
		watch_round(watch, now_ns);
	}
	watch_ask_next(watch);
	if (watch->find_ns < next_ns)
		next_ns = watch->find_ns;
	return watch->round_ns < next_ns ? watch->round_ns : next_ns;
}

void watch_refresh(struct watch *watch, struct process *process,
		   uint64_t until_ns)
{
	uint64_t cpu_ns, now_ns = clock_ns();

	if (watch_is_over(process) || now_ns < process->watched.again_ns ||
	    !procfs_cpu_ns(process->pid, &cpu_ns) ||
	    watch_stands_still(process, now_ns, cpu_ns))
		return;
	watch->waiting = true;
	look_wait(watch->look, until_ns); /* for that of another process */
	if (!look_busy(watch->look) && watch_ask(watch, process))
		look_wait(watch->look, until_ns);
	watch->waiting = false;
}
