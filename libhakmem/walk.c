#include "libhakmem/walk.h"

#include "libhakmem/module.h"
#include "libhakmem/vm.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libunwind.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLOTS	    8u
#define STACK_BYTES (64 * KIB)
#define GUESS_BYTES 16384u /* the largest frame of unknown code */

/* What differs between machines, all of it. */
#if defined(__x86_64__)
#define LIBUNWIND "libunwind-x86_64.so.8"
#define REG_FP	  UNW_X86_64_RBP
#define REG_PC	  UNW_X86_64_RIP
#define REG_SP	  UNW_X86_64_RSP
__asm__(".text\n"
	".type call_on_stack, @function\n"
	"call_on_stack:\n" /* (top, run, argument) */
	"	.cfi_startproc\n"
	"	push %rbp\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset rbp, -16\n"
	"	mov %rsp, %rbp\n"
	"	.cfi_def_cfa_register rbp\n"
	"	mov %rdi, %rsp\n"
	"	mov %rdx, %rdi\n"
	"	call *%rsi\n"
	"	leave\n"
	"	.cfi_def_cfa rsp, 8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size call_on_stack, .-call_on_stack\n");
#elif defined(__aarch64__)
#define LIBUNWIND "libunwind-aarch64.so.8"
#define REG_FP	  UNW_AARCH64_X29
#define REG_PC	  UNW_AARCH64_PC
#define REG_SP	  UNW_AARCH64_SP
__asm__(".text\n"
	".type call_on_stack, %function\n"
	"call_on_stack:\n" /* (top, run, argument) */
	"	.cfi_startproc\n"
	"	stp x29, x30, [sp, -16]!\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset 29, -16\n"
	"	.cfi_offset 30, -8\n"
	"	mov x29, sp\n"
	"	.cfi_def_cfa_register 29\n"
	"	mov sp, x0\n"
	"	mov x0, x2\n"
	"	blr x1\n"
	"	mov sp, x29\n"
	"	.cfi_def_cfa_register 31\n"
	"	ldp x29, x30, [sp], 16\n"
	"	.cfi_def_cfa_offset 0\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size call_on_stack, .-call_on_stack\n");
#endif

void call_on_stack(void *top, void (*run)(void *), void *argument);

/* libunwind's functions, by the names that its header gives them. */
#define NAME_OF(name)  NAME_OF2(name)
#define NAME_OF2(name) #name
static struct {
	__typeof__(unw_create_addr_space) *create;
	__typeof__(unw_init_remote) *init;
	__typeof__(unw_step) *step;
	__typeof__(unw_get_reg) *get_reg;
	__typeof__(unw_is_signal_frame) *is_signal_frame;
	__typeof__(unw_set_caching_policy) *set_policy;
	__typeof__(unw_flush_cache) *flush;
	int (*search)(unw_addr_space_t, unw_word_t, unw_dyn_info_t *,
		      unw_proc_info_t *, int, void *);
} lib;

static const struct {
	const char *name;
	void *place;
} symbols[] = {
	{NAME_OF(unw_create_addr_space), &lib.create},
	{NAME_OF(unw_init_remote), &lib.init},
	{NAME_OF(unw_step), &lib.step},
	{NAME_OF(unw_get_reg), &lib.get_reg},
	{NAME_OF(unw_is_signal_frame), &lib.is_signal_frame},
	{NAME_OF(unw_set_caching_policy), &lib.set_policy},
	{NAME_OF(unw_flush_cache), &lib.flush},
	{NAME_OF(UNW_OBJ(dwarf_search_unwind_table)), &lib.search},
};

/* One walk. */
struct walker {
	struct memo_trace trace;
	struct unwind_stack *out;
	uintptr_t pc, sp, fp; /* of the frame that libunwind began with */
	uintptr_t code; /* where the frame under way is: never a return address,
			 * but inside the call */
	uint32_t module; /* of code */
	uint32_t first;	 /* the first word that the step under way has read */
	bool began;	 /* libunwind asks for nothing but pc, sp, fp */
	bool exact;	 /* a signal cut in at code */
	bool inexact;	 /* the trace cannot tell all that mattered */
	bool stop;
	bool guessed; /* the step under way has no description to go by */
	bool failed;  /* no answer about a module */
	unw_cursor_t cursor;
};

struct slot {
	uint32_t taken;
	char *top; /* of its stack */
	struct walker walker;
};

static struct slot *slots;
static unw_addr_space_t space;
static uint64_t replaced; /* module_replaced() as of the last flush */

/* --- reading ------------------------------------------------------------- */

/* A word of the stack, which is the program's: no sanitizer is to look. */
static __attribute__((no_sanitize("address", "thread"))) uint64_t
word_at(uintptr_t address)
{
	uint64_t word;

	__builtin_memcpy(&word, (const void *)address, sizeof(word));
	return word;
}

static void note_word(struct walker *w, uintptr_t address, uint64_t value)
{
	struct memo_trace *trace = &w->trace;
	uint64_t offset = address - trace->key.sp;
	uint32_t at = (uint32_t)(offset / 8) << 5;

	for (uint32_t i = trace->words; i > w->first; i--)
		if (trace->at[i - 1] == at)
			return;
	if (trace->words == MEMO_WORDS || offset % 8 != 0 ||
	    offset >> 3 >= UINT32_C(1) << 27) {
		w->inexact = true;
		return;
	}
	trace->at[trace->words] = at;
	trace->value[trace->words++] = value;
}

static bool read_stack(struct walker *w, uintptr_t address, uint64_t *value)
{
	const struct memo_key *key = &w->trace.key;

	if (!is_aligned(address, 8))
		return false;
	if (address >= key->sp && address < key->high &&
	    key->high - address >= 8) {
		*value = word_at(address);
		note_word(w, address, *value);
		return true;
	}
	if (!stack_holds(address))
		return false;
	*value = word_at(address);
	w->inexact = true;
	return true;
}

static int access_mem(unw_addr_space_t of, unw_word_t address,
		      unw_word_t *value, int write, void *arg)
{
	struct walker *w = arg;

	(void)of;
	if (write)
		return -UNW_EINVAL;
	if (read_stack(w, address, value))
		return 0;
	if (!module_holds(w->module, address, sizeof(*value)))
		return -UNW_EINVAL;
	*value = word_at(address);
	return 0;
}

static int access_reg(unw_addr_space_t of, unw_regnum_t reg, unw_word_t *value,
		      int write, void *arg)
{
	struct walker *w = arg;

	(void)of;
	if (write)
		return -UNW_EREADONLYREG;
	if (reg == REG_PC) {
		*value = w->pc;
	} else if (reg == REG_SP) {
		*value = w->sp;
	} else if (reg == REG_FP) {
		*value = w->fp;
		w->trace.fp_matters = true;
	} else {
		/* Where the call left it is known to nobody. */
		return -UNW_EBADREG;
	}
	return 0;
}

static int access_fpreg(unw_addr_space_t of, unw_regnum_t reg,
			unw_fpreg_t *value, int write, void *arg)
{
	(void)of;
	(void)reg;
	(void)value;
	(void)write;
	(void)arg;
	return -UNW_EBADREG;
}

static int find_proc_info(unw_addr_space_t of, unw_word_t pc,
			  unw_proc_info_t *out, int need, void *arg)
{
	struct walker *w = arg;
	struct module_frames frames;
	unw_dyn_info_t info = {0};
	int result;

	if (!module_frames(w->module, &frames) || pc < frames.start ||
	    pc >= frames.end) {
		w->guessed = true;
		return -UNW_ENOINFO;
	}
	info.format = UNW_INFO_FORMAT_REMOTE_TABLE;
	info.start_ip = frames.start;
	info.end_ip = frames.end;
	info.u.rti.segbase = frames.header;
	info.u.rti.table_data = frames.table;
	info.u.rti.table_len = frames.entries;
	result = lib.search(of, pc, &info, out, need, arg);
	if (result < 0)
		w->guessed = true;
	return result;
}

static void put_unwind_info(unw_addr_space_t of, unw_proc_info_t *info,
			    void *arg)
{
	(void)of;
	(void)info;
	(void)arg;
}

static int get_dyn_info_list_addr(unw_addr_space_t of, unw_word_t *address,
				  void *arg)
{
	(void)of;
	(void)address;
	(void)arg;
	return -UNW_ENOINFO;
}

static int resume(unw_addr_space_t of, unw_cursor_t *cursor, void *arg)
{
	(void)of;
	(void)cursor;
	(void)arg;
	return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t of, unw_word_t pc, char *name,
			 size_t bytes, unw_word_t *offset, void *arg)
{
	(void)of;
	(void)pc;
	(void)name;
	(void)bytes;
	(void)offset;
	(void)arg;
	return -UNW_ENOINFO;
}

static unw_accessors_t accessors = {
	.find_proc_info = find_proc_info,
	.put_unwind_info = put_unwind_info,
	.get_dyn_info_list_addr = get_dyn_info_list_addr,
	.access_mem = access_mem,
	.access_reg = access_reg,
	.access_fpreg = access_fpreg,
	.resume = resume,
	.get_proc_name = get_proc_name,
};

/* --- stepping ------------------------------------------------------------ */

/* The place in the trace of the module that `code` is in. */
static uint32_t note_module(struct walker *w)
{
	struct memo_trace *trace = &w->trace;
	uintptr_t inside = module_stays(w->module) ? 0 : w->code;
	uint32_t i = 0;

	for (; i < trace->modules; i++)
		if (trace->module[i] == w->module &&
		    (w->module != MODULE_NONE || trace->inside[i] == inside))
			return i;
	if (i == MEMO_MODULES) {
		w->inexact = true;
		return 0;
	}
	trace->module[i] = w->module;
	trace->inside[i] = inside;
	trace->modules++;
	return i;
}

/* Appends the frame at w->code, whose pc was just read from the stack. */
static void add_frame(struct walker *w)
{
	struct memo_trace *trace = &w->trace;
	struct unwind_stack *out = w->out;
	uint32_t module = note_module(w);
	uintptr_t stored = w->exact ? w->code : w->code + 1;
	uint32_t i = trace->words;

	if (out->depth == 0) {
		out->pc[0] = w->code;
		trace->leaf = module;
	} else {
		out->pc[out->depth] = w->code + 1;
		while (i > w->first && trace->value[i - 1] != stored)
			i--;
		if (i > w->first)
			trace->at[i - 1] |= MEMO_PC | module << 2 |
					    (w->exact ? MEMO_EXACT : 0);
		else
			w->inexact = true;
	}
	out->module[out->depth++] = w->module;
}

/* (Re)starts libunwind in the frame at w->code. */
static bool begin(struct walker *w, uintptr_t sp, uintptr_t fp)
{
	w->pc = w->code;
	w->sp = sp;
	w->fp = fp;
	w->began = lib.init(&w->cursor, space, w) == 0;
	return w->began;
}

/* Code that no module holds, made at run time: there is nothing to go by but
 * the frame pointer, if it looks like one. */
static int step_guess(struct walker *w, uintptr_t *pc)
{
	unw_word_t fp, sp;
	uint64_t up, back;

	if (lib.get_reg(&w->cursor, REG_FP, &fp) != 0 ||
	    lib.get_reg(&w->cursor, REG_SP, &sp) != 0 || fp < sp ||
	    fp - sp > GUESS_BYTES || !read_stack(w, fp, &up) ||
	    !read_stack(w, fp + 8, &back))
		return -1;
	*pc = back;
	if (back < VM_PAGE)
		return 0;
	w->code = back - 1;
	w->exact = false;
	return begin(w, fp + 16, up) ? 1 : -1;
}

/* To the caller: 1 with its pc, 0 at the end, below 0 when it is lost. */
static int step(struct walker *w, uintptr_t *pc)
{
	unw_word_t before, after, value;
	bool signal;
	int result;

	w->first = w->trace.words;
	w->guessed = false;
	if (w->module == MODULE_NONE)
		return step_guess(w, pc);
	signal = lib.is_signal_frame(&w->cursor) > 0;
	if (lib.get_reg(&w->cursor, REG_SP, &before) != 0)
		return -1;
	result = lib.step(&w->cursor);
	if (result <= 0)
		return w->guessed ? -1 : result;
	if (lib.get_reg(&w->cursor, UNW_REG_IP, &value) != 0 ||
	    lib.get_reg(&w->cursor, REG_SP, &after) != 0)
		return -1;
	*pc = value;
	if (value == 0)
		return w->guessed ? -1 : 0;
	/* Stacks grow down; only a signal's may lie elsewhere. */
	if (!signal && after <= before)
		return -1;
	w->exact = signal;
	w->code = signal ? value : value - 1;
	return 1;
}

/* Code of another module now stands where libunwind may remember some. */
static void flush_if_replaced(void)
{
	uint64_t now = module_replaced();

	if (peek64(&replaced) == now)
		return;
	walk_flush();
	__atomic_store_n(&replaced, now, __ATOMIC_RELAXED);
}

static bool enter_module(struct walker *w)
{
	w->module = module_of(w->code);
	if (w->module == MODULE_UNKNOWN) {
		w->failed = true;
		return false;
	}
	flush_if_replaced();
	return !(w->stop && w->module != MODULE_NONE &&
		 !module_stays(w->module));
}

/* Unknown code at the outer end is no code: a stack never ends there, except
 * that its leaf has certainly called us. */
static void drop_unknown(struct walker *w)
{
	struct unwind_stack *out = w->out;

	while (out->depth > 1 && out->module[out->depth - 1] == MODULE_NONE) {
		out->depth--;
		out->truncated = true;
		w->inexact = true;
	}
}

static void run(void *arg)
{
	struct walker *w = arg;
	struct unwind_stack *out = w->out;
	uintptr_t pc;
	int result = -1;

	if (!begin(w, w->trace.key.sp, w->trace.key.fp))
		return;
	for (;;) {
		if (!enter_module(w)) {
			out->truncated = true;
			w->inexact = true;
			break;
		}
		if (out->depth == UNWIND_DEPTH) {
			out->truncated = true;
			break;
		}
		add_frame(w);
		result = step(w, &pc);
		if (result <= 0) {
			out->truncated = result < 0;
			break;
		}
	}
	drop_unknown(w);
}

/* --- slots --------------------------------------------------------------- */

static struct slot *claim(void)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		uint32_t expected = 0;

		/* acquire: pairs with the release in walk */
		if (peek32(&slots[i].taken) == 0 &&
		    __atomic_compare_exchange_n(&slots[i].taken, &expected, 1,
						false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return &slots[i];
	}
	return NULL;
}

/* libunwind opens a pipe, whose numbers a program may close and reuse; all it
 * is for is the local interface. It gets the two lowest free numbers, which
 * are found out first. */
static bool pipe_at(const int *fd)
{
	struct stat a, b;

	return fstat(fd[0], &a) == 0 && fstat(fd[1], &b) == 0 &&
	       S_ISFIFO(a.st_mode) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino && a.st_size == 0;
}

/* The first call of this kind wakes libunwind up. */
static void set_up_quietly(void)
{
	int fd[2];
	bool found = pipe2(fd, O_CLOEXEC) == 0;

	if (found) {
		close(fd[0]);
		close(fd[1]);
	}
	lib.set_policy(space, UNW_CACHE_GLOBAL);
	if (found && pipe_at(fd)) {
		close(fd[0]);
		close(fd[1]);
	}
}

static bool make_slots(void)
{
	size_t stride = STACK_BYTES + VM_PAGE;
	char *stacks = vm_reserve(SLOTS * stride);
	struct slot *made =
		vm_map(align_up(SLOTS * sizeof(struct slot), VM_PAGE));

	if (!stacks || !made)
		return false;
	for (unsigned i = 0; i < SLOTS; i++) {
		char *stack = stacks + i * stride + VM_PAGE;

		if (!vm_commit(stack, STACK_BYTES))
			return false;
		made[i].top = stack + STACK_BYTES;
	}
	slots = made;
	return true;
}

static bool bind(void *library)
{
	for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
		void *found = dlsym(library, symbols[i].name);

		if (!found)
			return false;
		memcpy(symbols[i].place, &found, sizeof(found));
	}
	return true;
}

bool walk_start(void)
{
	void *library = dlopen(LIBUNWIND, RTLD_NOW | RTLD_LOCAL);

	if (!library || !bind(library))
		return false;
	space = lib.create(&accessors, 0);
	if (!space)
		return false;
	set_up_quietly();
	return make_slots();
}

void walk_flush(void)
{
	if (space)
		lib.flush(space, 0, 0);
}

void walk_set_cache(enum walk_cache cache)
{
	lib.set_policy(space, cache == WALK_CACHE_NONE ? UNW_CACHE_NONE
						       : UNW_CACHE_GLOBAL);
}

static void prepare(struct slot *slot, const struct memo_key *key, bool stop,
		    struct unwind_stack *out)
{
	struct walker *w = &slot->walker;

	memset(w, 0, offsetof(struct walker, cursor));
	w->trace.key = *key;
	w->out = out;
	w->code = key->pc;
	w->stop = stop;
	out->depth = out->site = 0;
	out->memo = 0;
	out->truncated = out->warm = false;
}

bool walk(const struct memo_key *key, bool keep, bool stop,
	  struct unwind_stack *out)
{
	uint64_t all = ~UINT64_C(0), blocked = 0;
	struct slot *slot = slots ? claim() : NULL;
	struct walker *w;
	int saved = errno;
	bool done;

	if (!slot)
		return false;
	w = &slot->walker;
	prepare(slot, key, stop, out);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &blocked, sizeof(all));
	call_on_stack(slot->top, run, w);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, NULL, sizeof(all));
	done = out->depth != 0 && !w->failed;
	w->trace.truncated = out->truncated;
	if (done && keep && !w->inexact)
		memo_store(&w->trace, out);
	/* release: pairs with the acquire in claim */
	__atomic_store_n(&slot->taken, 0, __ATOMIC_RELEASE);
	errno = saved;
	return done;
}
