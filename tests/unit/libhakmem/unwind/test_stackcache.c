#include "libhakmem/unwind/stackcache.h"

#include "libhakmem/unwind/quiesce.h"
#include "libhakmem/unwind/module.h"
#include "tests/unit/libhakmem/stacks.h"

#include <pthread.h>
#include <sys/mman.h>

#define WORDS 64

/* A stack that is only memory: the stack cache reads what its key says. */
static uint64_t memory[WORDS];
static struct stackcache_trace trace;
static struct unwind_stack out;
static uint32_t ours; /* the module of this very program */

static uint32_t at(uint32_t word, uint32_t module, uint32_t flags)
{
	return word << 5 | module << 2 | flags;
}

/*
 * A leaf at `pc` and two callers: word 1 leads to the first, word 3 to the
 * second, which a signal cut into; word 2 is a frame pointer.
 */
static void prepare(uintptr_t pc)
{
	for (int i = 0; i < WORDS; i++)
		memory[i] = 1000 + (uint64_t)i;
	memset(&trace, 0, sizeof(trace));
	trace.key =
		(struct stackcache_key){.pc = pc,
					.sp = (uintptr_t)memory,
					.fp = 5,
					.high = (uintptr_t)(memory + WORDS)};
	trace.words = 3;
	trace.modules = 2;
	trace.leaf = 1;
	trace.module[0] = 7;
	trace.module[1] = 8;
	trace.at[0] = at(1, 0, STACKCACHE_PC);
	trace.at[1] = at(2, 0, 0);
	trace.at[2] = at(3, 1, STACKCACHE_PC | STACKCACHE_EXACT);
	trace.value[0] = memory[1];
	trace.value[1] = memory[2];
	trace.value[2] = memory[3];
}

static int setup(void **unused)
{
	(void)unused;
	stackcache_forget();
	memset(&out, 0xa5, sizeof(out));
	prepare(0x1234);
	return 0;
}

static bool find(void)
{
	memset(&out, 0xa5, sizeof(out));
	return stackcache_find(&trace.key, &out);
}

static void the_stack_comes_back(void **unused)
{
	uint64_t cached;

	(void)unused;
	assert_false(find());
	stackcache_store(&trace, &out);
	cached = out.cached;
	assert_true(cached != 0);
	assert_true(find());
	assert_int_equal(out.cached, cached);
	assert_int_equal(out.depth, 3);
	assert_int_equal(out.site, 0);
	assert_false(out.truncated);
	assert_int_equal(out.pc[0], 0x1234);
	assert_int_equal(out.module[0], 8);
	assert_int_equal(out.pc[1], 1001);
	assert_int_equal(out.module[1], 7);
	/* Given as if it were a return address. */
	assert_int_equal(out.pc[2], 1003 + 1);
	assert_int_equal(out.module[2], 8);
	trace.truncated = true;
	trace.key.pc++;
	stackcache_store(&trace, &out);
	assert_true(find());
	assert_true(out.truncated);
}

/* Whatever a stack follows from: with one of them different it is another. */
static void all_has_to_be_as_it_was(void **unused)
{
	(void)unused;
	stackcache_store(&trace, &out);
	for (int word = 1; word <= 3; word++) {
		memory[word] ^= UINT64_C(1) << 63;
		assert_false(find());
		memory[word] ^= UINT64_C(1) << 63;
		assert_true(find());
	}
	memory[0]++; /* was not read */
	memory[4]++;
	assert_true(find());
	trace.key.pc++;
	assert_false(find());
	trace.key.pc--;
	trace.key.high -= 8;
	assert_false(find());
	trace.key.high += 8;
	trace.key.sp -= 8;
	assert_false(find());
	trace.key.sp += 8;
	assert_true(find());
}

static void the_frame_pointer_counts_where_it_was_used(void **unused)
{
	(void)unused;
	stackcache_store(&trace, &out);
	trace.key.fp++;
	assert_true(find());
	stackcache_forget();
	trace.fp_matters = true;
	stackcache_store(&trace, &out);
	trace.key.fp++;
	assert_false(find());
	trace.key.fp--;
	assert_true(find());
}

/* The same caller at the same place, called by others. */
static void a_key_may_have_several_stacks(void **unused)
{
	uint64_t first;

	(void)unused;
	stackcache_store(&trace, &out);
	first = out.cached;
	memory[3] = trace.value[2] = 77;
	stackcache_store(&trace, &out);
	assert_true(out.cached != first);
	assert_true(find());
	assert_int_equal(out.pc[2], 78);
	memory[3] = 1003;
	assert_true(find());
	assert_int_equal(out.cached, first);
	assert_int_equal(out.pc[2], 1004);
}

static void modules_have_to_be_where_they_were(void **unused)
{
	(void)unused;
	trace.module[0] = ours;
	trace.inside[0] = (uintptr_t)setup;
	stackcache_store(&trace, &out);
	assert_true(find());
	/* While one may be going away none is sure. */
	quiesce_unload_begin();
	assert_false(find());
	quiesce_unload_end();
	/* What failed is gone. */
	assert_false(find());
	stackcache_store(&trace, &out);
	assert_true(find());
	stackcache_forget();
	trace.module[0] = ours + 1;
	stackcache_store(&trace, &out);
	assert_false(find());
	/* A module that always stays is not asked about. */
	trace.inside[0] = 0;
	stackcache_store(&trace, &out);
	quiesce_unload_begin();
	assert_true(find());
	quiesce_unload_end();
}

static void a_name_stands_for_the_frames(void **unused)
{
	uint64_t cached;

	(void)unused;
	stackcache_store(&trace, &out);
	cached = out.cached;
	stackcache_name(cached, 99);
	assert_true(find());
	assert_int_equal(out.site, 99);
	assert_int_equal(out.cached, cached);
	/* Names of nothing, and of what is there no more, are nothing. */
	stackcache_name(0, 1);
	stackcache_name(UINT64_MAX, 1);
	stackcache_name((uint64_t)(stackcache_sets() + 1) << 40, 1);
	stackcache_forget();
	stackcache_store(&trace, &out);
	assert_true(out.cached != cached);
	stackcache_name(cached, 98);
	assert_true(find());
	assert_int_equal(out.site, 0);
}

static void what_is_too_large_is_not_kept(void **unused)
{
	(void)unused;
	trace.words = STACKCACHE_WORDS + 1;
	stackcache_store(&trace, &out);
	assert_int_equal(out.cached, 0);
	trace.words = 3;
	trace.modules = STACKCACHE_MODULES + 1;
	stackcache_store(&trace, &out);
	assert_int_equal(out.cached, 0);
	trace.modules = STACKCACHE_MODULES;
	stackcache_store(&trace, &out);
	assert_true(out.cached != 0);
}

/* Nobody waits, whoever it is that has the set. */
static void *store_elsewhere(void *unused)
{
	struct unwind_stack other = {.cached = 5};

	must(!stackcache_find(&trace.key, &other));
	stackcache_store(&trace, &other);
	must(other.cached == 0);
	return unused;
}

static void quiescence_is_no_hit(void **unused)
{
	pthread_t thread;

	(void)unused;
	stackcache_store(&trace, &out);
	quiesce_begin();
	assert_true(stackcache_is_idle());
	assert_int_equal(pthread_create(&thread, NULL, store_elsewhere, NULL),
			 0);
	pthread_join(thread, NULL);
	quiesce_end();
	assert_true(find());
	stackcache_abandon(); /* has nothing to give back */
	assert_true(find());
}

/* Stacks so far apart that what a set knows of their keys is the same. */
static void stacks_are_told_apart_by_their_place(void **unused)
{
	const size_t apart = (size_t)1 << 32;
	char *map = mmap(NULL, apart + 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)unused;
	assert_ptr_not_equal(map, MAP_FAILED);
	memcpy(map, memory, sizeof(memory));
	memcpy(map + apart, memory, sizeof(memory));
	trace.key.sp = (uintptr_t)map;
	trace.key.high = (uintptr_t)(map + apart + 4096);
	stackcache_store(&trace, &out);
	assert_true(find());
	trace.key.sp += apart;
	assert_false(find());
	munmap(map, apart + 4096);
}

static sigjmp_buf jump;

static void jump_out(int number)
{
	(void)number;
	siglongjmp(jump, 1);
}

/* A fault amid a look at the stack, which the program handles by a jump. */
static void leave_by_a_jump(char *page)
{
	struct sigaction action = {.sa_handler = jump_out}, before;

	trace.key.sp = (uintptr_t)page;
	trace.key.high = (uintptr_t)page + 4096;
	stackcache_store(&trace, &out);
	assert_true(out.cached != 0);
	assert_int_equal(mprotect(page, 4096, PROT_NONE), 0);
	assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);
	if (sigsetjmp(jump, 1) == 0) {
		find();
		fail();
	}
	assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
	assert_int_equal(mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
}

static void what_a_jump_left_is_given_back(void **unused)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)unused;
	assert_ptr_not_equal(page, MAP_FAILED);
	memcpy(page, memory, sizeof(memory));
	for (int forget = 0; forget < 2; forget++) {
		assert_true(idle_for_others(stackcache_is_idle));
		leave_by_a_jump(page);
		assert_false(idle_for_others(stackcache_is_idle));
		assert_true(stackcache_is_idle());
		assert_false(find());
		if (forget)
			stackcache_forget();
		else
			stackcache_abandon();
		assert_true(idle_for_others(stackcache_is_idle));
		assert_false(find()); /* may be half moved, so it is gone */
		stackcache_store(&trace, &out);
		assert_true(find());
	}
	munmap(page, 4096);
}

/* Many stacks of one caller crowd one set: the one in use stays. */
static void the_least_recently_used_make_room(void **unused)
{
	(void)unused;
	stackcache_store(&trace, &out);
	/* As many as make no second set. */
	for (uint64_t i = 0; i < 30; i++) {
		assert_true(find());
		memory[3] = trace.value[2] = 5000 + i;
		stackcache_store(&trace, &out);
		assert_true(find());
		memory[3] = 1003;
	}
	assert_true(find());
	memory[3] = 5000 + 29;
	assert_true(find());
	memory[3] = 5000;
	assert_false(find());
}

/* Long stacks share the words: fewer fit, and all that is found is right. */
static void words_are_shared(void **unused)
{
	static uint64_t deep[STACKCACHE_WORDS + 1];
	unsigned found = 0;

	(void)unused;
	trace.key.sp = (uintptr_t)deep;
	trace.key.high = (uintptr_t)(deep + STACKCACHE_WORDS + 1);
	for (uint64_t i = 0; i < 40; i++) {
		trace.words = 1 + (uint32_t)(i * 37 % STACKCACHE_WORDS);
		for (uint32_t w = 0; w < trace.words; w++) {
			trace.at[w] = at(w, 0, w == 0 ? STACKCACHE_PC : 0);
			trace.value[w] = deep[w] = w == 0 ? i : 9;
		}
		stackcache_store(&trace, &out);
		assert_true(find());
		assert_int_equal(out.pc[1], i);
	}
	for (uint64_t i = 0; i < 40; i++) {
		deep[0] = i;
		if (!find())
			continue;
		found++;
		assert_int_equal(out.depth, 2);
		assert_int_equal(out.pc[1], i);
	}
	assert_in_range(found, 1, 12);
}

/* Last, for what has grown stays: from a set to a bound, all of use. */
static void crowding_brings_more_sets(void **unused)
{
	uint32_t most = stackcache_sets(), found = 0;

	(void)unused;
	assert_in_range(most, 1, 4); /* some came into use above */
	for (uintptr_t pc = 0; pc < 60000; pc++) {
		trace.key.pc = pc;
		stackcache_store(&trace, &out);
		assert_true(out.cached != 0);
		assert_true(stackcache_sets() >= most);
		most = stackcache_sets();
	}
	assert_int_equal(most, 256);
	for (uintptr_t pc = 0; pc < 60000; pc++) {
		trace.key.pc = pc;
		if (find()) {
			found++;
			assert_int_equal(out.pc[0], pc);
		}
	}
	assert_in_range(found, most * 12 / 2, most * 12);
	assert_true(stackcache_is_idle());
}

static int start(void **unused)
{
	(void)unused;
	module_start();
	ours = module_of((uintptr_t)setup);
	return stackcache_start() ? 0 : -1;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(the_stack_comes_back),
		TEST(all_has_to_be_as_it_was),
		TEST(the_frame_pointer_counts_where_it_was_used),
		TEST(a_key_may_have_several_stacks),
		TEST(modules_have_to_be_where_they_were),
		TEST(a_name_stands_for_the_frames),
		TEST(what_is_too_large_is_not_kept),
		TEST(quiescence_is_no_hit),
		TEST(stacks_are_told_apart_by_their_place),
		TEST(what_a_jump_left_is_given_back),
		TEST(the_least_recently_used_make_room),
		TEST(words_are_shared),
		TEST(crowding_brings_more_sets),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
