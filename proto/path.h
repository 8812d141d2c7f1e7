/*
 * Where the socket is: the rule that programs, daemon and viewers share.
 *
 *   $HAKMEM_SOCKET                  if set and not empty
 *   $XDG_RUNTIME_DIR/hakmem/sock    else, if that variable is set
 *   /run/hakmem/sock                else, for root
 *   /tmp/hakmem-UID/sock            else
 *
 * No malloc, no stdio, no globals; errno is set on failure. Any thread.
 */
#ifndef PROTO_PATH_H
#define PROTO_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PATH_SOCKET_MAX 108 /* sizeof(sockaddr_un.sun_path), with the NUL */

/*
 * Writes the socket path to `out`. The two strings are the values of the
 * variables above or NULL; `uid` is the effective user. 0, or -1 with
 * ENAMETOOLONG when the path does not fit.
 */
int path_socket(const char *hakmem_socket, const char *xdg_runtime_dir,
		uid_t uid, char out[PATH_SOCKET_MAX]);

/*
 * True when the directory that holds `socket_path` may be trusted by `uid`: a
 * real directory (no symbolic link) owned by `uid` or root that neither group
 * nor others may write to, unless it is sticky. Else false with errno: ENOENT,
 * ENOTDIR, EPERM, or what lstat said.
 */
bool path_trusted(const char *socket_path, uid_t uid);

#endif
