#include "hakmem-top/base/run.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/hakmem-top/feeder.h"
#include "tests/unit/hakmem-top/output.h"
#include "tests/unit/hakmem-top/terminal.h"

/* This program in other places and under other names; see main. */
#define AS_DAEMON  "hakmemd"
#define AS_LIBRARY "find-library"

static struct run run;
static char directory[64], why[512], path[PATH_MAX + 32], *text;
static int status;

static int setup(void **state)
{
	(void)state;
	run = (struct run){.daemon = 0};
	why[0] = '\0';
	strcpy(directory, "/tmp/hakmem-run-XXXXXX");
	unsetenv("HAKMEM_LIB");
	unsetenv("LD_PRELOAD");
	unsetenv("XDG_RUNTIME_DIR");
	return mkdtemp(directory) ? setenv("TMPDIR", directory, 1) : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	if (run.command > 0 && !run.ended) {
		run_signal(&run, SIGKILL);
		waitpid(run.command, NULL, 0);
	}
	run_finish(&run);
	return rmdir(directory); /* fails when something was left in it */
}

static const char *in_directory(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

/* What a file holds, in `text`. */
static const char *content(const char *name)
{
	size_t length = 0;
	FILE *file = fopen(name, "re");

	free(text);
	text = calloc(1, 4097);
	if (file) {
		length = fread(text, 1, 4096, file);
		fclose(file);
	}
	text[length] = '\0';
	return text;
}

static void wait_for_end(void)
{
	for (int ms = 0; ms < 60000 && !run_reap(&run); ms += 2)
		usleep(2000);
	assert_true(run.ended);
}

/* Some library that harms no program when it is preloaded. */
static void use_library(void)
{
	Dl_info info;

	assert_int_not_equal(dladdr((void *)(uintptr_t)mock_assert, &info), 0);
	assert_non_null(realpath(info.dli_fname, run.library));
}

/* A shell with `script`, its output in run.output. */
static void run_script(const char *script)
{
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(script), NULL};

	use_library();
	strcpy(run.socket, "/somewhere/sock");
	assert_int_equal(
		run_command(&run, argv, true, NULL, &status, why, sizeof(why)),
		0);
	free(argv[2]);
	run.name = "sh";
}

static void end_script(const char *wanted)
{
	wait_for_end();
	assert_string_equal(content(run.output), wanted);
	unlink(run.output);
}

static void the_library_may_be_named(void **state)
{
	char real[PATH_MAX];

	(void)state;
	close(open(in_directory("my.so"), O_CREAT | O_WRONLY, 0600));
	assert_non_null(realpath(path, real));
	setenv("HAKMEM_LIB", path, 1);
	assert_true(run_find_library(&run, why, sizeof(why)));
	assert_string_equal(run.library, real);
	unlink(path);
	assert_false(run_find_library(&run, why, sizeof(why)));
	assert_non_null(strstr(why, "my.so: No such file or directory"));
	assert_memory_equal(why, "HAKMEM_LIB=/tmp/", 16);
}

static void a_path_that_ld_preload_cannot_name_is_refused(void **state)
{
	(void)state;
	close(open(in_directory("my lib.so"), O_CREAT | O_WRONLY, 0600));
	setenv("HAKMEM_LIB", path, 1);
	assert_false(run_find_library(&run, why, sizeof(why)));
	assert_non_null(strstr(why, "my lib.so: LD_PRELOAD cannot name a path "
				    "with a blank or colon: set HAKMEM_LIB to "
				    "a copy elsewhere"));
	unlink(path);
}

/* What a copy of this program in directory/bin finds. */
static void expect_found(const char *wanted)
{
	char command[PATH_MAX + 64], found[PATH_MAX] = "";
	FILE *out;

	snprintf(command, sizeof(command), "%s/bin/%s", directory, AS_LIBRARY);
	out = popen(command, "re");
	assert_non_null(out);
	assert_non_null(fgets(found, sizeof(found), out));
	pclose(out);
	found[strcspn(found, "\n")] = '\0';
	assert_string_equal(found, wanted);
}

static void copy_program(const char *to)
{
	char command[2 * PATH_MAX];

	snprintf(command, sizeof(command), "cp /proc/%d/exe %s", (int)getpid(),
		 to);
	assert_int_equal(system(command), 0);
}

static void the_library_lies_beside_or_in_lib(void **state)
{
	static const char *const made[] = {"bin", "lib", "lib/hakmem"};
	char wanted[PATH_MAX], program[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(mkdir(in_directory(made[i]), 0700), 0);
	strcpy(program, in_directory("bin/" AS_LIBRARY));
	copy_program(program);
	expect_found("no libhakmem.so beside hakmem-top or in ../lib/hakmem: "
		     "set HAKMEM_LIB to its path");
	close(open(in_directory("lib/hakmem/libhakmem.so"), O_CREAT, 0600));
	snprintf(wanted, sizeof(wanted), "%s/bin/../lib/hakmem/libhakmem.so",
		 directory);
	expect_found(wanted);
	close(open(in_directory("bin/libhakmem.so"), O_CREAT, 0600));
	expect_found(path);
	unlink(path);
	unlink(in_directory("lib/hakmem/libhakmem.so"));
	unlink(program);
	for (size_t i = 3; i > 0; i--)
		rmdir(in_directory(made[i - 1]));
}

static void a_daemon_that_listens_is_used(void **state)
{
	(void)state;
	assert_true(feeder_open(NULL));
	assert_true(run_find_daemon(&run, feeder.path, why, sizeof(why)));
	assert_string_equal(run.socket, feeder.path);
	assert_int_equal(run.daemon, 0);
	assert_string_equal(run.directory, "");
	run_finish(&run); /* nothing of ours to end */
	assert_int_equal(access(feeder.path, F_OK), 0);
	feeder_close();
}

/* hakmemd in PATH is this program; it does what `how` says. */
static void offer_daemon(const char *how)
{
	char program[PATH_MAX];

	snprintf(program, sizeof(program), "/proc/%d/exe", (int)getpid());
	assert_int_equal(symlink(program, in_directory(AS_DAEMON)), 0);
	setenv("PATH", directory, 1);
	setenv("DAEMON", how, 1);
}

static void withdraw_daemon(const char *path_before)
{
	setenv("PATH", path_before, 1);
	unlink(in_directory(AS_DAEMON));
}

static void else_a_private_one_is_started(void **state)
{
	char *before = strdup(getenv("PATH")), wanted[PATH_MAX + 64];
	struct timespec begin, end;
	struct stat info;
	pid_t daemon;

	(void)state;
	offer_daemon("listens");
	assert_true(
		run_find_daemon(&run, "/nonexistent/sock", why, sizeof(why)));
	withdraw_daemon(before);
	free(before);
	daemon = run.daemon;
	assert_true(daemon > 0);
	assert_int_equal(getsid(daemon), daemon); /* hears no Ctrl-C */
	assert_memory_equal(run.directory, directory, strlen(directory));
	snprintf(wanted, sizeof(wanted), "%s/sock", run.directory);
	assert_string_equal(run.socket, wanted);
	assert_int_equal(stat(run.directory, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0700);
	/* What the daemon was told, and where its output went. */
	snprintf(wanted, sizeof(wanted),
		 "--foreground --socket %s --idle-exit 10\n", run.socket);
	snprintf(path, sizeof(path), "%s/log", run.directory);
	assert_string_equal(content(path), wanted);
	strcpy(path, run.directory);
	/* It hears SIGTERM; a deaf one would be killed after two seconds. */
	clock_gettime(CLOCK_MONOTONIC, &begin);
	run_finish(&run);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - begin.tv_sec < 2);
	assert_int_equal(run.daemon, 0);
	assert_int_equal(kill(daemon, 0), -1);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_daemon_that_ends_is_quoted(void **state)
{
	char *before = strdup(getenv("PATH"));

	(void)state;
	offer_daemon("ends");
	assert_false(
		run_find_daemon(&run, "/nonexistent/sock", why, sizeof(why)));
	withdraw_daemon(before);
	free(before);
	assert_string_equal(why, "the private hakmemd ended: its last words");
	assert_int_equal(run.daemon, 0);
}

static void no_daemon_to_start_is_told(void **state)
{
	char *before = strdup(getenv("PATH"));

	(void)state;
	setenv("PATH", directory, 1);
	assert_false(
		run_find_daemon(&run, "/nonexistent/sock", why, sizeof(why)));
	setenv("PATH", before, 1);
	free(before);
	assert_string_equal(why, "the private hakmemd ended: no hakmemd to "
				 "run: No such file or directory; it should be "
				 "beside hakmem-top or in PATH");
}

static void a_long_tmpdir_is_not_used_for_the_socket(void **state)
{
	char *before = strdup(getenv("PATH"));
	char name[80];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(mkdir(in_directory(name), 0700), 0);
	setenv("TMPDIR", path, 1);
	offer_daemon("listens");
	assert_true(
		run_find_daemon(&run, "/nonexistent/sock", why, sizeof(why)));
	withdraw_daemon(before);
	free(before);
	assert_memory_equal(run.directory, "/tmp/hakmem-top-", 16);
	assert_int_equal(rmdir(in_directory(name)), 0);
}

static void a_command_gets_library_and_socket(void **state)
{
	char wanted[PATH_MAX + 64];

	(void)state;
	run_script("echo $LD_PRELOAD $HAKMEM_SOCKET; echo of stderr >&2");
	assert_true(run.command > 0);
	assert_string_equal(why, "");
	snprintf(wanted, sizeof(wanted), "%s /somewhere/sock\nof stderr\n",
		 run.library);
	snprintf(path, sizeof(path), "%s/hakmem-sh-", directory);
	assert_memory_equal(run.output, path, strlen(path));
	end_script(wanted);
	assert_int_equal(run_exit_status(&run), 0);
}

static void what_was_preloaded_stays_in_front(void **state)
{
	char wanted[2 * PATH_MAX + 8];

	(void)state;
	use_library();
	setenv("LD_PRELOAD", run.library, 1);
	run_script("echo $LD_PRELOAD");
	unsetenv("LD_PRELOAD");
	snprintf(wanted, sizeof(wanted), "%s:%s\n", run.library, run.library);
	end_script(wanted);
}

static void it_has_a_group_of_its_own(void **state)
{
	(void)state;
	run_script("exec sleep 600");
	assert_true(run.own_group);
	assert_int_equal(getpgid(run.command), run.command);
	assert_false(run_reap(&run));
	run_signal(&run, SIGTERM);
	end_script("");
	assert_int_equal(run_exit_status(&run), 128 + SIGTERM);
}

static void a_signal_reaches_the_whole_group(void **state)
{
	struct pollfd poller;
	int ends[2];
	char byte;

	(void)state;
	/* All of the group hold the pipe open. */
	assert_int_equal(pipe(ends), 0);
	run_script("sleep 600 & echo ready; wait");
	close(ends[1]);
	for (int ms = 0; ms < 60000 && !*content(run.output); ms += 2)
		usleep(2000);
	run_signal(&run, SIGTERM);
	poller = (struct pollfd){.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&poller, 1, 60000), 1);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	end_script("ready\n");
}

static void without_capture_it_stays_in_our_group(void **state)
{
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"},
			(char[]){"echo here; kill -s INT $$"}, NULL};

	(void)state;
	use_library();
	output_catch(1);
	status =
		run_command(&run, argv, false, NULL, &status, why, sizeof(why));
	if (status == 0)
		wait_for_end();
	text = output_end();
	assert_int_equal(status, 0);
	assert_string_equal(text, "here\n");
	assert_string_equal(run.output, "");
	assert_false(run.own_group);
	assert_int_equal(run_exit_status(&run), 128 + SIGINT);
}

static void the_output_may_be_named(void **state)
{
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"},
			(char[]){"echo new; exit 9"}, NULL};
	char name[PATH_MAX];
	FILE *old;

	(void)state;
	use_library();
	strcpy(name, in_directory("named"));
	old = fopen(name, "we");
	fputs("what was there before\n", old);
	fclose(old);
	assert_int_equal(
		run_command(&run, argv, true, name, &status, why, sizeof(why)),
		0);
	wait_for_end();
	assert_string_equal(run.output, name);
	assert_true(run.output_named);
	assert_string_equal(content(name), "new\n");
	assert_int_equal(run_exit_status(&run), 9);
	unlink(name);
}

static void a_terminal_is_not_its_stdin(void **state)
{
	(void)state;
	assert_true(terminal_open(24, 80, "xterm"));
	run_script("readlink /proc/self/fd/0");
	terminal_close();
	end_script("/dev/null\n");
}

static void a_pipe_is_its_stdin(void **state)
{
	int ends[2], kept = fcntl(0, F_DUPFD_CLOEXEC, 10);

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "piped\n", 6), 6);
	close(ends[1]);
	dup2(ends[0], 0);
	run_script("cat");
	if (kept >= 0)
		dup2(kept, 0);
	else
		close(0);
	close(kept);
	if (ends[0] > 0)
		close(ends[0]);
	end_script("piped\n");
}

static void expect_not_run(const char *name, int wanted, const char *error)
{
	char *argv[] = {strdup(name), NULL}, line[PATH_MAX];
	int result =
		run_command(&run, argv, true, NULL, &status, why, sizeof(why));

	snprintf(line, sizeof(line), "cannot run '%s': %s", name, error);
	assert_int_equal(result, -1);
	assert_int_equal(status, wanted);
	assert_string_equal(why, line);
	assert_int_equal(run.command, 0);
	assert_int_equal(access(run.output, F_OK), -1);
	free(argv[0]);
}

static void the_status_of_shells_tells_why_it_did_not_run(void **state)
{
	(void)state;
	use_library();
	expect_not_run("hakmem-no-such-command", 127,
		       "No such file or directory");
	close(open(in_directory("data"), O_CREAT, 0600));
	expect_not_run(path, 126, "Permission denied");
	unlink(in_directory("data"));
}

static void a_named_output_is_never_removed(void **state)
{
	char *argv[] = {(char[]){"/nonexistent/command"}, NULL};
	char name[PATH_MAX];

	(void)state;
	use_library();
	strcpy(name, in_directory("named"));
	assert_int_equal(
		run_command(&run, argv, true, name, &status, why, sizeof(why)),
		-1);
	assert_int_equal(unlink(name), 0);
}

static void an_output_that_cannot_be_is_told(void **state)
{
	char *argv[] = {(char[]){"true"}, NULL};

	(void)state;
	use_library();
	assert_int_equal(run_command(&run, argv, true, "/nonexistent/out",
				     &status, why, sizeof(why)),
			 -1);
	assert_int_equal(status, 1);
	assert_string_equal(why, "cannot write /nonexistent/out: No such file "
				 "or directory");
}

static volatile sig_atomic_t signaled;

static void note_signal(int signal)
{
	signaled = signal;
}

static void nothing_is_signaled_once_it_has_ended(void **state)
{
	struct run other = {.command = getpid()};

	(void)state;
	signal(SIGUSR1, note_signal);
	run_signal(&other, SIGUSR1);
	assert_int_equal(signaled, SIGUSR1);
	signaled = 0;
	other.ended = true; /* its number is another's by now */
	run_signal(&other, SIGUSR1);
	assert_int_equal(signaled, 0);
	signal(SIGUSR1, SIG_DFL);
}

/* The private hakmemd: says what it was told, listens, ends by SIGTERM. */
static int be_daemon(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strcmp(getenv("DAEMON"), "ends") == 0) {
		fputs("one line\nits last words\n\n", stderr);
		return 1;
	}
	for (int i = 1; i < argc; i++)
		printf("%s%c", argv[i], i + 1 < argc ? ' ' : '\n');
	fflush(stdout);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[3]);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, 4) != 0)
		return 1;
	for (;;)
		pause();
}

static int be_finder(void)
{
	puts(run_find_library(&run, why, sizeof(why)) ? run.library : why);
	return 0;
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_library_may_be_named),
		TEST(a_path_that_ld_preload_cannot_name_is_refused),
		TEST(the_library_lies_beside_or_in_lib),
		TEST(a_daemon_that_listens_is_used),
		TEST(else_a_private_one_is_started),
		TEST(a_daemon_that_ends_is_quoted),
		TEST(no_daemon_to_start_is_told),
		TEST(a_long_tmpdir_is_not_used_for_the_socket),
		TEST(a_command_gets_library_and_socket),
		TEST(what_was_preloaded_stays_in_front),
		TEST(it_has_a_group_of_its_own),
		TEST(a_signal_reaches_the_whole_group),
		TEST(without_capture_it_stays_in_our_group),
		TEST(the_output_may_be_named),
		TEST(a_terminal_is_not_its_stdin),
		TEST(a_pipe_is_its_stdin),
		TEST(the_status_of_shells_tells_why_it_did_not_run),
		TEST(a_named_output_is_never_removed),
		TEST(an_output_that_cannot_be_is_told),
		TEST(nothing_is_signaled_once_it_has_ended),
	};
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];

	if (strcmp(name, AS_DAEMON) == 0)
		return be_daemon(argc, argv);
	if (strcmp(name, AS_LIBRARY) == 0)
		return be_finder();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
