/*
 * What /proc and the cgroup file system say about a process. Plain reads of
 * small files; never blocks for long. Main thread only.
 */
#ifndef HAKMEMD_PROCFS_H
#define HAKMEMD_PROCFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct procfs_stat {
	char state; /* as in ps: R, S, Z ... */
	pid_t parent;
	uint64_t start_ticks;
	int exit_status; /* as of wait(2); of a zombie, if we may know it */
};

/* Reads /proc/PID/stat; false when there is no such process. */
bool procfs_stat(pid_t pid, struct procfs_stat *out);

/* CLOCK_MONOTONIC at the moment `start_ticks` names; 0 when it is 0. */
uint64_t procfs_start_ns(uint64_t start_ticks);

#define PROCFS_EVENTS_MAX 512

/* Where out-of-memory kills of a process are counted, and how many there were.
 */
struct procfs_oom {
	char events[PROCFS_EVENTS_MAX]; /* of its cgroup; "" = unknown */
	uint64_t group_kills;		/* in that file when last looked */
	uint64_t machine_kills;		/* in /proc/vmstat, ditto */
};

/* Finds the cgroup of a living process and takes the first look. */
void procfs_oom_begin(struct procfs_oom *oom, pid_t pid);

/* Looks again; true when there was a kill since the last look. */
bool procfs_oom_rose(struct procfs_oom *oom);

#endif
