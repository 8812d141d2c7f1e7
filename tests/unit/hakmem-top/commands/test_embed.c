#include "hakmem-top/commands/embed.h"

#include <dlfcn.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "hakmem-top/screens/screen.h"
#include "hakmem-top/base/signals.h"
#include "tests/unit/hakmem-top/feeder.h"
#include "tests/unit/hakmem-top/output.h"
#include "tests/unit/hakmem-top/scene.h"
#include "tests/unit/hakmem-top/typist.h"

static struct opts opts;
static char why[512], directory[64], library[PATH_MAX];
static char *said; /* on stderr */
static int status;

/* The daemon knows one process: the command, which wrote its number down. */
static void answer(const Hakmem__Query *query)
{
	struct processes *list = scene_list(1);
	struct detail *detail = scene_detail(1);
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/pid", getenv("TMPDIR"));
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%u", &list->rows[0].pid) == 1)
			list->rows[0].state = MODEL_EXITED;
		fclose(file);
	}
	if (query->what == HAKMEM__QUERY_WHAT__QUERY_PROCESSES)
		feeder_list(list, false);
	else
		feeder_detail(detail);
	model_processes_free(list);
	model_detail_free(detail);
}

static int open_signals(void **state)
{
	Dl_info info;

	(void)state;
	terminal_fill();
	/* Some library that harms no program when it is preloaded. */
	if (!dladdr((void *)(uintptr_t)mock_assert, &info) ||
	    !realpath(info.dli_fname, library))
		return -1;
	return signals_open() ? 0 : -1;
}

static int setup(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/hakmem-embed-XXXXXX");
	why[0] = '\0';
	opts = (struct opts){.interval_s = 60};
	unsetenv("XDG_RUNTIME_DIR");
	setenv("HAKMEM_LIB", library, 1);
	if (!mkdtemp(directory) || setenv("TMPDIR", directory, 1) != 0)
		return -1;
	return feeder_open(answer) ? 0 : -1;
}

static int teardown(void **state)
{
	bool by_terminal;
	char path[96];

	(void)state;
	free(said);
	free(output_end());
	said = NULL;
	feeder_close();
	while (signals_next(&by_terminal) != 0)
		;
	snprintf(path, sizeof(path), "%s/pid", directory);
	unlink(path);
	return rmdir(directory); /* fails when something was left in it */
}

/* Runs a shell with `script`, what is written to stderr in `said`. */
static void embed(const char *script, const char *socket, bool screen)
{
	char line[512];
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, line, NULL};

	snprintf(line, sizeof(line), "echo $$ >$TMPDIR/pid; %s", script);
	opts.command = argv;
	output_catch(2);
	status = embed_run(&opts, socket, screen, why, sizeof(why));
	said = output_end();
	opts.command = NULL;
}

static void the_status_is_that_of_the_command(void **state)
{
	(void)state;
	embed("exit 7", feeder.path, false);
	assert_int_equal(status, 7);
	assert_string_equal(why, "");
	free(said);
	embed("kill -KILL $$", feeder.path, false);
	assert_int_equal(status, 128 + SIGKILL);
}

static void the_summary_comes_last(void **state)
{
	(void)state;
	embed("echo a word of its own >&2; exit 7", feeder.path, false);
	assert_memory_equal(said, "a word of its own\nhakmem-top: sh (pid ",
			    38);
	assert_non_null(strstr(said, "\n  ended with   exit status 7\n"));
	assert_non_null(strstr(said, "\n  allocations  1,000, frees 900\n"));
	assert_null(strstr(said, "output in")); /* it wrote where we do */
}

static void it_runs_with_library_and_socket(void **state)
{
	char wanted[PATH_MAX + 128];

	(void)state;
	embed("echo $LD_PRELOAD $HAKMEM_SOCKET >&2", feeder.path, false);
	snprintf(wanted, sizeof(wanted), "%s %s\n", library, feeder.path);
	assert_memory_equal(said, wanted, strlen(wanted));
}

static void signals_are_passed_on(void **state)
{
	(void)state;
	embed("kill -TERM $PPID; exec sleep 60", feeder.path, false);
	assert_int_equal(status, 128 + SIGTERM);
	assert_non_null(strstr(said, "ended by     signal 15 (SIGTERM)"));
}

/* Where a summary says the output is; the file is removed. */
static void expect_output(const char *summary, const char *wanted)
{
	char path[256] = "", content[256] = "";
	const char *at = strstr(summary, "  output in    ");
	FILE *file;

	assert_non_null(at);
	assert_int_equal(sscanf(at, "  output in    %255s", path), 1);
	file = fopen(path, "re");
	assert_non_null(file);
	content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
	fclose(file);
	unlink(path);
	assert_string_equal(content, wanted);
}

static void reports_do_not_mix_with_its_output(void **state)
{
	int kept = fcntl(1, F_DUPFD_CLOEXEC, 10);
	int file = memfd_create("reports", MFD_CLOEXEC);
	char reports[4096] = "";

	(void)state;
	opts.format = OPTS_JSON;
	fflush(stdout);
	dup2(file, 1);
	embed("echo text", feeder.path, false);
	dup2(kept, 1);
	close(kept);
	assert_int_equal(status, 0);
	assert_true(pread(file, reports, sizeof(reports) - 1, 0) > 0);
	close(file);
	assert_memory_equal(reports, "{\"schema\":1,\"time_s\":", 21);
	assert_null(strstr(reports, "\ntext"));
	expect_output(said, "text\n");
}

/* The command is what matters; that nobody can watch it is told. */
static void it_goes_on_when_watching_fails(void **state)
{
	int kept = fcntl(1, F_DUPFD_CLOEXEC, 10);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	opts.format = OPTS_TEXT;
	fflush(stdout);
	dup2(full, 1);
	close(full);
	embed("echo text; exit 5", feeder.path, false);
	dup2(kept, 1);
	close(kept);
	assert_int_equal(status, 5);
	assert_string_equal(why, "");
	assert_ptr_equal(strstr(said, "hakmem-top: cannot write to stdout: No "
				      "space left on device\n"),
			 said);
	expect_output(said, "text\n");
}

static void a_command_that_is_not_there(void **state)
{
	char *argv[] = {(char[]){"hakmem-no-such-command"}, NULL};

	(void)state;
	opts.command = argv;
	output_catch(2);
	status = embed_run(&opts, feeder.path, false, why, sizeof(why));
	said = output_end();
	assert_int_equal(status, 127);
	assert_string_equal(why, "cannot run 'hakmem-no-such-command': No such "
				 "file or directory");
	assert_string_equal(said, ""); /* nothing to sum up */
}

static void no_library_no_command(void **state)
{
	(void)state;
	setenv("HAKMEM_LIB", "/nonexistent/libhakmem.so", 1);
	embed("echo ran >&2", feeder.path, false);
	assert_int_equal(status, 1);
	assert_string_equal(why, "HAKMEM_LIB=/nonexistent/libhakmem.so: No "
				 "such file or directory");
	assert_string_equal(said, "");
}

/* hakmemd in PATH is this program; see main. */
static void a_private_daemon_serves_it(void **state)
{
	char *before = strdup(getenv("PATH")), *path = NULL;
	char program[64], name[96];

	(void)state;
	snprintf(program, sizeof(program), "/proc/%d/exe", (int)getpid());
	snprintf(name, sizeof(name), "%s/hakmemd", directory);
	assert_int_equal(symlink(program, name), 0);
	assert_true(asprintf(&path, "%s:%s", directory, before) > 0);
	setenv("PATH", path, 1);
	embed("ls $TMPDIR >&2", "/nonexistent/sock", false);
	setenv("PATH", before, 1);
	unlink(name);
	free(path);
	free(before);
	assert_int_equal(status, 0);
	assert_string_equal(why, "");
	/* Its directory was there and, as the teardown shows, is no more. */
	assert_memory_equal(said, "hakmem-top-", 11);
	assert_non_null(strstr(said, "\n  allocations  1,000, frees 900\n"));
	assert_int_equal(feeder.queries, 0);
}

static void on_a_screen_the_summary_is_what_remains(void **state)
{
	static const struct typist_step steps[] = {
		{.wait = "\033[?1049l", .keys = NULL}, /* the screen is gone */
		{.wait = "hakmem-top: sh (pid ", .keys = NULL},
		{.wait = "ended with   exit status 4", .keys = NULL},
		{.wait = "output in    ", .keys = NULL},
		{.wait = NULL},
	};
	struct context none = {.tree = false};

	(void)state;
	assert_true(terminal_open(24, 100, "xterm"));
	assert_true(typist_start(steps));
	embed("sleep 0.1; echo text; exit 4", feeder.path, true);
	assert_string_equal(typist_end(), "");
	terminal_close();
	screen_processes.refresh(&none);
	assert_int_equal(status, 4);
	assert_string_equal(said, "");
	assert_null(strstr(terminal.written, "text"));
	expect_output(terminal.written, "text\n");
}

/* The command ends once it was told that it goes on. */
static void let_go(void)
{
	char path[96], text[4096];
	ssize_t got;

	for (int tries = 0; tries < 30000; tries++) {
		got = pread(output_file, text, sizeof(text) - 1, 0);
		text[got > 0 ? got : 0] = '\0';
		if (strstr(text, "goes on; Ctrl-C interrupts it\n"))
			break;
		usleep(2000);
	}
	snprintf(path, sizeof(path), "%s/go", directory);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static void a_command_that_goes_on_is_waited_for(void **state)
{
	static const struct typist_step steps[] = {
		{.wait = "runs; output in", .keys = "q"},
		{.wait = "\033[?1049l", .act = let_go},
		{.wait = "ended with   exit status 6", .keys = NULL},
		{.wait = NULL},
	};
	struct context none = {.tree = false};
	char name[96];

	(void)state;
	assert_true(terminal_open(24, 100, "xterm"));
	snprintf(name, sizeof(name), "%s/out", directory);
	opts.output = name;
	assert_true(typist_start(steps));
	embed("until [ -e $TMPDIR/go ]; do sleep 0.01; done; exit 6",
	      feeder.path, true);
	assert_string_equal(typist_end(), "");
	terminal_close();
	screen_processes.refresh(&none);
	assert_int_equal(status, 6);
	assert_memory_equal(said, "hakmem-top: sh (pid ", 20);
	assert_non_null(strstr(said, ") goes on; Ctrl-C interrupts it\n"));
	assert_int_equal(unlink(name), 0);
	snprintf(name, sizeof(name), "%s/go", directory);
	assert_int_equal(unlink(name), 0);
}

/* The private hakmemd: --foreground --socket PATH ..., ends by SIGTERM. */
static int be_daemon(char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[3]);
	feeder.listener = socket(AF_UNIX, SOCK_STREAM, 0);
	feeder.answer = answer;
	feeder.threaded = true;
	if (bind(feeder.listener, (struct sockaddr *)&address,
		 sizeof(address)) != 0 ||
	    listen(feeder.listener, 4) != 0)
		return 1;
	feeder_serve(NULL);
	return 0;
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_status_is_that_of_the_command),
		TEST(the_summary_comes_last),
		TEST(it_runs_with_library_and_socket),
		TEST(signals_are_passed_on),
		TEST(reports_do_not_mix_with_its_output),
		TEST(it_goes_on_when_watching_fails),
		TEST(a_command_that_is_not_there),
		TEST(no_library_no_command),
		TEST(a_private_daemon_serves_it),
		TEST(on_a_screen_the_summary_is_what_remains),
		TEST(a_command_that_goes_on_is_waited_for),
	};

	if (argc > 3 && strcmp(argv[0], "hakmemd") == 0)
		return be_daemon(argv);
	return cmocka_run_group_tests(tests, open_signals, NULL);
}
