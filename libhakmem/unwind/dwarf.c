#include "libhakmem/unwind/dwarf.h"

#include "libhakmem/unwind/module.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <libunwind.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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
} dwarf_lib;

static const struct {
	const char *name;
	void *place;
} dwarf_symbols[] = {
	{NAME_OF(unw_create_addr_space), &dwarf_lib.create},
	{NAME_OF(unw_init_remote), &dwarf_lib.init},
	{NAME_OF(unw_step), &dwarf_lib.step},
	{NAME_OF(unw_get_reg), &dwarf_lib.get_reg},
	{NAME_OF(unw_get_save_loc), &dwarf_lib.save_loc},
	{NAME_OF(unw_is_signal_frame), &dwarf_lib.is_signal_frame},
	{NAME_OF(unw_set_caching_policy), &dwarf_lib.set_policy},
	{NAME_OF(unw_flush_cache), &dwarf_lib.flush},
	{NAME_OF(UNW_OBJ(dwarf_search_unwind_table)), &dwarf_lib.search},
};

/* What the accessors answer for. */
struct request {
	const struct dwarf_reader *reader;
	uintptr_t pc, sp;
	uint32_t module;
	uintptr_t low, high; /* where it is known that the module may be read */
	bool guessed;	     /* there was no description to go by */
};

static unw_addr_space_t dwarf_space;

/* --- what libunwind may read --------------------------------------------- */

static int dwarf_access_mem(unw_addr_space_t of, unw_word_t address,
			    unw_word_t *value, int write, void *arg)
{
	struct request *request = arg;
	const struct dwarf_reader *reader = request->reader;
	size_t bytes;

	(void)of;
	if (write)
		return -UNW_EINVAL;
	if (reader->stack(reader->arg, address, value))
		return 0;
	if (address < request->low || address >= request->high) {
		request->low = align_down(address, 4096);
		request->high = request->low + 4096 - sizeof(*value);
		if (!module_holds(request->module, request->low, 4096))
			request->low = request->high = 0;
	}
	/* The last aligned word of a segment may end behind it, on the same
	 * page. */
	bytes = is_aligned(address, sizeof(*value)) ? 1 : sizeof(*value);
	if (request->high == 0 &&
	    !module_holds(request->module, address, bytes))
		return -UNW_EINVAL;
	memcpy(value, (const void *)address, sizeof(*value));
	return 0;
}

static int dwarf_access_reg(unw_addr_space_t of, unw_regnum_t reg,
			    unw_word_t *value, int write, void *arg)
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
		if (!reader->fp(reader->arg, value))
			return -UNW_EBADREG;
	} else {
		/* What a call left there is known to nobody. */
		return -UNW_EBADREG;
	}
	return 0;
}

static int dwarf_access_fpreg(unw_addr_space_t of, unw_regnum_t reg,
			      unw_fpreg_t *value, int write, void *arg)
{
	(void)of;
	(void)reg;
	(void)value;
	(void)write;
	(void)arg;
	return -UNW_EBADREG;
}

static int dwarf_find_proc_info(unw_addr_space_t of, unw_word_t pc,
				unw_proc_info_t *out, int need, void *arg)
{
	struct request *request = arg;
	struct module_frames frames;
	unw_dyn_info_t info = {0};
	int result = -UNW_ENOINFO;
	uintptr_t entry;

	if (module_frames(request->module, &frames) &&
	    module_entry(&frames, pc, &entry)) {
		/* A table of one: libunwind would read it byte by byte. */
		info.format = UNW_INFO_FORMAT_REMOTE_TABLE;
		info.start_ip = frames.start;
		info.end_ip = frames.end;
		info.u.rti.segbase = frames.header;
		info.u.rti.table_data = entry;
		info.u.rti.table_len = 1;
		result = dwarf_lib.search(of, pc, &info, out, need, arg);
	}
	if (result < 0)
		request->guessed = true;
	return result;
}

static void dwarf_put_unwind_info(unw_addr_space_t of, unw_proc_info_t *info,
				  void *arg)
{
	(void)of;
	(void)info;
	(void)arg;
}

static int dwarf_get_dyn_info_list_addr(unw_addr_space_t of,
					unw_word_t *address, void *arg)
{
	(void)of;
	(void)address;
	(void)arg;
	return -UNW_ENOINFO;
}

static int dwarf_resume(unw_addr_space_t of, unw_cursor_t *cursor, void *arg)
{
	(void)of;
	(void)cursor;
	(void)arg;
	return -UNW_EINVAL;
}

static int dwarf_get_proc_name(unw_addr_space_t of, unw_word_t pc, char *name,
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

static unw_accessors_t dwarf_accessors = {
	.find_proc_info = dwarf_find_proc_info,
	.put_unwind_info = dwarf_put_unwind_info,
	.get_dyn_info_list_addr = dwarf_get_dyn_info_list_addr,
	.access_mem = dwarf_access_mem,
	.access_reg = dwarf_access_reg,
	.access_fpreg = dwarf_access_fpreg,
	.resume = dwarf_resume,
	.get_proc_name = dwarf_get_proc_name,
};

/* --- a step -------------------------------------------------------------- */

/* Where the caller's frame pointer is; true when it was saved. */
static bool dwarf_find_fp(unw_cursor_t *cursor, struct dwarf_frame *frame)
{
	unw_save_loc_t place;

	if (dwarf_lib.save_loc(cursor, REG_FP, &place) != 0)
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

	if (dwarf_lib.init(&cursor, dwarf_space, &request) != 0)
		return -1;
	result = dwarf_lib.step(&cursor);
	/* It says so of the frame that was left. */
	*signal = dwarf_lib.is_signal_frame(&cursor) > 0;
	if (result > 0 && (dwarf_lib.get_reg(&cursor, UNW_REG_IP, &back) != 0 ||
			   dwarf_lib.get_reg(&cursor, REG_SP, &sp) != 0))
		return -1;
	if (result <= 0 || back == 0)
		return request.guessed ? -1 : result < 0 ? result : 0;
	/* Where libunwind goes by the frame pointer alone it leaves the stack
	 * pointer two words above the old one, wherever that was. */
	if (dwarf_find_fp(&cursor, frame) && request.guessed && !*signal)
		sp = frame->fp + 16;
	frame->sp = sp;
	*pc = back;
	return 1;
}

/* --- waking it up -------------------------------------------------------- */

/* libunwind opens a pipe, whose numbers a program may close and reuse; all it
 * is for is the local interface. It gets the two lowest free numbers, which
 * are found out first. */
static bool dwarf_pipe_at(const int *fd)
{
	struct stat a, b;

	return fstat(fd[0], &a) == 0 && fstat(fd[1], &b) == 0 &&
	       S_ISFIFO(a.st_mode) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino && a.st_size == 0;
}

/* The first call of this kind wakes libunwind up. */
static void dwarf_set_up_quietly(void)
{
	int fd[2];
	bool found = pipe2(fd, O_CLOEXEC) == 0;

	if (found) {
		close(fd[0]);
		close(fd[1]);
	}
	dwarf_lib.set_policy(dwarf_space, UNW_CACHE_GLOBAL);
	if (found && dwarf_pipe_at(fd)) {
		close(fd[0]);
		close(fd[1]);
	}
}

static bool dwarf_bind(void *library)
{
	for (size_t i = 0; i < sizeof(dwarf_symbols) / sizeof(*dwarf_symbols);
	     i++) {
		void *found = dlsym(library, dwarf_symbols[i].name);

		if (!found)
			return false;
		memcpy(dwarf_symbols[i].place, &found, sizeof(found));
	}
	return true;
}

bool dwarf_start(void)
{
	void *library = dlopen(LIBUNWIND, RTLD_NOW | RTLD_LOCAL);

	if (!library || !dwarf_bind(library))
		return false;
	dwarf_space = dwarf_lib.create(&dwarf_accessors, 0);
	if (!dwarf_space)
		return false;
	dwarf_set_up_quietly();
	return true;
}

void dwarf_flush(void)
{
	if (dwarf_space)
		dwarf_lib.flush(dwarf_space, 0, 0);
}

void dwarf_set_cache(bool on)
{
	dwarf_lib.set_policy(dwarf_space,
			     on ? UNW_CACHE_GLOBAL : UNW_CACHE_NONE);
}

void dwarf_call_on(void *top, void (*run)(void *), void *arg)
{
	uint64_t all = ~UINT64_C(0), before = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
	call_on_stack(top, run, arg);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(all));
}
