#include "hakmem-top/commands/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "hakmem-top/base/signals.h"
#include "tests/unit/hakmem-top/feeder.h"
#include "tests/unit/hakmem-top/output.h"
#include "tests/unit/hakmem-top/scene.h"

static struct client *client;
static struct processes *list;
static struct opts opts;
static struct run run;
static char why[256], *text;
static int result;

static void answer(const Hakmem__Query *query)
{
	(void)query;
	feeder_list(list, false);
	/* A second and 1,000 allocations more until the next poll. */
	for (size_t i = 0; i < list->count; i++) {
		list->rows[i].state_ns += SCENE_S;
		list->rows[i].figures[FIGURE_ALLOCS] += 1000;
		list->rows[i].figures[FIGURE_FREES] += 500;
	}
	list->now_ns += SCENE_S;
}

static int open_signals(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	return signals_open() ? 0 : -1;
}

static int setup(void **state)
{
	(void)state;
	why[0] = '\0';
	run = (struct run){.name = "command"};
	opts = (struct opts){.mode = OPTS_BATCH,
			     .format = OPTS_TEXT,
			     .count = 1,
			     .interval_s = 60};
	list = scene_list(2);
	if (!feeder_open(answer))
		return -1;
	client = client_new(feeder.path, true);
	return client ? 0 : -1;
}

static int teardown(void **state)
{
	bool by_terminal;

	(void)state;
	free(output_end());
	free(text);
	text = NULL;
	client_free(client);
	feeder_close();
	model_processes_free(list);
	if (run.command > 0 && !run.ended) {
		kill(run.command, SIGKILL);
		waitpid(run.command, NULL, 0);
	}
	while (signals_next(&by_terminal) != 0)
		;
	return 0;
}

/* Runs with what is written in `text`. */
static void report(struct run *watched)
{
	output_catch(1);
	result = batch_run(&opts, client, watched, why, sizeof(why));
	text = output_end();
}

static unsigned lines(void)
{
	unsigned count = 0;

	for (const char *at = text; *at; at++)
		count += *at == '\n';
	return count;
}

static void text_is_a_table_with_the_most_memory_first(void **state)
{
	(void)state;
	report(NULL);
	assert_int_equal(result, 0);
	assert_true(text[4] == '-' && text[10] == ' ' && text[13] == ':');
	assert_string_equal(
		text + 19,
		"  2 running, 0 ended  live 3.00K  rss 3.00M  allocs/s 0\n"
		"    PID   LIVE    RSS ALLOC/S FREE/S 1024%  PGB/S   REJ"
		"    AGE STATE    COMMAND\n"
		"    102  2.00K  2.00M       -      -  10.0      -     0"
		"  1m15s running  program2 -x\n"
		"    101  1.00K  1.00M       -      -  10.0      -     0"
		"  1m15s running  program1 -x\n"
		"\n");
}

static void rates_come_with_the_second_report(void **state)
{
	(void)state;
	opts.count = 2;
	opts.interval_s = 0.1;
	list->count = 1;
	report(NULL);
	list->count = 2;
	assert_int_equal(result, 0);
	assert_int_equal(lines(), 8);
	assert_non_null(strstr(text, "  live 1.00K  rss 1.00M  allocs/s 1.00k\n"
				     "    PID"));
	assert_non_null(strstr(text, "    101  1.00K  1.00M   1.00k    500"));
}

static void json_is_a_line_a_report(void **state)
{
	(void)state;
	opts.count = 3;
	opts.interval_s = 0.1;
	opts.format = OPTS_JSON;
	report(NULL);
	assert_int_equal(lines(), 3);
	assert_int_equal(feeder.queries, 3);
	assert_memory_equal(text, "{\"schema\":1,\"time_s\":", 21);
	assert_non_null(strstr(text, "\"allocs_total\":1000,"));
	assert_non_null(strstr(text, "\"allocs_total\":3000,"));
	assert_null(strchr(text, '\033'));
}

static void csv_has_one_header(void **state)
{
	(void)state;
	opts.count = 2;
	opts.interval_s = 0.1;
	opts.format = OPTS_CSV;
	report(NULL);
	assert_int_equal(lines(), 5);
	assert_memory_equal(text, "time_s,pid,", 11);
	assert_null(strstr(text + 1, "time_s,pid,"));
}

static void reports_keep_to_the_interval(void **state)
{
	uint64_t begin = client_now_ns(), took;

	(void)state;
	opts.count = 3;
	opts.interval_s = 0.1;
	report(NULL);
	took = client_now_ns() - begin;
	assert_in_range(took, 200000000, 60 * SCENE_S);
}

static void a_signal_ends_it(void **state)
{
	(void)state;
	opts.count = 0;
	kill(getpid(), SIGTERM);
	report(NULL);
	assert_int_equal(result, 0);
	assert_int_equal(feeder.queries, 1);
}

static void report_into(int fd)
{
	output_catch(1);
	dup2(fd, 1);
	close(fd);
	result = batch_run(&opts, client, NULL, why, sizeof(why));
	text = output_end();
}

static void it_ends_when_nobody_reads_any_more(void **state)
{
	int ends[2];

	(void)state;
	opts.count = 0;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	report_into(ends[1]);
	assert_int_equal(result, 0);
	assert_int_equal(feeder.queries, 1);
}

/* Also when it goes long before the next report is due. */
static void it_ends_when_the_reader_goes(void **state)
{
	char bytes[4096];
	int ends[2];
	pid_t reader;

	(void)state;
	opts.count = 0;
	assert_int_equal(pipe(ends), 0);
	reader = fork();
	if (reader == 0)
		_exit(read(ends[0], bytes, sizeof(bytes)) > 0 ? 0 : 1);
	close(ends[0]);
	report_into(ends[1]);
	assert_int_equal(result, 0);
	assert_int_equal(feeder.queries, 1);
	assert_int_equal(waitpid(reader, NULL, 0), reader);
}

static void a_full_disk_is_a_failure(void **state)
{
	(void)state;
	report_into(open("/dev/full", O_WRONLY | O_CLOEXEC));
	assert_int_equal(result, -1);
	assert_string_equal(why,
			    "cannot write to stdout: No space left on device");
}

static void no_daemon_is_a_failure(void **state)
{
	(void)state;
	client_free(client);
	client = client_new("/nonexistent/sock", false);
	report(NULL);
	assert_int_equal(result, -1);
	assert_string_equal(text, "");
	assert_non_null(strstr(why, "no hakmemd at /nonexistent/sock"));
}

/* A command that exits with 3 after `ms`; its row is the second one. */
static void start_command(unsigned ms)
{
	run.command = fork();
	if (run.command == 0) {
		signals_restore();
		usleep(ms * 1000);
		_exit(3);
	}
	list->rows[1].pid = (uint32_t)run.command;
}

static void a_command_is_reported_to_its_end(void **state)
{
	(void)state;
	opts.count = 0;
	opts.format = OPTS_CSV;
	start_command(50);
	report(&run);
	assert_int_equal(result, 0);
	assert_true(run.ended);
	assert_int_equal(run_exit_status(&run), 3);
	/* One at the start, one at the end; of the command alone. */
	assert_int_equal(feeder.queries, 2);
	assert_int_equal(lines(), 3);
	assert_null(strstr(text, "program1"));
}

static void all_of_a_private_daemon_is_reported(void **state)
{
	(void)state;
	opts.format = OPTS_CSV;
	start_command(60000);
	run.daemon = 1;
	report(&run);
	run.daemon = 0;
	assert_int_equal(result, 0);
	assert_false(run.ended);
	assert_int_equal(lines(), 3);
	assert_non_null(strstr(text, "program1"));
}

static void signals_go_to_the_command(void **state)
{
	(void)state;
	opts.count = 0;
	start_command(60000);
	kill(getpid(), SIGTERM);
	report(&run);
	assert_int_equal(result, 0);
	assert_true(run.ended);
	assert_int_equal(run_exit_status(&run), 128 + SIGTERM);
	assert_int_equal(feeder.queries, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(text_is_a_table_with_the_most_memory_first),
		TEST(rates_come_with_the_second_report),
		TEST(json_is_a_line_a_report),
		TEST(csv_has_one_header),
		TEST(reports_keep_to_the_interval),
		TEST(a_signal_ends_it),
		TEST(it_ends_when_nobody_reads_any_more),
		TEST(it_ends_when_the_reader_goes),
		TEST(a_full_disk_is_a_failure),
		TEST(no_daemon_is_a_failure),
		TEST(a_command_is_reported_to_its_end),
		TEST(all_of_a_private_daemon_is_reported),
		TEST(signals_go_to_the_command),
	};

	return cmocka_run_group_tests(tests, open_signals, NULL);
}
