#include "hakmemd/server.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/unit/hakmemd/harness.h"
#include "tests/unit/figures.h"

#define STATE(name) HAKMEM__PROCESS_STATE__PROCESS_##name
#define PEERS	    80

static char directory[64], path[96], lock_path[128], why[512];
static struct server_settings settings;
static rlim_t files_max; /* of the daemon; 0 = as many as we */
static pid_t daemon_pid;
static struct unit unit;
static struct peer viewer;
static int others[PEERS]; /* connections that only stand there */

static int begin(void **state)
{
	static char command[] = "program", executable[] = "/bin/program";

	(void)state;
	strcpy(directory, "/tmp/hakmem-server-XXXXXX");
	if (!mkdtemp(directory) || chmod(directory, 0711) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/sock", directory);
	snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
	settings = (struct server_settings){.socket = path,
					    .retain_ns = 60 * CLOCK_SECOND};
	files_max = 0;
	daemon_pid = -1;
	viewer.fd = -1;
	memset(others, -1, sizeof(others));
	unit_begin(&unit);
	unit_class(&unit, 80, 48, 79, 20, 5);
	unit.hello.command = command;
	unit.hello.executable = executable;
	unit.hello.session = 1;
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (int i = 0; i < PEERS; i++)
		if (others[i] >= 0)
			close(others[i]);
	if (viewer.fd >= 0)
		close(viewer.fd);
	if (daemon_pid > 0) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
	}
	unlink(path);
	unlink(lock_path);
	return rmdir(directory);
}

/* The daemon, in a process of its own: says '+' or why not. */
static void be_daemon(int report)
{
	int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct rlimit files = {files_max / 2, files_max};
	struct server *server;
	char text[512];
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(nothing, STDERR_FILENO);
	signal(SIGHUP, settings.detached ? SIG_IGN : SIG_DFL);
	if (files_max && setrlimit(RLIMIT_NOFILE, &files) != 0)
		_exit(99);
	server = server_open(&settings, text, sizeof(text));
	if (write(report, server ? "+" : text, server ? 1 : strlen(text)) < 0)
		_exit(98);
	close(report);
	if (!server)
		_exit(1);
	status = server_run(server);
	server_close(server);
	_exit(status);
}

static bool start_daemon(pid_t *pid)
{
	ssize_t got;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	*pid = fork();
	assert_true(*pid >= 0);
	if (*pid == 0)
		be_daemon(ends[1]);
	close(ends[1]);
	got = read(ends[0], why, sizeof(why) - 1);
	assert_true(got > 0);
	why[got] = '\0';
	close(ends[0]);
	return strcmp(why, "+") == 0;
}

static void start(void)
{
	assert_true(start_daemon(&daemon_pid));
}

/* Waits for its end; the exit status. */
static int wait_for(pid_t pid)
{
	uint64_t end_ns = clock_ns() + PATIENCE_NS;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_ns() > end_ns)
			fail_msg("the daemon does not end");
		usleep(1000);
	}
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int wait_for_daemon(void)
{
	pid_t pid = daemon_pid;

	daemon_pid = -1;
	return wait_for(pid);
}

static struct sockaddr_un address_of_daemon(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(address.sun_path, path);
	return address;
}

static int dial(void)
{
	struct sockaddr_un address = address_of_daemon();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void dial_viewer(void)
{
	if (viewer.fd >= 0)
		close(viewer.fd);
	peer_begin(&viewer, dial());
}

static void dial_program(struct child *child, uid_t uid)
{
	struct sockaddr_un address = address_of_daemon();

	child_connect(child, &address, sizeof(address), uid);
}

/* Something has come, or the connection has ended. */
static void await(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&poller, 1, PATIENCE_NS / MS), 1);
}

static void await_frame(struct peer *peer, struct frame *frame)
{
	while (!peer_hear(peer, frame))
		await(peer->fd);
}

static const char *await_error(struct peer *peer)
{
	const char *text;

	while (strcmp(text = peer_error(peer), "(nothing came)") == 0)
		await(peer->fd);
	return text;
}

static void await_end(struct peer *peer)
{
	while (!peer_is_over(peer))
		await(peer->fd);
}

static void ask(void)
{
	Hakmem__Query query;

	hakmem__query__init(&query);
	peer_say(&viewer, FRAME_QUERY, &query.base);
}

static Hakmem__Processes *hear_list(void)
{
	Hakmem__Processes *list;
	struct frame heard;

	await_frame(&viewer, &heard);
	assert_int_equal(heard.type, FRAME_PROCESSES);
	list = hakmem__processes__unpack(NULL, heard.length, heard.payload);
	assert_non_null(list);
	return list;
}

/* Asks until the list has `count` rows, the first in that state if any. */
static Hakmem__Processes *list_until(size_t count, Hakmem__ProcessState state)
{
	uint64_t end_ns = clock_ns() + PATIENCE_NS;

	for (;;) {
		Hakmem__Processes *list;

		ask();
		list = hear_list();
		if (list->n_processes == count &&
		    (count == 0 || list->processes[0]->state == state))
			return list;
		if (clock_ns() > end_ns)
			fail_msg("never %zu processes", count);
		hakmem__processes__free_unpacked(list, NULL);
		usleep(1000);
	}
}

static void forget(Hakmem__Processes *list)
{
	hakmem__processes__free_unpacked(list, NULL);
}

/* A program that is a process of its own; `peer` speaks for it. */
static void start_program(struct child *child, struct peer *peer, uid_t uid)
{
	dial_program(child, uid);
	peer_begin(peer, child->theirs);
	unit.hello.session++;
	peer_say(peer, FRAME_HELLO, &unit.hello.base);
}

static void stop_program(struct child *child)
{
	child_stop(child);
	close(child->theirs);
}

static struct peer program;

static void it_tells_programs_from_viewers(void **state)
{
	Hakmem__Processes *list;
	struct child child;

	(void)state;
	start();
	start_program(&child, &program, (uid_t)-1);
	FIGURE_IN(&unit.state, LIVE_BYTES) = 4711;
	peer_say(&program, FRAME_STATE, &unit.state.base);
	dial_viewer();
	for (;;) {
		list = list_until(1, STATE(RUNNING));
		if (list->processes[0]->states_total > 0)
			break;
		forget(list); /* not yet heard */
	}
	assert_int_equal(list->processes[0]->pid, child.pid);
	assert_int_equal(list->processes[0]->parent_pid, getpid());
	assert_int_equal(FIGURE_IN(list->processes[0], LIVE_BYTES), 4711);
	assert_int_equal(list->daemon_pid, daemon_pid);
	forget(list);
	stop_program(&child);
}

static void other_first_frames_are_refused(void **state)
{
	(void)state;
	start();
	dial_viewer();
	peer_say(&viewer, FRAME_STATE, &unit.state.base);
	assert_string_equal(await_error(&viewer),
			    "the first frame is of type 2: neither HELLO nor "
			    "QUERY");
	await_end(&viewer);
	dial_viewer(); /* and that is counted */
	ask();
	forget(hear_list());
}

static void ends_by(int signal)
{
	start();
	dial_viewer();
	ask();
	forget(hear_list());
	kill(daemon_pid, signal);
	assert_int_equal(wait_for_daemon(), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(lock_path, F_OK), -1);
	await_end(&viewer);
}

static void it_ends_when_asked_to(void **state)
{
	(void)state;
	ends_by(SIGTERM);
	ends_by(SIGINT);
	ends_by(SIGHUP);
}

static void detached_it_outlives_the_terminal(void **state)
{
	(void)state;
	settings.detached = true;
	start();
	kill(daemon_pid, SIGHUP);
	dial_viewer();
	ask();
	forget(hear_list());
	kill(daemon_pid, SIGTERM);
	assert_int_equal(wait_for_daemon(), 0);
}

static void it_ends_when_nobody_needs_it(void **state)
{
	uint64_t begin_ns = clock_ns();

	(void)state;
	settings.idle_ns = 100 * MS;
	start();
	assert_int_equal(wait_for_daemon(), 0);
	assert_true(clock_ns() - begin_ns >= 100 * MS);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_viewer_is_company(void **state)
{
	uint64_t left_ns;

	(void)state;
	/* time enough to come, also when the machine stands still for a while
	 */
	settings.idle_ns = 400 * MS;
	start();
	dial_viewer();
	ask();
	forget(hear_list());
	usleep(600000);
	ask();
	forget(hear_list());
	left_ns = clock_ns();
	close(viewer.fd);
	viewer.fd = -1;
	assert_int_equal(wait_for_daemon(), 0);
	assert_true(clock_ns() - left_ns >= 400 * MS);
}

static void who_says_nothing_is_none(void **state)
{
	(void)state;
	settings.idle_ns = 100 * MS;
	start();
	others[0] = dial();
	assert_int_equal(wait_for_daemon(), 0);
}

/* Callers that come and go are not, either. */
static void who_only_knocks_is_none(void **state)
{
	struct sockaddr_un address = address_of_daemon();
	bool ended = false;

	(void)state;
	settings.idle_ns = 200 * MS;
	start();
	for (int i = 0; i < 3000 && !ended; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		ended = connect(fd, (struct sockaddr *)&address,
				sizeof(address)) != 0;
		close(fd);
		usleep(20000);
	}
	assert_true(ended);
	assert_int_equal(wait_for_daemon(), 0);
}

static void there_is_one_daemon_a_path(void **state)
{
	char wanted[256];
	pid_t second;

	(void)state;
	start();
	assert_false(start_daemon(&second));
	snprintf(wanted, sizeof(wanted), "another hakmemd (pid %d) serves %s",
		 (int)daemon_pid, path);
	assert_string_equal(why, wanted);
	assert_int_equal(wait_for(second), 1);
	dial_viewer();
	ask();
	forget(hear_list());
}

static void a_path_that_cannot_be_is_named(void **state)
{
	pid_t pid;

	(void)state;
	settings.socket = "/nowhere/at/all";
	assert_false(start_daemon(&pid));
	assert_string_equal(why, "the directory /nowhere/at cannot be used: "
				 "No such file or directory");
	assert_int_equal(wait_for(pid), 1);
}

static void the_ended_are_shown_with_their_end(void **state)
{
	Hakmem__Processes *list;
	struct child child;

	(void)state;
	start();
	start_program(&child, &program, (uid_t)-1);
	dial_viewer();
	forget(list_until(1, STATE(RUNNING)));
	child_exit(&child, 7);
	list = list_until(1, STATE(EXITED));
	assert_true(list->processes[0]->exit_known);
	assert_int_equal(list->processes[0]->exit_status, 7);
	forget(list);
	child_reap(&child);
	close(child.theirs);
}

static void as_long_as_they_are_retained(void **state)
{
	struct child child;

	(void)state;
	settings.retain_ns = 1 * MS;
	start();
	start_program(&child, &program, (uid_t)-1);
	dial_viewer();
	forget(list_until(1, STATE(RUNNING)));
	stop_program(&child);
	forget(list_until(0, STATE(ENDED)));
}

static void so_many_viewers_and_no_more(void **state)
{
	(void)state;
	start();
	for (int i = 0; i < 64; i++) {
		viewer.fd = -1;
		dial_viewer();
		ask();
		forget(hear_list());
		others[i] = viewer.fd;
	}
	viewer.fd = -1;
	dial_viewer();
	ask();
	assert_string_equal(await_error(&viewer),
			    "too many viewers are connected");
	await_end(&viewer);
	/* One that goes makes room. */
	close(others[5]);
	others[5] = -1;
	for (struct frame heard = {.type = FRAME_ERROR};
	     heard.type == FRAME_ERROR;) {
		dial_viewer();
		ask();
		await_frame(&viewer, &heard);
	}
}

/* A hard limit of so few descriptors allows 16 programs and 8 unidentified. */
static void few(rlim_t files)
{
	files_max = files;
	start();
}

static void the_limit_on_files_is_raised(void **state)
{
	struct rlimit files;

	(void)state;
	few(128);
	assert_int_equal(prlimit(daemon_pid, RLIMIT_NOFILE, NULL, &files), 0);
	assert_int_equal(files.rlim_cur, 128);
}

static void so_many_programs_and_no_more(void **state)
{
	static struct peer peers[17];
	struct child children[17];

	(void)state;
	few(128);
	dial_viewer();
	for (int i = 0; i < 16; i++) {
		start_program(&children[i], &peers[i], (uid_t)-1);
		forget(list_until((size_t)i + 1, STATE(RUNNING)));
	}
	start_program(&children[16], &peers[16], (uid_t)-1);
	assert_string_equal(await_error(&peers[16]),
			    "too many programs are connected");
	stop_program(&children[16]);
	for (int i = 0; i < 16; i++)
		stop_program(&children[i]);
}

static void more_unidentified_wait_outside(void **state)
{
	struct pollfd poller;
	clockid_t used;
	uint64_t used_ns;

	(void)state;
	few(128);
	for (int i = 0; i < 8; i++)
		others[i] = dial();
	dial_viewer();
	ask();
	assert_int_equal(clock_getcpuclockid(daemon_pid, &used), 0);
	usleep(20000);
	used_ns = clock_read(used);
	poller = (struct pollfd){.fd = viewer.fd, .events = POLLIN};
	assert_int_equal(poll(&poller, 1, 150), 0);
	/* Nor does it spin: it looks who is there meanwhile. */
	assert_true(clock_read(used) - used_ns < 50 * MS);
	close(others[3]);
	others[3] = -1;
	forget(hear_list());
}

static void more_descriptors_allow_more(void **state)
{
	struct pollfd poller;

	(void)state;
	few(188); /* 24 programs, 12 unidentified */
	for (int i = 0; i < 11; i++)
		others[i] = dial();
	dial_viewer();
	ask();
	poller = (struct pollfd){.fd = viewer.fd, .events = POLLIN};
	assert_int_equal(poll(&poller, 1, 4900), 1); /* unidentified have 5 s */
	forget(hear_list());
}

/* Not even a descriptor to say no with: a spare one is kept. */
static void without_descriptors_it_still_says_no(void **state)
{
	struct frame heard;
	int count = 0;

	(void)state;
	few(48);
	for (;;) {
		viewer.fd = -1;
		dial_viewer();
		ask();
		await_frame(&viewer, &heard);
		if (heard.type == FRAME_ERROR)
			break;
		others[count++] = viewer.fd;
		assert_true(count < 48);
	}
	assert_true(count > 20);
	assert_non_null(memmem(heard.payload, heard.length,
			       "the daemon is out of descriptors", 32));
	await_end(&viewer);
	/* Again and again, and those who are in are served. */
	for (int i = 0; i < 3; i++) {
		dial_viewer();
		assert_string_equal(await_error(&viewer),
				    "the daemon is out of descriptors");
	}
	close(viewer.fd);
	peer_begin(&viewer, others[count - 1]);
	viewer.sent = viewer.heard = 1;
	others[count - 1] = -1;
	ask();
	forget(hear_list());
	/* When one goes there is room again. */
	close(others[0]);
	others[0] = -1;
	do {
		dial_viewer();
		ask();
		await_frame(&viewer, &heard);
	} while (heard.type == FRAME_ERROR);
}

#define NOBODY_UID 65534u

static void others_are_watched_and_see_nothing(void **state)
{
	static struct peer stranger;
	Hakmem__Processes *list;
	struct child child, spy;
	Hakmem__Query query;

	(void)state;
	if (geteuid() != 0)
		skip();
	start();
	start_program(&child, &program, NOBODY_UID);
	dial_viewer();
	list = list_until(1, STATE(RUNNING));
	assert_int_equal(list->processes[0]->uid, NOBODY_UID);
	forget(list);
	dial_program(&spy, NOBODY_UID);
	peer_begin(&stranger, spy.theirs);
	hakmem__query__init(&query);
	peer_say(&stranger, FRAME_QUERY, &query.base);
	assert_string_equal(await_error(&stranger),
			    "this hakmemd serves user 0; run one of your own");
	stop_program(&spy);
	stop_program(&child);
}

static void another_user_has_a_share_of_the_connections(void **state)
{
	static struct peer peers[3];
	struct child children[3];
	const char *text;

	(void)state;
	if (geteuid() != 0)
		skip();
	few(128); /* an eighth of 16 programs */
	dial_viewer();
	for (int i = 0; i < 2; i++) {
		start_program(&children[i], &peers[i], NOBODY_UID);
		forget(list_until((size_t)i + 1, STATE(RUNNING)));
	}
	dial_program(&children[2], NOBODY_UID);
	peer_begin(&peers[2], children[2].theirs);
	assert_string_equal(await_error(&peers[2]),
			    "too many connections of one user");
	stop_program(&children[2]);
	/* Others are not concerned. */
	start_program(&children[2], &peers[2], (uid_t)-1);
	forget(list_until(3, STATE(RUNNING)));
	stop_program(&children[2]);
	/* A place that is free is given. */
	stop_program(&children[0]);
	do {
		dial_program(&children[0], NOBODY_UID);
		peer_begin(&peers[0], children[0].theirs);
		send(peers[0].fd, "x", 1, MSG_NOSIGNAL);
		text = await_error(&peers[0]);
		stop_program(&children[0]);
	} while (strcmp(text, "too many connections of one user") == 0);
	assert_string_equal(text, "not a hakmem frame (bad magic)");
	stop_program(&children[1]);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(it_tells_programs_from_viewers),
		CASE(other_first_frames_are_refused),
		CASE(it_ends_when_asked_to),
		CASE(detached_it_outlives_the_terminal),
		CASE(it_ends_when_nobody_needs_it),
		CASE(a_viewer_is_company),
		CASE(who_says_nothing_is_none),
		CASE(who_only_knocks_is_none),
		CASE(there_is_one_daemon_a_path),
		CASE(a_path_that_cannot_be_is_named),
		CASE(the_ended_are_shown_with_their_end),
		CASE(as_long_as_they_are_retained),
		CASE(so_many_viewers_and_no_more),
		CASE(the_limit_on_files_is_raised),
		CASE(so_many_programs_and_no_more),
		CASE(more_unidentified_wait_outside),
		CASE(more_descriptors_allow_more),
		CASE(without_descriptors_it_still_says_no),
		CASE(others_are_watched_and_see_nothing),
		CASE(another_user_has_a_share_of_the_connections),
	};

	signal(SIGPIPE, SIG_IGN);
	server_close(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
