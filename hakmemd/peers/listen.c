#include "hakmemd/peers/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG	      1024
#define LOCK_ATTEMPTS 8

static void listen_directory_of(const char *path, char out[PATH_SOCKET_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;

	memcpy(out, path, length);
	out[length] = '\0';
	if (!slash)
		memcpy(out, ".", 2);
	else if (length == 0)
		memcpy(out, "/", 2);
}

static const char *listen_name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * Makes the directory of a derived path. Root's may be entered by others:
 * programs that gave up root still connect, and are known by their
 * credentials.
 */
static bool listen_make_directory(const char *directory, char *why, size_t size)
{
	bool shared = geteuid() == 0 && strcmp(directory, "/run/hakmem") == 0;
	mode_t mask = umask(0);
	int made = mkdir(directory, shared ? 0755 : 0700);

	umask(mask);
	if (made == 0 || errno == EEXIST)
		return true;
	snprintf(why, size, "cannot make the directory %s: %s", directory,
		 strerror(errno));
	return false;
}

static bool listen_open_directory(struct listen *listen, bool derived,
				  char *why, size_t size)
{
	char directory[PATH_SOCKET_MAX];

	listen_directory_of(listen->path, directory);
	if (derived && !listen_make_directory(directory, why, size))
		return false;
	if (!path_trusted(listen->path, geteuid())) {
		if (errno == EPERM)
			snprintf(why, size,
				 "the directory %s is not to be trusted: it "
				 "must be yours or root's, and writable by "
				 "nobody else",
				 directory);
		else
			snprintf(why, size,
				 "the directory %s cannot be used: %s",
				 directory, strerror(errno));
		return false;
	}
	listen->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (listen->directory < 0)
		snprintf(why, size, "cannot open the directory %s: %s",
			 directory, strerror(errno));
	return listen->directory >= 0;
}

static bool listen_say_taken(const struct listen *listen, char *why,
			     size_t size)
{
	char text[24] = "";
	ssize_t got = pread(listen->lock, text, sizeof(text) - 1, 0);
	long pid = got > 0 ? strtol(text, NULL, 10) : 0;

	if (pid > 0)
		snprintf(why, size, "another hakmemd (pid %ld) serves %s", pid,
			 listen->path);
	else
		snprintf(why, size, "another hakmemd serves %s", listen->path);
	return false;
}

/* True when the locked file still has the name; the last owner removes it. */
static bool listen_lock_is_named(const struct listen *listen)
{
	struct stat held, named;

	return fstat(listen->lock, &held) == 0 &&
	       fstatat(listen->directory, listen_name_of(listen->lock_path),
		       &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static bool listen_open_lock(struct listen *listen, char *why, size_t size)
{
	struct stat info;

	listen->lock = openat(
		listen->directory, listen_name_of(listen->lock_path),
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (listen->lock < 0) {
		snprintf(why, size, "cannot open the lock %s: %s",
			 listen->lock_path, strerror(errno));
		return false;
	}
	if (fstat(listen->lock, &info) == 0 && S_ISREG(info.st_mode) &&
	    info.st_uid == geteuid() && info.st_nlink <= 1)
		return true;
	snprintf(why, size,
		 "the lock %s is not a file of yours; remove it or choose "
		 "another path",
		 listen->lock_path);
	return false;
}

/* The pid is a courtesy to whoever comes second; the lock itself holds. */
static void listen_write_pid(int lock)
{
	char text[24];

	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(lock, 0) != 0 || pwrite(lock, text, strlen(text), 0) < 0)
		errno = 0;
}

static bool listen_take_lock(struct listen *listen, char *why, size_t size)
{
	for (int i = 0; i < LOCK_ATTEMPTS; i++) {
		if (!listen_open_lock(listen, why, size))
			return false;
		if (flock(listen->lock, LOCK_EX | LOCK_NB) != 0)
			return listen_say_taken(listen, why, size);
		if (listen_lock_is_named(listen)) {
			listen->locked = true;
			listen_write_pid(listen->lock);
			return true;
		}
		/* Its owner removed it between our open and our lock. */
		close(listen->lock);
		listen->lock = -1;
	}
	snprintf(why, size, "the lock %s changes all the time",
		 listen->lock_path);
	return false;
}

static bool listen_is_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool served;

	if (fd < 0)
		return true;
	served = connect(fd, (const struct sockaddr *)address,
			 sizeof(*address)) == 0 ||
		 errno == EAGAIN;
	close(fd);
	return served;
}

/* We hold the lock: what stands at the path is a dead daemon's, or a trap. */
static bool listen_remove_stale(struct listen *listen,
				const struct sockaddr_un *address, char *why,
				size_t size)
{
	const char *name = listen_name_of(listen->path);
	struct stat info;

	if (fstatat(listen->directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT)
			return true;
		snprintf(why, size, "cannot look at %s: %s", listen->path,
			 strerror(errno));
	} else if (!S_ISSOCK(info.st_mode)) {
		snprintf(why, size,
			 "%s is not a socket; remove it or choose another path",
			 listen->path);
	} else if (info.st_uid != geteuid()) {
		snprintf(why, size,
			 "%s belongs to user %u; choose another path",
			 listen->path, (unsigned)info.st_uid);
	} else if (listen_is_served(address)) {
		snprintf(why, size, "another hakmemd serves %s", listen->path);
	} else if (unlinkat(listen->directory, name, 0) != 0 &&
		   errno != ENOENT) {
		snprintf(why, size, "cannot remove the stale socket %s: %s",
			 listen->path, strerror(errno));
	} else {
		return true;
	}
	return false;
}

/* Apart, where no variable hides the function's name. */
static int listen_start(int fd)
{
	return listen(fd, BACKLOG);
}

/* Anyone who reaches the path may connect: credentials decide what he may. */
static bool listen_bind_socket(struct listen *listen, char *why, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat info;
	mode_t mask;
	bool bound;

	strcpy(address.sun_path, listen->path);
	if (!listen_remove_stale(listen, &address, why, size))
		return false;
	listen->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0111);
	bound = listen->fd >= 0 && bind(listen->fd, (struct sockaddr *)&address,
					sizeof(address)) == 0;
	umask(mask);
	if (bound && fstatat(listen->directory, listen_name_of(listen->path),
			     &info, AT_SYMLINK_NOFOLLOW) == 0) {
		listen->device = info.st_dev;
		listen->inode = info.st_ino;
		if (listen_start(listen->fd) == 0)
			return true;
	}
	snprintf(why, size, "cannot listen at %s: %s", listen->path,
		 strerror(errno));
	return false;
}

bool listen_open(struct listen *listen, const char *path, bool derived,
		 char *why, size_t size)
{
	memset(listen, 0, sizeof(*listen));
	listen->fd = listen->lock = listen->directory = -1;
	if (*listen_name_of(path) == '\0') {
		snprintf(why, size, "'%s' is no path for a socket", path);
		return false;
	}
	if (strlen(path) >= sizeof(listen->path)) {
		snprintf(why, size,
			 "the socket path is %zu bytes long, the system takes "
			 "%d: choose a shorter one",
			 strlen(path), PATH_SOCKET_MAX - 1);
		return false;
	}
	strcpy(listen->path, path);
	snprintf(listen->lock_path, sizeof(listen->lock_path), "%s.lock", path);
	if (listen_open_directory(listen, derived, why, size) &&
	    listen_take_lock(listen, why, size) &&
	    listen_bind_socket(listen, why, size))
		return true;
	listen_close(listen);
	return false;
}

static void listen_close_if_open(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void listen_close(struct listen *listen)
{
	struct stat info;

	if (listen->inode &&
	    fstatat(listen->directory, listen_name_of(listen->path), &info,
		    AT_SYMLINK_NOFOLLOW) == 0 &&
	    info.st_dev == listen->device && info.st_ino == listen->inode)
		unlinkat(listen->directory, listen_name_of(listen->path), 0);
	/* While the lock is held nobody else's can have this name. */
	if (listen->locked && listen_lock_is_named(listen))
		unlinkat(listen->directory, listen_name_of(listen->lock_path),
			 0);
	listen->locked = false;
	listen->inode = 0;
	listen_close_if_open(&listen->fd);
	listen_close_if_open(&listen->lock);
	listen_close_if_open(&listen->directory);
}
