#include "hakmem-top/base/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hakmem-top/base/signals.h"

#define DAEMON_PATIENCE_MS 5000
#define IDLE_EXIT_SECONDS  "10" /* should we be killed, it ends by itself */

/* The directory of this program, with the slash. */
static bool run_own_directory(char out[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", out, PATH_MAX - 1);
	char *slash;

	if (length <= 0)
		return false;
	out[length] = '\0';
	slash = strrchr(out, '/');
	slash[1] = '\0';
	return true;
}

static bool run_beside(char out[PATH_MAX], const char *name, int mode)
{
	char directory[PATH_MAX];

	if (!run_own_directory(directory) ||
	    snprintf(out, PATH_MAX, "%s%s", directory, name) >= PATH_MAX)
		return false;
	return access(out, mode) == 0;
}

bool run_find_library(struct run *run, char *why, size_t size)
{
	const char *given = getenv("HAKMEM_LIB");

	if (given && *given) {
		if (!realpath(given, run->library)) {
			snprintf(why, size, "HAKMEM_LIB=%.200s: %s", given,
				 strerror(errno));
			return false;
		}
	} else if (!run_beside(run->library, "libhakmem.so", R_OK) &&
		   !run_beside(run->library, "../lib/hakmem/libhakmem.so",
			       R_OK)) {
		snprintf(why, size,
			 "no libhakmem.so beside hakmem-top or in "
			 "../lib/hakmem: set HAKMEM_LIB to its path");
		return false;
	}
	if (!strpbrk(run->library, " :\t\n"))
		return true;
	snprintf(why, size,
		 "%.200s: LD_PRELOAD cannot name a path with a blank or colon: "
		 "set HAKMEM_LIB to a copy elsewhere",
		 run->library);
	return false;
}

static bool run_listening(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool done;

	if (fd < 0)
		return false;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	done = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
	       errno == EAGAIN;
	close(fd);
	return done;
}

/* A new directory for the private daemon, on a path short enough. */
static bool run_make_directory(struct run *run)
{
	const char *bases[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"),
			       "/tmp"};

	for (size_t i = 0; i < 3; i++) {
		if (!bases[i] || bases[i][0] != '/' || strlen(bases[i]) > 60)
			continue;
		snprintf(run->directory, sizeof(run->directory),
			 "%s/hakmem-top-XXXXXX", bases[i]);
		if (mkdtemp(run->directory)) {
			snprintf(run->socket, sizeof(run->socket), "%.90s/sock",
				 run->directory);
			return true;
		}
	}
	run->directory[0] = '\0';
	return false;
}

static _Noreturn void run_exec_daemon(const struct run *run,
				      const char *program)
{
	char log[PATH_MAX + 8];
	int fd;

	signals_restore();
	setsid(); /* a Ctrl-C of the terminal is not for the daemon */
	snprintf(log, sizeof(log), "%s/log", run->directory);
	fd = open(log, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		dup2(fd, STDIN_FILENO);
	execlp(program, "hakmemd", "--foreground", "--socket", run->socket,
	       "--idle-exit", IDLE_EXIT_SECONDS, (char *)NULL);
	dprintf(STDERR_FILENO,
		"no hakmemd to run: %s; it should be beside hakmem-top or in "
		"PATH\n",
		strerror(errno));
	_exit(127);
}

/* The last line the daemon logged, for our own message. */
static void run_last_words(const struct run *run, char *out, size_t size)
{
	char path[PATH_MAX + 8], line[256];
	FILE *log;

	snprintf(path, sizeof(path), "%s/log", run->directory);
	log = fopen(path, "re");
	while (log && fgets(line, sizeof(line), log)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line)
			snprintf(out, size, ": %s", line);
	}
	if (log)
		fclose(log);
}

static bool run_wait_for_daemon(struct run *run, char *why, size_t size)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	char words[300] = "";

	for (int ms = 0; ms < DAEMON_PATIENCE_MS; ms += 10) {
		if (run_listening(run->socket))
			return true;
		if (waitpid(run->daemon, NULL, WNOHANG) == run->daemon) {
			run->daemon = 0;
			run_last_words(run, words, sizeof(words));
			snprintf(why, size, "the private hakmemd ended%s",
				 words);
			return false;
		}
		nanosleep(&pause, NULL);
	}
	snprintf(why, size, "the private hakmemd does not answer after 5 s");
	return false;
}

bool run_find_daemon(struct run *run, const char *socket, char *why,
		     size_t size)
{
	char program[PATH_MAX];

	snprintf(run->socket, sizeof(run->socket), "%s", socket);
	if (run_listening(socket))
		return true;
	if (!run_beside(program, "hakmemd", X_OK))
		snprintf(program, sizeof(program), "hakmemd");
	if (!run_make_directory(run)) {
		snprintf(why, size, "cannot make a directory for hakmemd: %s",
			 strerror(errno));
		return false;
	}
	run->daemon = fork();
	if (run->daemon == 0)
		run_exec_daemon(run, program);
	if (run->daemon < 0) {
		run->daemon = 0;
		snprintf(why, size, "cannot start hakmemd: %s",
			 strerror(errno));
		return false;
	}
	return run_wait_for_daemon(run, why, size);
}

/* The file for the command's output: the one asked for, or a new one. */
static int run_open_output(struct run *run, const char *output)
{
	const char *base = strrchr(run->name, '/');
	const char *tmp = getenv("TMPDIR");

	if (output) {
		snprintf(run->output, sizeof(run->output), "%s", output);
		return open(output,
			    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND,
			    0666);
	}
	snprintf(run->output, sizeof(run->output), "%s/hakmem-%.40s-XXXXXX.out",
		 tmp && *tmp == '/' ? tmp : "/tmp",
		 base ? base + 1 : run->name);
	return mkostemps(run->output, 4, O_CLOEXEC | O_APPEND);
}

static bool run_set_environment(const struct run *run)
{
	const char *old = getenv("LD_PRELOAD");
	char *joined = NULL;

	if (old && *old) {
		if (asprintf(&joined, "%s:%s", old, run->library) < 0)
			return false;
	} else {
		joined = strdup(run->library);
	}
	return joined && setenv("LD_PRELOAD", joined, 1) == 0 &&
	       setenv("HAKMEM_SOCKET", run->socket, 1) == 0;
}

/* In the child: never returns; the errno of a failed exec goes up `report`. */
static _Noreturn void run_exec_command(const struct run *run, char **argv,
				       int fd, int report)
{
	int error;

	signals_restore();
	if (fd >= 0) {
		setpgid(0, 0);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		if (isatty(STDIN_FILENO)) {
			int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

			if (null >= 0)
				dup2(null, STDIN_FILENO);
		}
	}
	if (run_set_environment(run))
		execvp(argv[0], argv);
	error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

static int run_start_failed(struct run *run, int error, int *exit_status,
			    char *why, size_t size)
{
	if (run->command > 0)
		waitpid(run->command, NULL, 0);
	if (run->output[0] && !run->output_named)
		unlink(run->output);
	run->command = 0;
	*exit_status = error == ENOENT ? 127 : 126;
	snprintf(why, size, "cannot run '%.200s': %s", run->name,
		 strerror(error));
	return -1;
}

int run_command(struct run *run, char **argv, bool capture, const char *output,
		int *exit_status, char *why, size_t size)
{
	int report[2], fd = -1, error = 0;

	run->name = argv[0];
	run->output_named = output != NULL;
	*exit_status = 1;
	if (capture && (fd = run_open_output(run, output)) < 0) {
		snprintf(why, size, "cannot write %.200s: %s", run->output,
			 strerror(errno));
		return -1;
	}
	if (pipe2(report, O_CLOEXEC) != 0) {
		snprintf(why, size, "cannot make a pipe: %s", strerror(errno));
		return -1;
	}
	run->own_group = capture;
	run->command = fork();
	if (run->command == 0)
		run_exec_command(run, argv, fd, report[1]);
	if (run->command < 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	close(report[1]);
	if (capture && run->command > 0)
		setpgid(run->command, run->command);
	/* End of file means that exec closed the pipe: the command runs. */
	if (read(report[0], &error, sizeof(error)) < 0)
		error = errno;
	close(report[0]);
	return error ? run_start_failed(run, error, exit_status, why, size) : 0;
}

bool run_reap(struct run *run)
{
	if (run->daemon > 0 &&
	    waitpid(run->daemon, NULL, WNOHANG) == run->daemon)
		run->daemon = 0;
	if (!run->ended && run->command > 0 &&
	    waitpid(run->command, &run->status, WNOHANG) == run->command)
		run->ended = true;
	return run->ended;
}

void run_signal(const struct run *run, int signal)
{
	if (run->command > 0 && !run->ended)
		kill(run->own_group ? -run->command : run->command, signal);
}

int run_exit_status(const struct run *run)
{
	if (WIFSIGNALED(run->status))
		return 128 + WTERMSIG(run->status);
	return WEXITSTATUS(run->status);
}

/* Nothing but what the daemon left lies there: it is our own new directory. */
static void run_remove_directory(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;

	while (directory && (entry = readdir(directory)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory)
		closedir(directory);
	rmdir(path);
}

void run_finish(struct run *run)
{
	const struct timespec pause = {.tv_nsec = 10000000};

	if (run->daemon > 0)
		kill(run->daemon, SIGTERM);
	for (int ms = 0; run->daemon > 0 && ms < 2000; ms += 10) {
		if (waitpid(run->daemon, NULL, WNOHANG) == run->daemon)
			run->daemon = 0;
		else
			nanosleep(&pause, NULL);
	}
	if (run->daemon > 0) {
		kill(run->daemon, SIGKILL);
		waitpid(run->daemon, NULL, 0);
		run->daemon = 0;
	}
	if (run->directory[0])
		run_remove_directory(run->directory);
	run->directory[0] = '\0';
}
