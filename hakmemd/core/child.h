/*
 * A helper process for work on files that other users made: it has one socket
 * to the daemon, the rights of that user and a bound on its memory, and ends
 * with the daemon. What is still to be reaped is the process's, as children
 * are. Main thread only.
 */
#ifndef HAKMEMD_CHILD_H
#define HAKMEMD_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
	pid_t pid;   /* 0 = none */
	int channel; /* our end of a pair of packet sockets, non-blocking */
};

#define CHILD_NO_GROUP 65534u

struct child_limits {
	const char *name;	/* of the process, at most 15 bytes */
	int nice_by;		/* below us */
	uint64_t data_bytes;	/* it may allocate, beyond what we have */
	uint64_t address_bytes; /* ditto, mapped files included */
	uint64_t file_bytes;	/* it may write into one file */
	uid_t uid;		/* whom it becomes, if we are root, */
	gid_t gid;		/* with this as his only group */
};

/*
 * Forks a child that has no descriptor but 0, 1, 2 and its end of the socket,
 * default signals and `limits`; it calls `run`, which must not return. False
 * with errno.
 */
bool child_start(struct child *child, const struct child_limits *limits,
		 void (*run)(int channel, void *argument), void *argument);

/*
 * Kills the child if it still runs. Its status as of wait(2), or -1 when that
 * takes the kernel longer than some milliseconds: child_reap gets it later.
 */
int child_end(struct child *child);

/* What this process has: bytes mapped, and of these bytes of data. */
bool child_measure(uint64_t *address_bytes, uint64_t *data_bytes);

/* Collects children that took longer; returns how many are left. */
unsigned child_reap(void);

#endif
