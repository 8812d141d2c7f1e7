/* Walks of stacks made by hand: a page of words, and leaves at probes whose
 * descriptions are known. */
#include "libhakmem/unwind/walk.h"

#include "libhakmem/unwind/quiesce.h"
#include "libhakmem/unwind/module.h"
#include "libhakmem/unwind/rule.h"
#include "libhakmem/unwind/stack.h"
#include "tests/unit/libhakmem/probes.h"
#include "tests/unit/libhakmem/stacks.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

static struct unwind_stack stack, plain, hit;

/* A page that a stack may end with, and one that nobody may touch. */
static uint64_t *page;
#define PAGE_WORDS 512

static uintptr_t back_to(const char *probe)
{
	return (uintptr_t)probe + 1;
}

/* A leaf at a probe whose stack is the last words of the page. */
static struct stackcache_key synthetic_of(const char *probe, unsigned words)
{
	uintptr_t high = (uintptr_t)(page + PAGE_WORDS);

	return (struct stackcache_key){.pc = (uintptr_t)probe,
				       .sp = high - words * 8,
				       .fp = high - 8,
				       .high = high};
}

/* libunwind by itself comes to the same stack. */
static void assert_plain_agrees(const struct stackcache_key *key)
{
	assert_true(walk(key, WALK_PLAIN, &plain));
	assert_same(&stack, &plain);
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
	stackcache_forget();
	return 0;
}

/* A place that no rule can describe ends a stack until libunwind is there, and
 * asks for it. */
static void what_needs_dwarf_needs_libunwind(void **unused)
{
	struct stackcache_key key = synthetic_of(probe_moved, 12);
	uint64_t *words = page + PAGE_WORDS - 12;

	(void)unused;
	words[2] = back_to(probe_plain);
	words[4] = back_to(probe_outer);
	if (PROBES) {
		assert_int_equal(walk_needs_dwarf(), DEBUG_BUILD);
		assert_true(walk(&key, WALK_KEEP, &stack));
		assert_int_equal(stack.depth, 1);
		assert_true(stack.truncated);
		assert_int_equal(stack.cached, 0); /* there may be more of it */
		assert_true(walk_needs_dwarf());
	}
	assert_true(walk_load());
	if (!PROBES)
		skip();
	assert_false(walk_needs_dwarf());
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.depth, 3);
	assert_int_equal(stack.pc[1], back_to(probe_plain));
	assert_false(stack.truncated);
	assert_true(stack.cached != 0);
}

/* As many frames as words, to the last that may be read and no further. */
static void every_word_up_to_the_end_is_read(void **unused)
{
	(void)unused;
	if (!PROBES)
		skip();
	for (unsigned words = 0; words < 130; words++) {
		struct stackcache_key key = synthetic_of(probe_plain, words);
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
		assert_plain_agrees(&key);
		assert_true(stackcache_find(&key, &hit));
		assert_same(&stack, &hit);
	}
}

/* A word that only begins before the end is not read. */
static void the_end_may_lie_within_a_word(void **unused)
{
	struct stackcache_key key = synthetic_of(probe_plain, 3);

	(void)unused;
	if (!PROBES)
		skip();
	for (unsigned i = 1; i <= 3; i++)
		page[PAGE_WORDS - i] = back_to(probe_plain);
	key.high--;
	assert_true(walk(&key, 0, &stack));
	assert_int_equal(stack.depth, 3);
}

static bool is_remembered(const struct stackcache_key *key)
{
	return stackcache_find(key, &hit);
}

/* Of the words of a remembered stack, and its frame pointer, which does. */
static void assert_only_these_matter(struct stackcache_key key, uint64_t *words,
				     const bool *matters, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		words[i] += 8;
		assert_int_equal(is_remembered(&key), !matters[i]);
		words[i] -= 8;
	}
	assert_true(is_remembered(&key));
	key.fp += 8;
	assert_false(is_remembered(&key));
}

/* plain, framed, framed, outer: what matters of it is remembered, no more. */
static void what_mattered_is_remembered(void **unused)
{
	struct stackcache_key key = synthetic_of(probe_plain, 12);
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
	assert_plain_agrees(&key);
	assert_true(is_remembered(&key));
	assert_same(&stack, &hit);
	assert_only_these_matter(key, words, matters, 12);
}

/* A frame whose end is kept in memory: of the words that it has, those that
 * lead out of it are remembered. */
static void a_frame_may_be_aligned(void **unused)
{
	struct stackcache_key key = synthetic_of(probe_aligned, 16);
	uint64_t *words = page + PAGE_WORDS - 16;
	static const bool matters[16] = {
		[2] = true, [3] = true, [6] = true, [12] = true};

	(void)unused;
	if (!PROBES)
		skip();
	key.fp = (uintptr_t)(words + 3);
	words[2] = (uintptr_t)(words + 7);  /* the frame's end */
	words[3] = (uintptr_t)(words + 11); /* the caller's frame pointer */
	words[6] = back_to(probe_framed);
	words[12] = back_to(probe_outer);
	for (unsigned how = 0; how <= WALK_PLAIN; how += WALK_PLAIN) {
		assert_true(walk(&key, WALK_KEEP | how, &stack));
		assert_int_equal(stack.depth, 3);
		assert_false(stack.truncated);
		assert_int_equal(stack.pc[1], back_to(probe_framed));
		assert_only_these_matter(key, words, matters, 16);
		stackcache_forget();
	}
	/* An end that lies below is none. */
	for (uint64_t end = 0; end <= key.sp; end += key.sp) {
		words[2] = end;
		assert_true(walk(&key, 0, &stack));
		assert_int_equal(stack.depth, 1);
		assert_true(stack.truncated);
	}
}

/* Not even where the stack could be read. */
static void an_end_that_lies_below_is_none(void **unused)
{
	uint64_t words[16] = {0};
	struct stackcache_key key = {.pc = (uintptr_t)probe_stored,
				     .sp = (uintptr_t)(words + 8),
				     .high = (uintptr_t)(words + 16)};

	(void)unused;
	if (!PROBES)
		skip();
	stack_around((uintptr_t)words); /* is in use */
	words[7] = words[8] = back_to(probe_outer);
	for (unsigned up = 0; up < 2; up++) {
		words[10] = (uintptr_t)(words + 8 + up);
		assert_true(walk(&key, 0, &stack));
		assert_int_equal(stack.depth, 1 + up);
		assert_int_equal(stack.truncated, !up);
		assert_plain_agrees(&key);
	}
}

/* What is refused now may be known to be stack the next time. */
static void a_stack_that_ends_at_the_main_one_may_go_on(void **unused)
{
	struct stackcache_key key = synthetic_of(probe_stored, 8);
	uint64_t *words = page + PAGE_WORDS - 8;
	uintptr_t below;

	(void)unused;
	if (!PROBES)
		skip();
	words[2] = (uintptr_t)(page + PAGE_WORDS + 64); /* is no stack */
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_true(stack.truncated);
	assert_true(is_remembered(&key));
	stackcache_forget();
	below = ((uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)15) -
		512 * 1024;
	assert_true(stack_is_main(below));
	assert_false(stack_holds(below));
	words[2] = below;
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.depth, 1);
	assert_true(stack.truncated);
	assert_int_equal(stack.cached, 0);
	assert_false(is_remembered(&key));
}

static void a_frame_may_be_kept_by_the_stack_pointer(void **unused)
{
	struct stackcache_key key = synthetic_of(probe_stored, 12);
	uint64_t *words = page + PAGE_WORDS - 12;

	(void)unused;
	if (!PROBES)
		skip();
	words[2] = (uintptr_t)(words + 8);
	words[7] = back_to(probe_plain);
	words[8] = back_to(probe_outer);
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.depth, 3);
	assert_plain_agrees(&key);
	assert_true(is_remembered(&key));
	words[2] += 8;
	assert_false(is_remembered(&key));
}

/* Where nobody can tell the caller it is no use to ask libunwind. */
static void what_another_register_has_is_lost(void **unused)
{
	struct stackcache_key key = synthetic_of(probe_odd, 4);

	(void)unused;
	if (!PROBES)
		skip();
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.depth, 1);
	assert_true(stack.truncated);
	assert_true(is_remembered(&key)); /* that is all there is to know */
	assert_plain_agrees(&key);
}

#if PROBES
/* Code of this program that nobody has described. */
__asm__(".pushsection .text\nprobe_bare: .skip 16, 0x90\n.popsection\n");
extern const char probe_bare[];
#else
static const char probe_bare[1];
#endif

static void code_without_a_description_is_guessed(void **unused)
{
	struct stackcache_key key = synthetic_of(probe_bare + 8, 8);
	uint64_t *words = page + PAGE_WORDS - 8;

	(void)unused;
	if (!PROBES)
		skip();
	key.fp = (uintptr_t)(words + 2);
	words[3] = back_to(probe_plain);
	words[4] = back_to(probe_outer);
	for (int again = 0; again < 2; again++) {
		assert_true(walk(&key, WALK_KEEP, &stack));
		assert_int_equal(stack.depth, 3);
		assert_int_equal(stack.pc[2], back_to(probe_outer));
		assert_false(stack.truncated);
		assert_true(is_remembered(&key));
		assert_plain_agrees(&key);
		stackcache_forget();
	}
	key.fp = 0;
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.depth, 1);
	assert_true(stack.truncated);
}

/* A leaf whose frame pointer nobody asked for may come with any. */
static void a_frame_pointer_may_not_matter(void **unused)
{
	struct stackcache_key key = synthetic_of(probe_pushed, 10);
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
		stackcache_forget();
	}
}

/* One that was saved below the key's stack is none of the stack cache's. */
static void what_is_read_elsewhere_is_not_remembered(void **unused)
{
	uint64_t words[16] = {0};
	struct stackcache_key key = {.pc = (uintptr_t)probe_framed,
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
	assert_int_equal(stack.cached, 0);
	/* Nobody asks for what `outer` would have. */
	words[4] = back_to(probe_outer);
	assert_true(walk(&key, WALK_KEEP, &stack));
	assert_int_equal(stack.depth, 2);
	assert_true(stack.cached != 0);
}

/* Frames that do not lie above each other, or not at a multiple of 8. */
static void a_frame_pointer_that_is_wrong_ends_it(void **unused)
{
	struct stackcache_key key = synthetic_of(probe_plain, 12);
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
	struct stackcache_key key = synthetic_of(probe_plain, 6);
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
		assert_plain_agrees(&key);
	}
}

/* Where there are no descriptions there are no modules. */
static void unknown_code_is_left_by_its_frame_pointer(void **unused)
{
	struct stackcache_key key = synthetic_of((const char *)page, 8);
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
	struct stackcache_key key = synthetic_of(probe_plain, 4);
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
	struct stackcache_key key = {.high = (uintptr_t)(memory + 64),
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

static sigjmp_buf jump;

static void jump_out(int number)
{
	(void)number;
	siglongjmp(jump, 1);
}

/* Walks where the stack turns out not to be there; false: did not walk. */
static bool leave_by_a_jump(void)
{
	struct stackcache_key key = synthetic_of(probe_plain, 0);

	key.high += 64;
	if (sigsetjmp(jump, 1) != 0)
		return true;
	assert_false(walk(&key, WALK_KEEP, &stack));
	return false;
}

/* Each takes a slot with it; when all are gone there are no stacks. */
static void what_a_jump_left_is_given_back(void **unused)
{
	struct sigaction action = {.sa_handler = jump_out}, before;
	struct stackcache_key key = synthetic_of(probe_plain, 0);
	unsigned left;

	(void)unused;
	if (!PROBES)
		skip();
	assert_true(walk(&key, 0, &stack)); /* now its rule is known */
	assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);
	for (int forget = 0; forget < 2; forget++) {
		assert_true(idle_for_others(walk_is_idle));
		for (left = 0; leave_by_a_jump(); left++)
			assert_false(idle_for_others(walk_is_idle));
		assert_int_equal(left, 8);
		assert_true(walk_is_idle());
		assert_false(walk(&key, 0, &stack));
		if (forget)
			walk_forget();
		else
			walk_abandon();
		assert_true(idle_for_others(walk_is_idle));
		assert_true(walk(&key, 0, &stack));
	}
	assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
}

static int start(void **unused)
{
	(void)unused;
	stack_start();
	module_start();
	return stackcache_start() && walk_start() ? 0 : -1;
}

int main(void)
{
#define SYNTHETIC(name) cmocka_unit_test_setup(name, make_page)
	const struct CMUnitTest tests[] = {
		SYNTHETIC(what_needs_dwarf_needs_libunwind),
		SYNTHETIC(every_word_up_to_the_end_is_read),
		SYNTHETIC(the_end_may_lie_within_a_word),
		SYNTHETIC(what_mattered_is_remembered),
		SYNTHETIC(a_frame_may_be_aligned),
		SYNTHETIC(an_end_that_lies_below_is_none),
		SYNTHETIC(a_stack_that_ends_at_the_main_one_may_go_on),
		SYNTHETIC(a_frame_may_be_kept_by_the_stack_pointer),
		SYNTHETIC(what_another_register_has_is_lost),
		SYNTHETIC(code_without_a_description_is_guessed),
		SYNTHETIC(a_frame_pointer_may_not_matter),
		SYNTHETIC(what_is_read_elsewhere_is_not_remembered),
		SYNTHETIC(a_frame_pointer_that_is_wrong_ends_it),
		SYNTHETIC(a_stack_goes_up),
		SYNTHETIC(unknown_code_is_left_by_its_frame_pointer),
		SYNTHETIC(rules_may_be_left_out),
		SYNTHETIC(nonsense_ends_the_stack),
		SYNTHETIC(what_a_jump_left_is_given_back),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
