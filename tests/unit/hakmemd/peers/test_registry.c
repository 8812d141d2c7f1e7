#include "hakmemd/peers/registry.h"

#include <dirent.h>

#include "hakmemd/model/check.h"
#include "tests/unit/hakmemd/harness.h"

#define NOBODY	    0x7ffffff0 /* no process can have so high a number */
#define RETAIN_NS   (60 * CLOCK_SECOND)
#define FOREIGN_UID 54321u
#define STATE(name) HAKMEM__PROCESS_STATE__PROCESS_##name

static struct registry *registry;
static struct unit unit;
static const char *why;

/* Whoever is connected for a process. */
struct session {
	struct process *process;
	unsigned detached, finished;
	uint32_t interval_ms; /* told by the last control */
};

static void detach(void *argument)
{
	struct session *session = argument;

	session->detached++;
}

/* As a connection does: its last words, then it is over. */
static void finish(void *argument)
{
	struct session *session = argument;

	session->finished++;
	registry_disconnect(session->process);
}

static void control(void *argument, const Hakmem__Control *word)
{
	struct session *session = argument;

	session->interval_ms = word->interval_ms;
}

static const struct registry_session calls = {
	.detach = detach, .finish = finish, .control = control};

static void begin_with(size_t watch_max)
{
	registry_free(registry);
	registry = registry_new(harness_loop, RETAIN_NS, watch_max);
	assert_non_null(registry);
}

static int begin(void **state)
{
	static char command[] = "program --flag", executable[] = "/bin/program";

	if (harness_begin(state) != 0)
		return -1;
	registry = registry_new(harness_loop, RETAIN_NS, 100);
	unit_begin(&unit);
	unit_class(&unit, 80, 48, 79, 20, 5);
	unit.hello.command = command;
	unit.hello.executable = executable;
	unit.hello.session = 1;
	why = NULL;
	return registry ? 0 : -1;
}

static int end(void **state)
{
	registry_free(registry);
	registry = NULL;
	return harness_end(state);
}

static struct process *connect_as(struct session *session, int socket,
				  pid_t pid, uid_t uid)
{
	struct ucred peer = {.pid = pid, .uid = uid};

	memset(session, 0, sizeof(*session));
	session->process = registry_connect(registry, socket, &peer,
					    &unit.hello, session, &calls, &why);
	return session->process;
}

static struct process *connect_child(struct session *session,
				     const struct child *child)
{
	return connect_as(session, child->ours, child->pid, getuid());
}

/* One that is gone before we look: known by number and session only. */
static struct process *connect_gone(pid_t pid, uint64_t session_id)
{
	static struct session session;
	struct process *process;

	unit.hello.session = session_id;
	process = connect_as(&session, -1, pid, geteuid());
	if (process)
		registry_disconnect(process);
	return process;
}

static void stop(struct child *child)
{
	child_stop(child);
	close(child->ours);
	close(child->theirs);
}

static unsigned descriptors(void)
{
	DIR *list = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(list))
		count++;
	closedir(list);
	return count;
}

static void a_process_is_what_the_kernel_says(void **state)
{
	uint64_t before_ns = clock_ns();
	struct procfs_stat stat;
	static struct session session;
	struct process *process;
	struct child child;

	(void)state;
	child_start(&child);
	unit.hello.pid = 1; /* what it says of itself does not count */
	unit.hello.parent_pid = 2;
	process = connect_child(&session, &child);
	assert_non_null(process);
	assert_null(why);
	assert_true(procfs_stat(child.pid, &stat));
	assert_int_equal(process->pid, child.pid);
	assert_int_equal(process->parent, getpid());
	assert_int_equal(process->uid, getuid());
	assert_true(process->start_ticks == stat.start_ticks);
	assert_true(process->first_seen_ns >= before_ns);
	assert_true(process->start_ns <= clock_ns());
	assert_int_equal(process->state, STATE(RUNNING));
	assert_true(process->ended_ns == 0);
	assert_false(process->exit_known);
	assert_string_equal(process->model.command, "program --flag");
	assert_ptr_equal(process->session, &session);
	assert_int_equal(registry_count(registry), 1);
	assert_ptr_equal(registry_first(registry), process);
	stop(&child);
}

static void a_process_without_words_is_asked_of_proc(void **state)
{
	static char nothing[1];
	char command[CHECK_STRING_MAX];
	static struct session session;
	struct child child;

	(void)state;
	child_start(&child);
	unit.hello.command = nothing;
	assert_non_null(connect_child(&session, &child));
	procfs_command(getpid(), command, sizeof(command)); /* a fork of us */
	assert_int_not_equal(command[0], '\0');
	assert_string_equal(session.process->model.command, command);
	stop(&child);
}

static void processes_are_found_by_id_or_number(void **state)
{
	static struct session sessions[2];
	struct child children[2];

	(void)state;
	assert_null(registry_first(registry));
	for (int i = 0; i < 2; i++) {
		child_start(&children[i]);
		assert_non_null(connect_child(&sessions[i], &children[i]));
	}
	assert_true(sessions[0].process != sessions[1].process);
	for (int i = 0; i < 2; i++) {
		struct process *process = sessions[i].process;

		assert_ptr_equal(registry_find(registry, process->id, 0),
				 process);
		assert_ptr_equal(registry_find(registry, process->id, NOBODY),
				 process);
		assert_ptr_equal(registry_find(registry, 0, children[i].pid),
				 process);
		stop(&children[i]);
	}
	assert_null(registry_find(registry, 999, children[0].pid));
	assert_null(registry_find(registry, 0, NOBODY));
	assert_int_equal(registry_count(registry), 2);
	assert_true(sessions[0].process->id != 0);
	assert_true(sessions[0].process->id < sessions[1].process->id);
	assert_ptr_equal(sessions[0].process->next, sessions[1].process);
}

static void a_newer_connection_takes_over(void **state)
{
	static struct session first, second;
	struct child child;

	(void)state;
	child_start(&child);
	assert_non_null(connect_child(&first, &child));
	assert_ptr_equal(connect_child(&second, &child), first.process);
	assert_int_equal(first.detached, 1);
	assert_int_equal(first.finished, 0);
	assert_int_equal(second.detached, 0);
	assert_ptr_equal(first.process->session, &second);
	assert_int_equal(registry_count(registry), 1);
	stop(&child);
}

static void a_lost_connection_is_continued(void **state)
{
	static struct session session;
	struct process *process;
	struct child child;
	unsigned before;

	(void)state;
	child_start(&child);
	process = connect_child(&session, &child);
	before = descriptors();
	process->model.states = 5;
	registry_disconnect(process);
	assert_null(process->session);
	assert_int_equal(process->state, STATE(DISCONNECTED));
	assert_true(process->ended_ns == 0);
	assert_ptr_equal(connect_child(&session, &child), process);
	assert_int_equal(process->state, STATE(RUNNING));
	assert_int_equal(process->model.states, 5);
	assert_int_equal(session.detached, 0);
	assert_int_equal(descriptors(), before); /* one pidfd is enough */
	stop(&child);
}

static void an_exec_is_continued_with_other_words(void **state)
{
	static char other[] = "another";
	static struct session session;
	struct process *process;
	struct child child;

	(void)state;
	child_start(&child);
	process = connect_child(&session, &child);
	registry_disconnect(process);
	unit.hello.session = 2;
	unit.hello.command = other;
	assert_ptr_equal(connect_child(&session, &child), process);
	assert_string_equal(process->model.command, "another");
	assert_true(process->model.session == 2);
	stop(&child);
}

static void a_word_reaches_the_program_while_it_is_connected(void **state)
{
	static struct session session;
	struct process *process = connect_as(&session, -1, NOBODY, geteuid());
	Hakmem__Control word;

	(void)state;
	hakmem__control__init(&word);
	word.interval_ms = 77;
	assert_true(registry_control(process, &word));
	assert_int_equal(session.interval_ms, 77);
	registry_disconnect(process);
	word.interval_ms = 78;
	assert_false(registry_control(process, &word));
	assert_int_equal(session.interval_ms, 77);
}

/* Also where the kernel gives no pidfd: number and start are the same. */
static void without_a_pidfd_the_start_tells(void **state)
{
	static struct session session;
	struct process *process;
	struct child child;

	(void)state;
	child_start(&child);
	process = connect_as(&session, -1, child.pid, getuid());
	assert_int_equal(process->state, STATE(RUNNING));
	assert_true(process->watch.fd < 0);
	registry_disconnect(process);
	assert_int_equal(process->state, STATE(DISCONNECTED));
	unit.hello.session = 2;
	assert_ptr_equal(connect_as(&session, -1, child.pid, getuid()),
			 process);
	stop(&child);
	registry_disconnect(process);
	assert_int_equal(process->state, STATE(ENDED));
}

static void how_it_ended_is_seen(void **state)
{
	static struct session session;
	struct process *process;
	struct child child;
	uint64_t before_ns;

	(void)state;
	child_start(&child);
	process = connect_child(&session, &child);
	harness_turn();
	assert_int_equal(session.finished, 0);
	before_ns = clock_ns();
	child_exit(&child, 7); /* not reaped: a zombie */
	harness_until(session.finished);
	assert_int_equal(process->state, STATE(EXITED));
	assert_true(process->exit_known);
	assert_int_equal(process->exit_status, 7);
	assert_int_equal(process->exit_signal, 0);
	assert_true(process->ended_ns >= before_ns);
	assert_true(process->ended_ns <= clock_ns());
	before_ns = process->ended_ns;
	child_reap(&child);
	harness_turn();
	assert_int_equal(session.finished, 1);
	assert_int_equal(process->state, STATE(EXITED));
	assert_int_equal(process->exit_status, 7);
	assert_true(process->ended_ns == before_ns);
	close(child.ours);
	close(child.theirs);
}

static void by_which_signal_too(void **state)
{
	static struct session session;
	struct child child;

	(void)state;
	child_start(&child);
	connect_child(&session, &child);
	child_kill(&child, SIGTERM);
	harness_until(session.finished);
	assert_int_equal(session.process->state, STATE(SIGNALLED));
	assert_true(session.process->exit_known);
	assert_int_equal(session.process->exit_signal, SIGTERM);
	assert_int_equal(session.process->exit_status, 0);
	child_reap(&child);
	close(child.ours);
	close(child.theirs);
}

/* Reaped before we look: newer kernels know how it ended, older do not. */
static void one_that_was_reaped_has_ended(void **state)
{
	static struct session session;
	struct process *process;
	struct child child;

	(void)state;
	child_start(&child);
	process = connect_child(&session, &child);
	child_exit(&child, 9);
	child_reap(&child);
	harness_until(session.finished);
	if (process->exit_known) {
		assert_int_equal(process->state, STATE(EXITED));
		assert_int_equal(process->exit_status, 9);
	} else {
		assert_int_equal(process->state, STATE(ENDED));
	}
	harness_turn(); /* and nothing is watched any more */
	assert_true(process->watch.fd < 0);
	close(child.ours);
	close(child.theirs);
}

/* Its words were in the socket when it died; a session finishes them. */
static void the_dead_may_still_speak(void **state)
{
	static struct session session;
	struct process *process;
	struct child child;

	(void)state;
	child_start(&child);
	child_exit(&child, 3);
	process = connect_child(&session, &child);
	assert_non_null(process);
	assert_int_equal(process->pid, child.pid);
	assert_true(process->start_ticks != 0); /* a zombie keeps its own */
	harness_until(session.finished);
	assert_int_equal(process->state, STATE(EXITED));
	assert_int_equal(process->exit_status, 3);
	child_reap(&child);
	close(child.ours);
	close(child.theirs);
}

static void an_end_without_a_session_is_seen(void **state)
{
	static struct session session;
	struct process *process;
	struct child child;

	(void)state;
	child_start(&child);
	process = connect_child(&session, &child);
	registry_disconnect(process);
	child_exit(&child, 4);
	harness_until(process->ended_ns);
	assert_int_equal(process->state, STATE(EXITED));
	assert_int_equal(process->exit_status, 4);
	assert_int_equal(session.finished, 0);
	child_reap(&child);
	close(child.ours);
	close(child.theirs);
}

/* More than may be watched: those are looked at now and then. */
static void who_is_not_watched_is_looked_at(void **state)
{
	static struct session sessions[2];
	struct child children[2];
	struct process *process;
	uint64_t now_ns, next_ns;

	(void)state;
	begin_with(1);
	for (int i = 0; i < 2; i++) {
		child_start(&children[i]);
		assert_non_null(connect_child(&sessions[i], &children[i]));
	}
	process = sessions[1].process;
	assert_true(sessions[0].process->watch.fd >= 0);
	assert_true(process->watch.fd < 0);
	registry_disconnect(process);
	assert_int_equal(process->state, STATE(DISCONNECTED));
	now_ns = clock_ns();
	next_ns = registry_expire(registry, now_ns);
	assert_int_equal(process->state, STATE(DISCONNECTED));
	assert_true(next_ns > now_ns && next_ns <= now_ns + 2 * CLOCK_SECOND);
	child_exit(&children[1], 5);
	next_ns = registry_expire(registry, now_ns + 1);
	assert_int_equal(process->state, STATE(ENDED));
	assert_true(process->ended_ns == now_ns + 1);
	child_reap(&children[1]);
	close(children[1].ours);
	close(children[1].theirs);
	/* A place that is free again is taken. */
	child_exit(&children[0], 0);
	child_reap(&children[0]);
	harness_until(sessions[0].process->watch.fd < 0);
	close(children[0].ours);
	close(children[0].theirs);
	child_start(&children[0]);
	assert_non_null(connect_child(&sessions[0], &children[0]));
	assert_true(sessions[0].process->watch.fd >= 0);
	stop(&children[0]);
}

static void the_ended_stay_for_a_while(void **state)
{
	struct process *process = connect_gone(NOBODY, 1);
	uint64_t ended_ns = process->ended_ns;

	(void)state;
	assert_int_equal(process->state, STATE(ENDED));
	assert_true(ended_ns != 0);
	assert_true(process->start_ns == process->first_seen_ns);
	assert_true(registry_expire(registry, ended_ns + RETAIN_NS - 1) ==
		    ended_ns + RETAIN_NS);
	assert_int_equal(registry_count(registry), 1);
	assert_true(registry_expire(registry, ended_ns + RETAIN_NS) ==
		    UINT64_MAX);
	assert_int_equal(registry_count(registry), 0);
	assert_null(registry_first(registry));
}

static void not_while_somebody_is_connected(void **state)
{
	static struct session session;
	struct process *process = connect_as(&session, -1, NOBODY, geteuid());

	(void)state;
	assert_int_equal(process->state, STATE(ENDED));
	assert_true(process->ended_ns != 0);
	registry_expire(registry, process->ended_ns + 2 * RETAIN_NS);
	assert_int_equal(registry_count(registry), 1);
	assert_int_equal(session.detached, 0);
	registry_disconnect(process);
	assert_int_equal(process->state, STATE(ENDED));
	registry_expire(registry, process->ended_ns + 2 * RETAIN_NS);
	assert_int_equal(registry_count(registry), 0);
}

/* The number alone is nobody: sessions are random. */
static void a_number_that_is_used_again_is_another_process(void **state)
{
	struct process *first = connect_gone(NOBODY, 1);
	struct process *second = connect_gone(NOBODY, 2);

	(void)state;
	assert_true(first != second);
	assert_ptr_equal(connect_gone(NOBODY, 1), first);
	assert_int_equal(first->state, STATE(ENDED)); /* and stays so */
	assert_ptr_equal(connect_gone(NOBODY, 2), second);
	assert_int_equal(registry_count(registry), 2);
	assert_ptr_equal(registry_find(registry, 0, NOBODY), second);
	/* Without a session nothing tells that it is the same. */
	assert_true(connect_gone(NOBODY, 0) != connect_gone(NOBODY, 0));
}

static void an_id_is_never_used_again(void **state)
{
	struct process *process = connect_gone(NOBODY, 1);
	uint64_t id = process->id;

	(void)state;
	registry_expire(registry, process->ended_ns + RETAIN_NS);
	assert_int_equal(registry_count(registry), 0);
	assert_true(connect_gone(NOBODY, 1)->id > id);
	assert_null(registry_find(registry, id, 0));
}

static void a_parent_is_known_by_its_number(void **state)
{
	static struct session ours, theirs;
	struct child child;
	int ends[2];

	(void)state;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_non_null(connect_as(&ours, ends[0], getpid(), getuid()));
	assert_true(ours.process->parent_id == 0);
	child_start(&child);
	assert_non_null(connect_child(&theirs, &child));
	assert_true(theirs.process->parent_id == ours.process->id);
	stop(&child);
	close(ends[0]);
	close(ends[1]);
}

static void or_by_its_session(void **state)
{
	static struct session session;
	struct process *parent = connect_gone(NOBODY, 77), *child;

	(void)state;
	unit.hello.session = 78;
	unit.hello.parent_session = 77;
	unit.hello.parent_pid = 4711; /* all that is known of one so brief */
	child = connect_as(&session, -1, NOBODY + 1, geteuid());
	assert_true(child->parent_id == parent->id);
	assert_int_equal(child->parent, 4711);
	/* No session is no parent. */
	connect_gone(NOBODY + 3, 0);
	unit.hello.session = 80;
	unit.hello.parent_session = 0;
	child = connect_as(&session, -1, NOBODY + 4, geteuid());
	assert_true(child->parent_id == 0);
	/* Another user cannot choose his parent here. */
	unit.hello.parent_session = 77;
	unit.hello.session = 79;
	child = connect_as(&session, -1, NOBODY + 2, FOREIGN_UID);
	assert_true(child->parent_id == 0);
}

static void a_senseless_hello_leaves_nothing(void **state)
{
	static struct session session, first;
	struct child child;
	unsigned before;

	(void)state;
	child_start(&child);
	before = descriptors();
	unit.class[0].stride_bytes = 0;
	assert_null(connect_child(&session, &child));
	assert_string_equal(why, "a size class makes no sense");
	assert_int_equal(registry_count(registry), 0);
	assert_int_equal(descriptors(), before);
	/* Nor does it disturb one that is known. */
	unit.class[0].stride_bytes = 80;
	assert_non_null(connect_child(&first, &child));
	unit.class[0].stride_bytes = 0;
	assert_null(connect_child(&session, &child));
	assert_int_equal(first.detached, 0);
	assert_ptr_equal(first.process->session, &first);
	assert_int_equal(registry_count(registry), 1);
	stop(&child);
}

/* What ended first goes first, when there are too many. */
static void so_many_records_and_no_more(void **state)
{
	struct process *first;
	uint64_t id;

	(void)state;
	for (unsigned i = 0; i < REGISTRY_MAX; i++) {
		struct process *process = connect_gone(NOBODY, i + 1);

		assert_non_null(process);
		process->ended_ns = 1000 + i;
	}
	first = registry_first(registry);
	assert_int_equal(registry_count(registry), REGISTRY_MAX);
	first->ended_ns = 1000000; /* the oldest, but not longest ended */
	id = first->next->id;
	assert_non_null(connect_gone(NOBODY, REGISTRY_MAX + 1));
	assert_int_equal(registry_count(registry), REGISTRY_MAX);
	assert_ptr_equal(registry_first(registry), first);
	assert_null(registry_find(registry, id, 0));
	assert_non_null(registry_find(registry, id + 1, 0));
	/* One that comes back needs no room. */
	assert_non_null(connect_gone(NOBODY, REGISTRY_MAX + 1));
	assert_non_null(registry_find(registry, id + 1, 0));
}

/* Room is made until there is some, not by one record for another. */
static void so_many_bytes_and_no_more(void **state)
{
	struct process *records[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		records[i] = connect_gone(NOBODY, i + 1);
		records[i]->ended_ns = 1000 + i;
	}
	records[1]->model.hello.length += REGISTRY_BYTES_MAX - (1u << 20);
	assert_non_null(connect_gone(NOBODY, 5));
	assert_int_equal(registry_count(registry), 5); /* still fits */
	records[2]->model.hello.length += 2u << 20;
	assert_non_null(connect_gone(NOBODY, 6));
	assert_int_equal(registry_count(registry), 4);
	assert_ptr_equal(registry_first(registry), records[2]);
}

/* A record as of a process that lives, in that user's name. */
static struct process *add_living(struct session *session, pid_t pid, uid_t uid)
{
	struct process *process = connect_as(session, -1, pid, uid);

	if (process)
		process->ended_ns = 0;
	return process;
}

static void another_user_pushes_nobody_out(void **state)
{
	static struct session sessions[REGISTRY_FOREIGN_MAX];
	static struct session session;
	struct process *ours = connect_gone(NOBODY, 1);

	(void)state;
	for (unsigned i = 0; i < REGISTRY_FOREIGN_MAX; i++) {
		unit.hello.session = i + 2;
		assert_non_null(
			add_living(&sessions[i], NOBODY + 1, FOREIGN_UID));
	}
	unit.hello.session = 1;
	assert_null(add_living(&session, NOBODY + 1, FOREIGN_UID));
	assert_string_equal(why, "too many processes are known already");
	assert_int_equal(registry_count(registry), REGISTRY_FOREIGN_MAX + 1);
	/* Somebody else still finds room. */
	assert_non_null(add_living(&session, NOBODY + 2, FOREIGN_UID + 1));
	/* When one of his own has ended that one goes, not ours. */
	sessions[9].process->ended_ns = clock_ns();
	assert_non_null(add_living(&session, NOBODY + 1, FOREIGN_UID));
	assert_int_equal(sessions[9].detached, 1);
	assert_ptr_equal(registry_first(registry), ours);
}

static void the_end_of_the_registry_ends_the_sessions(void **state)
{
	static struct session session;
	struct child child;
	unsigned before = descriptors();

	(void)state;
	child_start(&child);
	connect_child(&session, &child);
	registry_free(registry);
	registry = NULL;
	assert_int_equal(session.detached, 1);
	stop(&child);
	assert_int_equal(descriptors(), before);
	registry_free(NULL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(a_process_is_what_the_kernel_says),
		CASE(a_process_without_words_is_asked_of_proc),
		CASE(processes_are_found_by_id_or_number),
		CASE(a_newer_connection_takes_over),
		CASE(a_lost_connection_is_continued),
		CASE(an_exec_is_continued_with_other_words),
		CASE(a_word_reaches_the_program_while_it_is_connected),
		CASE(without_a_pidfd_the_start_tells),
		CASE(how_it_ended_is_seen),
		CASE(by_which_signal_too),
		CASE(one_that_was_reaped_has_ended),
		CASE(the_dead_may_still_speak),
		CASE(an_end_without_a_session_is_seen),
		CASE(who_is_not_watched_is_looked_at),
		CASE(the_ended_stay_for_a_while),
		CASE(not_while_somebody_is_connected),
		CASE(a_number_that_is_used_again_is_another_process),
		CASE(an_id_is_never_used_again),
		CASE(a_parent_is_known_by_its_number),
		CASE(or_by_its_session),
		CASE(a_senseless_hello_leaves_nothing),
		CASE(so_many_records_and_no_more),
		CASE(so_many_bytes_and_no_more),
		CASE(another_user_pushes_nobody_out),
		CASE(the_end_of_the_registry_ends_the_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
