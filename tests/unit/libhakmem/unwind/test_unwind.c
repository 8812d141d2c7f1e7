#include "libhakmem/unwind/unwind.h"

#include "libhakmem/unwind/module.h"
#include "libhakmem/unwind/walk.h"
#include "tests/unit/libhakmem/probes.h"
#include "tests/unit/libhakmem/stacks.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#define MOST 512

static struct unwind_stack stack, again;
static void *expected[MOST];
static int expected_depth;

/* What backtrace says from the caller of the calling function on. */
#define TAKE()                                                                 \
	do {                                                                   \
		assert_true(unwind_from(__builtin_frame_address(0), &stack));  \
		assert_true(                                                   \
			unwind_afresh(__builtin_frame_address(0), &again));    \
		expect(backtrace(expected, MOST));                             \
	} while (0)

/* It begins in the calling function, or above it under a sanitizer. */
static void expect(int depth)
{
	int skip = 1;

	while (skip < depth && skip < 4 &&
	       (uintptr_t)expected[skip] != again.pc[0] + 1)
		skip++;
	expected_depth = depth - skip;
	memmove(expected, expected + skip,
		(size_t)expected_depth * sizeof(*expected));
}

static void assert_expected(const struct unwind_stack *got)
{
	uint32_t depth = (uint32_t)expected_depth;

	assert_int_equal(got->truncated, depth > UNWIND_DEPTH);
	assert_int_equal(got->depth,
			 depth > UNWIND_DEPTH ? UNWIND_DEPTH : depth);
	for (uint32_t i = 0; i < got->depth; i++) {
		assert_ptr_equal((void *)(got->pc[i] + (i == 0)), expected[i]);
		assert_int_equal(got->module[i], module_of(got->pc[i] - 1));
	}
}

static __attribute__((noinline)) void leaf(void)
{
	TAKE();
	assert_expected(&again);
	assert_expected(&stack);
	assert_same(&stack, &again);
	assert_false(again.hit);
}

static __attribute__((noinline)) void thin(int depth);
static __attribute__((noinline)) void wide(int depth);

/* Frames of different shapes, one with a frame of run-time size. */
static void thin(int depth)
{
	if (depth == 0)
		leaf();
	else if (depth % 3 == 0)
		wide(depth - 1);
	else
		thin(depth - 1);
	__asm__ volatile("");
}

static void wide(int depth)
{
	volatile char *room = __builtin_alloca((size_t)depth % 7 * 40 + 8);

	room[0] = 1;
	thin(depth);
	room[1] = 2;
}

static void test_backtrace_agrees(void **unused)
{
	static const int depths[] = {0, 1, 2, 5, 12, 32, 64, 100};

	(void)unused;
	for (size_t i = 0; i < sizeof(depths) / sizeof(*depths); i++)
		thin(depths[i]);
}

static void test_deep_is_truncated(void **unused)
{
	(void)unused;
	thin(300);
	assert_int_equal(stack.depth, UNWIND_DEPTH);
	assert_true(stack.truncated);
}

static void test_limit_is_not_truncated(void **unused)
{
	int base, depth = 60;

	(void)unused;
	thin(0);
	base = expected_depth;
	while (base + depth + depth / 3 < (int)UNWIND_DEPTH - 2)
		depth++;
	for (int more = 0; more < 6; more++) {
		thin(depth + more);
		if (expected_depth == (int)UNWIND_DEPTH)
			assert_false(stack.truncated);
	}
}

/* --- the stack cache
 * ------------------------------------------------------------ */

static unsigned hit, looks;
static uint64_t seed = 1;

static unsigned dice(unsigned sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % sides;
}

static __attribute__((noinline)) void look(void)
{
	assert_true(unwind_from(__builtin_frame_address(0), &stack));
	hit += stack.hit;
	looks++;
	assert_true(unwind_afresh(__builtin_frame_address(0), &again));
	assert_same(&stack, &again);
}

static __attribute__((noinline)) void roam(int depth);
#define ROAM(name, bytes)                                                      \
	static __attribute__((noinline)) void name(int depth)                  \
	{                                                                      \
		char room[bytes];                                              \
                                                                               \
		__asm__ volatile("" : : "r"(room) : "memory");                 \
		roam(depth - 1);                                               \
		__asm__ volatile("" : : "r"(room) : "memory");                 \
	}
ROAM(roam_a, 16)
ROAM(roam_b, 16)
ROAM(roam_c, 200)

/* Different callers whose frames have the same size, so that the leaf's place
 * and stack pointer say little. */
static void roam(int depth)
{
	static void (*const ways[])(int) = {roam_a, roam_b, roam_c};

	if (depth == 0)
		look();
	else
		ways[dice(3)](depth);
	__asm__ volatile("");
}

static void test_every_hit_is_exact(void **unused)
{
	(void)unused;
	hit = looks = 0;
	for (int i = 0; i < 20000; i++)
		roam(1 + (int)dice(6));
	assert_true(looks == 20000);
	/* 3 + 9 + ... + 729 stacks, some of which find no room. */
	assert_true(hit > looks / 4);
	for (int i = 0; i < 2000; i++)
		roam(1 + (int)dice(3));
	hit = looks = 0;
	for (int i = 0; i < 2000; i++)
		roam(1 + (int)dice(3));
	assert_true(hit > looks * 9 / 10);
}

static __attribute__((noinline)) void name_it(uint32_t site)
{
	assert_true(unwind_from(__builtin_frame_address(0), &stack));
	if (site != 0)
		unwind_name_site(&stack, site);
}

static void test_name_comes_back(void **unused)
{
	(void)unused;
	/* One place of call: the loop is not to be unrolled. */
	for (volatile uint32_t i = 0; i < 3; i++) {
		name_it(i == 0 ? 77 : 0);
		assert_int_equal(stack.hit, i != 0);
		assert_int_equal(stack.site, i == 0 ? 0 : 77);
		assert_int_equal(stack.depth == 0, i != 0);
	}
}

/* --- other stacks -------------------------------------------------------- */

static void *on_thread(void *depth)
{
	thin((int)(intptr_t)depth);
	thin((int)(intptr_t)depth);
	return NULL;
}

static void run_thread(size_t bytes, void *memory, int depth)
{
	void *(*run)(void *) = on_thread;
	void *arg = (void *)(intptr_t)depth;
	pthread_attr_t attributes;
	pthread_t thread;

	assert_int_equal(pthread_attr_init(&attributes), 0);
	if (memory)
		assert_int_equal(
			pthread_attr_setstack(&attributes, memory, bytes), 0);
	else if (bytes)
		assert_int_equal(pthread_attr_setstacksize(&attributes, bytes),
				 0);
	stack_wrap(&attributes, &run, &arg);
	assert_ptr_not_equal(run, on_thread);
	assert_int_equal(pthread_create(&thread, &attributes, run, arg), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attributes);
}

static void test_threads(void **unused)
{
	static char memory[2 << 20] __attribute__((aligned(4096)));

	(void)unused;
	run_thread(0, NULL, 90);
	run_thread(SANITIZED ? 2 << 20 : 128 << 10, NULL, 30);
	run_thread(sizeof(memory), memory, 30);
}

/* More threads than there are places for their starts: the rest begins as it
 * was asked for, and its stacks end early. */
static void test_wrap_is_bounded(void **unused)
{
	void *(*run[100])(void *);
	void *arg[100];
	unsigned wrapped = 0;

	(void)unused;
	for (int i = 0; i < 100; i++) {
		run[i] = on_thread;
		arg[i] = &run[i];
		stack_wrap(NULL, &run[i], &arg[i]);
		wrapped += run[i] != on_thread;
	}
	assert_true(wrapped >= 32 && wrapped < 100);
	for (int i = 0; i < 100; i++)
		stack_unwrap(run[i], arg[i]);
	run[0] = on_thread;
	stack_wrap(NULL, &run[0], &arg[0]);
	assert_ptr_not_equal(run[0], on_thread);
	stack_unwrap(run[0], arg[0]);
}

static ucontext_t host, lane;

static __attribute__((noinline)) void on_lane(void)
{
	assert_true(unwind_from(__builtin_frame_address(0), &stack));
	assert_true(unwind_from(__builtin_frame_address(0), &again));
	assert_same(&stack, &again);
}

/* On `used` bytes, at the lower end of what is mapped. */
static void run_lane(void (*run)(void), size_t used)
{
	size_t page = 4096, bytes = (used + page - 1) / page * page;
	char *map = mmap(NULL, bytes + 2 * page, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(mprotect(map + page, bytes, PROT_READ | PROT_WRITE),
			 0);
	assert_int_equal(getcontext(&lane), 0);
	lane.uc_stack.ss_sp = map + page;
	lane.uc_stack.ss_size = used;
	lane.uc_link = &host;
	makecontext(&lane, run, 0);
	assert_int_equal(swapcontext(&host, &lane), 0);
	munmap(map, bytes + 2 * page);
}

static void enter_lane(void)
{
	on_lane();
	__asm__ volatile("");
}

/* Between pages that cannot be read. */
static void test_coroutine(void **unused)
{
	(void)unused;
	run_lane(enter_lane, 65536);
	assert_true(stack.depth >= 1);
	assert_int_equal(stack.module[0], module_of((uintptr_t)enter_lane));
}

static void enter_tiny(void)
{
	assert_true(unwind_afresh(__builtin_frame_address(0), &again));
}

/* Unwinding takes next to nothing of the program's stack. */
static void test_tiny_stack(void **unused)
{
	(void)unused;
	/* Instrumented code needs more. */
	if (SANITIZED)
		skip();
	run_lane(enter_tiny, 1536);
}

static uintptr_t garbage;

static void enter_garbage(void)
{
	volatile uintptr_t *frame = __builtin_frame_address(0);
	uintptr_t back = frame[1], up = frame[0];

	frame[1] = garbage;
	frame[0] = garbage;
	on_lane();
	frame[1] = back;
	frame[0] = up;
}

static void test_garbage_ends_the_stack(void **unused)
{
	static const uintptr_t values[] = {
		1,
		0xdeadbeef,
		0x7fffffffe000,
		0x800000000000,
		0xffffffffff600400,
		UINTPTR_MAX,
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		garbage = values[i];
		run_lane(enter_garbage, 65536);
		assert_int_equal(stack.depth, 1);
		assert_true(stack.truncated);
	}
	/* Pointers to what is mapped, but is no code or no caller. */
	garbage = (uintptr_t)&garbage;
	run_lane(enter_garbage, 65536);
	assert_int_equal(stack.depth, 1);
	garbage = (uintptr_t)memcpy;
	run_lane(enter_garbage, 65536);
	assert_true(stack.depth >= 1);
}

static volatile sig_atomic_t handled;

static void handle(int number)
{
	(void)number;
	TAKE();
	handled = 1;
}

static __attribute__((noinline)) void interrupt(int depth)
{
	if (depth > 0)
		interrupt(depth - 1);
	else
		raise(SIGUSR1);
	__asm__ volatile("");
}

static void check_signal(bool alternate)
{
	static char memory[65536];
	stack_t other = {.ss_sp = memory, .ss_size = sizeof(memory)};
	struct sigaction action = {.sa_handler = handle,
				   .sa_flags = alternate ? SA_ONSTACK : 0};
	uint32_t exact = 0;
	/* What the kernel lets a handler return to: system call 15. */
	static const char back[] = {0x48, (char)0xc7, (char)0xc0, 15, 0, 0, 0};

	assert_int_equal(sigaltstack(&other, NULL), 0);
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	handled = 0;
	interrupt(10);
	assert_true(handled);
	assert_same(&stack, &again);
	/* A signal stack is known up to the end of the page. */
	for (uint32_t i = 1; i < stack.depth; i++) {
		bool cut = memcmp(expected[i - 1], back, sizeof(back)) == 0;

		exact += cut;
		assert_ptr_equal((void *)stack.pc[i],
				 (char *)expected[i] + (cut ? 1 : 0));
	}
	if (alternate)
		return;
	assert_int_equal(stack.depth, expected_depth);
	assert_false(stack.truncated);
	assert_int_equal(exact, 1);
}

static void test_signals(void **unused)
{
	(void)unused;
	check_signal(false);
	check_signal(true);
}

static sigjmp_buf jump;
static volatile sig_atomic_t jumps;

static void jump_out(int number)
{
	(void)number;
	jumps++;
	siglongjmp(jump, 1);
}

static __attribute__((noinline)) void take_many(int depth)
{
	if (depth > 0)
		take_many(depth - 1);
	else
		for (volatile int i = 0; i < 2000; i++) {
			unwind_from(__builtin_frame_address(0), &stack);
			unwind_afresh(__builtin_frame_address(0), &stack);
		}
	__asm__ volatile("");
}

static uint64_t ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* It takes a tenth of a second each time while something seems to be under way;
 * else only when the processor is taken from us meanwhile. */
static bool locks_at_once(void)
{
	for (int i = 0; i < 20; i++) {
		uint64_t begin = ms();

		unwind_lock();
		unwind_unlock();
		if (ms() - begin < 90)
			return true;
	}
	return false;
}

/* Handlers that leave by a jump, out of whatever they cut into: nothing is
 * taken for ever. */
static void test_jumps(void **unused)
{
	struct sigaction action = {.sa_handler = jump_out};
	struct itimerval timer = {{0, 200}, {0, 200}};

	(void)unused;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
	sigsetjmp(jump, 1);
	while (jumps < 1500)
		take_many(20);
	timer = (struct itimerval){0};
	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
	signal(SIGALRM, SIG_DFL);
	/* From where it is seen that the frame which was inside is gone. */
	assert_true(unwind_from(__builtin_frame_address(0), &stack));
	thin(30);
	assert_true(locks_at_once());
	assert_true(unwind_afresh(__builtin_frame_address(0), &stack));
	assert_false(unwind_busy());
}

/* --- plugins ------------------------------------------------------------- */

static void *plugin(const char *name)
{
	char path[1024] = {0};
	void *handle;

	assert_true(readlink("/proc/self/exe", path, 512) > 0);
	strcpy(strrchr(path, '/'), "/../../../preload/plugin/");
	strcat(path, name);
	handle = dlopen(path, RTLD_NOW);
	assert_non_null(handle);
	return handle;
}

/* Plugins in turn at one address, unloaded behind our back, as glibc does it
 * with its own: the unwinding descriptions differ, the addresses do not. */
static void check_plugins(const char *other, bool told)
{
	const char *const names[] = {"deep_a.so", other};
	void (*before)(int, void (*)(void)) = NULL;
	unsigned same = 0;

	for (unsigned i = 0; i < 30; i++) {
		void *handle = plugin(names[i % 2]);
		void (*call)(int, void (*)(void));

		call = (void (*)(int, void (*)(void)))dlsym(handle,
							    "plugin_call");
		same += call == before;
		before = call;
		for (int depth = 0; depth < 8; depth++) {
			call(depth, leaf);
			call(depth, leaf);
		}
		if (told)
			unwind_unload_begin();
		assert_int_equal(dlclose(handle), 0);
		if (told)
			unwind_unload_end();
	}
	assert_true(same > 0);
}

static void test_plugins(void **unused)
{
	(void)unused;
	check_plugins("deep_b.so", true);
	check_plugins("deep_c.so", true);
}

static void test_plugins_unseen(void **unused)
{
	(void)unused;
	check_plugins("deep_b.so", false);
	check_plugins("deep_c.so", false);
}

static __attribute__((noinline)) void leaf_in_unload(void)
{
	TAKE();
	assert_true(stack.truncated && again.truncated);
	assert_same(&stack, &again);
	/* This one was called by the plugin, where nobody looks now. */
	assert_int_equal(stack.depth, 1);
}

static __attribute__((noinline)) void call_leaf_in_unload(void)
{
	leaf_in_unload();
	__asm__ volatile("");
}

static void test_unload_stops_at_plugins(void **unused)
{
	void *handle = plugin("deep_a.so");
	void (*call)(int, void (*)(void));

	(void)unused;
	call = (void (*)(int, void (*)(void)))dlsym(handle, "plugin_call");
	unwind_unload_begin();
	call(2, call_leaf_in_unload);
	/* What was loaded with the program is walked through as ever. */
	thin(5);
	unwind_unload_end();
	call(2, leaf);
	assert_int_equal(dlclose(handle), 0);
}

/* --- quiescence ---------------------------------------------------------- */

static void test_quiesce(void **unused)
{
	struct unwind_counts before, after;

	(void)unused;
	unwind_counts(&before);
	unwind_lock();
	unwind_lock();
	assert_false(unwind_from(__builtin_frame_address(0), &stack));
	unwind_unlock();
	assert_false(unwind_from(__builtin_frame_address(0), &stack));
	unwind_unlock();
	assert_true(unwind_from(__builtin_frame_address(0), &stack));
	unwind_lock();
	unwind_reset();
	assert_true(unwind_from(__builtin_frame_address(0), &stack));
	unwind_counts(&after);
	assert_int_equal(after.no_stack - before.no_stack, 2);
	assert_int_equal(after.hit + after.miss - before.hit - before.miss, 2);
	assert_false(unwind_busy());
}

static void test_leaves_no_trace(void **unused)
{
	sigset_t before, after;

	(void)unused;
	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	errno = 1234;
	assert_true(unwind_afresh(__builtin_frame_address(0), &stack));
	assert_true(unwind_from(__builtin_frame_address(0), &stack));
	assert_int_equal(errno, 1234);
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &after), 0);
	assert_memory_equal(&before, &after, sizeof(uint64_t));
}

/* libunwind's pipe is not left open; nor is anything else. */
static void test_no_descriptor(void **unused)
{
	(void)unused;
	for (int fd = 3; fd < 64; fd++)
		assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* --- libunwind ----------------------------------------------------------- */

static bool libunwind_is_loaded(void)
{
	return dlopen("libunwind-x86_64.so.8", RTLD_LAZY | RTLD_NOLOAD) != NULL;
}

/* A leaf at a place that no rule can describe; false: as far as it goes. */
static bool meet_code_that_needs_dwarf(void)
{
	uintptr_t words[16] = {0};

	words[1] = (uintptr_t)probe_moved + 1;
	words[4] = (uintptr_t)probe_outer + 1;
	must(unwind_from(words, &stack));
	must(stack.pc[0] == (uintptr_t)probe_moved);
	return stack.depth == 2;
}

static void before_a_thread(void)
{
	if (!DEBUG_BUILD) {
		unwind_before_thread();
		must(!libunwind_is_loaded()); /* what for? */
	}
	must(!meet_code_that_needs_dwarf());
	must(stack.truncated);
	must(!libunwind_is_loaded());
	unwind_before_thread();
	must(libunwind_is_loaded());
	must(meet_code_that_needs_dwarf());
	must(!stack.truncated);
}

static void code_that_needs_dwarf_has_it_loaded(void **unused)
{
	(void)unused;
	if (!PROBES || SANITIZED)
		skip();
	assert_child_passes(before_a_thread);
	assert_false(libunwind_is_loaded());
}

/* Another thread may hold what dlopen waits for. */
static void too_late(void)
{
	must(!meet_code_that_needs_dwarf());
	must(walk_needs_dwarf());
	unwind_before_thread();
	must(!libunwind_is_loaded());
}

/* Before it is loaded: from the first call on, in a thread as well. */
static void stacks_need_no_libunwind(void **unused)
{
	(void)unused;
	assert_false(libunwind_is_loaded());
	if (DEBUG_BUILD)
		skip(); /* where every stack is compared with its own */
	thin(20);
	run_thread(0, NULL, 20);
	check_signal(false);
	assert_false(walk_needs_dwarf());
	assert_child_passes(too_late);
}

static void it_is_loaded_once(void **unused)
{
	(void)unused;
	assert_true(unwind_load());
	assert_true(unwind_load());
	assert_true(libunwind_is_loaded());
}

static int start(void **unused)
{
	void *one;

	(void)unused;
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	backtrace(&one, 1);	     /* loads what it needs */
	assert_false(unwind_load()); /* too early */
	unwind_arm();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_that_needs_dwarf_has_it_loaded),
		cmocka_unit_test(stacks_need_no_libunwind),
		cmocka_unit_test(it_is_loaded_once),
		cmocka_unit_test(test_no_descriptor),
		cmocka_unit_test(test_backtrace_agrees),
		cmocka_unit_test(test_deep_is_truncated),
		cmocka_unit_test(test_limit_is_not_truncated),
		cmocka_unit_test(test_every_hit_is_exact),
		cmocka_unit_test(test_name_comes_back),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_wrap_is_bounded),
		cmocka_unit_test(test_coroutine),
		cmocka_unit_test(test_tiny_stack),
		cmocka_unit_test(test_garbage_ends_the_stack),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_plugins),
		cmocka_unit_test(test_plugins_unseen),
		cmocka_unit_test(test_unload_stops_at_plugins),
		cmocka_unit_test(test_quiesce),
		cmocka_unit_test(test_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
