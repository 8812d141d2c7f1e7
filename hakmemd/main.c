#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hakmemd/core/clock.h"
#include "hakmemd/core/log.h"
#include "hakmemd/options.h"
#include "hakmemd/server.h"
#include "proto/path.h"

#define WHY_BYTES      512
#define LOG_FILE_BYTES (1u << 20)

/*
 * The parent's part of --daemon: waits for the child's word. Nothing: it came
 * up; else the line says why not. Returns the exit status.
 */
static int main_wait_for_child(int pipe_end)
{
	char why[WHY_BYTES];
	size_t used = 0;
	ssize_t got;

	while (used < sizeof(why) - 1 &&
	       ((got = read(pipe_end, why + used, sizeof(why) - 1 - used)) >
			0 ||
		(got < 0 && errno == EINTR)))
		used += got > 0 ? (size_t)got : 0;
	why[used] = '\0';
	/* The child says '+' when it listens: silence means that it died. */
	if (used == 1 && why[0] == '+')
		return 0;
	log_line("%s", used ? why : "ended before it could listen");
	return 1;
}

/* In the parent never returns; in the child gives the pipe to report to. */
static int main_detach(void)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0 || (child = fork()) < 0) {
		log_line("cannot detach: %s", strerror(errno));
		exit(1);
	}
	if (child > 0) {
		close(ends[1]);
		exit(main_wait_for_child(ends[0]));
	}
	close(ends[0]);
	setsid();
	signal(SIGHUP, SIG_IGN);
	return ends[1];
}

/* stdin, stdout: nothing; stderr: the log beside the socket. */
static void main_redirect(const char *socket)
{
	char path[PATH_SOCKET_MAX + 8];
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct stat info;
	int file;

	snprintf(path, sizeof(path), "%s.log", socket);
	file = open(path,
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW |
			    O_NONBLOCK,
		    0600);
	if (file >= 0 && (fstat(file, &info) != 0 || !S_ISREG(info.st_mode) ||
			  info.st_uid != geteuid() || info.st_nlink != 1)) {
		close(file);
		file = -1;
	}
	if (file >= 0 && ftruncate(file, 0) != 0)
		errno = 0;
	if (nothing < 0)
		return;
	dup2(nothing, STDIN_FILENO);
	dup2(nothing, STDOUT_FILENO);
	dup2(file >= 0 ? file : nothing, STDERR_FILENO);
	log_limit(LOG_FILE_BYTES);
	/* No file system is kept busy; a relative path needs where it began. */
	if (*socket == '/' && chdir("/") != 0)
		errno = 0;
}

static void main_tell_parent(int pipe_end, const char *text)
{
	if (write(pipe_end, text, strlen(text)) < 0)
		errno = 0;
	close(pipe_end);
}

static int main_serve(const struct options *options,
		      const struct server_settings *settings)
{
	char why[WHY_BYTES];
	int pipe_end = options->detach ? main_detach() : -1;
	struct server *server = server_open(settings, why, sizeof(why));
	int status;

	if (!server) {
		if (pipe_end >= 0)
			main_tell_parent(pipe_end, why);
		else
			log_line("%s", why);
		return 1;
	}
	if (pipe_end >= 0) {
		main_redirect(settings->socket);
		main_tell_parent(pipe_end, "+");
	}
	log_line("serving %s", settings->socket);
	status = server_run(server);
	server_close(server);
	return status;
}

/* Descriptors 0, 1, 2 must not become sockets. */
static void main_open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int count, char **words)
{
	char path[PATH_SOCKET_MAX];
	struct options options;
	struct server_settings settings = {.socket = path};
	const char *socket = getenv("HAKMEM_SOCKET");

	main_open_standard();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (!options_parse(&options, count, words))
		return 2;
	if (options.help || options.version) {
		if (options.help)
			options_help();
		else
			printf("hakmemd %s\n", HAKMEM_VERSION);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	settings.socket = options.socket;
	if (!settings.socket && socket && *socket)
		settings.socket = socket;
	if (!settings.socket) {
		if (path_socket(NULL, getenv("XDG_RUNTIME_DIR"), geteuid(),
				path) != 0) {
			log_line("$XDG_RUNTIME_DIR is too long for a socket "
				 "path; use --socket");
			return 1;
		}
		settings.socket = path;
		settings.derived = true;
	}
	settings.detached = options.detach;
	settings.debuginfod = options.debuginfod;
	settings.idle_ns = options.idle_seconds * CLOCK_SECOND;
	settings.retain_ns = options.retain_seconds * CLOCK_SECOND;
	return main_serve(&options, &settings);
}
