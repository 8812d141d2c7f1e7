#include "libhakmem/unwind/dwarf.h"

#include "libhakmem/unwind/module.h"
#include "tests/unit/libhakmem/probes.h"
#include "tests/unit/libhakmem/unit.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <ucontext.h>

static uint32_t ours; /* the module of this very program */
static uint64_t words[16];
static char memory[65536] __attribute__((aligned(4096)));
static unsigned reads;

#define PLACES 64u /* of a plugin's code */

/* --- a step --------------------------------------------------------------- */

static bool read_word(void *arg, uintptr_t address, uint64_t *value)
{
	assert_ptr_equal(arg, words);
	if (address < (uintptr_t)words || address >= (uintptr_t)(words + 16))
		return false;
	reads++;
	*value = *(const uint64_t *)address;
	return true;
}

static bool read_fp(void *arg, uint64_t *value)
{
	assert_ptr_equal(arg, words);
	*value = (uintptr_t)(words + 8);
	return true;
}

static const struct dwarf_reader reader = {read_word, read_fp, words};

static int step(const char *code, struct dwarf_frame *frame, uintptr_t *pc)
{
	bool cut = true;
	int result;

	*frame = (struct dwarf_frame){.code = (uintptr_t)code,
				      .module = ours,
				      .sp = (uintptr_t)words,
				      .fp = (uintptr_t)(words + 8)};
	result = dwarf_step(frame, &reader, pc, &cut);
	assert_false(cut);
	return result;
}

static void a_step_leads_to_the_caller(void **unused)
{
	struct dwarf_frame frame;
	uintptr_t pc = 0;

	(void)unused;
	for (unsigned i = 0; i < 16; i++)
		words[i] = 0x1000 + i;
	assert_int_equal(step(probe_plain, &frame, &pc), 1);
	assert_int_equal(pc, 0x1000);
	assert_int_equal(frame.sp, (uintptr_t)(words + 1));
	assert_int_equal(frame.fp, (uintptr_t)(words + 8)); /* as it was */
	assert_false(frame.fp_saved);
	assert_int_equal(step(probe_pushed, &frame, &pc), 1);
	assert_int_equal(pc, 0x1005);
	assert_int_equal(frame.sp, (uintptr_t)(words + 6));
	assert_int_equal(frame.fp,
			 (uintptr_t)(words + 4)); /* where it was saved */
	assert_true(frame.fp_saved);
	assert_int_equal(step(probe_framed, &frame, &pc), 1);
	assert_int_equal(pc, 0x1009);
	assert_int_equal(frame.sp, (uintptr_t)(words + 10));
	assert_int_equal(frame.fp, (uintptr_t)(words + 8));
	assert_true(frame.fp_saved);
}

static void a_step_ends_or_is_lost(void **unused)
{
	struct dwarf_frame frame;
	uintptr_t pc = 0;

	(void)unused;
	assert_int_equal(step(probe_outer, &frame, &pc), 0);
	assert_true(step(probe_odd, &frame, &pc) < 0);
	assert_true(step(probe_wild, &frame, &pc) < 0);
	assert_int_equal(frame.sp, (uintptr_t)words); /* as it was */
	/* A return address of 0 is the end, too. */
	words[0] = 0;
	assert_int_equal(step(probe_plain, &frame, &pc), 0);
}

/* Only through the reader, and no further than it lets. */
static bool refuse(void *arg, uintptr_t address, uint64_t *value)
{
	(void)arg;
	(void)address;
	(void)value;
	reads++;
	return false;
}

static void what_may_not_be_read_is_not(void **unused)
{
	const struct dwarf_reader strict = {refuse, read_fp, words};
	struct dwarf_frame frame = {
		.code = (uintptr_t)probe_plain, .module = ours, .sp = 0x1000};
	uintptr_t pc;
	bool cut;

	(void)unused;
	reads = 0;
	assert_true(dwarf_step(&frame, &strict, &pc, &cut) < 0);
	assert_true(reads > 0);
	assert_int_equal(frame.sp, 0x1000);
}

/* Without a description the frame pointer is all there is to go by. */
static void unknown_code_is_left_by_its_frame_pointer(void **unused)
{
	struct dwarf_frame frame;
	uintptr_t pc = 0;

	(void)unused;
	words[8] = (uintptr_t)(words + 12);
	words[9] = 0x1234;
	assert_int_equal(step((const char *)memory, &frame, &pc), 1);
	assert_int_equal(pc, 0x1234);
	assert_int_equal(frame.sp, (uintptr_t)(words + 10));
	/* That nothing is behind it does not make it the end. */
	words[9] = 0;
	assert_true(step((const char *)memory + 1, &frame, &pc) < 0);
}

/* It only remembers what it has read. */
static void without_the_cache_steps_are_the_same(void **unused)
{
	(void)unused;
	dwarf_set_cache(false);
	a_step_leads_to_the_caller(NULL);
	dwarf_set_cache(true);
	a_step_leads_to_the_caller(NULL);
}

static bool read_any(void *arg, uintptr_t address, uint64_t *value)
{
	(void)arg;
	memcpy(value, (const void *)address, sizeof(*value));
	return true;
}

static struct dwarf_frame in_handler;
static uintptr_t left_to, cut_pc, cut_sp;
static bool was_signal;
static int left_by;

static void handle(int number, siginfo_t *info, void *context)
{
	const uintptr_t *own = __builtin_frame_address(0);
	const ucontext_t *cut = context;
	const struct dwarf_reader all = {read_any, read_fp, words};

	(void)number;
	(void)info;
#if PROBES
	cut_pc = (uintptr_t)cut->uc_mcontext.gregs[REG_RIP];
	cut_sp = (uintptr_t)cut->uc_mcontext.gregs[REG_RSP];
#else
	(void)cut;
#endif
	in_handler = (struct dwarf_frame){.code = own[1] - 1,
					  .module = module_of(own[1]),
					  .sp = (uintptr_t)(own + 2)};
	left_by = dwarf_step(&in_handler, &all, &left_to, &was_signal);
}

static void the_kernels_frame_is_told_apart(void **unused)
{
	struct sigaction action = {.sa_sigaction = handle,
				   .sa_flags = SA_SIGINFO};

	(void)unused;
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
	assert_int_equal(left_by, 1);
	assert_true(was_signal);
	assert_int_equal(left_to, cut_pc);
	assert_int_equal(in_handler.sp, cut_sp);
}

static void *plugin(const char *name, uint32_t *id)
{
	char path[1024] = {0};
	void *handle_of;

	assert_true(readlink("/proc/self/exe", path, 512) > 0);
	strcpy(strrchr(path, '/'), "/../../../preload/plugin/");
	strcat(path, name);
	handle_of = dlopen(path, RTLD_NOW);
	assert_non_null(handle_of);
	*id = module_of((uintptr_t)dlsym(handle_of, "plugin_call"));
	return handle_of;
}

/* Where steps from the first places of a plugin lead to. */
static void *step_all(const char *name, uintptr_t *code, struct dwarf_frame *to)
{
	struct dwarf_frame frame;
	uintptr_t pc;
	uint32_t id;
	void *handle_of = plugin(name, &id);

	*code = (uintptr_t)dlsym(handle_of, "plugin_call");
	for (unsigned i = 0; i < PLACES; i++) {
		bool cut;

		frame = (struct dwarf_frame){.code = *code + i,
					     .module = id,
					     .sp = (uintptr_t)words,
					     .fp = (uintptr_t)(words + 8)};
		if (dwarf_step(&frame, &reader, &pc, &cut) <= 0)
			frame.sp = 0;
		to[i] = frame;
	}
	return handle_of;
}

/* Of two plugins in one place, whose frames differ. */
static void what_is_gone_can_be_forgotten(void **unused)
{
	struct dwarf_frame one[PLACES], other[PLACES];
	unsigned different = 0;
	uintptr_t code, again;
	void *handle_of;

	(void)unused;
	for (unsigned i = 0; i < 16; i++)
		words[i] = 0x1000 + i;
	handle_of = step_all("deep_a.so", &code, one);
	assert_int_equal(one[0].sp, (uintptr_t)(words + 1));
	assert_int_equal(dlclose(handle_of), 0);
	dwarf_flush();
	handle_of = step_all("deep_b.so", &again, other);
	assert_int_equal(dlclose(handle_of), 0);
	if (again != code)
		skip();
	for (unsigned i = 0; i < PLACES; i++)
		different += one[i].sp != other[i].sp;
	assert_true(different > 0);
}

/* --- another stack -------------------------------------------------------- */

static char *low, *high;
static bool was_there;
static sigset_t was_blocked;

static void on_the_other(void *arg)
{
	char *here = __builtin_frame_address(0);

	was_there = here >= low && here < high;
	sigprocmask(SIG_SETMASK, NULL, &was_blocked);
	++*(int *)arg;
}

static void it_runs_on_another_stack(void **unused)
{
	sigset_t before, after;
	int calls = 41;

	(void)unused;
	low = memory;
	high = memory + sizeof(memory);
	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	dwarf_call_on(high, on_the_other, &calls);
	assert_int_equal(calls, 42);
	assert_true(was_there);
	assert_true(sigismember(&was_blocked, SIGUSR1));
	assert_true(sigismember(&was_blocked, SIGALRM));
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &after), 0);
	assert_memory_equal(&before, &after, sizeof(uint64_t));
}

static void start_leaves_no_descriptor(void **unused)
{
	(void)unused;
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	assert_true(dwarf_start());
	for (int fd = 3; fd < 64; fd++)
		assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* As on a machine without libunwind: no file can be opened. */
static void start_without(void)
{
	const struct rlimit none = {0, 0};

	must(setrlimit(RLIMIT_NOFILE, &none) == 0);
	must(!dwarf_start());
	dwarf_flush(); /* of nothing */
}

static void without_libunwind_it_says_so(void **unused)
{
	(void)unused;
	assert_child_passes(start_without);
}

static int start(void **unused)
{
	(void)unused;
	module_start();
	ours = module_of((uintptr_t)start);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_libunwind_it_says_so),
		cmocka_unit_test(start_leaves_no_descriptor),
		PROBED(a_step_leads_to_the_caller),
		PROBED(a_step_ends_or_is_lost),
		PROBED(what_may_not_be_read_is_not),
		PROBED(unknown_code_is_left_by_its_frame_pointer),
		PROBED(without_the_cache_steps_are_the_same),
		PROBED(the_kernels_frame_is_told_apart),
		PROBED(what_is_gone_can_be_forgotten),
		cmocka_unit_test(it_runs_on_another_stack),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
