#include "hakmemd/look/look.h"

#include <elf.h>
#include <limits.h>
#include <sys/stat.h>

#include "hakmemd/look/look_helper.h"
#include "hakmemd/look/maps.h"
#include "tests/unit/hakmemd/harness.h"

static char library[PATH_MAX], other_library[PATH_MAX];
static struct look *look;
static pid_t program;

/* What came of the last look. */
static struct {
	unsigned frames[256], ends;
	enum look_end end;
	uint64_t id, base, allocs;
} got;

static void frame(void *owner, uint64_t id, uint16_t type,
		  const uint8_t *payload, size_t length)
{
	assert_ptr_equal(owner, &got);
	got.id = id;
	got.frames[type]++;
	if (type == FRAME_STATE) {
		Hakmem__State *state =
			hakmem__state__unpack(NULL, length, payload);

		assert_non_null(state);
		got.allocs = state->figures[FIGURE_ALLOCS];
		hakmem__state__free_unpacked(state, NULL);
	}
}

static void ended(void *owner, uint64_t id, enum look_end end, uint64_t base)
{
	assert_ptr_equal(owner, &got);
	assert_false(look_busy(look));
	got.id = id;
	got.end = end;
	got.base = base;
	got.ends++;
}

/* A program that sleeps, under `preload`, silent. */
static pid_t start(const char *preload, const char *setting)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("HAKMEM_STREAM", "off", 1);
		if (preload)
			setenv("LD_PRELOAD", preload, 1);
		if (setting)
			setenv("HAKMEM_LOOK", setting, 1);
		execlp("sleep", "sleep", "600", (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void stop(void)
{
	if (program > 0) {
		kill(program, SIGKILL);
		waitpid(program, NULL, 0);
	}
	program = 0;
}

static int begin_with(const char *path)
{
	const struct look_settings settings = {
		.library = path, .frame = frame, .ended = ended, .owner = &got};

	memset(&got, 0, sizeof(got));
	look = look_new(harness_loop, &settings);
	return look ? 0 : -1;
}

static int begin(void **state)
{
	return harness_begin(state) == 0 ? begin_with(library) : -1;
}

static int end(void **state)
{
	stop();
	look_free(look);
	look = NULL;
	return harness_end(state);
}

/* Looks until it ends like that: a program takes a while to come up. */
static void look_until(const struct look_target *wanted, enum look_end end)
{
	uint64_t until_ns = clock_ns() + PATIENCE_NS;

	do {
		struct look_target target = *wanted;

		memset(&got, 0, sizeof(got));
		target.pid = program;
		assert_true(look_ask(look, &target));
		assert_true(look_busy(look));
		assert_false(look_ask(look, &target));
		look_wait(look, clock_ns() + PATIENCE_NS);
		assert_int_equal(got.ends, 1);
		if (clock_ns() > until_ns)
			fail_msg("%s, not %s", look_end_text(got.end),
				 look_end_text(end));
	} while (got.end != end);
}

static void a_silent_program_is_read(void **state)
{
	const struct look_target first = {.id = 9, .hello = true, .all = true};
	struct look_target next = {.id = 9};

	(void)state;
	program = start(library, NULL);
	do /* before its first request there is nothing to see */
		look_until(&first, LOOK_DONE);
	while (got.allocs == 0);
	assert_int_equal(got.id, 9);
	assert_true(got.base != 0);
	assert_int_equal(got.frames[FRAME_HELLO], 1);
	assert_int_equal(got.frames[FRAME_STATE], 1);
	next.base = got.base;
	look_until(&next, LOOK_DONE);
	assert_int_equal(got.frames[FRAME_HELLO], 0);
	assert_int_equal(got.frames[FRAME_STATE], 1);
	/* Stopped it is read all the same. */
	kill(program, SIGSTOP);
	look_until(&next, LOOK_DONE);
	assert_true(got.allocs > 0);
}

static void answers_come_through_the_loop(void **state)
{
	struct look_target target = {.id = 1, .all = true};

	(void)state;
	program = start(library, NULL);
	look_until(&target, LOOK_DONE);
	memset(&got, 0, sizeof(got));
	target.pid = program;
	assert_true(look_ask(look, &target));
	harness_until(got.ends == 1);
	assert_int_equal(got.end, LOOK_DONE);
	assert_int_equal(got.frames[FRAME_STATE], 1);
	assert_true(look_tick(look, clock_ns()) == UINT64_MAX);
}

static void who_is_no_program_of_ours_is_said_to_be_none(void **state)
{
	const struct look_target target = {.id = 1, .all = true};
	uint64_t base;

	(void)state;
	program = start(NULL, NULL);
	look_until(&target, LOOK_FOREIGN);
	assert_int_equal(maps_find(program, NULL, &base), LOOK_FOREIGN);
	stop();
	program = 0x7ffffff0; /* no process can have so high a number */
	look_until(&target, LOOK_GONE);
	assert_int_equal(maps_find(program, NULL, &base), LOOK_GONE);
	program = 0;
}

static void a_program_may_forbid_it(void **state)
{
	const struct look_target target = {.id = 1, .all = true};
	uint64_t base;

	(void)state;
	program = start(library, "off");
	harness_until(maps_find(program, NULL, &base) == LOOK_DONE);
	look_until(&target, LOOK_OFF);
	assert_int_equal(got.frames[FRAME_STATE], 0);
}

static void another_build_is_refused(void **state)
{
	const struct look_target target = {.id = 1, .all = true};

	(void)state;
	program = start(other_library, NULL);
	look_until(&target, LOOK_OTHER);
	assert_int_equal(got.frames[FRAME_STATE], 0);
}

static pid_t helper(void)
{
	char path[64], text[64] = "";
	pid_t pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children",
		 (int)getpid());
	file = fopen(path, "re");
	assert_non_null(file);
	while (pid == 0 && fscanf(file, "%63s", text) == 1)
		if (atoi(text) != program)
			pid = atoi(text);
	fclose(file);
	return pid;
}

static void a_helper_that_dies_is_no_harm(void **state)
{
	struct look_target target = {.id = 1, .all = true};

	(void)state;
	program = start(library, NULL);
	look_until(&target, LOOK_DONE);
	memset(&got, 0, sizeof(got));
	kill(helper(), SIGSTOP);
	target.pid = program;
	assert_true(look_ask(look, &target));
	kill(helper(), SIGKILL);
	harness_until(got.ends == 1);
	assert_int_equal(got.end, LOOK_NO_HELPER);
	/* The next one is not started at once. */
	assert_false(look_ask(look, &target));
}

static void a_helper_that_is_late_is_ended(void **state)
{
	struct look_target target = {.id = 1, .all = true};

	(void)state;
	program = start(library, NULL);
	look_until(&target, LOOK_DONE);
	memset(&got, 0, sizeof(got));
	kill(helper(), SIGSTOP);
	target.pid = program;
	assert_true(look_ask(look, &target));
	look_wait(look, clock_ns() + 20 * MS);
	assert_true(look_busy(look));
	assert_true(look_tick(look, clock_ns()) > clock_ns());
	look_tick(look, clock_ns() + 3600 * CLOCK_SECOND);
	assert_int_equal(got.end, LOOK_NO_HELPER);
}

static void without_a_library_nobody_is_read(void **state)
{
	const struct look_target target = {.id = 1, .pid = getpid()};

	(void)state;
	look_free(look);
	assert_int_equal(begin_with("/no/such/libhakmem.so"), 0);
	assert_true(look_ask(look, &target)); /* it fails in the helper */
	harness_until(got.ends == 1);
	assert_int_equal(got.end, LOOK_NO_HELPER);
}

static void every_end_has_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LOOK_ENDS; i++)
		assert_true(strlen(look_end_text((enum look_end)i)) > 5);
	assert_string_equal(look_end_text(LOOK_ENDS), "?");
}

/* The same library with another build id. */
static bool copy_library(const char *from, const char *to)
{
	static char bytes[8 << 20];
	FILE *in = fopen(from, "re"), *out;
	size_t length = in ? fread(bytes, 1, sizeof(bytes), in) : 0;
	const char *note = memmem(bytes, length, "GNU", 4);

	if (!note)
		return false;
	fclose(in);
	bytes[note - bytes + 4] ^= 1;
	out = fopen(to, "we");
	return out && fwrite(bytes, 1, length, out) == length &&
	       fclose(out) == 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_silent_program_is_read),
		TEST(answers_come_through_the_loop),
		TEST(who_is_no_program_of_ours_is_said_to_be_none),
		TEST(a_program_may_forbid_it),
		TEST(another_build_is_refused),
		TEST(a_helper_that_dies_is_no_harm),
		TEST(a_helper_that_is_late_is_ended),
		TEST(without_a_library_nobody_is_read),
		TEST(every_end_has_words),
	};
	ssize_t length = readlink("/proc/self/exe", library, PATH_MAX - 64);
	char *end_of_build =
		length > 0 ? strstr(library, "/tests/unit/") : NULL;
	char directory[] = "/tmp/hakmem-look-XXXXXX";
	int failed;

	if (end_of_build)
		strcpy(end_of_build, "/libhakmem.so");
#ifdef __SANITIZE_ADDRESS__
	return 0; /* its library cannot be preloaded into other programs */
#endif
	if (!end_of_build || access(library, R_OK) != 0 ||
	    !mkdtemp(directory)) {
		puts("no libhakmem.so that programs could run under");
		return 1;
	}
	snprintf(other_library, sizeof(other_library), "%s/libhakmem.so",
		 directory);
	if (!copy_library(library, other_library))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(other_library);
	rmdir(directory);
	return failed;
}
