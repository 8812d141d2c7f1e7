#include "hakmemd/symbols/binary.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/hakmemd/fixture.h"

static struct binary binary;
static uint8_t the_id[ELF_BUILD_ID_MAX];

/* What a process that has `name` mapped would want. */
static struct binary_wanted wanted_of(const char *name)
{
	return (struct binary_wanted){.path = fixture_path(name),
				      .id = the_id,
				      .id_bytes =
					      fixture_build_id(name, the_id)};
}

static void is_empty(void)
{
	assert_null(binary.elf);
	assert_int_equal(binary.fd, -1);
}

static void is_result(const struct binary_wanted *wanted,
		      enum binary_result result)
{
	binary.fd = 77; /* whatever was there before */
	assert_int_equal(binary_open(&binary, wanted), result);
	if (result != BINARY_FOUND) {
		is_empty();
		return;
	}
	assert_non_null(binary.elf);
	binary_close(&binary);
	is_empty();
}

static void the_file_wanted_is_opened(void **state)
{
	struct binary_wanted wanted = wanted_of("one");
	int fd;

	(void)state;
	assert_int_equal(binary_open(&binary, &wanted), BINARY_FOUND);
	fd = binary.fd;
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	binary_close(&binary);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	binary_close(&binary); /* once more does no harm */
	is_empty();
}

static void another_build_id_is_refused(void **state)
{
	struct binary_wanted wanted = wanted_of("one");

	(void)state;
	the_id[wanted.id_bytes - 1] ^= 1;
	is_result(&wanted, BINARY_DIFFERS);
	the_id[wanted.id_bytes - 1] ^= 1;
	is_result(&wanted, BINARY_FOUND);
	wanted.id_bytes--;
	is_result(&wanted, BINARY_DIFFERS);
	wanted.id_bytes = 0;
	wanted.started_ns = UINT64_MAX;
	is_result(&wanted, BINARY_DIFFERS);
}

static void what_is_no_program_is_refused(void **state)
{
	struct binary_wanted wanted = wanted_of("one");
	int here = open(".", O_PATH | O_CLOEXEC);

	(void)state;
	wanted.path = fixture_path("missing");
	is_result(&wanted, BINARY_ABSENT);
	assert_int_equal(chdir(fixture_directory), 0);
	wanted.path = "one"; /* it is there, but ours is not the place meant */
	is_result(&wanted, BINARY_ABSENT);
	assert_int_equal(fchdir(here), 0);
	close(here);
	wanted.path = "";
	is_result(&wanted, BINARY_ABSENT);
	wanted.path = fixture_path("one.c");
	is_result(&wanted, BINARY_NO_ELF);
	fixture_write("empty", "");
	wanted.path = fixture_path("empty");
	is_result(&wanted, BINARY_NO_ELF);
	fixture_shell("ar cr one.a one");
	wanted.path = fixture_path("one.a");
	is_result(&wanted, BINARY_NO_ELF);
}

/* To open a FIFO waits, and to open a device can do anything. */
static void only_regular_files_are_opened(void **state)
{
	struct binary_wanted wanted = wanted_of("one");

	(void)state;
	assert_int_equal(mkfifo(fixture_path("fifo"), 0600), 0);
	wanted.path = fixture_path("fifo");
	alarm(60);
	is_result(&wanted, BINARY_ABSENT);
	alarm(0);
	wanted.path = "/dev/null";
	is_result(&wanted, BINARY_ABSENT);
	wanted.path = fixture_directory;
	is_result(&wanted, BINARY_ABSENT);
}

static void links_are_followed(void **state)
{
	struct binary_wanted wanted = wanted_of("one");

	(void)state;
	fixture_shell("ln -s one link");
	wanted.path = fixture_path("link");
	is_result(&wanted, BINARY_FOUND);
	wanted.pid = getpid();
	is_result(&wanted, BINARY_FOUND);
}

static void a_file_of_others_is_unreadable(void **state)
{
	struct binary_wanted wanted;
	int status;
	pid_t pid;

	(void)state;
	fixture_shell("cp one secret");
	wanted = wanted_of("secret");
	assert_int_equal(chmod(fixture_path("secret"), 0), 0);
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
			_exit(100);
		_exit(binary_open(&binary, &wanted));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), BINARY_UNREADABLE);
}

/* Without a build-id its age is all there is. */
static void without_a_build_id_the_age_counts(void **state)
{
	struct binary_wanted wanted;
	struct stat info;
	uint64_t changed_ns;

	(void)state;
	fixture_shell("gcc -Wl,--build-id=none one.c -o anonymous");
	wanted = wanted_of("anonymous");
	assert_int_equal(wanted.id_bytes, 0);
	assert_int_equal(stat(wanted.path, &info), 0);
	changed_ns = (uint64_t)info.st_ctim.tv_sec * 1000000000 +
		     (uint64_t)info.st_ctim.tv_nsec;
	is_result(&wanted, BINARY_UNSURE);
	wanted.started_ns = changed_ns;
	is_result(&wanted, BINARY_UNSURE);
	wanted.started_ns = changed_ns + 1;
	is_result(&wanted, BINARY_FOUND);
	/* One with a build-id is another. */
	wanted.id_bytes = 4;
	is_result(&wanted, BINARY_DIFFERS);
}

static void the_kernels_own_code_is_found(void **state)
{
	struct binary_wanted wanted = {
		.path = "[vdso]", .id = the_id, .id_bytes = 20};

	(void)state;
	memset(the_id, 0, sizeof(the_id));
	is_result(&wanted, BINARY_DIFFERS);
	wanted.path = "[vvar]";
	is_result(&wanted, BINARY_ABSENT);
	wanted.path = "vdso";
	is_result(&wanted, BINARY_ABSENT);
}

/* A copy that waits until it is killed, and says when it runs. */
static pid_t run_program(const char *name)
{
	int ends[2];
	char byte;
	pid_t pid;

	fixture_write("wait.c", "#include <unistd.h>\n"
				"int main(void)\n"
				"{ write(1, \"\", 1); pause(); }\n");
	fixture_shell("gcc -g wait.c -o %s 2>/dev/null", name);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		execl(fixture_path(name), name, (char *)NULL);
		_exit(1);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

static void end_program(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void a_replaced_program_is_still_there(void **state)
{
	pid_t pid = run_program("running");
	struct binary_wanted wanted = wanted_of("running");

	(void)state;
	fixture_shell("rm running");
	is_result(&wanted, BINARY_ABSENT);
	wanted.pid = pid;
	is_result(&wanted, BINARY_FOUND);
	fixture_shell("cp one running");
	is_result(&wanted, BINARY_FOUND);
	wanted.pid = 0;
	is_result(&wanted, BINARY_DIFFERS);
	/* Another file of that process it is not. */
	wanted.pid = pid;
	the_id[0] ^= 1;
	is_result(&wanted, BINARY_DIFFERS);
	the_id[0] ^= 1;
	end_program(pid);
	is_result(&wanted, BINARY_DIFFERS);
}

/* --- the debug file ------------------------------------------------------ */

static bool debug_is_found(const char *name, bool with_file)
{
	struct binary_wanted wanted = wanted_of(name);
	struct binary file = {.elf = NULL, .fd = -1};
	bool found;

	if (with_file)
		assert_int_equal(binary_open(&file, &wanted), BINARY_FOUND);
	found = binary_open_debug(&binary, &wanted, &file,
				  fixture_path("debug"));
	if (found)
		assert_true(elf_has_section(binary.elf, ".debug_info"));
	else
		is_empty();
	binary_close(&binary);
	binary_close(&file);
	return found;
}

/* Where "one.debug" has to be by its build-id. */
static const char *place_of_id(const char *name)
{
	static char place[256];
	size_t size = fixture_build_id(name, the_id);
	int used = snprintf(place, sizeof(place), "debug/.build-id/%02x/",
			    the_id[0]);

	for (size_t i = 1; i < size; i++)
		used += snprintf(place + used, sizeof(place) - (size_t)used,
				 "%02x", the_id[i]);
	snprintf(place + used, sizeof(place) - (size_t)used, ".debug");
	return place;
}

static void debug_files_are_known_by_build_id(void **state)
{
	const char *place = place_of_id("one");

	(void)state;
	fixture_shell("objcopy --only-keep-debug one one.debug");
	assert_false(debug_is_found("one.stripped", false));
	fixture_shell("mkdir -p $(dirname %s) && cp one.debug %s", place,
		      place);
	assert_true(debug_is_found("one.stripped", false));
	/* What lies there must be it. */
	fixture_shell("cp two %s", place);
	assert_false(debug_is_found("one.stripped", false));
	fixture_shell("rm -r debug");
}

static void debug_files_are_known_by_link(void **state)
{
	static const char *const places[] = {"linked/", "linked/.debug/"};

	(void)state;
	fixture_shell("mkdir -p linked/.debug && cd linked && "
		      "objcopy --only-keep-debug ../one one.dbg && "
		      "objcopy --add-gnu-debuglink=one.dbg ../one.stripped "
		      "one && mv one.dbg ..");
	for (size_t i = 0; i < 2; i++) {
		assert_false(debug_is_found("linked/one", true));
		fixture_shell("cp one.dbg %s", places[i]);
		assert_true(debug_is_found("linked/one", true));
		/* The link is the file's: without it nothing is known. */
		assert_false(debug_is_found("linked/one", false));
		fixture_shell("rm %sone.dbg", places[i]);
	}
	fixture_shell("mkdir -p debug%s/linked && "
		      "cp one.dbg debug%s/linked",
		      fixture_directory, fixture_directory);
	assert_true(debug_is_found("linked/one", true));
	fixture_shell("cp two debug%s/linked/one.dbg", fixture_directory);
	assert_false(debug_is_found("linked/one", true));
	fixture_shell("rm -r debug");
}

static void without_a_build_id_there_is_no_debug_file(void **state)
{
	struct binary_wanted wanted;
	struct binary file;

	(void)state;
	fixture_shell("mkdir -p bare && cd bare && "
		      "gcc -g -Wl,--build-id=none ../one.c -o one.dbg && "
		      "strip one.dbg -o plain && "
		      "objcopy --add-gnu-debuglink=one.dbg plain one");
	wanted = wanted_of("bare/one");
	wanted.started_ns = UINT64_MAX;
	assert_int_equal(binary_open(&file, &wanted), BINARY_FOUND);
	assert_false(binary_open_debug(&binary, &wanted, &file,
				       fixture_path("debug")));
	is_empty();
	binary_close(&file);
}

static void what_was_fetched_is_looked_at(void **state)
{
	struct binary_wanted wanted = wanted_of("one");

	(void)state;
	assert_true(binary_adopt(&binary,
				 open(fixture_path("one.stripped"), O_RDONLY),
				 &wanted));
	assert_non_null(binary.elf);
	binary_close(&binary);
	assert_false(binary_adopt(&binary, open(fixture_path("two"), O_RDONLY),
				  &wanted));
	is_empty();
	assert_false(binary_adopt(
		&binary, open(fixture_path("one.c"), O_RDONLY), &wanted));
	is_empty();
	assert_false(binary_adopt(&binary, -1, &wanted));
	is_empty();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_file_wanted_is_opened),
		cmocka_unit_test(another_build_id_is_refused),
		cmocka_unit_test(what_is_no_program_is_refused),
		cmocka_unit_test(only_regular_files_are_opened),
		cmocka_unit_test(links_are_followed),
		cmocka_unit_test(a_file_of_others_is_unreadable),
		cmocka_unit_test(without_a_build_id_the_age_counts),
		cmocka_unit_test(the_kernels_own_code_is_found),
		cmocka_unit_test(a_replaced_program_is_still_there),
		cmocka_unit_test(debug_files_are_known_by_build_id),
		cmocka_unit_test(debug_files_are_known_by_link),
		cmocka_unit_test(without_a_build_id_there_is_no_debug_file),
		cmocka_unit_test(what_was_fetched_is_looked_at),
	};

	return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
