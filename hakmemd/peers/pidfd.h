/*
 * A handle on a process that no reuse of its number can turn into another:
 * readable when the process has ended, hung up when it has been reaped.
 * Main thread only.
 */
#ifndef HAKMEMD_PIDFD_H
#define HAKMEMD_PIDFD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The process that made the connection `socket`, which is `pid` by its
 * credentials; -1 with errno when the kernel cannot tell or it is gone.
 */
int pidfd_of_peer(int socket, pid_t pid);

/*
 * A number that no other process of this boot has or had, also once it was
 * reaped; 0 on kernels before 6.9.
 */
uint64_t pidfd_unique(int pidfd);

/* True while the process has not ended. */
bool pidfd_alive(int pidfd);

/*
 * How a process that was reaped ended, as of wait(2). False on kernels before
 * 6.15, which tell only the parent.
 */
bool pidfd_exit_status(int pidfd, int *status);

#endif
