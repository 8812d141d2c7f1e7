/*
 * The daemon as a whole: accepts, tells programs from viewers, ends when asked
 * to. Main thread only.
 */
#ifndef HAKMEMD_SERVER_H
#define HAKMEMD_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;

struct server_settings {
	const char *socket;  /* path */
	bool derived;	     /* by the rule of proto/path.h */
	const char *library; /* struct look_settings */
	bool detached;	     /* the end of the terminal is not ours */
	bool debuginfod;     /* may go online for symbols */
	uint64_t idle_ns;    /* ends after so long without a peer; 0 = never */
	uint64_t retain_ns;  /* how long ended processes stay */
};

/* Listens; NULL with one line in `why`. */
struct server *server_open(const struct server_settings *settings, char *why,
			   size_t size);

/* Serves until SIGTERM, SIGINT or idleness; the exit status. */
int server_run(struct server *server);

/* Removes socket and lock, closes all connections. */
void server_close(struct server *server);

#endif
