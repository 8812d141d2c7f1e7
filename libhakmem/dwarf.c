#include "libhakmem/dwarf.h"

#include "libhakmem/module.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <libunwind.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The stack that does not exist. Its two registers are so far apart that a
 * distance tells which of them it was measured from. */
#define PROBE_SP   ((uintptr_t)1 << 44)
#define PROBE_FP   ((uintptr_t)3 << 44)
#define PROBE_BACK ((uintptr_t)0x600D600D6000)
#define PROBE_SPAN ((uintptr_t)RULE_DISTANCE_MAX)

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

void call_on_stack(void *top, void (*run)(void *), void *arg);

/* libunwind's functions, by the names that its header gives them. */
#define NAME_OF(name)  NAME_OF2(name)
#define NAME_OF2(name) #name
static struct {
	__typeof__(unw_create_addr_space) *create;
	__typeof__(unw_init_remote) *init;
	__typeof__(unw_step) *step;
	__typeof__(unw_get_reg) *get_reg;
	__typeof__(unw_get_save_loc) *save_loc;
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
	{NAME_OF(unw_get_save_loc), &lib.save_loc},
	{NAME_OF(unw_is_signal_frame), &lib.is_signal_frame},
	{NAME_OF(unw_set_caching_policy), &lib.set_policy},
	{NAME_OF(unw_flush_cache), &lib.flush},
	{NAME_OF(UNW_OBJ(dwarf_search_unwind_table)), &lib.search},
};

/* What the accessors answer for. */
struct request {
	const struct dwarf_reader *reader; /* NULL: the stack does not exist */
	uintptr_t pc, sp;
	uint32_t module;
	uintptr_t low, high; /* where it is known that the module may be read */
	bool guessed;	     /* there was no description to go by */

	/* Of the stack that does not exist. */
	unsigned words; /* read */
	uintptr_t word; /* the last of them */
	bool asked_fp;
	bool asked_other; /* another register, or what a description says
			   * beyond a distance */
};

static unw_addr_space_t space;

/* --- what libunwind may read --------------------------------------------- */

static bool near(uintptr_t address, uintptr_t middle)
{
	return address - (middle - PROBE_SPAN) <= 2 * PROBE_SPAN;
}

static bool read_probe(struct request *request, uintptr_t address,
		       unw_word_t *value)
{
	if (!near(address, PROBE_SP) && !near(address, PROBE_FP))
		return false;
	request->words++;
	request->word = address;
	*value = PROBE_BACK;
	return true;
}

static int access_mem(unw_addr_space_t of, unw_word_t address,
		      unw_word_t *value, int write, void *arg)
{
	struct request *request = arg;
	const struct dwarf_reader *reader = request->reader;

	(void)of;
	if (write)
		return -UNW_EINVAL;
	if (reader ? reader->stack(reader->arg, address, value)
		   : read_probe(request, address, value))
		return 0;
	request->asked_other = true;
	if (address < request->low || address >= request->high) {
		request->low = align_down(address, 4096);
		request->high = request->low + 4096 - sizeof(*value);
		if (!module_holds(request->module, request->low, 4096))
			request->low = request->high = 0;
	}
	if (request->high == 0 &&
	    !module_holds(request->module, address, sizeof(*value)))
		return -UNW_EINVAL;
	memcpy(value, (const void *)address, sizeof(*value));
	return 0;
}

static int access_reg(unw_addr_space_t of, unw_regnum_t reg, unw_word_t *value,
		      int write, void *arg)
{
	struct request *request = arg;
	const struct dwarf_reader *reader = request->reader;

	(void)of;
	if (write)
		return -UNW_EREADONLYREG;
	if (reg == REG_PC) {
		*value = request->pc;
	} else if (reg == REG_SP) {
		*value = request->sp;
	} else if (reg == REG_FP) {
		request->asked_fp = true;
		*value = PROBE_FP;
		if (reader && !reader->fp(reader->arg, value))
			return -UNW_EBADREG;
	} else {
		/* What a call left there is known to nobody. */
		request->asked_other = true;
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

/* An entry of a search table: offsets from its header. */
struct entry {
	int32_t code, description;
};

/* The entry for `pc`, as a table of one: libunwind would read the table byte
 * by byte. The table lies in a segment, module.c made sure of that. */
static bool find_entry(const struct module_frames *frames, uintptr_t pc,
		       uintptr_t *out)
{
	const struct entry *table = (const struct entry *)frames->table;
	int64_t place = (int64_t)(pc - frames->header);
	size_t low = 0, high = frames->entries;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (place < table[middle].code)
			high = middle;
		else
			low = middle + 1;
	}
	*out = (uintptr_t)(table + low - 1);
	return low != 0;
}

static int find_proc_info(unw_addr_space_t of, unw_word_t pc,
			  unw_proc_info_t *out, int need, void *arg)
{
	struct request *request = arg;
	struct module_frames frames;
	unw_dyn_info_t info = {0};
	int result = -UNW_ENOINFO;
	uintptr_t entry;

	if (module_frames(request->module, &frames) && pc >= frames.start &&
	    pc < frames.end && find_entry(&frames, pc, &entry)) {
		info.format = UNW_INFO_FORMAT_REMOTE_TABLE;
		info.start_ip = frames.start;
		info.end_ip = frames.end;
		info.u.rti.segbase = frames.header;
		info.u.rti.table_data = entry;
		info.u.rti.table_len = 1;
		result = lib.search(of, pc, &info, out, need, arg);
	}
	if (result < 0)
		request->guessed = true;
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

/* --- a step -------------------------------------------------------------- */

/* Where the caller's frame pointer is; true when it was saved. */
static bool find_fp(unw_cursor_t *cursor, struct dwarf_frame *frame)
{
	unw_save_loc_t place;

	if (lib.save_loc(cursor, REG_FP, &place) != 0)
		place.type = UNW_SLT_NONE;
	if (place.type == UNW_SLT_MEMORY) {
		frame->fp = place.u.addr;
		frame->fp_saved = true;
	} else if (place.type != UNW_SLT_REG || place.u.regnum != REG_FP) {
		frame->fp = 0;
		frame->fp_saved = false;
	}
	return place.type == UNW_SLT_MEMORY;
}

int dwarf_step(struct dwarf_frame *frame, const struct dwarf_reader *reader,
	       uintptr_t *pc, bool *signal)
{
	struct request request = {.reader = reader,
				  .pc = frame->code,
				  .sp = frame->sp,
				  .module = frame->module};
	unw_cursor_t cursor;
	unw_word_t back = 0, sp = 0;
	int result;

	if (lib.init(&cursor, space, &request) != 0)
		return -1;
	result = lib.step(&cursor);
	/* It says so of the frame that was left. */
	*signal = lib.is_signal_frame(&cursor) > 0;
	if (result > 0 && (lib.get_reg(&cursor, UNW_REG_IP, &back) != 0 ||
			   lib.get_reg(&cursor, REG_SP, &sp) != 0))
		return -1;
	if (result <= 0 || back == 0)
		return request.guessed ? -1 : result < 0 ? result : 0;
	/* Where libunwind goes by the frame pointer alone it leaves the stack
	 * pointer two words above the old one, wherever that was. */
	if (find_fp(&cursor, frame) && request.guessed && !*signal)
		sp = frame->fp + 16;
	frame->sp = sp;
	*pc = back;
	return 1;
}

/* --- proving a rule ------------------------------------------------------ */

/* Step twice: once the description is in libunwind's cache, whatever is asked
 * for beyond the stack is part of the step itself. */
static int step_probe(unw_cursor_t *cursor, struct request *request,
		      uintptr_t code, uint32_t module)
{
	int result = -1;

	for (int i = 0; i < 2; i++) {
		*request = (struct request){
			.pc = code, .sp = PROBE_SP, .module = module};
		if (lib.init(cursor, space, request) != 0)
			return -1;
		result = lib.step(cursor);
		if (request->guessed)
			return -1;
	}
	return result;
}

static bool base_of(uintptr_t cfa, struct rule *out)
{
	uintptr_t from_sp = cfa - PROBE_SP, from_fp = cfa - PROBE_FP;

	out->base = from_sp <= PROBE_SPAN ? RULE_SP : RULE_FP;
	out->cfa = (uint32_t)(out->base == RULE_SP ? from_sp : from_fp);
	return (from_sp <= PROBE_SPAN || from_fp <= PROBE_SPAN) &&
	       out->cfa % 8 == 0 && out->cfa != 0;
}

/* The frame pointer after the step: asked for like any register. */
static bool fp_of(unw_cursor_t *cursor, struct request *request, uintptr_t cfa,
		  struct rule *out)
{
	unw_word_t value;

	request->words = 0;
	request->asked_fp = false;
	if (lib.get_reg(cursor, REG_FP, &value) != 0)
		return false;
	if (request->words == 0)
		return request->asked_fp;
	out->fp = (uint32_t)(cfa - request->word);
	return request->words == 1 && !request->asked_fp &&
	       cfa - request->word <= PROBE_SPAN && out->fp % 8 == 0 &&
	       out->fp != 0;
}

bool dwarf_learn(uintptr_t code, uint32_t module, struct rule *out)
{
	struct request request;
	unw_cursor_t cursor;
	unw_word_t cfa = 0;
	int result = step_probe(&cursor, &request, code, module);
	uintptr_t back = request.word;
	bool simple = !request.asked_other;

	*out = (struct rule){.base = RULE_HARD,
			     .module = module,
			     .stays = module_stays(module)};
	if (request.guessed)
		return false;
	if (result == 0 && simple && request.words == 0) {
		out->base = RULE_END;
		return true;
	}
	if (result <= 0 || !simple || request.words != 1 ||
	    lib.get_reg(&cursor, REG_SP, &cfa) != 0 || back != cfa - 8 ||
	    !base_of(cfa, out) || !fp_of(&cursor, &request, cfa, out) ||
	    request.asked_other)
		out->base = RULE_HARD;
	return true;
}

/* --- waking it up -------------------------------------------------------- */

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

bool dwarf_start(void)
{
	void *library = dlopen(LIBUNWIND, RTLD_NOW | RTLD_LOCAL);

	if (!library || !bind(library))
		return false;
	space = lib.create(&accessors, 0);
	if (!space)
		return false;
	set_up_quietly();
	return true;
}

void dwarf_flush(void)
{
	if (space)
		lib.flush(space, 0, 0);
}

void dwarf_set_cache(bool on)
{
	lib.set_policy(space, on ? UNW_CACHE_GLOBAL : UNW_CACHE_NONE);
}

void dwarf_call_on(void *top, void (*run)(void *), void *arg)
{
	uint64_t all = ~UINT64_C(0), before = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
	call_on_stack(top, run, arg);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(all));
}
