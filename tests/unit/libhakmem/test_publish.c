#include "libhakmem/publish.h"

#include "libhakmem/boot.h"
#include "libhakmem/conf.h"
#include "libhakmem/fork.h"
#include "libhakmem/heap.h"
#include "libhakmem/thread.h"
#include "proto/frame.h"
#include "proto/hakmem.pb-c.h"
#include "tests/unit/libhakmem/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define MS	 UINT64_C(1000000)
#define INTERVAL 100 /* ms */

/* Each case is a program of its own, in a child, with a server of its own. */

static char directory[64], path[96];
static int listener = -1;

/* The daemon's end of one connection. */
struct server {
	int fd;
	uint8_t bytes[512 * 1024];
	size_t used;
	uint32_t sequence;
};
static struct server server = {.fd = -1}, second = {.fd = -1};

static int make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/hakmem-unit-%d.d",
		 (int)getpid());
	snprintf(path, sizeof(path), "%s/sock", directory);
	return mkdir(directory, 0700);
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static struct sockaddr_un address_of(const char *at)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	must(strlen(at) < sizeof(address.sun_path));
	memcpy(address.sun_path, at, strlen(at));
	return address;
}

static void listen_at(const char *at, int backlog)
{
	struct sockaddr_un address = address_of(at);

	unlink(at);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	must(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	must(listen(listener, backlog) == 0);
}

static void configure(void)
{
	must(boot_ready());
	thread_cache();
	conf.stream = true;
	conf.socket = path;
	conf.interval_ms = INTERVAL;
	conf.log = NULL;
	conf.errors = 0;
}

static void start(void)
{
	configure();
	errno = 77;
	publish_start();
	must(errno == 77);
}

static bool accept_to(struct server *to)
{
	to->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	to->used = 0;
	to->sequence = 0;
	return to->fd >= 0;
}

/* Reads what is there; false at the end of the connection. */
static bool receive(struct server *from)
{
	for (;;) {
		ssize_t got = read(from->fd, from->bytes + from->used,
				   sizeof(from->bytes) - from->used);

		if (got < 0) {
			must(errno == EAGAIN);
			return true;
		}
		if (got == 0)
			return from->used == sizeof(from->bytes);
		from->used += (size_t)got;
	}
}

/* The next frame's payload, unpacked; NULL when there is none. Sequence and
 * type must be right. */
static ProtobufCMessage *next_message(struct server *from, uint16_t type,
				      const ProtobufCMessageDescriptor *kind)
{
	ProtobufCMessage *message;
	struct frame frame;
	size_t length;
	enum frame_status status;

	receive(from);
	status = frame_decode(from->bytes, from->used, &frame);
	if (status == FRAME_MORE)
		return NULL;
	must(status == FRAME_READY);
	must(frame.type == type);
	must(frame.sequence == from->sequence);
	from->sequence++;
	message = protobuf_c_message_unpack(kind, NULL, frame.length,
					    frame.payload);
	must(message != NULL);
	length = FRAME_HEADER_BYTES + frame.length;
	memmove(from->bytes, from->bytes + length, from->used - length);
	from->used -= length;
	return message;
}

static Hakmem__Hello *next_hello(struct server *from)
{
	return (Hakmem__Hello *)next_message(from, FRAME_HELLO,
					     &hakmem__hello__descriptor);
}

static Hakmem__State *next_state(struct server *from)
{
	return (Hakmem__State *)next_message(from, FRAME_STATE,
					     &hakmem__state__descriptor);
}

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
	must(state && state->messages_total == 1);
	must(state->dropped_total == 0 && state->reconnects_total == 0);
	must(state->time_ns >= hello->start_ns);
	must(!next_state(&server));
}

static void states_when_due(void)
{
	uint64_t now = monotonic_ns(), allocs;
	Hakmem__State *state;

	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server));
	state = next_state(&server);
	allocs = state->allocs_total;
	heap_free(heap_malloc(100));
	publish_poll(now + INTERVAL / 2 * MS);
	must(!next_state(&server));
	errno = 77;
	publish_poll(now + 2 * INTERVAL * MS);
	must(errno == 77);
	state = next_state(&server);
	must(state && state->messages_total == 2);
	must(state->allocs_total == allocs + 1);
	publish_poll(now + 2 * INTERVAL * MS + MS);
	must(!next_state(&server));
	for (uint64_t i = 3; i < 40; i++) {
		publish_poll(now + i * INTERVAL * MS + i * MS);
		state = next_state(&server);
		must(state && state->messages_total == i);
	}
}

/* A short program that allocates much would be over before the interval. */
static void states_when_much_has_moved(void)
{
	uint64_t now = monotonic_ns();
	Hakmem__State *state;

	configure();
	conf.interval_ms = 60000;
	listen_at(path, 5);
	publish_start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	publish_poll(now + 60 * MS);
	must(!next_state(&server));
	must(heap_malloc(5 * MIB) != NULL);
	publish_poll(now + 61 * MS); /* looked a moment ago */
	must(!next_state(&server));
	publish_poll(now + 120 * MS);
	state = next_state(&server);
	must(state && state->live_bytes >= 5 * MIB);
}

static void a_daemon_that_comes_later(void)
{
	uint64_t now = monotonic_ns();

	start();
	listen_at(path, 5);
	/* not before the first back-off of 250 ms */
	publish_poll(now + 200 * MS);
	must(!accept_to(&server));
	publish_poll(now + 400 * MS);
	must(accept_to(&server));
	must(next_hello(&server));
	must(next_state(&server)->reconnects_total == 0);
}

/* Waiting longer and longer, at most 4 seconds and a quarter. */
static void backing_off(void)
{
	uint64_t now = monotonic_ns(), connected[6];
	uint64_t wait = 250 * MS;
	int count = 0;

	/* an address that is there, but nobody listens: each try is refused */
	start();
	for (uint64_t at = now; count < 6; at += 10 * MS) {
		listen_at(path, 5);
		publish_poll(at);
		if (accept_to(&server)) {
			connected[count++] = at;
			break;
		}
		close(listener);
	}
	must(count == 1 && connected[0] - now >= wait);
	must(connected[0] - now <= wait * 5 / 4 + 20 * MS);
	close(server.fd);
	close(listener);
	unlink(path);
	/* and with nobody there for a minute: the next try is not far off */
	for (uint64_t at = connected[0]; at < connected[0] + 60000 * MS;
	     at += 50 * MS)
		publish_poll(at);
	listen_at(path, 5);
	for (uint64_t at = connected[0] + 60000 * MS;; at += 50 * MS) {
		publish_poll(at);
		if (!accept_to(&second))
			continue;
		must(at - connected[0] - 60000 * MS <= 5050 * MS);
		break;
	}
}

static void death_and_return(void)
{
	uint64_t now = monotonic_ns(), session;
	Hakmem__Hello *hello;
	Hakmem__State *state;

	signal(SIGPIPE, SIG_DFL);
	listen_at(path, 5);
	start();
	must(accept_to(&server));
	session = next_hello(&server)->session;
	must(next_state(&server));
	for (uint64_t round = 1; round < 5; round++) {
		/* in turn with and without a word from us before the end */
		if (round & 1)
			must(write(server.fd, "garbage", 7) == 7);
		close(server.fd);
		close(listener);
		now += 1000 * MS;
		publish_poll(now);
		now += 100 * MS;
		publish_poll(now);
		listen_at(path, 5);
		now += 6000 * MS;
		publish_poll(now);
		must(accept_to(&server));
		hello = next_hello(&server);
		must(hello && hello->session == session);
		state = next_state(&server);
		must(state && state->reconnects_total == round);
	}
}

/* 20,000 snapshots to a daemon that does not read: dropped, never waited for;
 * and when it reads again, what arrives is whole. */
static void nothing_blocks(void)
{
	uint64_t now = monotonic_ns(), begin = now, last = 0, dropped = 0;
	Hakmem__State *state;

	listen_at(path, 5);
	start();
	for (int i = 0; i < 20000; i++)
		publish_poll(now += 200 * MS);
	must(monotonic_ns() - begin < 10000 * MS);
	must(accept_to(&server));
	must(next_hello(&server));
	for (int i = 0; i < 20; i++) {
		while ((state = next_state(&server))) {
			must(state->messages_total == last + 1);
			last = state->messages_total;
			dropped = state->dropped_total;
			hakmem__state__free_unpacked(state, NULL);
		}
		publish_poll(now += 200 * MS);
	}
	must(dropped > 19000);
	must(last > 20 && last + dropped >= 20000);
	must(server.used == 0);
}

/* A daemon that hangs and whose queue of connections is full. */
static void a_full_queue(void)
{
	struct sockaddr_un address = address_of(path);
	uint64_t begin = monotonic_ns();
	int clients = 0;

	listen_at(path, 0);
	for (;; clients++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

		if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
			break;
		must(clients < 100);
	}
	start();
	publish_poll(begin + 500 * MS);
	must(monotonic_ns() - begin < 2000 * MS);
	while (accept_to(&server))
		close(server.fd);
	publish_poll(begin + 2000 * MS);
	must(accept_to(&server) && next_hello(&server));
}

/* The library's descriptor: the one socket that is connected to our path. */
static int library_fd(void)
{
	DIR *all = opendir("/proc/self/fd");
	struct dirent *entry;
	int found = -1;

	while ((entry = readdir(all))) {
		struct sockaddr_un peer;
		socklen_t length = sizeof(peer);
		int fd = atoi(entry->d_name);

		if (getpeername(fd, (struct sockaddr *)&peer, &length) == 0 &&
		    length > sizeof(sa_family_t) &&
		    strncmp(peer.sun_path, directory, strlen(directory)) == 0)
			found = fd;
	}
	closedir(all);
	return found;
}

static bool is_empty(int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLIN};

	return poll(&look, 1, 0) == 0;
}

static void reused_by_a_pipe(void)
{
	uint64_t now = monotonic_ns();
	int fd, ends[2];

	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	fd = library_fd();
	must(fd >= 1000);
	must(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	must(pipe(ends) == 0);
	must(dup2(ends[1], fd) == fd);
	publish_poll(now + 1000 * MS);
	/* neither written to nor closed; and there is a new connection */
	must(is_empty(ends[0]));
	publish_poll(now + 2000 * MS);
	must(is_empty(ends[0]));
	must(write(fd, "x", 1) == 1);
	must(accept_to(&second) && next_hello(&second));
	must(next_state(&second)->reconnects_total == 1);
	publish_stop();
	must(write(fd, "x", 1) == 1);
}

/* The number now belongs to another connection to the same daemon. */
static void reused_by_a_socket(void)
{
	struct sockaddr_un address = address_of(path);
	uint64_t now = monotonic_ns();
	int fd, other = socket(AF_UNIX, SOCK_STREAM, 0);

	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	fd = library_fd();
	must(connect(other, (struct sockaddr *)&address, sizeof(address)) == 0);
	must(accept_to(&second));
	must(dup2(other, fd) == fd);
	for (uint64_t i = 1; i < 5; i++)
		publish_poll(now + i * 1000 * MS);
	must(is_empty(second.fd));
	must(write(fd, "x", 1) == 1);
	must(accept_to(&server) && next_hello(&server));
}

/* A daemon that is still there but takes no more: the write fails, and a
 * failed write to a socket is a signal to those who do not forbid it. */
static void a_daemon_that_takes_no_more(void)
{
	uint64_t now = monotonic_ns();

	signal(SIGPIPE, SIG_DFL);
	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	must(shutdown(server.fd, SHUT_RD) == 0);
	publish_poll(now + 1000 * MS);
	publish_poll(now + 2000 * MS);
	must(accept_to(&second) && next_hello(&second));
	must(next_state(&second)->reconnects_total == 1);
}

static void closed_by_the_program(void)
{
	uint64_t now = monotonic_ns();

	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
	close(library_fd());
	publish_poll(now + 1000 * MS);
	publish_poll(now + 2000 * MS);
	must(accept_to(&second) && next_hello(&second) && next_state(&second));
	/* the end, with the number taken by something else */
	must(dup2(listener, library_fd()) >= 0);
	publish_finish();
	must(fcntl(listener, F_GETFD) >= 0);
}

static void few_descriptors(void)
{
	struct rlimit limit = {32, 32};
	int fd;

	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	listen_at(path, 5);
	start();
	must(accept_to(&server) && next_hello(&server));
	fd = library_fd();
	must(fd >= 20 && fd < 32);
}

static void no_descriptors(void)
{
	uint64_t now = monotonic_ns();
	struct rlimit limit;
	int last;

	listen_at(path, 5);
	must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	last = dup(listener);
	limit.rlim_cur = (rlim_t)last + 1;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	start();
	publish_poll(now + 1000 * MS);
	must(fcntl(last, F_GETFD) >= 0);
	limit.rlim_cur = limit.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	publish_poll(now + 8000 * MS);
	must(accept_to(&server) && next_hello(&server));
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
	must(state && state->allocs_total >= 2);
}

/* A program that ends before the daemon listened has its word, too. */
static void the_only_word(void)
{
	start();
	listen_at(path, 5);
	publish_finish();
	must(accept_to(&server) && next_hello(&server) && next_state(&server));
}

static void the_end_is_not_held_up(void)
{
	uint64_t now = monotonic_ns(), begin;

	listen_at(path, 5);
	start();
	for (int i = 0; i < 100; i++)
		publish_poll(now += 200 * MS);
	begin = monotonic_ns();
	publish_finish();
	must(monotonic_ns() - begin < 400 * MS);
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

/* The default socket's directory must be one that nobody else can write. */
static void only_a_safe_directory(void)
{
	char base[112], sub[128], at[160];
	uint64_t now = monotonic_ns();

	configure();
	snprintf(base, sizeof(base), "%s/run", directory);
	snprintf(sub, sizeof(sub), "%s/hakmem", base);
	snprintf(at, sizeof(at), "%s/sock", sub);
	must(mkdir(base, 0700) == 0 && mkdir(sub, 0700) == 0);
	must(chmod(sub, 0777) == 0);
	listen_at(at, 5);
	conf.socket = NULL;
	conf.xdg_runtime_dir = base;
	publish_start();
	must(!accept_to(&server));
	must(chmod(sub, 0700) == 0);
	publish_poll(now + 1000 * MS);
	must(accept_to(&server) && next_hello(&server));
	unlink(at);
	rmdir(sub);
	rmdir(base);
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
	must(state && state->messages_total == 1);
	must(state->reconnects_total == 0);
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

		must(poll(&wait, 1, 5000) == 1);
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

#define CHILD_TEST(body)                                                       \
	static void test_##body(void **state)                                  \
	{                                                                      \
		(void)state;                                                   \
		assert_child_passes(body);                                     \
	}

CHILD_TEST(hello_then_state)
CHILD_TEST(states_when_due)
CHILD_TEST(states_when_much_has_moved)
CHILD_TEST(a_daemon_that_comes_later)
CHILD_TEST(backing_off)
CHILD_TEST(death_and_return)
CHILD_TEST(nothing_blocks)
CHILD_TEST(a_full_queue)
CHILD_TEST(reused_by_a_pipe)
CHILD_TEST(reused_by_a_socket)
CHILD_TEST(a_daemon_that_takes_no_more)
CHILD_TEST(closed_by_the_program)
CHILD_TEST(few_descriptors)
CHILD_TEST(no_descriptors)
CHILD_TEST(stopped)
CHILD_TEST(switched_off)
CHILD_TEST(the_last_word)
CHILD_TEST(the_only_word)
CHILD_TEST(the_end_is_not_held_up)
CHILD_TEST(bad_values_are_logged)
CHILD_TEST(only_a_safe_directory)
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
		cmocka_unit_test(test_a_daemon_that_comes_later),
		cmocka_unit_test(test_backing_off),
		cmocka_unit_test(test_death_and_return),
		cmocka_unit_test(test_nothing_blocks),
		cmocka_unit_test(test_a_full_queue),
		cmocka_unit_test(test_reused_by_a_pipe),
		cmocka_unit_test(test_reused_by_a_socket),
		cmocka_unit_test(test_a_daemon_that_takes_no_more),
		cmocka_unit_test(test_closed_by_the_program),
		cmocka_unit_test(test_few_descriptors),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_the_last_word),
		cmocka_unit_test(test_the_only_word),
		cmocka_unit_test(test_the_end_is_not_held_up),
		cmocka_unit_test(test_bad_values_are_logged),
		cmocka_unit_test(test_only_a_safe_directory),
		cmocka_unit_test(test_a_forked_child),
		cmocka_unit_test(test_a_child_that_shares_our_state),
		cmocka_unit_test(test_a_thread_of_ours),
		cmocka_unit_test(test_no_thread_without_a_stream),
		cmocka_unit_test(test_a_thread_that_cannot_be_made),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
