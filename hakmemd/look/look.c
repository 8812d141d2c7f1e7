#include "hakmemd/look/look.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hakmemd/core/child.h"
#include "hakmemd/core/clock.h"
#include "hakmemd/core/log.h"
#include "hakmemd/look/look_helper.h"

#define PATIENCE_NS (10 * CLOCK_SECOND) /* for one look */
#define PAUSE_NS    (10 * CLOCK_SECOND) /* between helpers that failed */

struct look {
	struct loop *loop;
	struct look_settings settings;
	char library[PATH_MAX];
	struct child child;
	struct loop_source channel;
	struct look_target target; /* of the look under way */
	uint32_t number;
	bool busy;
	uint64_t deadline_ns, not_before_ns;
	uint8_t packet[sizeof(struct look_answer) + LOOK_WIRE_FRAME];
};

static bool look_beside(char out[PATH_MAX], const char *name)
{
	ssize_t length = readlink("/proc/self/exe", out, PATH_MAX - 1);
	char *slash;

	if (length <= 0)
		return false;
	out[length] = '\0';
	slash = strrchr(out, '/');
	if (!slash || (size_t)(slash + 1 - out) + strlen(name) + 1 > PATH_MAX)
		return false;
	strcpy(slash + 1, name);
	return access(out, R_OK) == 0;
}

static void look_find_library(struct look *look)
{
	const char *wanted = look->settings.library;

	if (wanted)
		snprintf(look->library, sizeof(look->library), "%s", wanted);
	else if (!look_beside(look->library, "libhakmem.so") &&
		 !look_beside(look->library, "../lib/hakmem/libhakmem.so"))
		look->library[0] = '\0';
}

static void look_run_helper(int channel, void *argument)
{
	look_helper_run(channel, argument);
}

static void look_end(struct look *look, enum look_end end, uint64_t base)
{
	look->busy = false;
	look->settings.ended(look->settings.owner, look->target.id, end, base);
}

static void look_stop_helper(struct look *look)
{
	if (look->child.pid == 0)
		return;
	loop_remove(look->loop, &look->channel);
	child_end(&look->child);
	look->not_before_ns = clock_ns() + PAUSE_NS;
	if (look->busy)
		look_end(look, LOOK_NO_HELPER, 0);
}

/* Takes what has come; false when the helper is gone or makes no sense. */
static bool look_take(struct look *look)
{
	struct look_answer answer;
	ssize_t length = recv(look->child.channel, look->packet,
			      sizeof(look->packet), MSG_DONTWAIT);

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (length < (ssize_t)sizeof(answer))
		return false;
	memcpy(&answer, look->packet, sizeof(answer));
	if (!look->busy || answer.number != look->number ||
	    answer.end == LOOK_NO_HELPER || answer.end > LOOK_ENDS)
		return false;
	if (answer.type)
		look->settings.frame(look->settings.owner, look->target.id,
				     answer.type, look->packet + sizeof(answer),
				     (size_t)length - sizeof(answer));
	if (answer.end != LOOK_ENDS)
		look_end(look, (enum look_end)answer.end, answer.base);
	return true;
}

static void look_ready(void *owner, uint32_t events)
{
	struct look *look = owner;

	(void)events;
	if (!look_take(look))
		look_stop_helper(look);
}

static bool look_start_helper(struct look *look)
{
	const struct child_limits limits = {
		.name = LOOK_NAME,
		.data_bytes = UINT64_C(256) << 20,
		.address_bytes = UINT64_C(1) << 30,
	};

	if (look->child.pid != 0)
		return true;
	if (look->library[0] == '\0' || clock_ns() < look->not_before_ns)
		return false;
	look->not_before_ns = clock_ns() + PAUSE_NS;
	if (!child_start(&look->child, &limits, look_run_helper, look->library))
		return false;
	look->channel = (struct loop_source){
		.fd = look->child.channel, .ready = look_ready, .owner = look};
	if (loop_add(look->loop, &look->channel, EPOLLIN))
		return true;
	child_end(&look->child);
	return false;
}

struct look *look_new(struct loop *loop, const struct look_settings *settings)
{
	struct look *look = calloc(1, sizeof(*look));

	if (!look)
		return NULL;
	look->loop = loop;
	look->settings = *settings;
	look->child.channel = -1;
	look_find_library(look);
	if (look->library[0] == '\0')
		log_line("no libhakmem.so beside hakmemd or in ../lib/hakmem: "
			 "figures come from the programs alone");
	return look;
}

void look_free(struct look *look)
{
	if (!look)
		return;
	look->busy = false;
	look_stop_helper(look);
	free(look);
}

bool look_busy(const struct look *look)
{
	return look->busy;
}

bool look_ask(struct look *look, const struct look_target *target)
{
	struct look_request request = {
		.base = target->base,
		.key = target->id,
		.pid = target->pid,
		.parent = target->parent,
		.hello = target->hello,
		.all = target->all,
	};

	if (look->busy || !look_start_helper(look))
		return false;
	request.number = ++look->number;
	if (send(look->child.channel, &request, sizeof(request),
		 MSG_NOSIGNAL) != sizeof(request)) {
		look_stop_helper(look);
		return false;
	}
	look->busy = true;
	look->target = *target;
	look->deadline_ns = clock_ns() + PATIENCE_NS;
	loop_tick_by(look->loop, look->deadline_ns);
	return true;
}

void look_wait(struct look *look, uint64_t until_ns)
{
	while (look->busy) {
		uint64_t now_ns = clock_ns();
		struct pollfd poller = {.fd = look->child.channel,
					.events = POLLIN};

		if (now_ns >= until_ns ||
		    poll(&poller, 1, (int)((until_ns - now_ns) / 1000000 + 1)) <
			    0)
			return;
		if (poller.revents && !look_take(look))
			look_stop_helper(look);
	}
}

uint64_t look_tick(struct look *look, uint64_t now_ns)
{
	if (look->busy && now_ns >= look->deadline_ns)
		look_stop_helper(look);
	return look->busy ? look->deadline_ns : UINT64_MAX;
}

const char *look_end_text(enum look_end end)
{
	static const char *const texts[LOOK_ENDS] = {
		[LOOK_DONE] = "looked into",
		[LOOK_GONE] = "its memory cannot be read any more",
		[LOOK_FOREIGN] = "libhakmem.so is not mapped there",
		[LOOK_DENIED] = "the kernel forbids to read its memory",
		[LOOK_OTHER] = "its libhakmem.so is not this hakmemd's",
		[LOOK_OFF] = "HAKMEM_LOOK=off there, or no heap yet",
		[LOOK_TAKEN] = "its addresses are in use here",
		[LOOK_TORN] = "its memory made no sense",
		[LOOK_NO_HELPER] = "the look helper ended",
	};

	return end < LOOK_ENDS ? texts[end] : "?";
}
