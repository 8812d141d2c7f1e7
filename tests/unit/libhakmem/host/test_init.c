#include "libhakmem/host/init.h"

#include "libhakmem/heap/boot.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/heap/heap.h"
#include "libhakmem/heap/thread.h"
#include "proto/frame.h"
#include "proto/hakmem.pb-c.h"
#include "tests/unit/libhakmem/unit.h"
#include "tests/unit/figures.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Each case is a program from its constructor to its end, in a child. */

static char path[96];
static int listener;

static int listen_there(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)state;
	snprintf(path, sizeof(path), "/tmp/hakmem-unit-%d.sock", (int)getpid());
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	return listen(listener, 20);
}

static int go_away(void **state)
{
	(void)state;
	close(listener);
	return unlink(path);
}

/* All that one program said, by frame type: the number of frames, and the
 * last state. */
struct said {
	int hellos, states;
	Hakmem__State *last;
};

static struct said listen_to(void)
{
	static uint8_t bytes[1024 * 1024];
	int fd = accept(listener, NULL, NULL);
	struct said said = {0};
	struct frame frame;
	size_t used = 0, at = 0;
	ssize_t got;

	assert_true(fd >= 0);
	while ((got = read(fd, bytes + used, sizeof(bytes) - used)) > 0)
		used += (size_t)got;
	close(fd);
	while (frame_decode(bytes + at, used - at, &frame) == FRAME_READY) {
		said.hellos += frame.type == FRAME_HELLO;
		said.states += frame.type == FRAME_STATE;
		if (frame.type == FRAME_STATE) {
			if (said.last)
				hakmem__state__free_unpacked(said.last, NULL);
			said.last = hakmem__state__unpack(NULL, frame.length,
							  frame.payload);
		}
		at += FRAME_HEADER_BYTES + frame.length;
	}
	assert_int_equal(at, used);
	return said;
}

static void live_and_end(void)
{
	setenv("HAKMEM_SOCKET", path, 1);
	setenv("HAKMEM_STREAM", "on", 1);
	init_begin();
	for (int i = 0; i < 1000; i++)
		must(heap_malloc(50) != NULL);
	init_end();
}

static void the_last_state_tells_all(void **state)
{
	struct said said;

	(void)state;
	assert_child_passes(live_and_end);
	said = listen_to();
	assert_int_equal(said.hellos, 1);
	assert_true(said.states >= 2);
	assert_true(FIGURE_IN(said.last, ALLOCS) >= 1000);
	assert_int_equal(FIGURE_IN(said.last, ALLOCS) -
				 FIGURE_IN(said.last, FREES),
			 FIGURE_IN(said.last, LIVE_OBJECTS));
	assert_true(FIGURE_IN(said.last, LIVE_BYTES) >= 1000 * 64);
	hakmem__state__free_unpacked(said.last, NULL);
}

static void live_silently(void)
{
	setenv("HAKMEM_SOCKET", path, 1);
	setenv("HAKMEM_STREAM", "off", 1);
	init_begin();
	heap_free(heap_malloc(10));
	init_end();
}

static void off_means_off(void **state)
{
	(void)state;
	assert_child_passes(live_silently);
	assert_int_equal(accept(listener, NULL, NULL), -1);
}

/* Somebody allocated before there was an environment: read it now. */
static void wake_early(void)
{
	char **saved = environ;

	setenv("HAKMEM_SOCKET", path, 1);
	setenv("HAKMEM_STREAM", "on", 1);
	setenv("HAKMEM_INTERVAL_MS", "123", 1);
	saved = environ;
	environ = NULL;
	must(heap_malloc(10) != NULL);
	environ = saved;
	must(conf.interval_ms == 1000);
	init_begin();
	must(conf.interval_ms == 123);
	init_end();
}

static void the_environment_is_read_late_if_need_be(void **state)
{
	struct said said;

	(void)state;
	assert_child_passes(wake_early);
	said = listen_to();
	assert_int_equal(said.hellos, 1);
	hakmem__state__free_unpacked(said.last, NULL);
}

static void *allocate(void *arg)
{
	heap_free(heap_malloc(100));
	return arg;
}

static void *wait_for_end(void *arg)
{
	heap_free(heap_malloc(100));
	must(write(((int *)arg)[1], "x", 1) == 1);
	pause();
	return arg;
}

/* Exits of threads and forks are watched from here on. */
static void watch(void)
{
	struct thread_sums sums;
	pthread_t thread;
	int status, ends[2];
	pid_t pid;
	char byte;

	setenv("HAKMEM_STREAM", "off", 1);
	init_begin();
	heap_free(heap_malloc(100));
	pthread_create(&thread, NULL, allocate, NULL);
	pthread_join(thread, NULL);
	thread_sum(&sums);
	must(sums.live_threads == 1 && sums.total_threads == 2);
	/* a child has none of the other threads */
	must(pipe(ends) == 0);
	pthread_create(&thread, NULL, wait_for_end, ends);
	must(read(ends[0], &byte, 1) == 1);
	pid = fork();
	if (pid == 0) {
		heap_free(heap_malloc(100));
		thread_sum(&sums);
		must(sums.live_threads == 1);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0);
	init_end();
}

static void threads_and_forks_are_watched(void **state)
{
	(void)state;
	assert_child_passes(watch);
}

static void complain(void)
{
	char log_path[128], text[512] = "";
	int fd;

	snprintf(log_path, sizeof(log_path), "%s.log", path);
	setenv("HAKMEM_STREAM", "off", 1);
	setenv("HAKMEM_LOG", log_path, 1);
	setenv("HAKMEM_TICK_MS", "never", 1);
	init_begin();
	init_end();
	fd = open(log_path, O_RDONLY);
	must(fd >= 0);
	unlink(log_path);
	must(read(fd, text, sizeof(text) - 1) > 0);
	must(strcmp(text, "hakmem: HAKMEM_TICK_MS=never: not 1 to 3600000 "
			  "milliseconds; the default is used\n") == 0);
}

static void bad_values_are_logged_once(void **state)
{
	(void)state;
	assert_child_passes(complain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_state_tells_all),
		cmocka_unit_test(off_means_off),
		cmocka_unit_test(the_environment_is_read_late_if_need_be),
		cmocka_unit_test(threads_and_forks_are_watched),
		cmocka_unit_test(bad_values_are_logged_once),
	};

	return cmocka_run_group_tests(tests, listen_there, go_away);
}
