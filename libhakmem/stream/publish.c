#include "libhakmem/stream/publish.h"

#include "libhakmem/base/clock.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/stream/control.h"
#include "libhakmem/base/lock.h"
#include "libhakmem/base/report.h"
#include "libhakmem/base/rng.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/stream/sitefeed.h"
#include "libhakmem/stream/snapshot.h"
#include "libhakmem/heap/thread.h"
#include "proto/frame.h"
#include "proto/limits.h"
#include "proto/path.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FD_LOW	      1000 /* programs close and reuse small numbers */
#define BUFFER_BYTES  (128 * KIB)
#define MS	      UINT64_C(1000000)
#define BACKOFF_FIRST (250 * MS)
#define BACKOFF_LAST  (4000 * MS)
#define LOOK_INTERVAL (50 * MS) /* how often live bytes are compared */
#define MOVED_BYTES   MIB
#define READS_MAX     16
#define FINISH_NS     (100 * MS)
/* What one poll sends at most: about a millisecond of the program's time. */
#define SITES_A_POLL 1000u

struct lock publish_lock;
static bool running;  /* streaming is on and started */
static bool threaded; /* our thread does it */
static pid_t owner;   /* the process this state belongs to */
static uint64_t session, parent_session, random_state;
static uint64_t next_ns; /* when a snapshot is due; read without lock */
static uint64_t look_ns; /* when live bytes are looked at; ditto */
static uint64_t sent_live_bytes;

static struct {
	int fd; /* -1: none */
	dev_t device;
	ino_t inode;
	uint64_t cookie;
	uint32_t sequence;
	uint64_t retry_ns, backoff_ns;
	size_t begin, end; /* of what is not sent yet */
	uint64_t messages, dropped, connects;
	bool behind; /* sites or modules did not all fit */
	struct control_reader reader;
} peer = {.fd = -1};

static uint8_t buffer[BUFFER_BYTES];

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) != 0)
		return 0;
	return cookie;
}

/* Is the number still our socket? The program may have closed and reused it. */
static bool peer_is_ours(void)
{
	struct stat info;

	return peer.fd >= 0 && fstat(peer.fd, &info) == 0 &&
	       info.st_dev == peer.device && info.st_ino == peer.inode &&
	       cookie_of(peer.fd) == peer.cookie;
}

static void back_off(uint64_t now_ns)
{
	uint64_t wait = peer.backoff_ns;

	peer.backoff_ns = wait * 2 < BACKOFF_LAST ? wait * 2 : BACKOFF_LAST;
	wait += rng_next(&random_state) % (wait / 4 + 1);
	peer.retry_ns = now_ns + wait;
}

/* A number that is no longer ours is forgotten, never closed. */
static void disconnect(uint64_t now_ns)
{
	if (peer_is_ours())
		close(peer.fd);
	peer.fd = -1;
	peer.begin = peer.end = 0;
	back_off(now_ns);
}

/* Moves a descriptor to where programs do not look; at least off 0, 1, 2. */
static int move_high(int fd)
{
	struct rlimit limit;
	int low = FD_LOW, moved;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= FD_LOW)
		low = limit.rlim_cur > 8 ? (int)limit.rlim_cur - 4 : 3;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, low);
	if (moved < 0)
		moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return moved;
}

static int open_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (path_socket(conf.socket, conf.xdg_runtime_dir, geteuid(),
			address.sun_path) != 0)
		return -1;
	if (!(conf.socket && *conf.socket) &&
	    !path_trusted(address.sun_path, geteuid()))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		return -1;
	}
	return move_high(fd);
}

/* Packs a message behind what waits in the buffer; false if it does not fit. */
static bool enqueue(uint16_t type, const ProtobufCMessage *message)
{
	size_t length = protobuf_c_message_get_packed_size(message);

	if (peer.begin == peer.end)
		peer.begin = peer.end = 0;
	if (length > FRAME_PAYLOAD_MAX ||
	    length + FRAME_HEADER_BYTES > sizeof(buffer) - peer.end)
		return false;
	frame_encode(buffer + peer.end, type, (uint32_t)length,
		     peer.sequence++);
	protobuf_c_message_pack(message,
				buffer + peer.end + FRAME_HEADER_BYTES);
	peer.end += FRAME_HEADER_BYTES + length;
	return true;
}

/* Sends what waits, as far as the socket takes it now. */
static bool flush(uint64_t now_ns)
{
	if (!peer_is_ours()) {
		disconnect(now_ns);
		return false;
	}
	while (peer.begin < peer.end) {
		ssize_t sent = send(peer.fd, buffer + peer.begin,
				    peer.end - peer.begin,
				    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return true;
		if (sent <= 0) {
			disconnect(now_ns);
			return false;
		}
		peer.begin += (size_t)sent;
	}
	return true;
}

static bool connect_now(uint64_t now_ns)
{
	struct stat info;

	if (now_ns < peer.retry_ns)
		return false;
	peer.fd = open_socket();
	if (peer.fd < 0 || fstat(peer.fd, &info) != 0) {
		peer.fd = -1;
		back_off(now_ns);
		return false;
	}
	peer.device = info.st_dev;
	peer.inode = info.st_ino;
	peer.cookie = cookie_of(peer.fd);
	peer.sequence = 0;
	peer.backoff_ns = BACKOFF_FIRST;
	peer.connects++;
	peer.reader.used = peer.reader.skip = 0;
	sitefeed_restart();
	enqueue(FRAME_HELLO, &snapshot_hello(session, parent_session)->base);
	return true;
}

static void obey(const struct control *control)
{
	if (control->sampling_off)
		sampler_set_stack(0);
	else if (control->sample_bytes != 0)
		sampler_set_stack(min_size(control->sample_bytes,
					   LIMIT_SAMPLE_BYTES_MAX));
	if (control->interval_ms >= LIMIT_INTERVAL_MS_MIN &&
	    control->interval_ms <= LIMIT_INTERVAL_MS_MAX)
		__atomic_store_n(&conf.interval_ms, control->interval_ms,
				 __ATOMIC_RELAXED);
}

/* Does what the daemon asks for; false when it is not one. */
static bool publish_read_control(void)
{
	struct control control;
	enum control_status status;

	while ((status = control_next(&peer.reader, &control)) == CONTROL_READ)
		obey(&control);
	return status == CONTROL_MORE;
}

/* Reads what the daemon says; true at the end of file. A peer that talks
 * without end, or nonsense, is none of ours. */
static bool peer_gone(void)
{
	ssize_t got = 1;

	for (int i = 0; i < READS_MAX && got > 0; i++) {
		size_t room;
		uint8_t *space = control_space(&peer.reader, &room);

		got = recv(peer.fd, space, room, MSG_DONTWAIT);
		if (got <= 0)
			break;
		control_filled(&peer.reader, (size_t)got);
		if (!publish_read_control())
			return true;
	}
	return got >= 0 || (errno != EAGAIN && errno != EINTR);
}

/* True while the socket took everything, so that more may follow. */
static bool all_sent(void)
{
	return peer.fd >= 0 && peer.begin == peer.end;
}

static void send_modules(uint64_t now_ns)
{
	Hakmem__Modules *modules;

	while (all_sent() && (modules = sitefeed_modules())) {
		if (!enqueue(FRAME_MODULES, &modules->base)) {
			sitefeed_modules_again();
			return;
		}
		flush(now_ns);
	}
}

/* What does not go out now goes out next time. */
static void send_sites(uint64_t now_ns)
{
	Hakmem__Sites *sites;
	size_t sent = 0;

	send_modules(now_ns);
	while (all_sent() && sent < SITES_A_POLL) {
		sites = sitefeed_sites();
		if (!sites) {
			peer.behind = false;
			return;
		}
		if (!enqueue(FRAME_SITES, &sites->base)) {
			sitefeed_sites_again();
			break;
		}
		sent += sites->n_sites;
		flush(now_ns);
	}
	peer.behind = true;
}

static void publish_now(uint64_t now_ns)
{
	Hakmem__State *state;

	if (peer.fd >= 0 && (!peer_is_ours() || peer_gone()))
		disconnect(now_ns);
	if (peer.fd < 0 && !connect_now(now_ns))
		return;
	if (!flush(now_ns))
		return;
	/* While the daemon does not read, newer snapshots replace nothing:
	 * the next one that fits says it all. */
	if (peer.begin < peer.end) {
		peer.dropped++;
		return;
	}
	state = snapshot_state();
	peer.messages++;
	state->figures[FIGURE_MESSAGES] = peer.messages;
	state->figures[FIGURE_DROPPED] = peer.dropped;
	state->figures[FIGURE_RECONNECTS] = peer.connects - 1;
	sent_live_bytes = state->figures[FIGURE_LIVE_BYTES];
	if (!enqueue(FRAME_STATE, &state->base))
		peer.dropped++;
	flush(now_ns);
	send_sites(now_ns);
}

/* A vfork child or a raw clone shares our memory but is not us. */
static bool is_owner(void)
{
	return (pid_t)syscall(SYS_getpid) == owner;
}

static bool moved_much(void)
{
	struct snapshot_totals totals;
	uint64_t moved;

	snapshot_totals(&totals);
	moved = totals.live_bytes > sent_live_bytes
			? totals.live_bytes - sent_live_bytes
			: sent_live_bytes - totals.live_bytes;
	return moved >= MOVED_BYTES && moved > sent_live_bytes / 100;
}

/* The daemon may change it. */
static uint32_t interval_ms(void)
{
	return peek32(&conf.interval_ms);
}

static void publish_locked(uint64_t now_ns)
{
	uint64_t wait = interval_ms() * MS;

	__atomic_store_n(&look_ns, now_ns + LOOK_INTERVAL, __ATOMIC_RELAXED);
	if (running && is_owner())
		publish_now(now_ns);
	if (peer.fd >= 0 && peer.behind && wait > LOOK_INTERVAL)
		wait = LOOK_INTERVAL;
	__atomic_store_n(&next_ns, now_ns + wait, __ATOMIC_RELAXED);
	sampler_relax(now_ns);
}

void publish_poll(uint64_t now_ns)
{
	int saved = errno;

	if (__atomic_load_n(&threaded, __ATOMIC_RELAXED) ||
	    now_ns < peek64(&look_ns))
		return;
	__atomic_store_n(&look_ns, now_ns + LOOK_INTERVAL, __ATOMIC_RELAXED);
	if (now_ns < peek64(&next_ns) && (peer.fd < 0 || !moved_much()))
		return;
	if (lock_try(&publish_lock, LOCK_PUBLISH)) {
		publish_locked(now_ns);
		lock_release(&publish_lock, LOCK_PUBLISH);
	}
	errno = saved;
}

/* How long our thread sleeps. */
static uint32_t pause_ms(void)
{
	uint32_t ms = interval_ms();

	if (ms > conf.tick_ms)
		ms = conf.tick_ms;
	return ms < LIMIT_INTERVAL_MS_MIN ? LIMIT_INTERVAL_MS_MIN : ms;
}

static void *run(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "hakmem");
	while (!thread_all_ended()) {
		uint32_t ms = pause_ms();
		struct timespec wait = {.tv_sec = ms / 1000,
					.tv_nsec = (long)(ms % 1000) * 1000000};
		uint64_t now_ns;

		clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
		now_ns = clock_now();
		thread_tick(now_ns);
		/* Half a sleep early is on time. */
		if (now_ns + ms * MS / 2 < peek64(&next_ns) ||
		    !lock_try(&publish_lock, LOCK_PUBLISH))
			continue;
		publish_locked(now_ns);
		lock_release(&publish_lock, LOCK_PUBLISH);
	}
	return NULL; /* the last one: the process ends with us, as it would */
}

void publish_thread(int (*create)(void *, const void *, void *(*)(void *),
				  void *))
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int saved = errno;

	if (!running || __atomic_load_n(&threaded, __ATOMIC_RELAXED) ||
	    !is_owner() ||
	    __atomic_exchange_n(&threaded, true, __ATOMIC_ACQ_REL))
		return;
	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 256 * KIB);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (create(&thread, &attributes, run, NULL) != 0)
		__atomic_store_n(&threaded, false, __ATOMIC_RELAXED);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	errno = saved;
}

void publish_start(void)
{
	int saved = errno;

	for (unsigned i = 0; conf.log && i < conf.errors; i++)
		report_log(conf.log, conf.error[i]);
	if (!conf.stream)
		return;
	owner = getpid();
	random_state = rng_seed();
	session = rng_next(&random_state) | 1;
	peer.backoff_ns = BACKOFF_FIRST;
	running = true;
	lock_acquire(&publish_lock, LOCK_PUBLISH);
	publish_locked(clock_now());
	lock_release(&publish_lock, LOCK_PUBLISH);
	thread_set_hook(publish_poll);
	errno = saved;
}

/* Waits until the rest is sent or the time is up. */
static void drain(uint64_t deadline_ns)
{
	while (peer.fd >= 0 && peer.begin < peer.end &&
	       clock_now() < deadline_ns) {
		struct pollfd wait = {.fd = peer.fd, .events = POLLOUT};

		poll(&wait, 1, 10);
		flush(clock_now());
	}
}

void publish_finish(void)
{
	uint64_t deadline_ns = clock_now() + FINISH_NS;
	struct timespec pause = {.tv_nsec = 1000000};
	int saved = errno;
	bool got;

	if (!running || !is_owner())
		return;
	while (!(got = lock_try(&publish_lock, LOCK_PUBLISH)) &&
	       clock_now() < deadline_ns)
		nanosleep(&pause, NULL);
	if (got) {
		drain(deadline_ns);
		if (peer.fd < 0 && peer.connects == 0)
			peer.retry_ns = 0;
		publish_locked(clock_now());
		drain(deadline_ns);
		while (all_sent() && peer.behind && clock_now() < deadline_ns) {
			send_sites(clock_now());
			drain(deadline_ns);
		}
		lock_release(&publish_lock, LOCK_PUBLISH);
	}
	errno = saved;
}

void publish_stop(void)
{
	int saved = errno;

	if (!running)
		return;
	lock_acquire(&publish_lock, LOCK_PUBLISH);
	running = false;
	sampler_set_stack(0);
	thread_set_hook(NULL);
	if (peer_is_ours())
		close(peer.fd);
	peer.fd = -1;
	lock_release(&publish_lock, LOCK_PUBLISH);
	errno = saved;
}

/* The child takes a session of its own and connects when it has something to
 * say. Its copy of the parent's socket is closed, not shut down. */
void publish_child(void)
{
	int saved = errno;

	if (!running)
		return;
	if (peer_is_ours())
		close(peer.fd);
	peer.fd = -1;
	peer.begin = peer.end = 0;
	peer.messages = peer.dropped = peer.connects = 0;
	peer.retry_ns = 0;
	peer.backoff_ns = BACKOFF_FIRST;
	parent_session = session;
	owner = getpid();
	random_state ^= rng_seed();
	session = rng_next(&random_state) | 1;
	next_ns = look_ns = clock_now() + LOOK_INTERVAL;
	threaded = false;
	errno = saved;
}
