#include "hakmemd/peers/session.h"

#include "tests/unit/hakmemd/harness.h"
#include "tests/unit/figures.h"

#define STATE(name) HAKMEM__PROCESS_STATE__PROCESS_##name

static struct registry *registry;
static struct unit unit;
static struct child child;
static struct peer peer;
static unsigned connections; /* open */

static void frame(struct conn *conn, const struct frame *what)
{
	session_frame(conn, registry, what);
}

static void closed(struct conn *conn)
{
	session_closed(conn);
	connections--;
}

static struct conns conns;
static const struct conn_ops ops = {.frame = frame, .closed = closed};

/* The daemon's end of a connection of process `pid`; `peer` is the other. */
static void serve(int ours, int theirs, pid_t pid)
{
	struct ucred who = {.pid = pid, .uid = getuid()};

	assert_non_null(conn_open(&conns, ours, &who, clock_ns()));
	peer_begin(&peer, theirs);
	connections++;
}

static int begin(void **state)
{
	static char command[] = "program", executable[] = "/bin/program";

	if (harness_begin(state) != 0)
		return -1;
	conns = (struct conns){.loop = harness_loop, .ops = &ops};
	registry = registry_new(harness_loop, CLOCK_SECOND, 100);
	unit_begin(&unit);
	unit_class(&unit, 80, 48, 79, 20, 5);
	unit.hello.command = command;
	unit.hello.executable = executable;
	unit.hello.session = 1;
	unit.hello.pid = 1; /* a lie */
	connections = 0;
	child_start(&child);
	serve(child.ours, child.theirs, child.pid);
	return registry ? 0 : -1;
}

static int end(void **state)
{
	if (child.pid > 0)
		child_stop(&child);
	if (child.theirs >= 0)
		close(child.theirs);
	conn_close_all(&conns);
	registry_free(registry);
	return harness_end(state);
}

static void say_hello(void)
{
	peer_say(&peer, FRAME_HELLO, &unit.hello.base);
	harness_turn();
}

static void say_state(uint64_t live_bytes)
{
	FIGURE_IN(&unit.state, LIVE_BYTES) = live_bytes;
	unit.state.time_ns = clock_ns();
	peer_say(&peer, FRAME_STATE, &unit.state.base);
}

static struct process *the_process(void)
{
	assert_int_equal(registry_count(registry), 1);
	return registry_first(registry);
}

static void refused(const char *text)
{
	harness_turn();
	assert_string_equal(peer_error(&peer), text);
	assert_true(peer_is_over(&peer));
	assert_int_equal(connections, 0);
}

static void a_program_says_hello_and_then_its_state(void **state)
{
	(void)state;
	assert_int_equal(registry_count(registry), 0);
	say_hello();
	assert_int_equal(the_process()->pid, child.pid);
	assert_int_equal(the_process()->state, STATE(RUNNING));
	assert_string_equal(the_process()->model.command, "program");
	assert_int_equal(the_process()->model.states, 0);
	for (unsigned i = 1; i <= 3; i++) {
		say_state(1000 * i);
		harness_turn();
		assert_int_equal(the_process()->model.states, i);
		assert_int_equal(
			the_process()->model.figures[FIGURE_LIVE_BYTES],
			1000 * i);
	}
	assert_int_equal(connections, 1);
}

static void the_first_word_is_hello(void **state)
{
	(void)state;
	say_state(1);
	refused("frame type 2 is out of place here");
	assert_int_equal(registry_count(registry), 0);
}

static void and_it_is_said_once(void **state)
{
	(void)state;
	say_hello();
	say_hello();
	refused("frame type 1 is out of place here");
	assert_int_equal(the_process()->state, STATE(DISCONNECTED));
}

static void say_garbage(uint16_t type)
{
	uint8_t bytes[FRAME_HEADER_BYTES + 100];

	memset(bytes, 0xff, sizeof(bytes));
	frame_encode(bytes, type, 100, peer.sent++);
	peer_write(&peer, bytes, sizeof(bytes));
}

static void modules_and_sites_follow_the_state(void **state)
{
	Hakmem__Modules modules;
	Hakmem__Sites sites;

	(void)state;
	hakmem__modules__init(&modules);
	hakmem__sites__init(&sites);
	say_hello();
	say_state(1);
	peer_say(&peer, FRAME_MODULES, &modules.base);
	peer_say(&peer, FRAME_SITES, &sites.base);
	harness_turn();
	assert_int_equal(connections, 1);
	say_garbage(FRAME_SITES);
	refused("SITES: not a Sites message");
}

static void but_not_before_the_hello(void **state)
{
	Hakmem__Modules modules;

	(void)state;
	hakmem__modules__init(&modules);
	peer_say(&peer, FRAME_MODULES, &modules.base);
	refused("frame type 3 is out of place here");
}

/* A word of a viewer is on its way at once. */
static void control_is_passed_on(void **state)
{
	Hakmem__Control word, *heard;
	struct frame frame;

	(void)state;
	hakmem__control__init(&word);
	word.sample_bytes = 4096;
	say_hello();
	assert_true(registry_control(the_process(), &word));
	assert_true(peer_hear(&peer, &frame));
	assert_int_equal(frame.type, FRAME_CONTROL);
	heard = hakmem__control__unpack(NULL, frame.length, frame.payload);
	assert_non_null(heard);
	assert_int_equal(heard->sample_bytes, 4096);
	hakmem__control__free_unpacked(heard, NULL);
}

static void a_program_asks_nothing(void **state)
{
	Hakmem__Query query;

	(void)state;
	hakmem__query__init(&query);
	say_hello();
	peer_say(&peer, FRAME_QUERY, &query.base);
	refused("frame type 32 is out of place here");
}

static void what_is_no_hello_is_refused(void **state)
{
	(void)state;
	say_garbage(FRAME_HELLO);
	refused("HELLO: not a Hello message");
	assert_int_equal(registry_count(registry), 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
	(void)state;
	unit.class[0].stride_bytes = 0;
	say_hello();
	refused("HELLO: a size class makes no sense");
	assert_int_equal(registry_count(registry), 0);
}

static void what_is_no_state_is_refused(void **state)
{
	(void)state;
	say_hello();
	say_garbage(FRAME_STATE);
	refused("STATE: not a State message");
	assert_int_equal(the_process()->state, STATE(DISCONNECTED));
}

/* What it said before stays. */
static void a_senseless_state_is_refused(void **state)
{
	(void)state;
	say_hello();
	say_state(1000);
	unit.objects[0] = __builtin_nan("");
	say_state(2000);
	refused("STATE: a column of cells makes no sense");
	assert_int_equal(the_process()->model.figures[FIGURE_LIVE_BYTES], 1000);
	assert_int_equal(the_process()->model.states, 1);
}

static void a_lost_connection_leaves_the_process(void **state)
{
	int before = child.theirs;
	struct process *process;

	(void)state;
	say_hello();
	say_state(1000);
	shutdown(before, SHUT_RDWR);
	harness_turn();
	assert_int_equal(connections, 0);
	process = the_process();
	assert_int_equal(process->state, STATE(DISCONNECTED));
	assert_null(process->session);
	assert_int_equal(process->model.figures[FIGURE_LIVE_BYTES], 1000);
}

/* A second connection of the same process: the first is closed, and its end
 * does not make the process look disconnected. */
static void a_newer_connection_takes_over(void **state)
{
	static struct peer first;
	int ends[4];

	(void)state;
	for (int i = 0; i < 4; i += 2)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
					    0, ends + i),
				 0);
	serve(ends[0], ends[1], getpid());
	say_hello();
	first = peer;
	say_state(1000);
	serve(ends[2], ends[3], getpid());
	assert_int_equal(connections, 3);
	say_hello();
	assert_int_equal(connections, 2);
	assert_true(peer_is_over(&first));
	assert_int_equal(the_process()->state, STATE(RUNNING));
	assert_int_equal(the_process()->model.figures[FIGURE_LIVE_BYTES], 1000);
	say_state(2000);
	harness_turn();
	assert_int_equal(the_process()->model.figures[FIGURE_LIVE_BYTES], 2000);
	close(ends[1]);
	close(ends[3]);
}

/* It ended while its words lay in the socket. */
static void the_last_words_of_the_dead_are_heard(void **state)
{
	struct process *process;

	(void)state;
	say_hello();
	process = the_process();
	for (unsigned i = 1; i <= 20; i++)
		say_state(i);
	child_exit(&child, 6);
	harness_until(connections == 0);
	assert_int_equal(process->model.figures[FIGURE_LIVE_BYTES], 20);
	assert_int_equal(process->model.states, 20);
	assert_int_equal(process->state, STATE(EXITED));
	assert_int_equal(process->exit_status, 6);
	assert_null(process->session);
	child_reap(&child);
	child.pid = -1;
}

static void it_may_have_ended_before_its_first_word_is_heard(void **state)
{
	(void)state;
	peer_say(&peer, FRAME_HELLO, &unit.hello.base);
	say_state(77);
	child_exit(&child, 5);
	close(child.theirs);
	child.theirs = -1;
	harness_until(registry_count(registry) == 1 && connections == 0 &&
		      the_process()->ended_ns);
	assert_int_equal(the_process()->model.figures[FIGURE_LIVE_BYTES], 77);
	assert_int_equal(the_process()->state, STATE(EXITED));
	assert_int_equal(the_process()->exit_status, 5);
	child_reap(&child);
	child.pid = -1;
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(a_program_says_hello_and_then_its_state),
		CASE(the_first_word_is_hello),
		CASE(and_it_is_said_once),
		CASE(modules_and_sites_follow_the_state),
		CASE(but_not_before_the_hello),
		CASE(control_is_passed_on),
		CASE(a_program_asks_nothing),
		CASE(what_is_no_hello_is_refused),
		CASE(what_makes_no_sense_is_refused),
		CASE(what_is_no_state_is_refused),
		CASE(a_senseless_state_is_refused),
		CASE(a_lost_connection_leaves_the_process),
		CASE(a_newer_connection_takes_over),
		CASE(the_last_words_of_the_dead_are_heard),
		CASE(it_may_have_ended_before_its_first_word_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
