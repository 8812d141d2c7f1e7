#include "hakmem-top/ui/files.h"

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "tests/unit/hakmem-top/feeder.h"
#include "tests/unit/hakmem-top/scene.h"

static struct context context;
static struct client *client;
static struct feed feed;
static char directory[64], path[128], say[256];
static bool empty;  /* the screen has nothing to show */
static int trouble; /* its errno then, 0: as it was */
static unsigned saved;

static bool save(struct context *of, enum opts_format format, FILE *out)
{
	assert_ptr_equal(of, &context);
	saved++;
	fputs(format == OPTS_JSON  ? "{\"a\":1}\n"
	      : format == OPTS_CSV ? "a\n1\n"
				   : "another format",
	      out);
	if (trouble)
		errno = trouble;
	return !empty;
}

/* The stream into memory of the C library, or one that fails as chosen. */
static enum { WORKS, CANNOT_OPEN, CANNOT_WRITE } stream;

static ssize_t no_room(void *cookie, const char *data, size_t length)
{
	(void)cookie, (void)data, (void)length;
	errno = ENOMEM;
	return 0;
}

FILE *open_memstream(char **data, size_t *length)
{
	FILE *(*real)(char **, size_t *);

	if (stream == CANNOT_OPEN)
		return NULL;
	if (stream == CANNOT_WRITE) {
		*data = strdup("begun");
		*length = 5;
		return fopencookie(NULL, "w",
				   (cookie_io_functions_t){.write = no_room});
	}
	*(void **)&real = dlsym(RTLD_NEXT, "open_memstream");
	return real(data, length);
}

static const struct screen plain = {.name = "Plain", .save = save};
static const struct screen heap = {
	.name = "Heap", .of_process = true, .heap = true, .save = save};

static int setup(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/hakmem-files-XXXXXX");
	if (!mkdtemp(directory) || !feeder_open(NULL))
		return -1;
	context = (struct context){.tree = false};
	client = client_new(feeder.path, true);
	feed_init(&feed, client, &context, 3600);
	empty = false;
	stream = WORKS;
	trouble = 0;
	saved = 0;
	path[0] = say[0] = '\0';
	return client ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	feed_clear(&feed);
	screen_processes.refresh(&context); /* nothing points into the list */
	client_free(client);
	feeder_close();
	unlink(path);
	return rmdir(directory); /* fails when another file was written */
}

/* Writes to this name in the directory. */
static bool write_to(const struct screen *screen, const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	say[0] = '\0';
	return files_write(screen, &context, &feed, path, say, sizeof(say));
}

/* `say` is this text and the path. */
static void expect_said(const char *begin)
{
	char wanted[256];

	snprintf(wanted, sizeof(wanted), "%s%s", begin, path);
	assert_string_equal(say, wanted);
}

static void expect_file(const void *wanted, size_t length)
{
	char content[64];
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	assert_int_equal(fread(content, 1, sizeof(content), file), length);
	fclose(file);
	assert_memory_equal(content, wanted, length);
	unlink(path);
}

static void expect_no_file(void)
{
	assert_int_not_equal(access(path, F_OK), 0);
}

static void expect_text(const struct screen *screen, const char *name,
			const char *wanted)
{
	assert_true(write_to(screen, name));
	expect_said("wrote ");
	expect_file(wanted, strlen(wanted));
}

/* Reads until there is something to draw: an answer came. */
static void step(void)
{
	for (int i = 0; i < 100 && !feed_step(&feed, client_now_ns()); i++)
		;
}

/* Connected to the daemon, with process 2 open. */
static void connect_to_daemon(void)
{
	struct processes *list = scene_list(2);

	step();
	feeder_accept();
	assert_int_equal(feeder_what(), HAKMEM__QUERY_WHAT__QUERY_PROCESSES);
	feeder_list(list, false);
	step();
	model_processes_free(list);
	assert_non_null(context.list);
	context.open_id = 2;
}

/* The daemon is asked for the heap in that format, and for nothing else. */
static void expect_asked(const char *format)
{
	Hakmem__Query *query;

	feed_step(&feed, client_now_ns());
	query = feeder_query();
	assert_non_null(query);
	assert_int_equal(query->what, HAKMEM__QUERY_WHAT__QUERY_EXPORT);
	assert_int_equal(query->process_id, 2);
	assert_string_equal(query->export_what, "heap");
	assert_string_equal(query->export_format, format);
	hakmem__query__free_unpacked(query, NULL);
}

/* The daemon's last word came. */
static void expect_exported(void)
{
	step();
	assert_int_equal(feed.export.state, FEED_EXPORTED);
}

static void expect_waiting(const char *format)
{
	char wanted[64];

	snprintf(wanted, sizeof(wanted), "waiting for the daemon's %s ...",
		 format);
	assert_string_equal(say, wanted);
	assert_int_equal(feed.export.state, FEED_EXPORTING);
}

static void the_prompt_names_the_ends(void **state)
{
	(void)state;
	assert_string_equal(files_label(&plain), "Write to (.csv or .json):");
	assert_string_equal(files_label(&heap),
			    "Write to (.csv .json; heap .pb.gz .pprof .folded "
			    ".svg):");
}

static void offers_a_name_of_screen_and_process(void **state)
{
	struct detail *detail = scene_detail(7);
	char name[64], tight[12];

	(void)state;
	files_offer(&plain, &context, name, sizeof(name));
	assert_string_equal(name, "hakmem-plain.csv");
	/* Nothing is known of the process yet. */
	files_offer(&heap, &context, name, sizeof(name));
	assert_string_equal(name, "hakmem-heap.csv");
	context.detail = detail;
	files_offer(&heap, &context, name, sizeof(name));
	assert_string_equal(name, "hakmem-107-heap.csv");
	/* The list is of no process, even while one is open. */
	files_offer(&plain, &context, name, sizeof(name));
	assert_string_equal(name, "hakmem-plain.csv");
	files_offer(&heap, &context, tight, sizeof(tight));
	assert_string_equal(tight, "hakmem-107-");
}

static void the_end_of_the_name_chooses(void **state)
{
	(void)state;
	expect_text(&plain, "a.csv", "a\n1\n");
	expect_text(&plain, "a.json", "{\"a\":1}\n");
	expect_text(&plain, "a.csv.json", "{\"a\":1}\n");
	expect_text(&plain, "a.json.csv", "a\n1\n");
	expect_text(&heap, "a.csv", "a\n1\n");
	expect_text(&heap, "a.json", "{\"a\":1}\n");
	assert_int_equal(feed.export.state, FEED_NO_EXPORT);
}

/* Also one that is nothing but an end, here without its directory. */
static void a_bare_name_is_written_where_one_is(void **state)
{
	(void)state;
	assert_int_equal(chdir(directory), 0);
	strcpy(path, ".json");
	assert_true(
		files_write(&plain, &context, &feed, path, say, sizeof(say)));
	expect_said("wrote ");
	expect_file("{\"a\":1}\n", 8);
	assert_int_equal(chdir("/"), 0);
}

static void a_name_without_an_end_is_csv(void **state)
{
	(void)state;
	expect_text(&plain, "json", "a\n1\n");
	expect_text(&heap, "svg", "a\n1\n");
	expect_text(&plain, ".hidden", "a\n1\n");
	/* A dot of the directory is not one of the name. */
	snprintf(path, sizeof(path), "%s/a.d", directory);
	assert_int_equal(mkdir(path, 0777), 0);
	expect_text(&plain, "a.d/b", "a\n1\n");
	snprintf(path, sizeof(path), "%s/a.d", directory);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(feed.export.state, FEED_NO_EXPORT);
}

static void expect_refused(const struct screen *screen, const char *name,
			   const char *why)
{
	assert_false(write_to(screen, name));
	assert_string_equal(say, why);
	expect_no_file();
}

static void an_end_that_is_not_known_is_refused(void **state)
{
	static const char few[] = "want .csv or .json at the end of the name",
			  all[] = "want .csv, .json, .pb.gz, .pprof, .folded "
				  "or .svg at the end of the name";

	(void)state;
	expect_refused(&plain, "a.txt", few);
	expect_refused(&plain, "a.pb.gz", few);
	expect_refused(&plain, "a.pprof", few);
	expect_refused(&plain, "a.folded", few);
	expect_refused(&plain, "a.svg", few);
	expect_refused(&plain, "a.csv.gz", few);
	expect_refused(&plain, "a.", few);
	expect_refused(&plain, ".a.txt", few);
	expect_refused(&plain, ".svg", few);
	expect_refused(&heap, "a.txt", all);
	expect_refused(&heap, "a.gz", all);
	assert_int_equal(saved, 0);
	assert_int_equal(feed.export.state, FEED_NO_EXPORT);
}

static void out_of_memory_is_not_nothing(void **state)
{
	(void)state;
	stream = CANNOT_OPEN;
	expect_refused(&plain, "a.csv", "out of memory");
	assert_int_equal(saved, 0);
	stream = CANNOT_WRITE;
	expect_refused(&plain, "a.csv", "out of memory");
	assert_int_equal(saved, 1);
	stream = WORKS;
	empty = true;
	trouble = ENOMEM; /* the screen had none for its rows */
	expect_refused(&plain, "a.csv", "out of memory");
	trouble = 0;
	errno = ENOMEM; /* of something before */
	expect_refused(&plain, "a.csv", "nothing to write yet");
}

static void nothing_to_write_is_said(void **state)
{
	(void)state;
	empty = true;
	assert_false(write_to(&plain, "a.csv"));
	assert_string_equal(say, "nothing to write yet");
	expect_no_file();
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
	(void)state;
	assert_false(write_to(&plain, "no/place.csv"));
	assert_int_equal(saved, 1);
	assert_non_null(strstr(say, "cannot write "));
	assert_non_null(strstr(say, "/no/place.csv: "));
	assert_non_null(strstr(say, strerror(ENOENT)));
}

static void the_heap_comes_from_the_daemon(void **state)
{
	static const struct {
		const char *name, *format;
	} ways[] = {{"h.pb.gz", "pprof"},
		    {"h.pprof", "pprof"},
		    {"h.folded", "folded"},
		    {"h.svg", "svg"}};

	(void)state;
	connect_to_daemon();
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_true(write_to(&heap, ways[i].name));
		expect_waiting(ways[i].format);
		expect_no_file(); /* before all of it is there */
		expect_asked(ways[i].format);
		feeder_export("ab\0", 3, false);
		feeder_export("cd", 2, true);
		expect_exported();
		assert_true(files_finish(&feed, say, sizeof(say)));
		expect_said("wrote ");
		expect_file("ab\0cd", 5);
		assert_int_equal(feed.export.state, FEED_NO_EXPORT);
	}
	assert_int_equal(saved, 0); /* what the screen shows is not asked */
}

static void one_export_at_a_time(void **state)
{
	(void)state;
	connect_to_daemon();
	assert_true(write_to(&heap, "one.svg"));
	expect_asked("svg");
	assert_false(write_to(&heap, "two.svg"));
	assert_string_equal(say, "no daemon, or an export is under way");
	/* What is on the screen needs no daemon. */
	expect_text(&heap, "a.json", "{\"a\":1}\n");
	feeder_export("x", 1, true);
	expect_exported();
	assert_true(files_finish(&feed, say, sizeof(say)));
	snprintf(path, sizeof(path), "%s/one.svg", directory);
	expect_said("wrote ");
	expect_file("x", 1);
}

static void no_heap_without_a_daemon(void **state)
{
	(void)state;
	context.open_id = 2;
	assert_false(write_to(&heap, "h.svg"));
	assert_string_equal(say, "no daemon, or an export is under way");
	assert_int_equal(feed.export.state, FEED_NO_EXPORT);
	expect_no_file();
}

static void the_daemon_says_why_there_is_no_export(void **state)
{
	(void)state;
	connect_to_daemon();
	assert_true(write_to(&heap, "h.svg"));
	expect_asked("svg");
	feeder_error("no such process");
	expect_exported();
	assert_false(files_finish(&feed, say, sizeof(say)));
	assert_string_equal(say, "no export: no such process");
	expect_no_file();
	/* The next one may come. */
	assert_int_equal(feed.export.state, FEED_NO_EXPORT);
	assert_true(write_to(&heap, "h.folded"));
	expect_waiting("folded");
}

static void a_piece_is_no_export(void **state)
{
	(void)state;
	connect_to_daemon();
	assert_true(write_to(&heap, "h.svg"));
	expect_asked("svg");
	feeder_export("begun", 5, false);
	feeder_drop();
	expect_exported();
	assert_false(files_finish(&feed, say, sizeof(say)));
	assert_memory_equal(say, "no export: ", 11);
	assert_true(strlen(say) > 11);
	expect_no_file();
}

static void an_export_that_cannot_be_written_is_told(void **state)
{
	(void)state;
	connect_to_daemon();
	assert_true(write_to(&heap, "no/h.svg"));
	expect_asked("svg");
	feeder_export("x", 1, true);
	expect_exported();
	assert_false(files_finish(&feed, say, sizeof(say)));
	assert_non_null(strstr(say, "cannot write "));
	assert_int_equal(feed.export.state, FEED_NO_EXPORT);
	assert_null(feed.export.data.data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_prompt_names_the_ends),
		TEST(offers_a_name_of_screen_and_process),
		TEST(the_end_of_the_name_chooses),
		TEST(a_bare_name_is_written_where_one_is),
		TEST(a_name_without_an_end_is_csv),
		TEST(an_end_that_is_not_known_is_refused),
		TEST(out_of_memory_is_not_nothing),
		TEST(nothing_to_write_is_said),
		TEST(a_file_that_cannot_be_written_is_told),
		TEST(the_heap_comes_from_the_daemon),
		TEST(one_export_at_a_time),
		TEST(no_heap_without_a_daemon),
		TEST(the_daemon_says_why_there_is_no_export),
		TEST(a_piece_is_no_export),
		TEST(an_export_that_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
