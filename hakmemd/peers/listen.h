/*
 * The listening socket and its lock. The lock, not the socket, decides which
 * of two daemons serves a path: the socket of a dead one is removed. Main
 * thread only.
 */
#ifndef HAKMEMD_LISTEN_H
#define HAKMEMD_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "proto/path.h"

struct listen {
	int fd, lock, directory; /* -1 = not open */
	bool locked;
	char path[PATH_SOCKET_MAX];
	char lock_path[PATH_SOCKET_MAX + 8];
	dev_t device; /* of the socket's name: what we may remove */
	ino_t inode;
};

/*
 * Listens at `path`. `derived` says that the path follows from the rule of
 * proto/path.h: then its directory is made if it is missing. False with one
 * line in `why`.
 */
bool listen_open(struct listen *listen, const char *path, bool derived,
		 char *why, size_t size);

/* Removes socket and lock, if they are still ours, and closes all. */
void listen_close(struct listen *listen);

#endif
