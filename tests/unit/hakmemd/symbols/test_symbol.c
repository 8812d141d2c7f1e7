#include "hakmemd/symbols/symbol.h"

#include <ctype.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

#include "hakmemd/core/child.h"
#include "hakmemd/core/clock.h"
#include "tests/unit/hakmemd/fixture.h"

#define WAIT_NS (20 * CLOCK_SECOND)
#define BIAS	UINT64_C(0x7f0000000000)

static struct loop *the_loop;
static struct symbols *the_symbols;
static uint64_t the_limit_ns;
static uint8_t the_id[ELF_BUILD_ID_MAX];

static void settled(void *argument)
{
	(void)argument;
	loop_stop(the_loop, 0);
}

static uint64_t tick(void *argument, uint64_t now_ns, uint64_t late_ns)
{
	(void)argument;
	(void)late_ns;
	if (now_ns >= the_limit_ns)
		loop_stop(the_loop, 1);
	return the_limit_ns;
}

/* Until every query has its answer. */
static void wait_for_answers(void)
{
	the_limit_ns = clock_ns() + WAIT_NS;
	loop_tick_by(the_loop, the_limit_ns);
	if (symbols_pending(the_symbols))
		assert_int_equal(loop_run(the_loop), 0);
	assert_int_equal(symbols_pending(the_symbols), 0);
}

/* Lets the loop run for a while, whatever comes. */
static void run_for(uint64_t wait_ns)
{
	the_limit_ns = clock_ns() + wait_ns;
	loop_tick_by(the_loop, the_limit_ns);
	loop_run(the_loop);
}

static void begin_with(struct symbol_settings settings)
{
	settings.settled = settled;
	the_limit_ns = UINT64_MAX;
	the_loop = loop_new(tick, NULL);
	assert_non_null(the_loop);
	the_symbols = symbols_new(the_loop, &settings);
	assert_non_null(the_symbols);
}

static int begin(void **state)
{
	(void)state;
	begin_with(
		(struct symbol_settings){.debug_path = fixture_path("debug")});
	return 0;
}

static int end(void **state)
{
	(void)state;
	symbols_free(the_symbols);
	loop_free(the_loop);
	return 0;
}

/* A module as a program would tell of it. */
static struct symbol_module module_of(const char *name)
{
	struct symbol_module module = {
		.path = fixture_path(name),
		.build_id = the_id,
		.bias = BIAS,
		.uid = geteuid(),
	};

	module.build_id_bytes = fixture_build_id(name, the_id);
	return module;
}

static size_t look_up(const struct symbol_module *module, uint64_t pc,
		      bool back, struct symbol_frame *frames)
{
	size_t count = symbol_lookup(the_symbols, module, pc, back, frames,
				     SYMBOL_FRAMES_MAX);

	if (count)
		return count;
	assert_true(symbols_pending(the_symbols) > 0);
	wait_for_answers();
	count = symbol_lookup(the_symbols, module, pc, back, frames,
			      SYMBOL_FRAMES_MAX);
	assert_true(count > 0);
	return count;
}

/* --- against addr2line -------------------------------------------------- */

#define ADDRESSES_MAX 20000
static uint64_t addresses[ADDRESSES_MAX];
static size_t address_count;

static void take_addresses(const GElf_Sym *symbol, const char *text)
{
	(void)text;
	for (uint64_t at = 0; at < symbol->st_size; at++)
		if (address_count < ADDRESSES_MAX)
			addresses[address_count++] = symbol->st_value + at;
}

/* "file:12 (discriminator 3)" -> file, 12; "??:?" -> "", 0 */
static uint32_t split_place(char *place)
{
	char *colon = strrchr(place, ':');
	uint32_t line;

	assert_non_null(colon);
	line = (uint32_t)strtoul(colon + 1, NULL, 10);
	*colon = '\0';
	if (strcmp(place, "??") == 0)
		*place = '\0';
	return line;
}

static bool read_line(FILE *from, char *line, size_t room)
{
	if (!fgets(line, (int)room, from))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

static bool is_address(const char *line)
{
	return strncmp(line, "0x", 2) == 0 && isxdigit((unsigned char)line[2]);
}

/* The frames of one address as addr2line told of them. */
struct told {
	char names[SYMBOL_FRAMES_MAX][SYMBOL_TEXT_MAX + 1];
	char files[SYMBOL_FRAMES_MAX][SYMBOL_TEXT_MAX + 1];
	uint32_t lines[SYMBOL_FRAMES_MAX];
	size_t count;
};

/* `line` holds the address before, and the next one afterwards. */
static void read_told(FILE *said, char *line, size_t room, struct told *told)
{
	char place[4096];

	for (told->count = 0; read_line(said, line, room);) {
		size_t at = told->count++;

		if (is_address(line)) {
			told->count--;
			return;
		}
		assert_true(at < SYMBOL_FRAMES_MAX);
		assert_true(read_line(said, place, sizeof(place)));
		told->lines[at] = split_place(place);
		snprintf(told->names[at], sizeof(told->names[at]), "%.1024s",
			 line);
		snprintf(told->files[at], sizeof(told->files[at]), "%.1024s",
			 place);
	}
}

static bool is_as_told(const struct symbol_frame *frames, size_t count,
		       const struct told *told)
{
	if (count != told->count)
		return false;
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(frames[i].note, "");
		assert_true(frames[i].inlined == (i + 1 < count));
		if (strcmp(frames[i].function, told->names[i]) != 0 ||
		    strcmp(frames[i].file, told->files[i]) != 0 ||
		    frames[i].line != told->lines[i])
			return false;
	}
	return true;
}

static bool is_among(const struct symbol_frame *frames, size_t count,
		     const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(frames[i].function, name) == 0)
			return true;
	return false;
}

/*
 * Compares the frames of every address with what addr2line printed. At the
 * first byte of some inlined calls (fewer than one address in a thousand)
 * binutils 2.40 names a function around it, where LLVM's symbolizer agrees with
 * us: passed over.
 */
static size_t compare_all(const struct symbol_module *module, FILE *said)
{
	size_t inlined = 0, passed_over = 0;
	char line[8192];

	assert_true(read_line(said, line, sizeof(line)));
	for (size_t i = 0; i < address_count; i++) {
		struct symbol_frame frames[SYMBOL_FRAMES_MAX];
		size_t count =
			symbol_lookup(the_symbols, module, addresses[i] + BIAS,
				      false, frames, SYMBOL_FRAMES_MAX);
		struct told told;

		assert_true(count > 0 && is_address(line));
		assert_int_equal(strtoull(line, NULL, 16), addresses[i]);
		read_told(said, line, sizeof(line), &told);
		inlined += count - 1;
		if (is_as_told(frames, count, &told))
			continue;
		passed_over++;
		if (!is_among(frames + 1, count - 1, told.names[0]))
			fail_msg("0x%llx: %s %s:%u, not %s %s:%u",
				 (unsigned long long)addresses[i],
				 frames[0].function, frames[0].file,
				 frames[0].line, told.names[0], told.files[0],
				 told.lines[0]);
	}
	assert_true(passed_over * 1000 <= address_count);
	return inlined;
}

/* `tool` prints as addr2line does. */
static void compare_with(const char *tool, const char *name)
{
	struct symbol_module module = module_of(name);
	struct symbol_frame frame;
	size_t inlined;
	FILE *file;

	address_count = 0;
	fixture_functions(name, take_addresses);
	file = fopen(fixture_path("list"), "w");
	assert_non_null(file);
	for (size_t i = 0; i < address_count; i++) {
		fprintf(file, "0x%llx\n", (unsigned long long)addresses[i]);
		assert_int_equal(symbol_lookup(the_symbols, &module,
					       addresses[i] + BIAS, false,
					       &frame, 1),
				 0);
	}
	assert_int_equal(fclose(file), 0);
	fixture_shell("%s -a -f -i -C -e %s <list >said", tool, name);
	wait_for_answers();
	file = fopen(fixture_path("said"), "r");
	assert_non_null(file);
	inlined = compare_all(&module, file);
	fclose(file);
	assert_true(inlined > 10);
}

static void frames_are_those_of_addr2line(void **state)
{
	(void)state;
	compare_with("addr2line", "one");
	compare_with("addr2line", "two");
}

/* clang puts functions into namespaces, and writes no .debug_aranges. */
static void frames_are_those_of_addr2line_for_clang(void **state)
{
	(void)state;
	/* NOLINTNEXTLINE(cert-env33-c) */
	if (system("command -v clang >/dev/null && "
		   "command -v llvm-addr2line >/dev/null") != 0) {
		print_message("no clang, or no llvm-addr2line, here\n");
		skip();
	}
	fixture_shell("clang -g -O2 -gdwarf-5 -c two.cc -o c.o && "
		      "g++ c.o -o clang");
	compare_with("llvm-addr2line", "clang");
}

/* The address after the call of leaf() in outer(). */
static uint64_t after_the_call(void)
{
	unsigned long long address;
	FILE *file;

	fixture_shell("objdump -d --no-show-raw-insn one | awk '"
		      "seen { print $1; exit } /<outer>:/ { here = 1 } "
		      "here && /call.*<leaf>/ { seen = 1 }' >after");
	file = fopen(fixture_path("after"), "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%llx", &address), 1);
	fclose(file);
	return address;
}

static void is_the_inlined_call(const struct symbol_frame *frames, size_t count)
{
	static const char *const names[] = {"inner", "middle", "outer"};
	static const uint32_t lines[] = {5, 10, 14};

	assert_int_equal(count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(frames[i].function, names[i]);
		assert_int_equal(frames[i].line, lines[i]);
		assert_string_equal(frames[i].file, fixture_path("one.c"));
		assert_string_equal(frames[i].note, "");
		assert_true(frames[i].inlined == (i < 2));
	}
}

static void a_return_address_means_the_call(void **state)
{
	struct symbol_module module = module_of("one");
	uint64_t pc = after_the_call() + BIAS;
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];

	(void)state;
	is_the_inlined_call(frames, look_up(&module, pc, true, frames));
	/* Not when it is the place itself. */
	look_up(&module, pc, false, frames);
	assert_true(frames[0].line != 5);
	/* Little room: the outermost is kept. */
	assert_int_equal(
		symbol_lookup(the_symbols, &module, pc, true, frames, 2), 2);
	assert_string_equal(frames[0].function, "inner");
	assert_string_equal(frames[1].function, "outer");
	assert_int_equal(
		symbol_lookup(the_symbols, &module, pc, true, frames, 1), 1);
	assert_string_equal(frames[0].function, "outer");
}

static void keep_debug_by_build_id(const char *program)
{
	char hex[2 * ELF_BUILD_ID_MAX + 1] = "";
	size_t size = fixture_build_id(program, the_id);

	for (size_t i = 0; i < size; i++)
		snprintf(hex + 2 * i, 3, "%02x", the_id[i]);
	fixture_shell("mkdir -p debug/.build-id/%.2s && objcopy "
		      "--only-keep-debug %s debug/.build-id/%.2s/%s.debug",
		      hex, program, hex, hex + 2);
}

static void separate_debug_files_are_found_by_build_id(void **state)
{
	struct symbol_module module = module_of("one.stripped");
	uint64_t pc = after_the_call() + BIAS;
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];

	(void)state;
	keep_debug_by_build_id("one");
	is_the_inlined_call(frames, look_up(&module, pc, true, frames));
	/* Also when the program itself is gone, or another is there. */
	module.path = fixture_path("gone");
	is_the_inlined_call(frames, look_up(&module, pc, true, frames));
	module.path = fixture_path("two");
	is_the_inlined_call(frames, look_up(&module, pc, true, frames));
	fixture_shell("rm -r debug");
}

static void separate_debug_files_are_found_by_debug_link(void **state)
{
	uint64_t pc = after_the_call() + BIAS;
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct symbol_module module;

	(void)state;
	fixture_shell("mkdir -p linked/.debug && objcopy --only-keep-debug one "
		      "linked/one.debug && strip one -o linked/one && objcopy "
		      "--add-gnu-debuglink=linked/one.debug linked/one && "
		      "mv linked/one.debug linked/.debug/");
	module = module_of("linked/one");
	is_the_inlined_call(frames, look_up(&module, pc, true, frames));
	/* A debug file of another build does not count. */
	fixture_shell("cp linked/one linked/other && objcopy --only-keep-debug "
		      "two linked/.debug/one.debug");
	module.path = fixture_path("linked/other");
	assert_int_equal(look_up(&module, pc, true, frames), 1);
	assert_string_equal(frames[0].note, "no symbol");
}

static void expect_raw(const struct symbol_module *module, uint64_t pc,
		       const char *name, const char *note)
{
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	char raw[256];

	assert_int_equal(look_up(module, pc, true, frames), 1);
	assert_string_equal(frames[0].function, name);
	assert_string_equal(frames[0].note, note);
	assert_string_equal(frames[0].file, "");
	assert_int_equal(frames[0].line, 0);
	assert_false(frames[0].inlined);
	symbol_raw(module, pc, raw, sizeof(raw));
	assert_string_equal(raw, name);
}

static void what_has_no_symbol_is_module_and_offset(void **state)
{
	struct symbol_module module = module_of("one.stripped");
	uint64_t pc = fixture_symbol("one", "outer").st_value + 1;
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "one.stripped+0x%llx",
		 (unsigned long long)pc);
	expect_raw(&module, pc + BIAS, name, "no symbol");
	module.path = fixture_path("not-there");
	snprintf(name, sizeof(name), "not-there+0x%llx",
		 (unsigned long long)pc);
	expect_raw(&module, pc + BIAS, name, "file not found");
	module.path = fixture_path("one.c");
	snprintf(name, sizeof(name), "one.c+0x%llx", (unsigned long long)pc);
	expect_raw(&module, pc + BIAS, name, "not an ELF file");
	expect_raw(NULL, 0x1234, "0x1234", "in no file");
	module.path = "relative";
	expect_raw(&module, BIAS + 1, "relative+0x1", "in no file");
}

static void only_regular_files_are_opened(void **state)
{
	struct symbol_module module = module_of("one");

	(void)state;
	fixture_shell("mkfifo fifo && mkdir -p directory && "
		      "ln -s /dev/zero device");
	module.path = fixture_path("fifo");
	expect_raw(&module, BIAS + 16, "fifo+0x10", "file not found");
	module.path = fixture_path("directory");
	expect_raw(&module, BIAS + 16, "directory+0x10", "file not found");
	module.path = fixture_path("device");
	expect_raw(&module, BIAS + 16, "device+0x10", "file not found");
}

static void another_build_is_said_not_guessed(void **state)
{
	struct symbol_module module;
	char name[64];
	uint64_t pc;

	(void)state;
	fixture_shell("cp one upgraded");
	module = module_of("upgraded");
	pc = fixture_symbol("one", "outer").st_value + 1;
	snprintf(name, sizeof(name), "upgraded+0x%llx", (unsigned long long)pc);
	fixture_shell("cp two upgraded");
	expect_raw(&module, pc + BIAS, name, "build-id differs");
	/* A program with a build-id, a file without. */
	fixture_shell("gcc -g -O2 -Wl,--build-id=none one.c -o upgraded2");
	module.path = fixture_path("upgraded2");
	snprintf(name, sizeof(name), "upgraded2+0x%llx",
		 (unsigned long long)pc);
	expect_raw(&module, pc + BIAS, name, "build-id differs");
}

static void without_a_build_id_a_file_must_be_older(void **state)
{
	struct symbol_module module = {.bias = BIAS, .uid = geteuid()};
	const struct timespec moment = {.tv_nsec = 50000000};
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	char name[64];
	uint64_t pc;

	(void)state;
	module.started_ns = clock_ns();
	nanosleep(&moment, NULL);
	fixture_shell("gcc -g -O2 -Wl,--build-id=none one.c -o bare");
	nanosleep(&moment, NULL);
	module.path = fixture_path("bare");
	pc = fixture_symbol("bare", "hidden").st_value + 1;
	snprintf(name, sizeof(name), "bare+0x%llx", (unsigned long long)pc);
	expect_raw(&module, pc + BIAS, name,
		   "no build-id, and the file has changed");
	module.started_ns = 0;
	expect_raw(&module, pc + BIAS, name,
		   "no build-id, and the file has changed");
	module.started_ns = clock_ns();
	look_up(&module, pc + BIAS, true, frames);
	assert_string_equal(frames[0].function, "hidden");
	assert_string_equal(frames[0].note, "");
}

static void the_kernels_own_code_has_names(void **state)
{
	uint64_t base = getauxval(AT_SYSINFO_EHDR);
	struct symbol_module module = {.path = "[vdso]", .bias = base};
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	Elf64_Ehdr *header = (Elf64_Ehdr *)base;
	Elf *elf = elf_memory((char *)base,
			      header->e_shoff + (size_t)header->e_shnum *
							header->e_shentsize);
	bool found = false;

	(void)state;
	assert_non_null(elf);
	module.build_id = the_id;
	module.build_id_bytes = elf_build_id(elf, the_id);
	elf_end(elf);
	assert_true(module.build_id_bytes > 0);
	for (uint64_t at = 0; at < 8192 && !found; at += 16) {
		look_up(&module, base + at, false, frames);
		found = strstr(frames[0].function, "clock_gettime") != NULL;
	}
	assert_true(found);
	the_id[0] ^= 1; /* another kernel's */
	look_up(&module, base, false, frames);
	assert_string_equal(frames[0].note, "build-id differs");
}

/* --- processes ---------------------------------------------------------- */

static const char sleeper_c[] = "#include <unistd.h>\n"
				"__attribute__((noinline)) int nap(void)\n"
				"{\n"
				"	return pause();\n"
				"}\n"
				"int main(void) { return nap() + 1; }\n";

static pid_t begin_process(const char *path, const char *root, uid_t uid)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if ((root && chroot(root) != 0) ||
		    (uid != geteuid() && setresuid(uid, uid, uid) != 0))
			_exit(1);
		execl(path, path, NULL);
		_exit(1);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 0); /* until exec */
	close(ends[0]);
	return pid;
}

static void end_process(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_replaced_program_is_read_while_it_runs(void **state)
{
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct symbol_module module;
	uint64_t pc;

	(void)state;
	fixture_write("nap.c", sleeper_c);
	fixture_shell("gcc -g -O2 nap.c -o nap");
	module = module_of("nap");
	pc = fixture_symbol("nap", "nap").st_value + BIAS + 5;
	module.pid = begin_process(module.path, NULL, geteuid());
	fixture_shell("rm nap && cp two nap");
	look_up(&module, pc, true, frames);
	end_process(module.pid);
	assert_string_equal(frames[0].function, "nap");
	assert_int_equal(frames[0].line, 4);
	/* What was learned outlives it. */
	module.pid = 0;
	look_up(&module, pc, true, frames);
	assert_string_equal(frames[0].function, "nap");
}

static void need_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("only root can do that\n");
	skip();
}

/* A library of that process, which /proc/PID/exe does not lead to. */
static void a_root_of_its_own_is_looked_into(void **state)
{
	struct symbol_frame frames[2][SYMBOL_FRAMES_MAX];
	struct symbol_module module;
	uint64_t pc;

	(void)state;
	need_root();
	fixture_write("nap.c", sleeper_c);
	/* The links lead to a file of the same name outside: another one. */
	fixture_shell("mkdir -p jail%s && gcc -g -O2 -static nap.c -o jail/nap "
		      "&& cp one jail%s/real && cp two real && "
		      "ln -sf %s/real jail/link && cp one jail/copy && "
		      "ln -sf ../../../../../../copy jail/up",
		      fixture_directory, fixture_directory, fixture_directory);
	module = module_of("one");
	pc = fixture_symbol("one", "outer").st_value + BIAS;
	for (uid_t uid = 0; uid < 2; uid++) {
		module.uid = uid;
		module.pid = begin_process("/nap", fixture_path("jail"), uid);
		module.path = "/link";
		look_up(&module, pc, false, frames[0]);
		module.path = "/up";
		look_up(&module, pc, false, frames[1]);
		end_process(module.pid);
		assert_string_equal(frames[0][0].function, "outer");
		assert_string_equal(frames[1][0].function, "outer");
	}
}

static void another_mount_namespace_is_looked_into(void **state)
{
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct symbol_module module;
	int ends[2];
	char byte = 0;
	uint64_t pc;
	pid_t pid;

	(void)state;
	need_root();
	fixture_shell("mkdir -p private && cp one kept");
	module = module_of("one");
	pc = fixture_symbol("one", "outer").st_value + BIAS;
	module.path = fixture_path("private/one");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) == 0 &&
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		    mount("tmpfs", fixture_path("private"), "tmpfs", 0, NULL) ==
			    0) {
			fixture_shell("cp kept private/one");
			byte = 1;
		}
		if (write(ends[1], &byte, 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	close(ends[1]);
	if (!byte) {
		end_process(pid);
		print_message("no mount namespaces here\n");
		skip();
	}
	module.pid = pid;
	look_up(&module, pc, false, frames);
	end_process(pid);
	assert_string_equal(frames[0].function, "outer");
	/* Once it is gone nobody sees the file. */
	module.pid = 0;
	look_up(&module, pc + 1, false, frames);
	assert_string_equal(frames[0].note, "");
	module.uid++;
	look_up(&module, pc, false, frames);
	assert_string_equal(frames[0].note, "file not found");
}

/* --- the helper --------------------------------------------------------- */

static pid_t helper(void)
{
	struct symbols_figures figures;

	symbols_figures(the_symbols, &figures);
	return figures.helper;
}

/* Ended, and collected. */
static void expect_gone(pid_t pid)
{
	const struct timespec moment = {.tv_nsec = 10000000};

	for (int i = 0; i < 6000 && child_reap(); i++)
		nanosleep(&moment, NULL);
	assert_int_equal(kill(pid, 0), -1);
}

static void a_helper_that_hangs_is_replaced(void **state)
{
	struct symbol_module module = module_of("one");
	uint64_t pc = fixture_symbol("one", "outer").st_value + BIAS;
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct symbols_figures figures;
	uint64_t begin_ns;
	pid_t stopped;

	(void)state;
	begin_with((struct symbol_settings){.patience_ns = CLOCK_SECOND});
	look_up(&module, pc, false, frames);
	assert_string_equal(frames[0].function, "outer");
	stopped = helper();
	assert_int_equal(kill(stopped, SIGSTOP), 0);
	begin_ns = clock_ns();
	look_up(&module, pc + 1, false, frames);
	assert_true(clock_ns() - begin_ns < 60 * CLOCK_SECOND);
	assert_string_equal(frames[0].note,
			    "the file breaks the symbol reader");
	expect_gone(stopped);
	/* At once now, and what was known stays known. */
	assert_int_equal(
		symbol_lookup(the_symbols, &module, pc + 2, false, frames, 1),
		1);
	assert_string_equal(frames[0].note,
			    "the file breaks the symbol reader");
	assert_int_equal(
		symbol_lookup(the_symbols, &module, pc, false, frames, 1), 1);
	assert_string_equal(frames[0].function, "outer");
	/* Other files are none the worse. */
	module = module_of("two");
	look_up(&module, fixture_symbol("two", "main").st_value + BIAS, false,
		frames);
	assert_string_equal(frames[0].function, "main");
	symbols_figures(the_symbols, &figures);
	assert_int_equal(figures.helpers_total, 2);
	assert_int_equal(figures.helpers_lost, 1);
	end(state);
}

static void a_helper_that_dies_once_is_forgiven(void **state)
{
	struct symbol_module module = module_of("one");
	uint64_t pc = fixture_symbol("one", "outer").st_value + BIAS;
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct symbols_figures figures;
	siginfo_t info;

	(void)state;
	look_up(&module, pc, false, frames);
	/* Killed while it is idle: no fault of the file. */
	for (int i = 0; i < 3; i++) {
		pid_t pid = helper();

		assert_int_equal(kill(pid, SIGSTOP), 0);
		assert_int_equal(symbol_lookup(the_symbols, &module,
					       pc + 1 + (unsigned)i, false,
					       frames, 1),
				 0);
		if (i == 0) {
			assert_int_equal(kill(pid, SIGKILL), 0);
			waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
		}
		run_for(CLOCK_SECOND / 20); /* now it has the query */
		if (i > 0)
			assert_int_equal(kill(pid, SIGSEGV), 0);
		kill(pid, SIGCONT);
		wait_for_answers();
		look_up(&module, pc + 1 + (unsigned)i, false, frames);
		if (i < 2)
			assert_string_equal(frames[0].function, "outer");
		else
			assert_string_equal(frames[0].note,
					    "the file breaks the symbol "
					    "reader");
	}
	symbols_figures(the_symbols, &figures);
	assert_int_equal(figures.helpers_lost, 2);
}

static void a_file_that_shrinks_under_the_helper_kills_only_it(void **state)
{
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct symbol_module module;
	uint64_t pc;

	(void)state;
	fixture_shell("cp two shrinks");
	module = module_of("shrinks");
	pc = fixture_symbol("two", "main").st_value + BIAS;
	look_up(&module, pc, false, frames);
	assert_string_equal(frames[0].function, "main");
	assert_int_equal(truncate(module.path, 0), 0);
	pc = fixture_symbol("two", "_ZN4shop3runEi").st_value + BIAS;
	for (unsigned i = 0; i < 16; i++)
		look_up(&module, pc + i, false, frames);
	module = module_of("one");
	pc = fixture_symbol("one", "outer").st_value + BIAS;
	look_up(&module, pc, false, frames);
	assert_string_equal(frames[0].function, "outer");
}

/* Whose file it is, his rights: not ours. */
static void a_helper_has_the_rights_of_the_user(void **state)
{
	struct symbol_module module = module_of("one");
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	char path[64], line[256];
	unsigned real = 0;
	FILE *file;

	(void)state;
	need_root();
	fixture_shell("cp one secret && chmod 600 secret");
	module.path = fixture_path("secret");
	module.uid = 1;
	look_up(&module, BIAS + 4096, false, frames);
	assert_string_equal(frames[0].note, "file not readable");
	snprintf(path, sizeof(path), "/proc/%d/status", (int)helper());
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Uid: %u", &real) == 1)
			break;
	fclose(file);
	assert_int_equal(real, 1);
	module.uid = 0;
	look_up(&module, BIAS + 4096, false, frames);
	assert_string_not_equal(frames[0].note, "file not readable");
}

static void the_helper_has_nothing_of_ours(void **state)
{
	struct symbol_module module = module_of("one");
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	char path[64], what[256];
	int secret = open("/dev/zero", O_RDONLY); /* without CLOEXEC */

	(void)state;
	look_up(&module, BIAS + 4096, false, frames);
	for (int fd = 3; fd < 64; fd++) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)helper(),
			 fd);
		length = readlink(path, what, sizeof(what) - 1);
		if (length < 0)
			continue;
		what[length] = '\0';
		if (fd == 3)
			assert_int_equal(strncmp(what, "socket:", 7), 0);
		else
			assert_string_equal(what, module.path);
	}
	close(secret);
}

/* --- what strangers can do ---------------------------------------------- */

/* Bytes of the file changed at random, but for those that make it this one. */
static void damage(const char *from, const char *to, uint32_t seed)
{
	struct fixture_file file = fixture_open(from);
	size_t size, id_bytes = elf_build_id(file.elf, the_id);
	char *bytes = elf_rawfile(file.elf, &size);
	char *copy = malloc(size), *note;
	FILE *out = fopen(fixture_path(to), "w");

	assert_non_null(copy);
	assert_non_null(out);
	memcpy(copy, bytes, size);
	note = memmem(copy, size, the_id, id_bytes);
	assert_non_null(note);
	for (int i = 0; i < 400; i++) {
		size_t at;

		seed = seed * 1664525 + 1013904223;
		at = 4096 + (seed >> 4) % (size - 4096);
		if (copy + at < note - 64 || copy + at > note + 64)
			copy[at] = (char)(seed >> 3);
	}
	assert_int_equal(fwrite(copy, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
	free(copy);
	fixture_close(&file);
}

static void damaged_files_are_answered_for(void **state)
{
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct symbol_module module;
	char name[64];

	(void)state;
	begin_with((struct symbol_settings){.patience_ns = 5 * CLOCK_SECOND});
	address_count = 0;
	fixture_functions("two", take_addresses);
	for (uint32_t i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "damaged%u", i);
		damage("two", name, i * 7919);
		if (i % 8 == 0) /* short as well */
			fixture_shell("truncate -s %u %s", 6000 + i * 300,
				      name);
		module = module_of("two");
		module.path = fixture_path(name);
		for (size_t k = i; k < address_count; k += 37)
			symbol_lookup(the_symbols, &module, addresses[k] + BIAS,
				      true, frames, SYMBOL_FRAMES_MAX);
		wait_for_answers();
	}
	module = module_of("two");
	look_up(&module, fixture_symbol("two", "main").st_value + BIAS, false,
		frames);
	assert_string_equal(frames[0].function, "main");
	end(state);
}

static void names_are_cut_and_clean(void **state)
{
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct symbol_module module;
	FILE *out = fopen(fixture_path("names.s"), "w");
	uint64_t pc = 0;

	(void)state;
	assert_non_null(out);
	fputs(".text\n.globl begin\n.type begin,@function\nbegin: nop\n"
	      ".size begin,1\n.type bad\xff\x9bname,@function\n"
	      "bad\xff\x9bname: nop\n.size bad\xff\x9bname,1\n",
	      out);
	fputs(".type long,@function\nlong", out);
	for (int i = 0; i < 3000; i++)
		fputc('x', out);
	fputs(": nop\nnop\n", out);
	assert_int_equal(fclose(out), 0);
	fixture_shell("gcc -shared -nostdlib -Wl,--build-id names.s "
		      "-o names.so");
	module = module_of("names.so");
	pc = fixture_symbol("names.so", "begin").st_value + BIAS;
	look_up(&module, pc + 1, false, frames);
	assert_string_equal(frames[0].function, "bad??name");
	look_up(&module, pc + 2, false, frames);
	assert_int_equal(strncmp(frames[0].function, "longxxx", 7), 0);
	assert_int_equal(strlen(frames[0].function), SYMBOL_TEXT_MAX);
}

static void users_do_not_share_answers(void **state)
{
	struct symbol_module module = module_of("one");
	uint64_t pc = fixture_symbol("one", "outer").st_value + BIAS;
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct symbols_figures figures;

	(void)state;
	look_up(&module, pc, false, frames);
	assert_int_equal(
		symbol_lookup(the_symbols, &module, pc, false, frames, 1), 1);
	module.uid += 1;
	assert_int_equal(
		symbol_lookup(the_symbols, &module, pc, false, frames, 1), 0);
	wait_for_answers();
	symbols_figures(the_symbols, &figures);
	assert_int_equal(figures.modules, 2);
	assert_int_equal(figures.answers, 2);
}

static void the_cache_stays_in_its_bound(void **state)
{
	const size_t most = 256 << 10;
	struct symbol_module module = module_of("two");
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct symbols_figures figures;
	uint64_t newest = 0;

	(void)state;
	begin_with((struct symbol_settings){.cache_bytes = most});
	address_count = 0;
	fixture_functions("two", take_addresses);
	for (uint64_t i = 0; i < 10000; i++) {
		newest = addresses[i % address_count] + (i << 20);
		module.bias = i << 20;
		symbol_lookup(the_symbols, &module, newest, i / address_count,
			      frames, SYMBOL_FRAMES_MAX);
		if (i % 500 == 0)
			wait_for_answers();
	}
	wait_for_answers();
	symbols_figures(the_symbols, &figures);
	assert_true(figures.answer_bytes <= most);
	assert_true(figures.answers > 100);
	assert_true(figures.asked_total > 4000);
	/* What came last is there, what came first is not. */
	assert_true(symbol_lookup(the_symbols, &module, newest, true, frames,
				  1) > 0);
	assert_int_equal(symbol_lookup(the_symbols, &module,
				       addresses[0] + module.bias, false,
				       frames, 1),
			 0);
	end(state);
}

static void strings_stay_until_the_loop_runs(void **state)
{
	const size_t most = 64 << 10;
	struct symbol_module module = module_of("one");
	struct symbol_frame first, frame;
	struct symbols_figures figures;
	uint64_t told = 0;

	(void)state;
	begin_with((struct symbol_settings){.cache_bytes = most});
	assert_int_equal(symbol_lookup(the_symbols, NULL, 77, false, &first, 1),
			 1);
	for (uint64_t i = 0; i < 100000; i++)
		told += symbol_lookup(the_symbols, NULL, i, false, &frame, 1);
	assert_string_equal(first.function, "0x4d");
	assert_true(told > 100 && told < 5000);
	symbols_figures(the_symbols, &figures);
	assert_true(figures.answer_bytes <= 3 * most);
	run_for(CLOCK_SECOND / 20);
	symbols_figures(the_symbols, &figures);
	assert_true(figures.answer_bytes <= most);
	assert_int_equal(
		symbol_lookup(the_symbols, NULL, 1 << 30, false, &frame, 1), 1);
	look_up(&module, BIAS + 4096, false, &frame);
	end(state);
}

static void a_missing_file_is_tried_again(void **state)
{
	struct symbol_module module = module_of("one");
	uint64_t pc = fixture_symbol("one", "outer").st_value + BIAS;
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];

	(void)state;
	begin_with((struct symbol_settings){.retry_ns = CLOCK_SECOND / 10});
	module.path = fixture_path("later");
	look_up(&module, pc, false, frames);
	assert_string_equal(frames[0].note, "file not found");
	fixture_shell("cp one later");
	run_for(CLOCK_SECOND / 8);
	/* The old answer meanwhile. */
	look_up(&module, pc, false, frames);
	assert_string_equal(frames[0].note, "file not found");
	assert_int_equal(symbols_pending(the_symbols), 1);
	wait_for_answers();
	look_up(&module, pc, false, frames);
	assert_string_equal(frames[0].function, "outer");
	assert_string_equal(frames[0].note, "");
	end(state);
}

static void an_idle_helper_ends(void **state)
{
	struct symbol_module module = module_of("one");
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct symbols_figures figures;
	pid_t pid;

	(void)state;
	begin_with((struct symbol_settings){.idle_ns = CLOCK_SECOND / 10});
	look_up(&module, BIAS + 4096, false, frames);
	pid = helper();
	assert_true(pid > 0);
	run_for(CLOCK_SECOND / 4);
	assert_int_equal(helper(), 0);
	expect_gone(pid);
	look_up(&module, BIAS + 4097, false, frames);
	assert_true(helper() > 0);
	symbols_figures(the_symbols, &figures);
	assert_int_equal(figures.helpers_total, 2);
	assert_int_equal(figures.helpers_lost, 0);
	end(state);
}

static void internal_names_give_way_to_exported_ones(void **state)
{
	struct symbol_module module;
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];

	(void)state;
	fixture_write("alias.c",
		      "int __take_it(int x) { return x * 3; }\n"
		      "int take(int) __attribute__((alias(\"__take_it\")));\n");
	fixture_shell("gcc -g -O2 -shared -fPIC alias.c -o aliased.so");
	module = module_of("aliased.so");
	look_up(&module, fixture_symbol("aliased.so", "take").st_value + BIAS,
		false, frames);
	assert_string_equal(frames[0].function, "take");
	assert_int_equal(frames[0].line, 1);
}

static void many_files_are_forgotten_in_turn(void **state)
{
	struct symbol_module module = {.path = "relative", .build_id = the_id};
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];
	struct symbols_figures figures;

	(void)state;
	module.build_id_bytes = 20;
	for (uint32_t i = 0; i < 20000; i++) {
		memcpy(the_id, &i, sizeof(i));
		symbol_lookup(the_symbols, &module, i, false, frames, 1);
		if (i % 4000 == 0) {
			struct symbol_module one = module_of("one");

			/* A query, for the loop to make room. */
			one.uid = 1000 + i;
			symbol_lookup(the_symbols, &one, BIAS + 4096, false,
				      frames, 1);
			wait_for_answers();
		}
	}
	symbols_figures(the_symbols, &figures);
	assert_true(figures.modules <= 2 * 4096);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(frames_are_those_of_addr2line),
		WITH(frames_are_those_of_addr2line_for_clang),
		WITH(a_return_address_means_the_call),
		WITH(separate_debug_files_are_found_by_build_id),
		WITH(separate_debug_files_are_found_by_debug_link),
		WITH(what_has_no_symbol_is_module_and_offset),
		WITH(only_regular_files_are_opened),
		WITH(another_build_is_said_not_guessed),
		WITH(without_a_build_id_a_file_must_be_older),
		WITH(the_kernels_own_code_has_names),
		WITH(a_replaced_program_is_read_while_it_runs),
		WITH(a_root_of_its_own_is_looked_into),
		WITH(another_mount_namespace_is_looked_into),
		cmocka_unit_test(a_helper_that_hangs_is_replaced),
		WITH(a_helper_that_dies_once_is_forgiven),
		WITH(a_file_that_shrinks_under_the_helper_kills_only_it),
		WITH(a_helper_has_the_rights_of_the_user),
		WITH(the_helper_has_nothing_of_ours),
		cmocka_unit_test(damaged_files_are_answered_for),
		WITH(names_are_cut_and_clean),
		WITH(users_do_not_share_answers),
		cmocka_unit_test(the_cache_stays_in_its_bound),
		cmocka_unit_test(strings_stay_until_the_loop_runs),
		cmocka_unit_test(a_missing_file_is_tried_again),
		cmocka_unit_test(an_idle_helper_ends),
		WITH(internal_names_give_way_to_exported_ones),
		WITH(many_files_are_forgotten_in_turn),
	};

	return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
