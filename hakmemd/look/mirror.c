#include "hakmemd/look/mirror.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

#define PAGE  ((size_t)4096)
#define AHEAD 4u /* pages fetched at a time, where they are free */

/* Memory that lies here where it lies in the process `key`. */
struct copy {
	uint64_t key;
	struct mirror_range range;
};

static struct {
	char *begin, *end; /* of our variables */
	uint64_t there, key;
	struct mirror_source source;
	/* What was touched once stays mapped, and is fetched at the beginning
	 * the next time: faults are dear, and so are changes of page tables. */
	struct mirror_range used[MIRROR_RANGES_MAX]; /* of our variables */
	size_t used_count;
	struct copy copies[MIRROR_COPIES_MAX];
	size_t copy_count;
	bool running;
	sigjmp_buf escape;
} mirror;

static void mirror_escape(enum mirror_end end)
{
	mirror.running = false;
	siglongjmp(mirror.escape, (int)end);
}

static bool mirror_read(const struct mirror_range *ranges, size_t count)
{
	return mirror.source.read(mirror.source.owner, ranges, count);
}

/* Fetches pages to where they lie there; false when one is taken here. */
static bool mirror_fetch(uintptr_t address, size_t pages)
{
	const struct mirror_range range = {address, (char *)address,
					   pages * PAGE};
	void *at;

	if (mirror.copy_count == MIRROR_COPIES_MAX)
		return false;
	at = mmap(range.out, range.length, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (at == MAP_FAILED)
		return false;
	if (at != range.out || !mirror_read(&range, 1)) {
		munmap(at, range.length);
		return false;
	}
	mirror.copies[mirror.copy_count++] = (struct copy){mirror.key, range};
	return true;
}

/* Makes a page of our variables one of those that are used: a range of its own,
 * or more of one. */
static bool mirror_use(char *page)
{
	for (size_t i = 0; i < mirror.used_count; i++) {
		struct mirror_range *used = &mirror.used[i];

		if (used->out + used->length == page) {
			used->length += PAGE;
			return true;
		}
	}
	if (mirror.used_count == MIRROR_RANGES_MAX)
		return false;
	mirror.used[mirror.used_count++] =
		(struct mirror_range){.out = page, .length = PAGE};
	return true;
}

static bool mirror_fetch_variable(char *page)
{
	const struct mirror_range range = {
		mirror.there + (uint64_t)(page - mirror.begin), page, PAGE};

	return mirror_use(page) &&
	       mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0 &&
	       mirror_read(&range, 1);
}

static void mirror_fault(int signal, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr & ~(PAGE - 1);

	(void)context;
	if (!mirror.running) { /* a fault of our own */
		struct sigaction standard = {.sa_handler = SIG_DFL};

		sigaction(signal, &standard, NULL);
		return;
	}
	if (info->si_code <= 0 || page == 0)
		mirror_escape(MIRROR_UNREADABLE);
	if (page >= (uintptr_t)mirror.begin && page < (uintptr_t)mirror.end) {
		if (!mirror_fetch_variable((char *)page))
			mirror_escape(MIRROR_UNREADABLE);
		return;
	}
	if (!mirror_fetch(page, AHEAD) && !mirror_fetch(page, 1))
		mirror_escape(MIRROR_UNREADABLE);
}

static void mirror_alarm(int signal)
{
	(void)signal;
	if (mirror.running)
		mirror_escape(MIRROR_LATE);
}

bool mirror_init(char *begin, char *end)
{
	struct sigaction fault = {.sa_sigaction = mirror_fault,
				  .sa_flags = SA_SIGINFO | SA_NODEFER};
	struct sigaction late = {.sa_handler = mirror_alarm,
				 .sa_flags = SA_NODEFER};

	mirror.begin = begin;
	mirror.end = end;
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	sigaction(SIGPROF, &late, NULL);
	return mmap(begin, (size_t)(end - begin), PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
		    0) == begin;
}

/* Forgets what was copied of a process; of all with `all`. */
static void mirror_forget(uint64_t key, bool all)
{
	size_t kept = 0;

	for (size_t i = 0; i < mirror.copy_count; i++) {
		struct copy copy = mirror.copies[i];

		if (all || copy.key == key)
			munmap(copy.range.out, copy.range.length);
		else
			mirror.copies[kept++] = copy;
	}
	mirror.copy_count = kept;
}

/* Fetches what was touched before, at once. */
static bool mirror_refresh(void)
{
	struct mirror_range ranges[MIRROR_RANGES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < mirror.used_count; i++) {
		ranges[count] = mirror.used[i];
		ranges[count++].address =
			mirror.there +
			(uint64_t)(mirror.used[i].out - mirror.begin);
	}
	for (size_t i = 0; i < mirror.copy_count; i++) {
		if (mirror.copies[i].key != mirror.key)
			continue;
		if (count == MIRROR_RANGES_MAX && !mirror_read(ranges, count))
			return false;
		count = count == MIRROR_RANGES_MAX ? 0 : count;
		ranges[count++] = mirror.copies[i].range;
	}
	return count == 0 || mirror_read(ranges, count);
}

bool mirror_begin(const struct mirror_source *source, uint64_t there,
		  uint64_t key)
{
	mirror.source = *source;
	mirror.there = there;
	mirror.key = key;
	if (mirror.copy_count > MIRROR_COPIES_MAX / 2)
		mirror_forget(0, true);
	if (mirror_refresh())
		return true;
	mirror_forget(key, false); /* some of it is not there any more */
	return mirror_refresh();
}

enum mirror_end mirror_run(void (*run)(void *argument), void *argument,
			   unsigned ms)
{
	const struct itimerval off = {.it_value = {.tv_sec = 0}};
	const struct itimerval timer = {
		.it_value = {.tv_sec = ms / 1000,
			     .tv_usec = (ms % 1000) * 1000}};
	enum mirror_end end = (enum mirror_end)sigsetjmp(mirror.escape, 0);

	if (end == MIRROR_DONE) {
		mirror.running = true;
		setitimer(ITIMER_PROF, &timer, NULL);
		run(argument);
		mirror.running = false;
	}
	setitimer(ITIMER_PROF, &off, NULL);
	return end;
}
