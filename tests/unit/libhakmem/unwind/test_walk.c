#include "libhakmem/unwind/walk.h"

#include "libhakmem/unwind/quiesce.h"
#include "libhakmem/unwind/module.h"
#include "libhakmem/unwind/rule.h"
#include "libhakmem/unwind/stack.h"
#include "tests/unit/libhakmem/probes.h"
#include "tests/unit/libhakmem/stacks.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

static struct unwind_stack stack, plain, hit;
static void *expected[256];
static int expected_depth;

/* The caller of the function whose frame this is, as unwind.c has it. */
static struct stackcache_key key_of(const void *frame)
{
	const uintptr_t *words = frame;
	struct stackcache_key key = {.pc = words[1] - 1,
				     .sp = (uintptr_t)(words + 2),
				     .fp = words[0]};

	key.high = stack_around(key.sp).high;
	return key;
}

static void assert_backtrace(const struct unwind_stack *got)
{
	int skip = 0;

	while (skip < expected_depth &&
	       (uintptr_t)expected[skip] != got->pc[0] + 1)
		skip++;
	assert_true(skip < expected_depth);
	assert_false(got->truncated);
	assert_int_equal(got->depth, expected_depth - skip);
	for (uint32_t i = 1; i < got->depth; i++) {
		assert_ptr_equal((void *)got->pc[i], expected[skip + (int)i]);
		assert_int_equal(got->module[i], module_of(got->pc[i] - 1));
	}
}

static __attribute__((noinline)) void leaf(void)
{
	struct stackcache_key key = key_of(__builtin_frame_address(0));

	expected_depth = backtrace(expected, COUNT_OF(expected));
	assert_true(walk(&key, 0, &stack));
	assert_int_equal(stack.cached, 0);
	assert_false(stackcache_find(&key, &hit)); /* not asked to */
	assert_true(walk(&key, WALK_PLAIN, &plain));
	assert_backtrace(&stack);
	assert_same(&stack, &plain);
	/* Now the rules are known. */
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_same(&stack, &plain);
	assert_true(stack.cached != 0);
	assert_true(stackcache_find(&key, &hit));
	assert_int_equal(hit.cached, stack.cached);
	assert_same(&stack, &hit);
	stackcache_forget();
}

static __attribute__((noinline)) void down(int depth, void (*run)(void))
{
	char room[64];

	__asm__ volatile("" : : "r"(room) : "memory");
	if (depth == 0)
		run();
	else
		down(depth - 1, run);
	__asm__ volatile("" : : "r"(room) : "memory");
}

static void ways_agree_and_are_remembered(void **unused)
{
	(void)unused;
	for (int depth = 0; depth < 90; depth += 9)
		down(depth, leaf);
	walk_set_rules(false);
	down(7, leaf);
	walk_set_rules(true);
	down(7, leaf);
}

static __attribute__((noinline)) void leaf_too_deep(void)
{
	struct stackcache_key key = key_of(__builtin_frame_address(0));

	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.depth, UNWIND_DEPTH);
	assert_true(stack.truncated);
}

static void too_deep_is_cut(void **unused)
{
	(void)unused;
	down(200, leaf_too_deep);
}

/* --- other stacks -------------------------------------------------------- */

/* Beyond the key's range there is only what stack_holds. */
static __attribute__((noinline)) void leaf_of_little(void)
{
	struct stackcache_key key = key_of(__builtin_frame_address(0));

	key.high = key.sp;
	/* The main stack is known, but its words are none of the stack cache's.
	 */
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.cached, 0);
	assert_false(stack.truncated);
	assert_false(stackcache_find(&key, &hit));
}

static void *on_thread(void *unused)
{
	struct stackcache_key key = key_of(__builtin_frame_address(0));

	/* A thread that nobody noted: nothing is known beyond the key. */
	key.high = key.sp;
	must(walk(&key, WALK_KEEP, &stack));
	must(stack.depth == 1 && stack.truncated);
	return unused;
}

static void nothing_else_is_read(void **unused)
{
	pthread_t thread;

	(void)unused;
	down(3, leaf_of_little);
	assert_int_equal(pthread_create(&thread, NULL, on_thread, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static uintptr_t interrupted;

static __attribute__((noinline)) void leaf_in_handler(void)
{
	struct stackcache_key key = key_of(__builtin_frame_address(0));
	unsigned cut = 0;

	expected_depth = backtrace(expected, COUNT_OF(expected));
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_true(walk(&key, WALK_PLAIN, &plain));
	assert_same(&stack, &plain);
	assert_true(stackcache_find(&key, &hit));
	assert_same(&stack, &hit);
	for (uint32_t i = 1; i < stack.depth; i++)
		cut += stack.pc[i] == interrupted + 1;
	assert_int_equal(cut, 1);
	assert_false(stack.truncated);
}

static void handle(int number, siginfo_t *info, void *context)
{
	const ucontext_t *cut = context;

	(void)number;
	(void)info;
#if defined(__x86_64__)
	interrupted = (uintptr_t)cut->uc_mcontext.gregs[REG_RIP];
#else
	interrupted = (uintptr_t)cut->uc_mcontext.pc;
#endif
	down(2, leaf_in_handler);
}

static void interrupt(void)
{
	raise(SIGUSR1);
	__asm__ volatile("");
}

/* Where a signal cut in there was no call: pc + 1 stands for it. */
static void a_signal_is_walked_through(void **unused)
{
	struct sigaction action = {.sa_sigaction = handle,
				   .sa_flags = SA_SIGINFO};

	(void)unused;
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	down(4, interrupt);
	signal(SIGUSR1, SIG_DFL);
}

static char stacks[2][256 * 1024] __attribute__((aligned(4096)));

static __attribute__((noinline)) void leaf_above(int number)
{
	struct stackcache_key key = key_of(__builtin_frame_address(0));

	(void)number;
	key.high = (uintptr_t)stacks[2];
	must(walk(&key, WALK_KEEP, &stack));
}

static void *raise_above(void *unused)
{
	stack_t other = {.ss_sp = stacks[1], .ss_size = sizeof(stacks[1])};
	stack_t before;
	struct stackcache_key key = key_of(__builtin_frame_address(0));

	must(walk(&key, 0, &plain));
	must(sigaltstack(&other, &before) == 0);
	raise(SIGUSR1);
	must(sigaltstack(&before, NULL) == 0);
	return unused;
}

/* Back to a stack that lies below the signal's. */
static void a_signal_stack_may_lie_anywhere(void **unused)
{
	struct sigaction action = {.sa_handler = leaf_above,
				   .sa_flags = SA_ONSTACK};
	void *(*run)(void *) = raise_above;
	pthread_attr_t attributes;
	void *arg = NULL;
	pthread_t thread;

	(void)unused;
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	assert_int_equal(pthread_attr_init(&attributes), 0);
	assert_int_equal(pthread_attr_setstack(&attributes, stacks[0],
					       sizeof(stacks[0])),
			 0);
	stack_wrap(&attributes, &run, &arg);
	assert_int_equal(pthread_create(&thread, &attributes, run, arg), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attributes);
	signal(SIGUSR1, SIG_DFL);
	assert_false(plain.truncated);
	assert_false(stack.truncated);
	assert_true(stack.depth > plain.depth);
	plain.pc[0]++; /* is no leaf there */
	assert_memory_equal(stack.pc + stack.depth - plain.depth, plain.pc,
			    plain.depth * sizeof(plain.pc[0]));
	assert_int_equal(stack.cached, 0);
}

/* --- code made at run time ----------------------------------------------- */

static uint32_t frames_below;

static __attribute__((noinline)) void leaf_of_made_code(void)
{
	struct stackcache_key key = key_of(__builtin_frame_address(0));

	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_true(walk(&key, WALK_PLAIN, &plain));
	assert_same(&stack, &plain);
}

static void call_leaf_of_made_code(void)
{
	leaf_of_made_code();
	__asm__ volatile("");
}

static __attribute__((noinline)) void leaf_of_caller(void)
{
	struct stackcache_key key = key_of(__builtin_frame_address(0));

	assert_true(walk(&key, 0, &hit));
	frames_below = hit.depth;
}

static void synthetic_code_is_followed_by_its_frame_pointer(void **unused)
{
	/* push rbp; mov rbp, rsp; call rdi; pop rbp; ret */
	static const unsigned char framed[] = {0x55, 0x48, 0x89, 0xe5,
					       0xff, 0xd7, 0x5d, 0xc3};
	/* push rbp; xor ebp, ebp; call rdi; pop rbp; ret */
	static const unsigned char bare[] = {0x55, 0x31, 0xed, 0xff,
					     0xd7, 0x5d, 0xc3};
	void (*call)(void (*)(void));
	char *code;

	(void)unused;
	if (!PROBES)
		skip();
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(code, MAP_FAILED);
	memcpy(code, framed, sizeof(framed));
	memcpy(code + 64, bare, sizeof(bare));
	stackcache_forget();
	leaf_of_caller();
	memcpy(&call, &(void *){code}, sizeof(call));
	call(call_leaf_of_made_code);
	assert_int_equal(stack.depth, frames_below + 2);
	assert_false(stack.truncated);
	assert_int_equal(stack.pc[1], (uintptr_t)code + 6);
	assert_int_equal(stack.module[1], MODULE_NONE);
	for (uint32_t i = 3; i < stack.depth; i++)
		assert_int_equal(stack.pc[i], hit.pc[i - 2]);
	assert_true(stack.cached != 0);
	/* Where it leads nowhere, it is no code that a stack may end with. */
	memcpy(&call, &(void *){code + 64}, sizeof(call));
	call(call_leaf_of_made_code);
	assert_int_equal(stack.depth, 1);
	assert_true(stack.truncated);
	assert_int_equal(stack.cached, 0);
	munmap(code, 4096);
}

/* --- who may walk -------------------------------------------------------- */

static __attribute__((noinline)) void leaf_in_quiescence(void)
{
	struct stackcache_key key = key_of(__builtin_frame_address(0));

	quiesce_begin();
	assert_false(walk(&key, WALK_KEEP, &stack));
	quiesce_end();
	errno = 1234;
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(errno, 1234);
	assert_true(walk_is_idle());
	walk_abandon(); /* of nothing */
	walk_forget();
	assert_true(walk(&key, WALK_KEEP, &plain));
	assert_same(&stack, &plain);
	stackcache_forget();
}

static void quiescence_is_no_stack(void **unused)
{
	(void)unused;
	down(3, leaf_in_quiescence);
}

/* --- unloading ----------------------------------------------------------- */

static bool unloading, through_plugin;

static __attribute__((noinline)) void leaf_in_unload(void)
{
	struct stackcache_key key = key_of(__builtin_frame_address(0));

	stackcache_forget();
	if (unloading)
		quiesce_unload_begin();
	assert_true(walk(&key, WALK_KEEP, &stack));
	if (unloading)
		quiesce_unload_end();
	assert_int_equal(stack.cached != 0, !unloading);
	assert_int_equal(stackcache_find(&key, &hit), !unloading);
	if (unloading)
		return;
	/* While it lasts, what it may be about is in doubt. */
	quiesce_unload_begin();
	assert_int_equal(stackcache_find(&key, &hit), !through_plugin);
	quiesce_unload_end();
}

static void call_leaf_in_unload(void)
{
	down(2, leaf_in_unload);
}

static void in_an_unload_nothing_is_remembered(void **unused)
{
	uint32_t depth;

	(void)unused;
	unloading = false;
	down(3, call_leaf_in_unload);
	depth = stack.depth;
	unloading = true;
	down(3, call_leaf_in_unload);
	assert_int_equal(stack.depth, depth);
	assert_false(stack.truncated);
}

/* What may be going away is not looked at. */
static void an_unload_ends_at_a_plugin(void **unused)
{
	void (*call)(int, void (*)(void));
	char path[1024] = {0};
	uint32_t depth;
	void *handle;

	(void)unused;
	assert_true(readlink("/proc/self/exe", path, 512) > 0);
	strcpy(strrchr(path, '/'), "/../../../preload/plugin/deep_a.so");
	handle = dlopen(path, RTLD_NOW);
	assert_non_null(handle);
	call = (void (*)(int, void (*)(void)))dlsym(handle, "plugin_call");
	unloading = false;
	through_plugin = true;
	call(3, call_leaf_in_unload);
	depth = stack.depth;
	assert_false(stack.truncated);
	unloading = true;
	call(3, call_leaf_in_unload);
	/* down three times and call_leaf_in_unload, at most */
	assert_in_range(stack.depth, 3, 4);
	assert_true(stack.depth < depth);
	assert_true(stack.truncated);
	for (uint32_t i = 0; i < stack.depth; i++)
		assert_true(module_stays(stack.module[i]));
	assert_int_equal(dlclose(handle), 0);
}

static void before_the_start_there_is_no_stack(void **unused)
{
	struct stackcache_key key = key_of(__builtin_frame_address(0));

	(void)unused;
	assert_false(walk(&key, 0, &stack));
	assert_true(walk_is_idle());
	walk_abandon();
	assert_false(walk_load());
	assert_true(stackcache_start() && walk_start());
	/* Rules need no libunwind. */
	assert_true(walk(&key, 0, &stack));
	assert_true(stack.depth > 1);
	assert_false(walk(&key, WALK_PLAIN, &plain));
	assert_int_equal(walk_needs_dwarf(), DEBUG_BUILD);
	assert_true(walk_load());
	assert_true(walk_load()); /* is there */
	assert_false(walk_needs_dwarf());
	assert_true(walk(&key, WALK_PLAIN, &plain));
	assert_same(&stack, &plain);
}

static int start(void **unused)
{
	void *one;

	(void)unused;
	backtrace(&one, 1); /* loads what it needs */
	stack_start();
	module_start();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_start_there_is_no_stack),
		cmocka_unit_test(ways_agree_and_are_remembered),
		cmocka_unit_test(too_deep_is_cut),
		cmocka_unit_test(nothing_else_is_read),
		cmocka_unit_test(a_signal_is_walked_through),
		cmocka_unit_test(a_signal_stack_may_lie_anywhere),
		cmocka_unit_test(
			synthetic_code_is_followed_by_its_frame_pointer),
		cmocka_unit_test(quiescence_is_no_stack),
		cmocka_unit_test(in_an_unload_nothing_is_remembered),
		cmocka_unit_test(an_unload_ends_at_a_plugin),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
