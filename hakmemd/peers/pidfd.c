#include "hakmemd/peers/pidfd.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5; newer than the headers of Debian 12 */
#endif

/* include/uapi/linux/pidfd.h of Linux 6.15. */
struct info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
_Static_assert(sizeof(struct info) == 64, "the first version's size");
#define GET_INFO  _IOWR(0xFF, 11, struct info)
#define INFO_EXIT (1u << 3)
#define PIDFS	  0x50494446 /* its own file system since Linux 6.9 */

int pidfd_of_peer(int socket, pid_t pid)
{
	socklen_t length = sizeof(int);
	int pidfd = -1;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) == 0)
		return pidfd;
	/* Only a kernel that does not know the question may be asked by number:
	 * one that knows, and says no, means that the number may be another's.
	 */
	if (errno != ENOPROTOOPT || pid <= 0)
		return -1;
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

uint64_t pidfd_unique(int pidfd)
{
	struct statfs system;
	struct stat info;

	if (pidfd < 0 || fstatfs(pidfd, &system) != 0 ||
	    system.f_type != PIDFS || fstat(pidfd, &info) != 0)
		return 0;
	return info.st_ino;
}

bool pidfd_alive(int pidfd)
{
	struct pollfd poller = {.fd = pidfd, .events = POLLIN};

	return poll(&poller, 1, 0) == 0;
}

bool pidfd_exit_status(int pidfd, int *status)
{
	struct info info = {.mask = INFO_EXIT};

	if (ioctl(pidfd, GET_INFO, &info) != 0 || !(info.mask & INFO_EXIT))
		return false;
	*status = info.exit_code;
	return true;
}
