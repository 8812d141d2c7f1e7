#include "hakmem-top/commands/summary.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/hakmem-top/feeder.h"
#include "tests/unit/hakmem-top/scene.h"

#define EXITED(status) (((status)&0xFF) << 8) /* as waitpid says it */
#define DUMPED(signal) ((signal) | 0x80)

static struct client *client;
static struct processes *list;
static struct run run;
static char *text;
static unsigned alive_for; /* polls that see the command alive */
static bool refusing;

static void answer(const Hakmem__Query *query)
{
	struct detail *detail;

	if (refusing) {
		feeder_error("you are not welcome");
		return;
	}
	if (query->what == HAKMEM__QUERY_WHAT__QUERY_PROCESSES) {
		if (alive_for > 0 && --alive_for == 0)
			list->rows[0].state = MODEL_EXITED;
		feeder_list(list, false);
		return;
	}
	detail = scene_detail(query->process_id);
	feeder_detail(detail);
	model_detail_free(detail);
}

static int setup(void **state)
{
	(void)state;
	run = (struct run){.command = 101,
			   .name = "/bin/program1",
			   .ended = true,
			   .status = EXITED(0)};
	alive_for = 0;
	refusing = false;
	list = scene_list(1);
	list->rows[0].state = MODEL_EXITED;
	if (!feeder_open(answer))
		return -1;
	client = client_new(feeder.path, true);
	return client ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	client_free(client);
	feeder_close();
	model_processes_free(list);
	return 0;
}

static void print(void)
{
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	summary_print(out, client, &run);
	fclose(out);
}

static void one_screen_of_text(void **state)
{
	(void)state;
	list->rows[0].figures[FIGURE_REJECTS] = 1002;
	list->rows[0].figures[FIGURE_REJECT(0)] = 2;
	list->rows[0].figures[FIGURE_REJECT(5)] = 1000;
	list->rows[0].figures[FIGURE_PAGE_BOUNDARY] = 7654;
	list->rows[0].figures[FIGURE_MINCORE] = 5;
	list->rows[0].figures[FIGURE_FALLBACK_1024] = 4;
	list->rows[0].figures[FIGURE_DROPPED] = 3;
	strcpy(run.output, "/tmp/out");
	print();
	assert_string_equal(
		text,
		"hakmem-top: /bin/program1 (pid 101)\n"
		"  ended with   exit status 0\n"
		"  peak live    2.00K\n"
		"  allocations  1,000, frees 900\n"
		"  left live    1.00K in 10 blocks\n"
		"  1024 bytes   100 requests (10.0% of all), 4 left the small "
		"classes\n"
		"  page bounds  7,654 frees, 5 asked mincore\n"
		"  rejects      1,002  (double free 2, foreign pointer 1,000)\n"
		"  dropped      3 states\n"
		"  top sizes            bytes  requests      %\n"
		"                        1-16       900   90.0  "
		"##############################\n"
		"                        1024       100   10.0  ###\n"
		"  output in    /tmp/out\n");
}

/* A name that somebody else chose cannot break the text. */
static void names_are_clean(void **state)
{
	(void)state;
	run.name = "/bin/\033[31mred\n";
	print();
	assert_memory_equal(text, "hakmem-top: /bin/^[[31mred^J (pid 101)\n",
			    39);
}

static void the_end_is_told_by_signal(void **state)
{
	(void)state;
	run.status = DUMPED(SIGSEGV);
	print();
	assert_non_null(strstr(text, "\n  ended by     signal 11 (SIGSEGV), "
				     "core dumped\n"));
	free(text);
	run.status = SIGKILL;
	print();
	assert_non_null(strstr(text, "\n  ended by     signal 9 (SIGKILL)\n"));
	free(text);
	run.status = EXITED(7);
	print();
	assert_non_null(strstr(text, "\n  ended with   exit status 7\n"));
	free(text);
	run.ended = false;
	print();
	assert_null(strstr(text, "ended"));
}

static void children_are_added_up(void **state)
{
	(void)state;
	model_processes_free(list);
	list = scene_list(3);
	list->rows[0].state = MODEL_EXITED;
	list->rows[1].parent_id = 1;
	list->rows[1].state = MODEL_SIGNALLED;
	list->rows[1].exit_signal = SIGSEGV;
	print(); /* the third one is not of the family */
	assert_non_null(strstr(text, "\n  peak live    4.00K in the largest "
				     "process\n"));
	assert_non_null(strstr(text, "\n  allocations  3,000, frees 2,700\n"));
	assert_non_null(strstr(text, "\n  left live    3.00K in 30 blocks\n"));
	assert_non_null(strstr(
		text,
		"\n  processes    2; the largest:\n"
		"          102  peak  4.00K  allocs  2.00k  SIGSEGV  program2 "
		"-x\n"
		"          101  peak  2.00K  allocs  1.00k  exited   program1 "
		"-x\n"));
	assert_non_null(strstr(text, "  1-16     1.80k   90.0  ###"));
}

static void all_of_a_private_daemon_is_ours(void **state)
{
	(void)state;
	model_processes_free(list);
	list = scene_list(3);
	list->rows[0].state = MODEL_EXITED;
	run.daemon = 1;
	print();
	assert_non_null(strstr(text, "\n  allocations  6,000, frees 5,400\n"));
}

static void waits_until_the_daemon_knows_the_end(void **state)
{
	(void)state;
	list->rows[0].state = MODEL_RUNNING;
	alive_for = 3;
	print();
	/* one for the detail, one for the sites */
	assert_int_equal(feeder.queries, 5);
	assert_non_null(strstr(text, "allocations  1,000"));
}

/* Known to it is only another command, so it is asked for a second. */
static void waits_at_most_a_second(void **state)
{
	uint64_t begin = client_now_ns();

	(void)state;
	run.command = 102;
	print();
	assert_in_range(client_now_ns() - begin, 1000000000, 60 * SCENE_S);
	assert_string_equal(text, "hakmem-top: /bin/program1 (pid 102)\n"
				  "  ended with   exit status 0\n"
				  "  no figures: it never spoke to the daemon "
				  "(a static or setuid program?)\n");
}

static void no_list_no_figures(void **state)
{
	(void)state;
	refusing = true;
	print();
	assert_string_equal(text, "hakmem-top: /bin/program1 (pid 101)\n"
				  "  ended with   exit status 0\n"
				  "  no figures: you are not welcome\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(one_screen_of_text),
		TEST(names_are_clean),
		TEST(the_end_is_told_by_signal),
		TEST(children_are_added_up),
		TEST(all_of_a_private_daemon_is_ours),
		TEST(waits_until_the_daemon_knows_the_end),
		TEST(waits_at_most_a_second),
		TEST(no_list_no_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
