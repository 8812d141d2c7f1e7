#include "libhakmem/stream/publish.h"

#include "libhakmem/base/clock.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/stream/control.h"
#include "libhakmem/base/lock.h"
#include "libhakmem/base/report.h"
#include "libhakmem/base/rng.h"
#include "libhakmem/memory/reject.h"
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
static bool publish_running;  /* streaming is on and started */
static bool publish_threaded; /* our thread does it */
static pid_t publish_owner;   /* the process this state belongs to */
static uint64_t publish_session, publish_parent_session, publish_random_state;
static uint64_t publish_next_ns; /* when a snapshot is due; read without lock */
static uint64_t publish_look_ns; /* when live bytes are looked at; ditto */
static uint64_t publish_sent_live_bytes;

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
} publish_peer = {.fd = -1};

static uint8_t publish_buffer[BUFFER_BYTES];

static uint64_t publish_cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) != 0)
		return 0;
	return cookie;
}

/* Is the number still our socket? The program may have closed and reused it. */
static bool publish_peer_is_ours(void)
{
	struct stat info;

	return publish_peer.fd >= 0 && fstat(publish_peer.fd, &info) == 0 &&
	       info.st_dev == publish_peer.device &&
	       info.st_ino == publish_peer.inode &&
	       publish_cookie_of(publish_peer.fd) == publish_peer.cookie;
}

static void publish_back_off(uint64_t now_ns)
{
	uint64_t wait = publish_peer.backoff_ns;

	publish_peer.backoff_ns =
		wait * 2 < BACKOFF_LAST ? wait * 2 : BACKOFF_LAST;
	wait += rng_next(&publish_random_state) % (wait / 4 + 1);
	publish_peer.retry_ns = now_ns + wait;
}

/* A number that is no longer ours is forgotten, never closed. */
static void publish_disconnect(uint64_t now_ns)
{
	if (publish_peer_is_ours())
		close(publish_peer.fd);
	publish_peer.fd = -1;
	publish_peer.begin = publish_peer.end = 0;
	publish_back_off(now_ns);
}

/* Moves a descriptor to where programs do not look; at least off 0, 1, 2. */
static int publish_move_high(int fd)
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

static int publish_open_socket(void)
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
	return publish_move_high(fd);
}

/* Packs a message behind what waits in the buffer; false if it does not fit. */
static bool publish_enqueue(uint16_t type, const ProtobufCMessage *message)
{
	size_t length = protobuf_c_message_get_packed_size(message);

	if (publish_peer.begin == publish_peer.end)
		publish_peer.begin = publish_peer.end = 0;
	if (length > FRAME_PAYLOAD_MAX ||
	    length + FRAME_HEADER_BYTES >
		    sizeof(publish_buffer) - publish_peer.end)
		return false;
	frame_encode(publish_buffer + publish_peer.end, type, (uint32_t)length,
		     publish_peer.sequence++);
	protobuf_c_message_pack(message, publish_buffer + publish_peer.end +
						 FRAME_HEADER_BYTES);
	publish_peer.end += FRAME_HEADER_BYTES + length;
	return true;
}

/* Sends what waits, as far as the socket takes it now. */
static bool publish_flush(uint64_t now_ns)
{
	if (!publish_peer_is_ours()) {
		publish_disconnect(now_ns);
		return false;
	}
	while (publish_peer.begin < publish_peer.end) {
		ssize_t sent = send(publish_peer.fd,
				    publish_buffer + publish_peer.begin,
				    publish_peer.end - publish_peer.begin,
				    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return true;
		if (sent <= 0) {
			publish_disconnect(now_ns);
			return false;
		}
		publish_peer.begin += (size_t)sent;
	}
	return true;
}

Hakmem__Hello *publish_hello(uint32_t pid, uint32_t parent_pid)
{
	const struct snapshot_identity identity = {
		.pid = pid,
		.parent_pid = parent_pid,
		.session = publish_session,
		.parent_session = publish_parent_session,
	};

	return snapshot_hello(&identity);
}

Hakmem__State *publish_state(void)
{
	Hakmem__State *state = snapshot_state();

	state->figures[FIGURE_MESSAGES] = publish_peer.messages;
	state->figures[FIGURE_DROPPED] = publish_peer.dropped;
	state->figures[FIGURE_RECONNECTS] =
		publish_peer.connects ? publish_peer.connects - 1 : 0;
	return state;
}

static bool publish_connect_now(uint64_t now_ns)
{
	struct stat info;

	if (now_ns < publish_peer.retry_ns)
		return false;
	publish_peer.fd = publish_open_socket();
	if (publish_peer.fd < 0 || fstat(publish_peer.fd, &info) != 0) {
		publish_peer.fd = -1;
		publish_back_off(now_ns);
		return false;
	}
	publish_peer.device = info.st_dev;
	publish_peer.inode = info.st_ino;
	publish_peer.cookie = publish_cookie_of(publish_peer.fd);
	publish_peer.sequence = 0;
	publish_peer.backoff_ns = BACKOFF_FIRST;
	publish_peer.connects++;
	publish_peer.reader.used = publish_peer.reader.skip = 0;
	sitefeed_restart();
	publish_enqueue(
		FRAME_HELLO,
		&publish_hello((uint32_t)getpid(), (uint32_t)getppid())->base);
	return true;
}

static void publish_obey(const struct control *control)
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

	while ((status = control_next(&publish_peer.reader, &control)) ==
	       CONTROL_READ)
		publish_obey(&control);
	return status == CONTROL_MORE;
}

/* Reads what the daemon says; true at the end of file. A peer that talks
 * without end, or nonsense, is none of ours. */
static bool publish_peer_gone(void)
{
	ssize_t got = 1;

	for (int i = 0; i < READS_MAX && got > 0; i++) {
		size_t room;
		uint8_t *space = control_space(&publish_peer.reader, &room);

		got = recv(publish_peer.fd, space, room, MSG_DONTWAIT);
		if (got <= 0)
			break;
		control_filled(&publish_peer.reader, (size_t)got);
		if (!publish_read_control())
			return true;
	}
	return got >= 0 || (errno != EAGAIN && errno != EINTR);
}

/* True while the socket took everything, so that more may follow. */
static bool publish_all_sent(void)
{
	return publish_peer.fd >= 0 && publish_peer.begin == publish_peer.end;
}

static void publish_send_modules(uint64_t now_ns)
{
	Hakmem__Modules *modules;

	while (publish_all_sent() && (modules = sitefeed_modules())) {
		if (!publish_enqueue(FRAME_MODULES, &modules->base)) {
			sitefeed_modules_again();
			return;
		}
		publish_flush(now_ns);
	}
}

/* What does not go out now goes out next time. */
static void publish_send_sites(uint64_t now_ns)
{
	Hakmem__Sites *sites;
	size_t sent = 0;

	publish_send_modules(now_ns);
	while (publish_all_sent() && sent < SITES_A_POLL) {
		sites = sitefeed_sites();
		if (!sites) {
			publish_peer.behind = false;
			return;
		}
		if (!publish_enqueue(FRAME_SITES, &sites->base)) {
			sitefeed_sites_again();
			break;
		}
		sent += sites->n_sites;
		publish_flush(now_ns);
	}
	publish_peer.behind = true;
}

static void publish_now(uint64_t now_ns)
{
	Hakmem__State *state;

	if (publish_peer.fd >= 0 &&
	    (!publish_peer_is_ours() || publish_peer_gone()))
		publish_disconnect(now_ns);
	if (publish_peer.fd < 0 && !publish_connect_now(now_ns))
		return;
	if (!publish_flush(now_ns))
		return;
	/* While the daemon does not read, newer snapshots replace nothing:
	 * the next one that fits says it all. */
	if (publish_peer.begin < publish_peer.end) {
		publish_peer.dropped++;
		return;
	}
	publish_peer.messages++;
	state = publish_state();
	state->figures[FIGURE_RSS_BYTES] = snapshot_rss_bytes();
	publish_sent_live_bytes = state->figures[FIGURE_LIVE_BYTES];
	if (!publish_enqueue(FRAME_STATE, &state->base))
		publish_peer.dropped++;
	publish_flush(now_ns);
	publish_send_sites(now_ns);
}

/* A vfork child or a raw clone shares our memory but is not us. */
static bool publish_is_owner(void)
{
	return (pid_t)syscall(SYS_getpid) == publish_owner;
}

static bool publish_moved_much(void)
{
	struct snapshot_totals totals;
	uint64_t moved;

	snapshot_totals(&totals);
	moved = totals.live_bytes > publish_sent_live_bytes
			? totals.live_bytes - publish_sent_live_bytes
			: publish_sent_live_bytes - totals.live_bytes;
	return moved >= MOVED_BYTES && moved > publish_sent_live_bytes / 100;
}

/* The daemon may change it. */
static uint32_t publish_interval_ms(void)
{
	return peek32(&conf.interval_ms);
}

static void publish_locked(uint64_t now_ns)
{
	uint64_t wait = publish_interval_ms() * MS;

	__atomic_store_n(&publish_look_ns, now_ns + LOOK_INTERVAL,
			 __ATOMIC_RELAXED);
	if (publish_running && publish_is_owner())
		publish_now(now_ns);
	if (publish_peer.fd >= 0 && publish_peer.behind && wait > LOOK_INTERVAL)
		wait = LOOK_INTERVAL;
	__atomic_store_n(&publish_next_ns, now_ns + wait, __ATOMIC_RELAXED);
	sampler_relax(now_ns);
}

void publish_poll(uint64_t now_ns)
{
	int saved = errno;

	if (__atomic_load_n(&publish_threaded, __ATOMIC_RELAXED) ||
	    now_ns < peek64(&publish_look_ns))
		return;
	__atomic_store_n(&publish_look_ns, now_ns + LOOK_INTERVAL,
			 __ATOMIC_RELAXED);
	if (now_ns < peek64(&publish_next_ns) &&
	    (publish_peer.fd < 0 || !publish_moved_much()))
		return;
	if (lock_try(&publish_lock, LOCK_PUBLISH)) {
		publish_locked(now_ns);
		lock_release(&publish_lock, LOCK_PUBLISH);
	}
	errno = saved;
}

/* How long our thread sleeps. */
static uint32_t publish_pause_ms(void)
{
	uint32_t ms = publish_interval_ms();

	if (ms > conf.tick_ms)
		ms = conf.tick_ms;
	return ms < LIMIT_INTERVAL_MS_MIN ? LIMIT_INTERVAL_MS_MIN : ms;
}

static void *publish_run(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "hakmem");
	while (!thread_all_ended()) {
		uint32_t ms = publish_pause_ms();
		struct timespec wait = {.tv_sec = ms / 1000,
					.tv_nsec = (long)(ms % 1000) * 1000000};
		uint64_t now_ns;

		clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
		now_ns = clock_now();
		thread_tick(now_ns);
		/* Half a sleep early is on time. */
		if (now_ns + ms * MS / 2 < peek64(&publish_next_ns) ||
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

	if (!publish_running ||
	    __atomic_load_n(&publish_threaded, __ATOMIC_RELAXED) ||
	    !publish_is_owner() ||
	    __atomic_exchange_n(&publish_threaded, true, __ATOMIC_ACQ_REL))
		return;
	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 256 * KIB);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (create(&thread, &attributes, publish_run, NULL) != 0)
		__atomic_store_n(&publish_threaded, false, __ATOMIC_RELAXED);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	errno = saved;
}

/* Waits until the rest is sent or the time is up. */
static void publish_drain(uint64_t deadline_ns)
{
	while (publish_peer.fd >= 0 && publish_peer.begin < publish_peer.end &&
	       clock_now() < deadline_ns) {
		struct pollfd wait = {.fd = publish_peer.fd, .events = POLLOUT};

		poll(&wait, 1, 10);
		publish_flush(clock_now());
	}
}

/* The heap found itself corrupt and is about to abort: the newest state goes
 * out. Some lock may be held by this very thread, or by one that waits for it,
 * so none is taken but the connection's. */
static void publish_last_words(void)
{
	uint64_t deadline_ns = clock_now() + FINISH_NS;
	const struct timespec pause = {.tv_nsec = 1000000};
	bool got;

	if (!publish_running || !publish_is_owner())
		return;
	lock_reset_ranks();
	while (!(got = lock_try(&publish_lock, LOCK_PUBLISH)) &&
	       clock_now() < deadline_ns)
		nanosleep(&pause, NULL);
	if (!got)
		return;
	lock_exempt(true);
	publish_drain(deadline_ns);
	publish_locked(clock_now());
	publish_drain(deadline_ns);
}

void publish_start(void)
{
	int saved = errno;

	for (unsigned i = 0; conf.log && i < conf.errors; i++)
		report_log(conf.log, conf.error[i]);
	if (!conf.stream)
		return;
	publish_owner = getpid();
	publish_random_state = rng_seed();
	publish_session = rng_next(&publish_random_state) | 1;
	publish_peer.backoff_ns = BACKOFF_FIRST;
	publish_running = true;
	lock_acquire(&publish_lock, LOCK_PUBLISH);
	publish_locked(clock_now());
	lock_release(&publish_lock, LOCK_PUBLISH);
	thread_set_hook(publish_poll);
	reject_set_last_words(publish_last_words);
	errno = saved;
}

void publish_finish(void)
{
	uint64_t deadline_ns = clock_now() + FINISH_NS;
	struct timespec pause = {.tv_nsec = 1000000};
	int saved = errno;
	bool got;

	if (!publish_running || !publish_is_owner())
		return;
	while (!(got = lock_try(&publish_lock, LOCK_PUBLISH)) &&
	       clock_now() < deadline_ns)
		nanosleep(&pause, NULL);
	if (got) {
		publish_drain(deadline_ns);
		if (publish_peer.fd < 0 && publish_peer.connects == 0)
			publish_peer.retry_ns = 0;
		publish_locked(clock_now());
		publish_drain(deadline_ns);
		while (publish_all_sent() && publish_peer.behind &&
		       clock_now() < deadline_ns) {
			publish_send_sites(clock_now());
			publish_drain(deadline_ns);
		}
		lock_release(&publish_lock, LOCK_PUBLISH);
	}
	errno = saved;
}

void publish_stop(void)
{
	int saved = errno;

	if (!publish_running)
		return;
	lock_acquire(&publish_lock, LOCK_PUBLISH);
	publish_running = false;
	sampler_set_stack(0);
	thread_set_hook(NULL);
	if (publish_peer_is_ours())
		close(publish_peer.fd);
	publish_peer.fd = -1;
	lock_release(&publish_lock, LOCK_PUBLISH);
	errno = saved;
}

/* The child takes a session of its own and connects when it has something to
 * say. Its copy of the parent's socket is closed, not shut down. */
void publish_child(void)
{
	int saved = errno;

	if (!publish_running)
		return;
	if (publish_peer_is_ours())
		close(publish_peer.fd);
	publish_peer.fd = -1;
	publish_peer.begin = publish_peer.end = 0;
	publish_peer.messages = publish_peer.dropped = publish_peer.connects =
		0;
	publish_peer.retry_ns = 0;
	publish_peer.backoff_ns = BACKOFF_FIRST;
	publish_parent_session = publish_session;
	publish_owner = getpid();
	publish_random_state ^= rng_seed();
	publish_session = rng_next(&publish_random_state) | 1;
	publish_next_ns = publish_look_ns = clock_now() + LOOK_INTERVAL;
	publish_threaded = false;
	errno = saved;
}
