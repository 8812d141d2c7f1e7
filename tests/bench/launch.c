/*
 * launch COUNT PRELOAD PROGRAM ARGS...: runs the program COUNT times, one after
 * the other, under PRELOAD ("" for none), its output thrown away, and prints
 * the bench's line: an operation is one run. This program is small, so
 * that the children's peak RSS is theirs: Linux starts the figure at the size
 * of whoever called exec. LD_PRELOAD is in the environment of the child only.
 * `lib` is the first malloc library the child has mapped, found by one run of
 * /bin/cat /proc/self/maps under the same environment.
 */
#include "tests/bench/bench.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char preload[4096];
static char *const *program_env;

extern char **environ;

/* The environment without LD_PRELOAD, plus ours. */
static void prepare_env(const char *path)
{
	static char *env[4096];
	size_t n = 0;

	for (char **e = environ; *e && n < 4000; e++)
		if (strncmp(*e, "LD_PRELOAD=", 11) != 0)
			env[n++] = *e;
	if (*path) {
		snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", path);
		env[n++] = preload;
	}
	program_env = env;
}

/* Runs argv with `out` as its standard output; fails on any status but 0. */
static void run(char *const *argv, int out)
{
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		dup2(out, 1);
		execvpe(argv[0], argv, program_env);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		bench_die("cannot run %s", argv[0]);
	if (status != 0)
		bench_die("%s ended with status 0x%x", argv[0],
			  (unsigned)status);
}

/* True when a child under the same environment has `path` mapped. */
static bool loaded(const char *path)
{
	static char text[1 << 16];
	char *const argv[] = {"/bin/cat", "/proc/self/maps", NULL};
	size_t have = 0;
	ssize_t n;
	int fd = memfd_create("maps", MFD_CLOEXEC);

	run(argv, fd);
	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += (size_t)n;
	close(fd);
	text[have] = 0;
	return strstr(text, path) != NULL;
}

int main(int argc, char **argv)
{
	size_t count =
		bench_arg(argc, argv, 1, "COUNT PRELOAD PROGRAM ARGS...");
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const char *path = argc > 2 ? argv[2] : "";
	const char *lib = strrchr(path, '/');
	uint64_t wall, cpu;
	struct rusage before, after;
	bool took;

	if (argc < 4)
		bench_die("usage: %s COUNT PRELOAD PROGRAM ARGS...", argv[0]);
	prepare_env(path);
	took = *path && loaded(lib ? lib : path);
	getrusage(RUSAGE_CHILDREN, &before);
	wall = bench_wall_ns();
	for (size_t i = 0; i < count; i++)
		run(argv + 3, null);
	wall = bench_wall_ns() - wall;
	getrusage(RUSAGE_CHILDREN, &after);
	cpu = (uint64_t)(after.ru_utime.tv_sec - before.ru_utime.tv_sec +
			 after.ru_stime.tv_sec - before.ru_stime.tv_sec) *
	      1000000u;
	cpu += (uint64_t)(after.ru_utime.tv_usec - before.ru_utime.tv_usec +
			  after.ru_stime.tv_usec - before.ru_stime.tv_usec);
	printf("lib=%s ns_per_op=%.0f cpu_ns_per_op=%.0f ops=%zu "
	       "peak_rss_kb=%ld\n",
	       !*path ? bench_lib()
	       : took ? lib + 1
		      : "none",
	       (double)wall / (double)count, (double)cpu * 1000 / (double)count,
	       count, after.ru_maxrss);
	return 0;
}
