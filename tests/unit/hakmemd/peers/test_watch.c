#include "hakmemd/peers/watch.h"

#include <limits.h>

#include "hakmemd/peers/procfs.h"
#include "tests/unit/hakmemd/harness.h"

#define OUR_SOCKET   "/nowhere/ours"
#define OTHER_SOCKET "/nowhere/others"
#define STATE(name)  HAKMEM__PROCESS_STATE__PROCESS_##name

static char library[PATH_MAX];
static struct registry *registry;
static struct watch *watch;
static pid_t program;

/* The clock of the daemon goes faster than ours: a round a turn. */
static uint64_t clock_ahead_ns;

static void each_tick(uint64_t now_ns, uint64_t late_ns)
{
	(void)late_ns;
	if (watch)
		watch_tick(watch, now_ns + clock_ahead_ns);
}

static void open_watch(const char *socket)
{
	const struct watch_settings settings = {.library = library,
						.socket = socket};

	registry = registry_new(harness_loop, 60 * CLOCK_SECOND, 100);
	watch = watch_new(harness_loop, registry, &settings);
	assert_non_null(registry);
	assert_non_null(watch);
}

static int begin(void **state)
{
	if (harness_begin(state) != 0)
		return -1;
	clock_ahead_ns = 0;
	open_watch(OUR_SOCKET);
	harness_each_tick = each_tick;
	return 0;
}

static int end(void **state)
{
	if (program > 0) {
		kill(-program, SIGKILL);
		kill(program, SIGKILL);
		waitpid(program, NULL, 0);
	}
	program = 0;
	watch_free(watch);
	watch = NULL;
	registry_free(registry);
	return harness_end(state);
}

/* A silent program of `socket`. */
static pid_t start(const char *socket, const char *look, const char *script)
{
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0); /* its children end with it */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("HAKMEM_STREAM", "off", 1);
		setenv("LD_PRELOAD", library, 1);
		setenv("HAKMEM_LOOK", look, 1);
		unsetenv("HAKMEM_SOCKET");
		setenv("XDG_RUNTIME_DIR", "/nowhere", 1);
		if (socket)
			setenv("HAKMEM_SOCKET", socket, 1);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static struct process *found(pid_t pid)
{
	return registry_find(registry, 0, pid);
}

static uint64_t figure(pid_t pid, enum figure which)
{
	const struct process *process = found(pid);

	return process ? process->model.figures[which] : FIGURE_UNKNOWN;
}

static void a_silent_program_is_found_and_read(void **state)
{
	const struct process *process;
	uint64_t rss;

	(void)state;
	program = start(OUR_SOCKET, "on", "exec sleep 600");
	harness_until(found(program) &&
		      strcmp(found(program)->model.command, "sleep 600") == 0 &&
		      found(program)->model.state_ns > 0);
	process = found(program);
	assert_int_equal(process->state, STATE(RUNNING));
	assert_int_equal(process->uid, getuid());
	assert_int_equal(process->parent, getpid());
	assert_true(figure(program, FIGURE_ALLOCS) > 0);
	assert_true(procfs_rss(program, &rss));
	assert_true(figure(program, FIGURE_RSS_BYTES) > 0);
	assert_true(figure(program, FIGURE_RSS_BYTES) <= rss);
}

static void what_stands_still_is_true_without_a_look(void **state)
{
	uint64_t states, at_ns, live, cpu_ns;

	(void)state;
	program = start(OUR_SOCKET, "on", "exec sleep 600");
	harness_until(found(program) && found(program)->watched.cpu_ns &&
		      procfs_cpu_ns(program, &cpu_ns) &&
		      found(program)->watched.cpu_ns == cpu_ns);
	states = found(program)->model.states;
	at_ns = found(program)->model.state_ns;
	live = figure(program, FIGURE_LIVE_BYTES);
	clock_ahead_ns = 3600 * CLOCK_SECOND;
	harness_until(found(program)->model.state_ns > at_ns + clock_ahead_ns);
	assert_int_equal(found(program)->model.states, states);
	assert_int_equal(figure(program, FIGURE_LIVE_BYTES), live);
}

static void who_names_another_daemon_is_not_ours(void **state)
{
	pid_t other = start(OTHER_SOCKET, "on", "exec sleep 600");
	pid_t nobody = start(NULL, "on", "exec sleep 600");

	(void)state;
	program = start(OUR_SOCKET, "on", "exec sleep 600");
	harness_until(found(program) && found(program)->watched.cpu_ns);
	clock_ahead_ns += 60 * CLOCK_SECOND;
	harness_turn();
	assert_null(found(other));
	assert_null(found(nobody));
	/* Those that name none belong to the daemon of their directory. */
	watch_free(watch);
	registry_free(registry);
	open_watch("/nowhere/hakmem/sock");
	harness_until(found(nobody));
	clock_ahead_ns += 60 * CLOCK_SECOND;
	harness_turn();
	assert_null(found(program));
	assert_null(found(other));
	kill(other, SIGKILL);
	kill(nobody, SIGKILL);
	waitpid(other, NULL, 0);
	waitpid(nobody, NULL, 0);
}

static void a_forked_child_is_there_with_its_parent(void **state)
{
	struct process *child = NULL;

	(void)state;
	program = start(OUR_SOCKET, "on", "(while :; do sleep 1; done) & wait");
	harness_until(({
		child = NULL;
		for (struct process *at = registry_first(registry); at;
		     at = at->next)
			if (at->parent == program && at->model.state_ns)
				child = at;
		child != NULL;
	}));
	assert_int_equal(child->parent_id, found(program)->id);
	assert_int_equal(child->state, STATE(RUNNING));
}

static void who_may_not_be_read_is_listed_all_the_same(void **state)
{
	const struct process *process;

	(void)state;
	program = start(OUR_SOCKET, "off", "exec sleep 600");
	harness_until(found(program) &&
		      found(program)->watched.ended == LOOK_OFF);
	clock_ahead_ns = 2 * CLOCK_SECOND;
	harness_until(figure(program, FIGURE_RSS_BYTES) != FIGURE_UNKNOWN);
	process = found(program);
	assert_int_equal(process->state, STATE(DISCONNECTED));
	assert_non_null(strstr(process->model.command, "sleep 600"));
	assert_true(figure(program, FIGURE_LIVE_BYTES) == FIGURE_UNKNOWN);
	assert_int_equal(process->model.state_ns, 0);
}

static void a_refresh_looks_at_once(void **state)
{
	uint64_t before, allocs;

	(void)state;
	program = start(OUR_SOCKET, "on", "while :; do a=x$b; b=y; done");
	harness_until(found(program) && found(program)->watched.cpu_ns);
	before = found(program)->model.states;
	allocs = figure(program, FIGURE_ALLOCS);
	usleep(200000);
	watch_refresh(watch, found(program), clock_ns() + PATIENCE_NS);
	assert_true(found(program)->model.states > before);
	assert_true(figure(program, FIGURE_ALLOCS) > allocs);
}

static void who_ended_is_not_looked_at(void **state)
{
	(void)state;
	program = start(OUR_SOCKET, "on", "exec sleep 600");
	harness_until(found(program) && found(program)->watched.cpu_ns);
	kill(program, SIGKILL);
	harness_until(found(program)->ended_ns);
	watch_refresh(watch, found(program), clock_ns() + CLOCK_SECOND);
	assert_int_equal(found(program)->state, STATE(SIGNALLED));
	assert_true(figure(program, FIGURE_ALLOCS) > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_silent_program_is_found_and_read),
		TEST(what_stands_still_is_true_without_a_look),
		TEST(who_names_another_daemon_is_not_ours),
		TEST(a_forked_child_is_there_with_its_parent),
		TEST(who_may_not_be_read_is_listed_all_the_same),
		TEST(a_refresh_looks_at_once),
		TEST(who_ended_is_not_looked_at),
	};
	ssize_t length = readlink("/proc/self/exe", library, PATH_MAX - 64);
	char *end_of_build =
		length > 0 ? strstr(library, "/tests/unit/") : NULL;

	if (end_of_build)
		strcpy(end_of_build, "/libhakmem.so");
#ifdef __SANITIZE_ADDRESS__
	return 0; /* its library cannot be preloaded into other programs */
#endif
	if (!end_of_build || access(library, R_OK) != 0) {
		puts("no libhakmem.so that programs could run under");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
