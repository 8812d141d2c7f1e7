#include "hakmemd/peers/procfs.h"

#include <grp.h>

#include "tests/unit/hakmemd/harness.h"

/* No process has this number: it is above the highest the kernel gives. */
#define NOBODY 0x7ffffff0

static uint64_t ticks_now(void)
{
	return clock_read(CLOCK_BOOTTIME) /
	       (CLOCK_SECOND / (uint64_t)sysconf(_SC_CLK_TCK));
}

static void close_ends(const struct child *child)
{
	close(child->ours);
	close(child->theirs);
}

static void a_process_tells_parent_and_start(void **state)
{
	struct procfs_stat stat;
	struct child child;
	uint64_t before = ticks_now();

	(void)state;
	assert_true(procfs_stat(getpid(), &stat));
	assert_int_equal(stat.state, 'R');
	assert_int_equal(stat.parent, getppid());
	assert_true(stat.start_ticks <= before);
	child_start(&child);
	assert_true(procfs_stat(child.pid, &stat));
	assert_int_equal(stat.parent, getpid());
	assert_true(stat.start_ticks >= before);
	assert_true(stat.start_ticks <= ticks_now());
	child_stop(&child);
	close_ends(&child);
}

static void its_end_is_seen_while_it_is_a_zombie(void **state)
{
	struct procfs_stat stat;
	struct child child;
	uint64_t start;

	(void)state;
	child_start(&child);
	assert_true(procfs_stat(child.pid, &stat));
	start = stat.start_ticks;
	child_exit(&child, 42);
	assert_true(procfs_stat(child.pid, &stat));
	assert_int_equal(stat.state, 'Z');
	assert_true(stat.start_ticks == start);
	assert_true(WIFEXITED(stat.exit_status));
	assert_int_equal(WEXITSTATUS(stat.exit_status), 42);
	child_reap(&child);
	assert_false(procfs_stat(child.pid, &stat));
	close_ends(&child);
	child_start(&child);
	child_kill(&child, SIGKILL);
	assert_true(procfs_stat(child.pid, &stat));
	assert_int_equal(WTERMSIG(stat.exit_status), SIGKILL);
	child_reap(&child);
	close_ends(&child);
}

/* A process chooses its name; it may look like the fields that follow. */
static void a_name_forges_no_fields(void **state)
{
	static const char *const names[] = {") Z 1 2 3", "a b", ")",
					    "))) (",	 "",	"x\n) Z 1"};
	struct procfs_stat plain, stat;
	char before[16];

	(void)state;
	assert_int_equal(prctl(PR_GET_NAME, before), 0);
	assert_true(procfs_stat(getpid(), &plain));
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		prctl(PR_SET_NAME, names[i]);
		assert_true(procfs_stat(getpid(), &stat));
		assert_int_equal(stat.state, 'R');
		assert_int_equal(stat.parent, getppid());
		assert_true(stat.start_ticks == plain.start_ticks);
	}
	prctl(PR_SET_NAME, before);
}

static void there_are_numbers_without_a_process(void **state)
{
	struct procfs_stat stat;

	(void)state;
	assert_false(procfs_stat(NOBODY, &stat));
	assert_false(procfs_stat(0, &stat));
	assert_false(procfs_stat(-1, &stat));
}

static void ticks_become_times_of_our_clock(void **state)
{
	uint64_t tick_ns = CLOCK_SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
	struct procfs_stat stat;
	struct child child;
	uint64_t before_ns = clock_ns(), after_ns, start_ns;

	(void)state;
	child_start(&child);
	after_ns = clock_ns();
	usleep(50000);
	assert_true(procfs_stat(child.pid, &stat));
	start_ns = procfs_start_ns(stat.start_ticks);
	assert_true(start_ns + 2 * tick_ns >= before_ns);
	assert_true(start_ns <= after_ns + 2 * tick_ns);
	child_stop(&child);
	close_ends(&child);
	assert_true(procfs_start_ns(0) == 0);
	assert_true(procfs_start_ns(UINT64_MAX) == 0);
	/* What will only be is now. */
	start_ns = procfs_start_ns(ticks_now() + 1000000);
	assert_true(start_ns >= after_ns && start_ns <= clock_ns());
	/* A moment before the boot of a clock that stood still in sleep. */
	assert_true(procfs_start_ns(1) <= clock_ns());
}

/* What `job` finds as another user; -1 if we cannot become one. */
static int as_other_user(int (*job)(pid_t parent))
{
	pid_t parent = getpid(), child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(setgroups(0, NULL) == 0 &&
				      setresuid(65534, 65534, 65534) == 0
			      ? job(parent)
			      : 99);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 99 ? -1 : WEXITSTATUS(status);
}

static int count_ours(pid_t parent)
{
	return procfs_is_ours(parent) + 2 * procfs_is_ours(getpid()) +
	       4 * procfs_is_ours(NOBODY);
}

/* All of real, effective and saved id: else the kernel hides things. */
static bool mixed_is_ours(uid_t real, uid_t saved)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(setresuid(real, 65534, saved) == 0 &&
		      procfs_is_ours(getpid()));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) != 0;
}

static void ours_is_what_has_our_ids(void **state)
{
	int found = as_other_user(count_ours);

	(void)state;
	assert_true(procfs_is_ours(getpid()));
	if (geteuid() != 0) {
		assert_false(procfs_is_ours(1));
		assert_false(procfs_is_ours(NOBODY));
	}
	if (found < 0)
		return; /* only root can become somebody else */
	assert_int_equal(found, 2);
	assert_true(procfs_is_ours(NOBODY)); /* root is told of all */
	assert_true(mixed_is_ours(65534, 65534));
	assert_false(mixed_is_ours(0, 65534));
	assert_false(mixed_is_ours(65534, 0));
}

static void command_of(pid_t pid, const char *wanted, size_t room)
{
	char out[256];

	memset(out, '#', sizeof(out));
	procfs_command(pid, out, room);
	assert_string_equal(out, wanted);
	for (size_t i = room; i < sizeof(out); i++)
		assert_int_equal(out[i], '#');
}

/* A shell that waits, with odd arguments; `input` ends it. */
static pid_t start_shell(int *input)
{
	char *words[] = {strdup("s h"),	 strdup("-c"), strdup("echo; read x"),
			 strdup("a\nb"), strdup(""),   strdup("c"),
			 strdup(""),	 strdup(""),   NULL};
	int in[2], out[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execv("/bin/sh", words);
		_exit(1);
	}
	for (size_t i = 0; i < COUNT_OF(words); i++)
		free(words[i]);
	close(in[0]);
	close(out[1]);
	*input = in[1];
	assert_int_equal(read(out[0], &byte, 1), 1); /* it runs */
	close(out[0]);
	return child;
}

static void arguments_are_joined_by_blanks(void **state)
{
	siginfo_t info;
	int input;
	pid_t shell = start_shell(&input);

	(void)state;
	command_of(shell, "s h -c echo; read x a\nb  c", 200);
	command_of(shell, "s h -c ec", 10); /* cut to fit */
	command_of(shell, "s h", 5);	    /* a blank at the end is none */
	command_of(shell, "s", 2);
	command_of(shell, "", 1);
	close(input);
	waitid(P_PID, (id_t)shell, &info, WEXITED | WNOWAIT);
	command_of(shell, "", 200); /* a zombie has none */
	waitpid(shell, NULL, 0);
	command_of(shell, "", 200);
	command_of(NOBODY, "", 200);
}

/* Whatever the machine's hierarchy is: a file with such a counter, or none. */
static void the_file_of_kills_can_be_read_if_it_is_named(void **state)
{
	char events[PROCFS_EVENTS_MAX];
	uint64_t kills = UINT64_MAX;

	(void)state;
	memset(events, '#', sizeof(events));
	procfs_oom_events(getpid(), events);
	assert_true(memchr(events, '\0', sizeof(events)) != NULL);
	if (events[0]) {
		assert_int_equal(strncmp(events, "/sys/fs/cgroup/", 15), 0);
		assert_true(procfs_oom_kills(events, &kills));
		assert_true(kills < 1000000);
	}
	memset(events, '#', sizeof(events));
	procfs_oom_events(NOBODY, events);
	assert_string_equal(events, "");
}

static void the_machine_s_kills_only_grow(void **state)
{
	uint64_t kills, again;

	(void)state;
	assert_true(procfs_oom_kills(NULL, &kills));
	assert_true(procfs_oom_kills(NULL, &again));
	assert_true(again >= kills);
}

static void kills_are_read_by_name(void **state)
{
	static const struct {
		const char *text;
		uint64_t kills;
	} cases[] = {
		{"low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\n"
		 "oom_group_kill 6\n",
		 5},
		{"oom_kill_disable 1\nunder_oom 2\noom_kill 7\n", 7},
		{"oom_kill 9", 9},
		{"oom_group_kill 6\nxoom_kill 8\n", 0},
		{"\n", 0},
		{"oom_kill 18446744073709551615\n", UINT64_MAX},
	};
	char path[] = "/tmp/hakmem-procfs-XXXXXX";
	int file = mkstemp(path);
	uint64_t kills;

	(void)state;
	assert_true(file >= 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(ftruncate(file, 0), 0);
		assert_int_equal(
			pwrite(file, cases[i].text, strlen(cases[i].text), 0),
			strlen(cases[i].text));
		kills = 77;
		assert_true(procfs_oom_kills(path, &kills));
		assert_true(kills == cases[i].kills);
	}
	assert_int_equal(ftruncate(file, 0), 0);
	kills = 77;
	assert_false(procfs_oom_kills(path, &kills)); /* a cgroup that went */
	unlink(path);
	assert_false(procfs_oom_kills(path, &kills));
	assert_true(kills == 77);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_tells_parent_and_start),
		cmocka_unit_test(its_end_is_seen_while_it_is_a_zombie),
		cmocka_unit_test(a_name_forges_no_fields),
		cmocka_unit_test(there_are_numbers_without_a_process),
		cmocka_unit_test(ticks_become_times_of_our_clock),
		cmocka_unit_test(ours_is_what_has_our_ids),
		cmocka_unit_test(arguments_are_joined_by_blanks),
		cmocka_unit_test(the_file_of_kills_can_be_read_if_it_is_named),
		cmocka_unit_test(the_machine_s_kills_only_grow),
		cmocka_unit_test(kills_are_read_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
