#include "libhakmem/stream/publish.h"

#include "libhakmem/host/fork.h"
#include "libhakmem/heap/heap.h"
#include "tests/unit/libhakmem/server.h"
#include "tests/unit/figures.h"

#include <pthread.h>

static void hello_then_state(void)
{
	Hakmem__Hello *hello;
	Hakmem__State *state;

	listen_at(path, 5);
	start();
	must(accept_to(&server));
	hello = next_hello(&server);
	must(hello && hello->pid == (uint32_t)getpid());
	must(hello->session != 0 && hello->parent_session == 0);
	must(hello->interval_ms == INTERVAL);
	must(hello->n_classes == sizeclass_count);
	state = next_state(&server);
	must(state && FIGURE_IN(state, MESSAGES) == 1);
	must(FIGURE_IN(state, DROPPED) == 0 &&
	     FIGURE_IN(state, RECONNECTS) == 0);
	must(state->time_ns >= hello->start_ns);
	must(!next_state(&server));
}

static void states_when_due(void)
{
	uint64_t before = monotonic_ns(), now, allocs;
	Hakmem__State *state;

	listen_at(path, 5);
	start();
	now = monotonic_ns();
	must(accept_to(&server) && next_hello(&server));
	state = next_state(&server);
	allocs = FIGURE_IN(state, ALLOCS);
	heap_free(heap_malloc(100));
	publish_poll(before + INTERVAL / 2 * MS);
	must(!next_state(&server));
	errno = 77;
	publish_poll(now + 2 * INTERVAL * MS);
	must(errno == 77);
	state = next_state(&server);
	must(state && FIGURE_IN(state, MESSAGES) == 2);
	must(FIGURE_IN(state, ALLOCS) == allocs + 1);
	publish_poll(now + 2 * INTERVAL * MS + MS);
	must(!next_state(&server));
	for (uint64_t i = 3; i < 40; i++) {
		publish_poll(now + i * INTERVAL * MS + i * MS);
		state = next_state(&server);
		must(state && FIGURE_IN(state, MESSAGES) == i);
	}
}

/* A short program that allocates much would be over before the interval. */
static void states_when_much_has_moved(void)
{
	Hakmem__State *state;
	uint64_t now;

	configure();
	conf.interval_ms = 60000;
	listen_at(path, 5);
	publish_start();
	now = monotonic_ns();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	publish_poll(now + 60 * MS);
	must(!next_state(&server));
	must(heap_malloc(5 * MIB) != NULL);
	publish_poll(now + 61 * MS); /* looked a moment ago */
	must(!next_state(&server));
	publish_poll(now + 120 * MS);
	state = next_state(&server);
	must(state && FIGURE_IN(state, LIVE_BYTES) >= 5 * MIB);
}

static void stopped(void)
{
	uint64_t now = monotonic_ns();

	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	publish_stop();
	must(library_fd() == -1);
	must(!receive(&server));
	publish_poll(now + 10000 * MS);
	publish_finish();
	publish_stop();
	must(!accept_to(&second));
}

static void switched_off(void)
{
	configure();
	listen_at(path, 5);
	conf.stream = false;
	publish_start();
	publish_poll(monotonic_ns() + 10000 * MS);
	publish_finish();
	must(!accept_to(&server));
}

static void the_last_word(void)
{
	Hakmem__State *state;

	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	heap_free(heap_malloc(10));
	heap_free(heap_malloc(10));
	publish_finish();
	state = next_state(&server);
	must(state && FIGURE_IN(state, ALLOCS) >= 2);
}

/* A program that ends before the daemon listened has its word, too. */
static void the_only_word(void)
{
	start();
	listen_at(path, 5);
	publish_finish();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
}

static char log_path[96];

static void bad_values_are_logged(void)
{
	char *environment[] = {(char *)(uintptr_t) "HAKMEM_SAMPLE=x", NULL};
	char text[256] = "";
	int fd;

	configure();
	conf_load(environment);
	conf.socket = path;
	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	conf.log = log_path;
	listen_at(path, 5);
	publish_start();
	must(accept_to(&server));
	must(next_hello(&server)->n_config_errors == 1);
	fd = open(log_path, O_RDONLY);
	must(read(fd, text, sizeof(text) - 1) > 0);
	unlink(log_path);
	must(strcmp(text, "hakmem: HAKMEM_SAMPLE=x: not bytes up to 1024G, or "
			  "0; the default is used\n") == 0);
}

static void a_forked_child(void)
{
	uint64_t now = monotonic_ns(), session;
	Hakmem__Hello *hello;
	Hakmem__State *state;
	int status;
	pid_t pid;

	fork_watch();
	listen_at(path, 5);
	start();
	must(accept_to(&server));
	session = next_hello(&server)->session;
	must(next_state(&server));
	pid = fork();
	if (pid == 0) {
		publish_poll(now + 1000 * MS);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0);
	/* the child has a connection of its own, and ours goes on */
	must(accept_to(&second));
	hello = next_hello(&second);
	must(hello && hello->parent_session == session);
	must(hello->session != session && hello->session != 0);
	must(hello->pid == (uint32_t)pid);
	state = next_state(&second);
	must(state && FIGURE_IN(state, MESSAGES) == 1);
	must(FIGURE_IN(state, RECONNECTS) == 0);
	must(is_empty(server.fd));
	publish_poll(now + 1000 * MS);
	must(next_state(&server));
}

/* Without its fork handlers (vfork, a bare clone) a child is not us. */
static void a_child_that_shares_our_state(void)
{
	uint64_t now = monotonic_ns();
	int status;
	pid_t pid;

	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	pid = fork();
	if (pid == 0) {
		publish_poll(now + 1000 * MS);
		publish_finish();
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0);
	must(is_empty(server.fd));
	must(!accept_to(&second));
}

static int created;

static int create(void *thread, const void *attr, void *(*run)(void *),
		  void *arg)
{
	created++;
	return pthread_create(thread, attr, run, arg);
}

/* The status file of our thread, found by its name. */
static bool thread_status(char *out, size_t size)
{
	DIR *all = opendir("/proc/self/task");
	struct dirent *entry;
	bool found = false;

	while (!found && (entry = readdir(all))) {
		char name[300];
		FILE *file;

		snprintf(name, sizeof(name), "/proc/self/task/%s/status",
			 entry->d_name);
		file = fopen(name, "r");
		if (!file)
			continue;
		out[fread(out, 1, size - 1, file)] = '\0';
		fclose(file);
		found = strncmp(out, "Name:\thakmem\n", 13) == 0;
	}
	closedir(all);
	return found;
}

static void a_thread_of_ours(void)
{
	unsigned long long blocked = 0;
	char status[4096];
	sigset_t mine;

	listen_at(path, 5);
	configure();
	conf.interval_ms = 20;
	publish_start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	errno = 77;
	publish_thread(create);
	publish_thread(create);
	must(errno == 77);
	must(created == 1);
	for (int states = 0; states < 5;) {
		struct pollfd wait = {.fd = server.fd, .events = POLLIN};

		must(poll(&wait, 1, 60000) == 1);
		while (next_state(&server))
			states++;
	}
	must(thread_status(status, sizeof(status)));
	must(sscanf(strstr(status, "SigBlk:"), "SigBlk: %llx", &blocked) == 1);
	/* all but those that cannot be, and the two of the C library */
	must((blocked | 1ull << 8 | 1ull << 18 | 3ull << 31) == ~0ull);
	/* ours is as it was */
	pthread_sigmask(SIG_BLOCK, NULL, &mine);
	must(!sigismember(&mine, SIGTERM));
	/* the poll of other threads leaves it to it */
	must(library_fd() >= 0);
	publish_stop();
}

/* It takes no descriptor and no thread where nothing is streamed. */
static void no_thread_without_a_stream(void)
{
	configure();
	conf.stream = false;
	publish_start();
	publish_thread(create);
	must(created == 0);
}

/* What a thread that cannot be made leaves behind: the polls go on. */
static int refuse(void *thread, const void *attr, void *(*run)(void *),
		  void *arg)
{
	(void)thread;
	(void)attr;
	(void)run;
	(void)arg;
	return EAGAIN;
}

static void a_thread_that_cannot_be_made(void)
{
	uint64_t now = monotonic_ns();

	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	publish_thread(refuse);
	publish_poll(now + 1000 * MS);
	must(next_state(&server));
}

CHILD_TEST(hello_then_state)
CHILD_TEST(states_when_due)
CHILD_TEST(states_when_much_has_moved)
CHILD_TEST(stopped)
CHILD_TEST(switched_off)
CHILD_TEST(the_last_word)
CHILD_TEST(the_only_word)
CHILD_TEST(bad_values_are_logged)
CHILD_TEST(a_forked_child)
CHILD_TEST(a_child_that_shares_our_state)
CHILD_TEST(a_thread_of_ours)
CHILD_TEST(no_thread_without_a_stream)
CHILD_TEST(a_thread_that_cannot_be_made)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello_then_state),
		cmocka_unit_test(test_states_when_due),
		cmocka_unit_test(test_states_when_much_has_moved),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_the_last_word),
		cmocka_unit_test(test_the_only_word),
		cmocka_unit_test(test_bad_values_are_logged),
		cmocka_unit_test(test_a_forked_child),
		cmocka_unit_test(test_a_child_that_shares_our_state),
		cmocka_unit_test(test_a_thread_of_ours),
		cmocka_unit_test(test_no_thread_without_a_stream),
		cmocka_unit_test(test_a_thread_that_cannot_be_made),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
