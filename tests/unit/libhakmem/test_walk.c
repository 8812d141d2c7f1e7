#include "libhakmem/walk.h"

#include "libhakmem/gate.h"
#include "libhakmem/module.h"
#include "libhakmem/rule.h"
#include "libhakmem/stack.h"
#include "tests/unit/libhakmem/probes.h"
#include "tests/unit/libhakmem/unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

static struct unwind_stack stack, plain, warm;
static void *expected[256];
static int expected_depth;

/* The caller of the function whose frame this is, as unwind.c has it. */
static struct memo_key key_of(const void *frame)
{
	const uintptr_t *words = frame;
	struct memo_key key = {.pc = words[1] - 1,
			       .sp = (uintptr_t)(words + 2),
			       .fp = words[0]};

	key.high = stack_around(key.sp).high;
	return key;
}

static void assert_same(const struct unwind_stack *a,
			const struct unwind_stack *b)
{
	assert_int_equal(a->depth, b->depth);
	assert_int_equal(a->truncated, b->truncated);
	assert_memory_equal(a->pc, b->pc, a->depth * sizeof(a->pc[0]));
	assert_memory_equal(a->module, b->module,
			    a->depth * sizeof(a->module[0]));
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
	struct memo_key key = key_of(__builtin_frame_address(0));

	expected_depth = backtrace(expected, COUNT_OF(expected));
	assert_true(walk(&key, 0, &stack));
	assert_int_equal(stack.memo, 0);
	assert_false(memo_find(&key, &warm)); /* not asked to */
	assert_true(walk(&key, WALK_PLAIN, &plain));
	assert_backtrace(&stack);
	assert_same(&stack, &plain);
	/* Now the rules are known. */
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_same(&stack, &plain);
	assert_true(stack.memo != 0);
	assert_true(memo_find(&key, &warm));
	assert_int_equal(warm.memo, stack.memo);
	assert_same(&stack, &warm);
	memo_forget();
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
	struct memo_key key = key_of(__builtin_frame_address(0));

	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.depth, UNWIND_DEPTH);
	assert_true(stack.truncated);
}

static void too_deep_is_cut(void **unused)
{
	(void)unused;
	down(200, leaf_too_deep);
}

/* --- stacks made by hand ------------------------------------------------- */

/* A page that a stack may end with, and one that nobody may touch. */
static uint64_t *page;
#define PAGE_WORDS 512

static uintptr_t back_to(const char *probe)
{
	return (uintptr_t)probe + 1;
}

/* A leaf at a probe whose stack is the last words of the page. */
static struct memo_key made_of(const char *probe, unsigned words)
{
	uintptr_t high = (uintptr_t)(page + PAGE_WORDS);

	return (struct memo_key){.pc = (uintptr_t)probe,
				 .sp = high - words * 8,
				 .fp = high - 8,
				 .high = high};
}

static int make_page(void **unused)
{
	(void)unused;
	if (!PROBES)
		return 0;
	if (!page) {
		page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page == MAP_FAILED ||
		    mprotect((char *)page + 4096, 4096, PROT_NONE) != 0)
			return -1;
	}
	memset(page, 0, 4096);
	memo_forget();
	return 0;
}

/* As many frames as words, to the last that may be read and no further. */
static void every_word_up_to_the_end_is_read(void **unused)
{
	(void)unused;
	if (!PROBES)
		skip();
	for (unsigned words = 0; words < 130; words++) {
		struct memo_key key = made_of(probe_plain, words);
		uint32_t depth =
			words < UNWIND_DEPTH ? words + 1 : UNWIND_DEPTH;

		for (unsigned i = 0; i < words; i++)
			page[PAGE_WORDS - 1 - i] = back_to(probe_plain);
		assert_true(walk(&key, WALK_KEEP, &stack));
		assert_int_equal(stack.depth, depth);
		assert_true(stack.truncated);
		assert_int_equal(stack.pc[0], (uintptr_t)probe_plain);
		for (uint32_t i = 1; i < depth; i++)
			assert_int_equal(stack.pc[i], back_to(probe_plain));
		assert_true(walk(&key, WALK_PLAIN, &plain));
		assert_same(&stack, &plain);
		assert_true(memo_find(&key, &warm));
		assert_same(&stack, &warm);
	}
}

/* A word that only begins before the end is not read. */
static void the_end_may_lie_within_a_word(void **unused)
{
	struct memo_key key = made_of(probe_plain, 3);

	(void)unused;
	if (!PROBES)
		skip();
	for (unsigned i = 1; i <= 3; i++)
		page[PAGE_WORDS - i] = back_to(probe_plain);
	key.high--;
	assert_true(walk(&key, 0, &stack));
	assert_int_equal(stack.depth, 3);
}

static bool is_remembered(const struct memo_key *key)
{
	return memo_find(key, &warm);
}

/* plain, framed, framed, outer: what matters of it is remembered, no more. */
static void what_mattered_is_remembered(void **unused)
{
	struct memo_key key = made_of(probe_plain, 12);
	uint64_t *words = page + PAGE_WORDS - 12;
	static const bool matters[12] = {
		[0] = true, [3] = true, [4] = true, [8] = true};

	(void)unused;
	if (!PROBES)
		skip();
	words[0] = back_to(probe_framed);
	words[3] = (uintptr_t)(words + 7); /* a frame pointer that is used, */
	words[4] = back_to(probe_framed);
	words[7] = 99; /* and one that is not */
	words[8] = back_to(probe_outer);
	key.fp = (uintptr_t)(words + 3);
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.depth, 4);
	assert_false(stack.truncated);
	assert_int_equal(stack.pc[1], back_to(probe_framed));
	assert_int_equal(stack.pc[2], back_to(probe_framed));
	assert_int_equal(stack.pc[3], back_to(probe_outer));
	assert_true(walk(&key, WALK_PLAIN, &plain));
	assert_same(&stack, &plain);
	assert_true(is_remembered(&key));
	assert_same(&stack, &warm);
	for (unsigned i = 0; i < 12; i++) {
		words[i] += 8;
		assert_int_equal(is_remembered(&key), !matters[i]);
		words[i] -= 8;
	}
	key.fp += 8;
	assert_false(is_remembered(&key));
}

/* A leaf whose frame pointer nobody asked for may come with any. */
static void a_frame_pointer_may_not_matter(void **unused)
{
	struct memo_key key = made_of(probe_pushed, 10);
	uint64_t *words = page + PAGE_WORDS - 10;

	(void)unused;
	if (!PROBES)
		skip();
	words[4] = (uintptr_t)(words + 7); /* saved by `pushed` */
	words[5] = back_to(probe_framed);
	words[8] = back_to(probe_outer);
	for (unsigned how = 0; how <= WALK_PLAIN; how += WALK_PLAIN) {
		assert_true(walk(&key, WALK_KEEP | how, &stack));
		assert_int_equal(stack.depth, 3);
		assert_false(stack.truncated);
		key.fp ^= 5;
		assert_true(is_remembered(&key));
		words[4] ^= 8;
		assert_false(is_remembered(&key));
		words[4] ^= 8;
		memo_forget();
	}
}

/* One that was saved below the key's stack is none of the memo's. */
static void what_is_read_elsewhere_is_not_remembered(void **unused)
{
	uint64_t words[16] = {0};
	struct memo_key key = {.pc = (uintptr_t)probe_framed,
			       .sp = (uintptr_t)(words + 4),
			       .fp = (uintptr_t)(words + 3),
			       .high = (uintptr_t)(words + 16)};

	(void)unused;
	if (!PROBES)
		skip();
	stack_around((uintptr_t)words); /* is in use */
	words[3] = (uintptr_t)(words + 6);
	words[4] = back_to(probe_framed);
	words[7] = back_to(probe_outer);
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.depth, 3);
	assert_false(stack.truncated);
	assert_int_equal(stack.memo, 0);
	/* Nobody asks for what `outer` would have. */
	words[4] = back_to(probe_outer);
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.depth, 2);
	assert_true(stack.memo != 0);
}

/* Frames that do not lie above each other, or not at a multiple of 8. */
static void a_frame_pointer_that_is_wrong_ends_it(void **unused)
{
	struct memo_key key = made_of(probe_plain, 12);
	uint64_t *words = page + PAGE_WORDS - 12;
	const uintptr_t wrong[] = {
		(uintptr_t)(words - 2), /* a frame without length */
		(uintptr_t)(words - 1) - 8,
		(uintptr_t)(words + 3) + 4,
		(uintptr_t)(words + 11), /* its return address is outside */
		0,
		UINTPTR_MAX - 15,
	};

	(void)unused;
	if (!PROBES)
		skip();
	for (unsigned i = 0; i < 12; i++)
		words[i] = words[-1 - (int)i] = back_to(probe_outer);
	words[0] = back_to(probe_framed);
	memcpy((char *)(words + 4) + 4, &words[1], 8);
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		key.fp = wrong[i];
		assert_true(walk(&key, WALK_KEEP, &stack));
		assert_int_equal(stack.depth, 2);
		assert_true(stack.truncated);
		assert_true(walk(&key, WALK_PLAIN, &plain));
		assert_int_equal(plain.depth, 2);
		assert_true(plain.truncated);
	}
	key.fp = (uintptr_t)words;
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.depth, 3);
	assert_false(stack.truncated);
}

/* Frames that lead back to themselves. */
static void a_stack_goes_up(void **unused)
{
	struct memo_key key = made_of(probe_plain, 6);
	uint64_t *words = page + PAGE_WORDS - 6;

	(void)unused;
	if (!PROBES)
		skip();
	words[0] = words[1] = back_to(probe_plain);
	words[2] = back_to(probe_framed);
	for (unsigned back = 0; back < 2; back++) {
		key.fp = (uintptr_t)(words + 1 - back);
		assert_true(walk(&key, 0, &stack));
		assert_int_equal(stack.depth, 4);
		assert_true(stack.truncated);
		assert_true(walk(&key, WALK_PLAIN, &plain));
		assert_same(&stack, &plain);
	}
}

/* Where there are no descriptions there are no modules. */
static void unknown_code_is_left_by_its_frame_pointer(void **unused)
{
	struct memo_key key = made_of((const char *)page, 8);
	uint64_t *words = page + PAGE_WORDS - 8;

	(void)unused;
	if (!PROBES)
		skip();
	key.fp = (uintptr_t)(words + 2);
	words[3] = back_to(probe_plain);
	words[4] = back_to(probe_outer);
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.depth, 3);
	assert_int_equal(stack.pc[2], back_to(probe_outer));
	assert_false(stack.truncated);
	assert_true(is_remembered(&key));
	for (uint64_t nothing = 0; nothing < 4096; nothing += 4095) {
		words[3] = nothing;
		assert_true(walk(&key, WALK_KEEP, &stack));
		assert_int_equal(stack.depth, 1);
		assert_true(stack.truncated);
	}
}

/* What the table says is believed, unless libunwind alone is wanted. */
static void rules_may_be_left_out(void **unused)
{
	struct memo_key key = made_of(probe_plain, 4);
	struct rule wrong = {.base = RULE_END,
			     .module = module_of((uintptr_t)probe_plain),
			     .stays = true};

	(void)unused;
	if (!PROBES)
		skip();
	page[PAGE_WORDS - 4] = back_to(probe_outer);
	rule_store((uintptr_t)probe_plain, &wrong);
	assert_true(walk(&key, 0, &stack));
	assert_int_equal(stack.depth, 1);
	assert_true(walk(&key, WALK_PLAIN, &stack));
	assert_int_equal(stack.depth, 2);
	walk_set_rules(false);
	assert_true(walk(&key, 0, &stack));
	assert_int_equal(stack.depth, 2);
	walk_set_rules(true);
	walk_forget();
	assert_true(walk(&key, 0, &stack));
	assert_int_equal(stack.depth, 2);
}

/* Registers and words that lead nowhere: an end, no fault. */
static void nonsense_ends_the_stack(void **unused)
{
	static uint64_t memory[64];
	static const uintptr_t values[] = {
		0, 1, 0xdeadbeef, 0x800000000000, UINTPTR_MAX - 7, UINTPTR_MAX};
	struct memo_key key = {.high = (uintptr_t)(memory + 64),
			       .sp = (uintptr_t)memory};

	(void)unused;
	for (size_t i = 0; i < COUNT_OF(values) * COUNT_OF(values); i++) {
		for (int w = 0; w < 64; w++)
			memory[w] = values[i % COUNT_OF(values)];
		key.fp = values[i / COUNT_OF(values)];
		key.pc = key.fp;
		assert_true(walk(&key, WALK_KEEP, &stack));
		assert_int_equal(stack.depth, 1);
		assert_int_equal(stack.pc[0], key.pc);
		assert_int_equal(stack.module[0], MODULE_NONE);
		assert_true(stack.truncated);
		key.pc = (uintptr_t)nonsense_ends_the_stack + 1;
		assert_true(walk(&key, WALK_KEEP, &stack));
		assert_int_equal(stack.depth, 1);
	}
}

/* --- other stacks -------------------------------------------------------- */

/* Beyond the key's range there is only what stack_holds. */
static __attribute__((noinline)) void leaf_of_little(void)
{
	struct memo_key key = key_of(__builtin_frame_address(0));

	key.high = key.sp;
	/* The main stack is known, but its words are none of the memo's. */
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.memo, 0);
	assert_false(stack.truncated);
	assert_false(is_remembered(&key));
}

static void *on_thread(void *unused)
{
	struct memo_key key = key_of(__builtin_frame_address(0));

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
	struct memo_key key = key_of(__builtin_frame_address(0));
	unsigned cut = 0;

	expected_depth = backtrace(expected, COUNT_OF(expected));
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_true(walk(&key, WALK_PLAIN, &plain));
	assert_same(&stack, &plain);
	assert_true(is_remembered(&key));
	assert_same(&stack, &warm);
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
	struct memo_key key = key_of(__builtin_frame_address(0));

	(void)number;
	key.high = (uintptr_t)stacks[2];
	must(walk(&key, WALK_KEEP, &stack));
}

static void *raise_above(void *unused)
{
	stack_t other = {.ss_sp = stacks[1], .ss_size = sizeof(stacks[1])};
	stack_t before;
	struct memo_key key = key_of(__builtin_frame_address(0));

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
	assert_int_equal(stack.memo, 0);
}

/* --- code made at run time ----------------------------------------------- */

static uint32_t frames_below;

static __attribute__((noinline)) void leaf_of_made_code(void)
{
	struct memo_key key = key_of(__builtin_frame_address(0));

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
	struct memo_key key = key_of(__builtin_frame_address(0));

	assert_true(walk(&key, 0, &warm));
	frames_below = warm.depth;
}

static void made_code_is_followed_by_its_frame_pointer(void **unused)
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
	memo_forget();
	leaf_of_caller();
	memcpy(&call, &(void *){code}, sizeof(call));
	call(call_leaf_of_made_code);
	assert_int_equal(stack.depth, frames_below + 2);
	assert_false(stack.truncated);
	assert_int_equal(stack.pc[1], (uintptr_t)code + 6);
	assert_int_equal(stack.module[1], MODULE_NONE);
	for (uint32_t i = 3; i < stack.depth; i++)
		assert_int_equal(stack.pc[i], warm.pc[i - 2]);
	assert_true(stack.memo != 0);
	/* Where it leads nowhere, it is no code that a stack may end with. */
	memcpy(&call, &(void *){code + 64}, sizeof(call));
	call(call_leaf_of_made_code);
	assert_int_equal(stack.depth, 1);
	assert_true(stack.truncated);
	assert_int_equal(stack.memo, 0);
	munmap(code, 4096);
}

/* --- who may walk -------------------------------------------------------- */

static __attribute__((noinline)) void leaf_behind_the_gate(void)
{
	struct memo_key key = key_of(__builtin_frame_address(0));

	gate_close();
	assert_false(walk(&key, WALK_KEEP, &stack));
	gate_open();
	errno = 1234;
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(errno, 1234);
	assert_true(walk_is_idle());
	walk_abandon(); /* of nothing */
	walk_forget();
	assert_true(walk(&key, WALK_KEEP, &plain));
	assert_same(&stack, &plain);
	memo_forget();
}

static void a_closed_gate_is_no_stack(void **unused)
{
	(void)unused;
	down(3, leaf_behind_the_gate);
}

static sigjmp_buf jump;

static void jump_out(int number)
{
	(void)number;
	siglongjmp(jump, 1);
}

/* Walks where the stack turns out not to be there; false: did not walk. */
static bool leave_by_a_jump(void)
{
	struct memo_key key = made_of(probe_plain, 0);

	key.high += 64;
	if (sigsetjmp(jump, 1) != 0)
		return true;
	assert_false(walk(&key, WALK_KEEP, &stack));
	return false;
}

static void *ask_idle(void *idle)
{
	*(bool *)idle = walk_is_idle();
	return NULL;
}

static bool idle_for_others(void)
{
	pthread_t thread;
	bool idle;

	assert_int_equal(pthread_create(&thread, NULL, ask_idle, &idle), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return idle;
}

/* Each takes a slot with it; when all are gone there are no stacks. */
static void what_a_jump_left_is_given_back(void **unused)
{
	struct sigaction action = {.sa_handler = jump_out}, before;
	struct memo_key key = made_of(probe_plain, 0);
	unsigned left;

	(void)unused;
	if (!PROBES)
		skip();
	assert_true(walk(&key, 0, &stack)); /* now its rule is known */
	assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);
	for (int forget = 0; forget < 2; forget++) {
		assert_true(idle_for_others());
		for (left = 0; leave_by_a_jump(); left++)
			assert_false(idle_for_others());
		assert_int_equal(left, 8);
		assert_true(walk_is_idle());
		assert_false(walk(&key, 0, &stack));
		if (forget)
			walk_forget();
		else
			walk_abandon();
		assert_true(idle_for_others());
		assert_true(walk(&key, 0, &stack));
	}
	assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
}

/* --- unloading ----------------------------------------------------------- */

static bool unloading, through_plugin;

static __attribute__((noinline)) void leaf_in_unload(void)
{
	struct memo_key key = key_of(__builtin_frame_address(0));

	memo_forget();
	if (unloading)
		gate_unload_begin();
	assert_true(walk(&key, WALK_KEEP, &stack));
	if (unloading)
		gate_unload_end();
	assert_int_equal(stack.memo != 0, !unloading);
	assert_int_equal(is_remembered(&key), !unloading);
	if (unloading)
		return;
	/* While it lasts, what it may be about is in doubt. */
	gate_unload_begin();
	assert_int_equal(is_remembered(&key), !through_plugin);
	gate_unload_end();
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
	strcpy(strrchr(path, '/'), "/../../preload/plugin/deep_a.so");
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
	struct memo_key key = key_of(__builtin_frame_address(0));

	(void)unused;
	assert_false(walk(&key, 0, &stack));
	assert_true(walk_is_idle());
	walk_abandon();
	assert_true(memo_start() && walk_start());
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
#define MADE(name) cmocka_unit_test_setup(name, make_page)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_start_there_is_no_stack),
		cmocka_unit_test(ways_agree_and_are_remembered),
		cmocka_unit_test(too_deep_is_cut),
		MADE(every_word_up_to_the_end_is_read),
		MADE(the_end_may_lie_within_a_word),
		MADE(what_mattered_is_remembered),
		MADE(a_frame_pointer_may_not_matter),
		MADE(what_is_read_elsewhere_is_not_remembered),
		MADE(a_frame_pointer_that_is_wrong_ends_it),
		MADE(a_stack_goes_up),
		MADE(unknown_code_is_left_by_its_frame_pointer),
		MADE(rules_may_be_left_out),
		MADE(nonsense_ends_the_stack),
		cmocka_unit_test(nothing_else_is_read),
		cmocka_unit_test(a_signal_is_walked_through),
		cmocka_unit_test(a_signal_stack_may_lie_anywhere),
		cmocka_unit_test(made_code_is_followed_by_its_frame_pointer),
		cmocka_unit_test(a_closed_gate_is_no_stack),
		MADE(what_a_jump_left_is_given_back),
		cmocka_unit_test(in_an_unload_nothing_is_remembered),
		cmocka_unit_test(an_unload_ends_at_a_plugin),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
