/*
 * What /proc and the cgroup file system say about a process. Plain reads of
 * small files; never blocks for long. Main thread only.
 */
#ifndef HAKMEMD_PROCFS_H
#define HAKMEMD_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
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

/* Resident bytes; false when there is no such process. */
bool procfs_rss(pid_t pid, uint64_t *bytes);

/* CPU time of all its threads so far, ns: while it stays the same nothing in
 * the process ran. False when there is none such. */
bool procfs_cpu_ns(pid_t pid, uint64_t *ns);

/* CLOCK_MONOTONIC at the moment `start_ticks` names; 0 when it is 0. */
uint64_t procfs_start_ns(uint64_t start_ticks);

/* True when all ids of the process are ours, so the kernel tells us all. */
bool procfs_is_ours(pid_t pid);

/*
 * The command line, arguments joined by blanks, as a string of at most room - 1
 * bytes; "" when there is none.
 */
void procfs_command(pid_t pid, char *out, size_t room);

/* True if /proc/PID/comm is `name`. */
bool procfs_is_called(pid_t pid, const char *name);

/* What /proc/PID/exe is, likewise. */
void procfs_executable(pid_t pid, char *out, size_t room);

/* A variable of the environment that its program began with; false when it is
 * not there, or not to be read. */
bool procfs_environment(pid_t pid, const char *name, char *out, size_t room);

#define PROCFS_EVENTS_MAX 512

/*
 * Names the file that counts the out-of-memory kills in the cgroup of a living
 * process; "" when there is none that we may read.
 */
void procfs_oom_events(pid_t pid, char events[PROCFS_EVENTS_MAX]);

/*
 * Out-of-memory kills counted by that file, or on the whole machine if it is
 * NULL. False when the file cannot be read (any more).
 */
bool procfs_oom_kills(const char *events, uint64_t *kills);

#endif
