/*
 * A command under the preload, and a daemon of its own when none runs.
 *
 * The private daemon's socket lives in a new 0700 directory; daemon and
 * directory are gone after run_finish. Main thread only.
 */
#ifndef HAKMEM_TOP_RUN_H
#define HAKMEM_TOP_RUN_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "proto/path.h"

struct run {
	char socket[PATH_SOCKET_MAX];
	char directory[PATH_MAX]; /* of the private daemon, "" = none */
	pid_t daemon;		  /* 0 = none of our own */
	char library[PATH_MAX];
	pid_t command;
	const char *name;      /* argv[0] of the command */
	char output[PATH_MAX]; /* "" when the command writes where we do */
	bool output_named;     /* by the user: never removed */
	bool own_group;	       /* the command has its own process group */
	bool ended;
	int status; /* of waitpid */
};

/*
 * Finds libhakmem.so: $HAKMEM_LIB, beside this program, ../lib/hakmem from it.
 * False with one line in `why`.
 */
bool run_find_library(struct run *run, char *why, size_t size);

/*
 * Uses the daemon that listens at `socket`, or starts a private one and sets
 * run->socket to its. False with one line in `why`.
 */
bool run_find_daemon(struct run *run, const char *socket, char *why,
		     size_t size);

/*
 * Starts the command. With `capture` its output goes to the file `output`
 * (NULL: a new one, named in run->output), a terminal on stdin becomes
 * /dev/null, and it gets a process group of its own. 0; -1 with one line in
 * `why` and the exit status that shells use in *exit_status (127 not found, 126
 * not runnable).
 */
int run_command(struct run *run, char **argv, bool capture, const char *output,
		int *exit_status, char *why, size_t size);

/* Takes note of children that ended; true once the command has. */
bool run_reap(struct run *run);

/* Sends a signal to the command, or to its group if it has its own. */
void run_signal(const struct run *run, int signal);

/* The exit status to pass on: the command's, 128 + N for signal N. */
int run_exit_status(const struct run *run);

/* Ends the private daemon and removes its directory; harmless otherwise. */
void run_finish(struct run *run);

#endif
