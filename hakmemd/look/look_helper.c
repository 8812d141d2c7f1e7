#include "hakmemd/look/look_helper.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "hakmemd/look/look_wire.h"
#include "hakmemd/look/maps.h"
#include "hakmemd/look/mirror.h"
#include "proto/look.h"

#define PAGE	    4096u
#define HEAD_BYTES  1024u /* of the library's file: its header, its build id */
#define TRIES	    8
#define PAUSE_NS    1000000 /* between them: whoever forks holds all locks */
#define LOOK_MS	    250
#define SEND_BUFFER (1 << 20)

struct helper {
	int channel;
	const struct look *look;
	struct maps *own;		 /* before anything was mirrored */
	uintptr_t base;			 /* of our library */
	char *variables, *variables_end; /* its variables */
	struct look_request request;
	struct look_subject subject;
	enum look_end end;
	uint16_t type; /* of the frame in `packet`, */
	size_t length; /* and its payload; 0: none */
	uint8_t next[LOOK_WIRE_FRAME];
	uint8_t packet[sizeof(struct look_answer) + LOOK_WIRE_FRAME];
};

static bool look_helper_read_all(void *owner, const struct mirror_range *ranges,
				 size_t count)
{
	const struct helper *helper = owner;
	struct iovec here[MIRROR_RANGES_MAX], there[MIRROR_RANGES_MAX];
	size_t length = 0;

	for (size_t i = 0; i < count; i++) {
		here[i] = (struct iovec){ranges[i].out, ranges[i].length};
		there[i] = (struct iovec){(void *)(uintptr_t)ranges[i].address,
					  ranges[i].length};
		length += ranges[i].length;
	}
	return process_vm_readv(helper->request.pid, here, count, there, count,
				0) == (ssize_t)length;
}

static bool look_helper_read(const struct helper *helper, uint64_t address,
			     void *out, size_t length)
{
	const struct mirror_range range = {address, out, length};

	return look_helper_read_all((void *)(uintptr_t)helper, &range, 1);
}

/* The variables lie between the part that is read-only once relocated and the
 * end of the segment: whole pages. */
static int look_helper_measure(struct dl_phdr_info *info, size_t size,
			       void *argument)
{
	struct helper *helper = argument;
	uintptr_t begin = 0, end = 0;

	(void)size;
	if (info->dlpi_addr != helper->base)
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		uintptr_t stop = helper->base + part->p_vaddr + part->p_memsz;

		if (part->p_type == PT_GNU_RELRO)
			begin = (stop + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
		if (part->p_type == PT_LOAD && (part->p_flags & PF_W))
			end = (stop + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
	}
	helper->variables = (char *)begin;
	helper->variables_end = (char *)end;
	return 1;
}

/* The library must neither connect nor look like a program of its own. */
static bool look_helper_load(struct helper *helper, const char *library)
{
	Dl_info info;
	void *loaded;

	setenv("HAKMEM_STREAM", "off", 1);
	loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	helper->look = loaded ? dlsym(loaded, LOOK_SYMBOL) : NULL;
	if (!helper->look || helper->look->version != LOOK_VERSION ||
	    dladdr(helper->look, &info) == 0)
		return false;
	helper->base = (uintptr_t)info.dli_fbase;
	dl_iterate_phdr(look_helper_measure, helper);
	helper->own = maps_own();
	if (!helper->variables || helper->variables >= helper->variables_end)
		return false;
	return mirror_init(helper->variables, helper->variables_end);
}

static void look_helper_send(struct helper *helper, uint16_t type,
			     enum look_end end, size_t payload)
{
	const struct look_answer answer = {
		.base = helper->request.base,
		.number = helper->request.number,
		.type = type,
		.end = (uint16_t)end,
	};

	memcpy(helper->packet, &answer, sizeof(answer));
	while (send(helper->channel, helper->packet, sizeof(answer) + payload,
		    MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			_exit(0);
}

/* A lock that is held, in the mirror or by now there: a table may be half
 * changed. */
static bool look_helper_is_quiet(const struct helper *helper)
{
	struct mirror_range ranges[LOOK_LOCKS];
	uint32_t now[LOOK_LOCKS];
	bool quiet = true;

	for (size_t i = 0; i < LOOK_LOCKS; i++) {
		uintptr_t word = (uintptr_t)helper->look->lock_word[i];

		ranges[i] = (struct mirror_range){
			helper->request.base + (word - helper->base),
			(char *)&now[i], sizeof(now[i])};
		quiet &= *helper->look->lock_word[i] == 0;
	}
	if (!look_helper_read_all((void *)(uintptr_t)helper, ranges,
				  LOOK_LOCKS))
		return false;
	for (size_t i = 0; i < LOOK_LOCKS; i++)
		quiet &= now[i] == 0;
	return quiet;
}

/* What is sent is cumulative: a second try may repeat it. */
static void look_helper_tell(void *argument)
{
	struct helper *helper = argument;
	uint8_t *payload = helper->packet + sizeof(struct look_answer);
	uint16_t type;
	size_t length;

	helper->type = 0;
	helper->length = 0;
	helper->end = LOOK_OFF;
	if (!helper->look->begin(&helper->subject))
		return;
	helper->end = LOOK_TORN;
	/* One frame behind: the last one takes the end with it. */
	while ((length = helper->look->next(&type, helper->next,
					    LOOK_WIRE_FRAME)) > 0) {
		if (!look_helper_is_quiet(helper))
			return;
		if (helper->length > 0)
			look_helper_send(helper, helper->type, LOOK_ENDS,
					 helper->length);
		memcpy(payload, helper->next, length);
		helper->type = type;
		helper->length = length;
	}
	helper->end = LOOK_DONE;
}

static enum look_end look_helper_try(struct helper *helper)
{
	const struct mirror_source source = {look_helper_read_all, helper};
	char byte;

	if (!mirror_begin(&source,
			  helper->request.base +
				  ((uintptr_t)helper->variables - helper->base),
			  helper->request.key) ||
	    mirror_run(look_helper_tell, helper, LOOK_MS) != MIRROR_DONE)
		helper->end = LOOK_TORN;
	if (helper->end == LOOK_TORN &&
	    !look_helper_read(helper, helper->request.base, &byte, 1))
		helper->end = LOOK_GONE;
	return helper->end;
}

/* Where the library lies there, if it is the same build. */
static enum look_end look_helper_find(struct helper *helper)
{
	uint8_t head[HEAD_BYTES];
	enum look_end end = LOOK_DONE;

	if (helper->request.base == 0)
		end = maps_find(helper->request.pid, helper->own,
				&helper->request.base);
	if (end != LOOK_DONE)
		return end;
	if (!look_helper_read(helper, helper->request.base, head, sizeof(head)))
		return errno == EPERM ? LOOK_DENIED : LOOK_GONE;
	return memcmp(head, (const void *)helper->base, sizeof(head)) == 0
		       ? LOOK_DONE
		       : LOOK_OTHER;
}

static void look_helper_answer(struct helper *helper)
{
	enum look_end end = look_helper_find(helper);

	helper->subject = (struct look_subject){
		.pid = (uint32_t)helper->request.pid,
		.parent_pid = (uint32_t)helper->request.parent,
		.hello = helper->request.hello != 0,
		.all = helper->request.all != 0,
	};
	if (end == LOOK_DONE)
		for (int tries = 1;; tries++) {
			const struct timespec pause = {.tv_nsec = PAUSE_NS};

			end = look_helper_try(helper);
			if (end != LOOK_TORN || tries == TRIES)
				break;
			nanosleep(&pause, NULL);
		}
	if (end != LOOK_DONE)
		helper->type = 0;
	look_helper_send(helper, helper->type, end,
			 helper->type ? helper->length : 0);
}

_Noreturn void look_helper_run(int channel, const char *library)
{
	static struct helper helper;
	const int room = SEND_BUFFER;

	helper.channel = channel;
	setsockopt(channel, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (!look_helper_load(&helper, library))
		_exit(1);
	for (;;) {
		ssize_t length = recv(channel, &helper.request,
				      sizeof(helper.request), 0);

		if (length < 0 && errno == EINTR)
			continue;
		if (length != sizeof(helper.request))
			_exit(0);
		look_helper_answer(&helper);
	}
}
