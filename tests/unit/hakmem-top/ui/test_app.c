#include "hakmem-top/ui/app.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "hakmem-top/screens/screen.h"
#include "hakmem-top/base/signals.h"
#include "tests/unit/hakmem-top/feeder.h"
#include "tests/unit/hakmem-top/scene.h"
#include "tests/unit/hakmem-top/typist.h"

static struct client *client;
static struct processes *list;
static struct opts opts;
static struct run run;
static char why[256];
static int result;

static void answer(const Hakmem__Query *query)
{
	struct history *history;
	struct detail *detail;

	if (query->what == HAKMEM__QUERY_WHAT__QUERY_PROCESSES) {
		feeder_list(list, false);
	} else if (query->process_id == 1) {
		feeder_error("no such process");
	} else if (query->what == HAKMEM__QUERY_WHAT__QUERY_DETAIL) {
		detail = scene_detail(query->process_id);
		feeder_detail(detail);
		model_detail_free(detail);
	} else {
		history = scene_history(query->process_id, 9);
		feeder_history(history);
		model_history_free(history);
	}
}

static int open_signals(void **state)
{
	(void)state;
	terminal_fill();
	return signals_open() ? 0 : -1;
}

static int setup(void **state)
{
	(void)state;
	unsetenv("NO_COLOR");
	opts = (struct opts){.interval_s = 60};
	run = (struct run){.name = "command"};
	strcpy(run.output, "/tmp/out");
	list = scene_list(3);
	why[0] = '\0';
	if (!feeder_open(answer) || !terminal_open(24, 100, "xterm"))
		return -1;
	client = client_new(feeder.path, true);
	return client ? 0 : -1;
}

static int teardown(void **state)
{
	struct context none = {.tree = false};
	bool by_terminal;

	(void)state;
	terminal_close();
	screen_processes.refresh(&none);
	screen_sizes.refresh(&none);
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

/* Runs while the steps are taken; all of them have to be. */
static void watch(struct run *watched, const struct typist_step *steps)
{
	assert_true(typist_start(steps));
	result = app_run(&opts, client, watched, why, sizeof(why));
	assert_string_equal(typist_end(), "");
}

/* A command that lives for `ms`, deaf to all but SIGKILL if it is told. */
static void start_command(unsigned ms, bool deaf)
{
	if (deaf) {
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
	}
	run.command = fork();
	if (run.command == 0) {
		signals_restore();
		usleep(ms * 1000);
		_exit(3);
	}
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

static void send_int(void)
{
	kill(getpid(), SIGINT);
}

static void send_term(void)
{
	kill(getpid(), SIGTERM);
}

static void end_command(void)
{
	kill(run.command, SIGKILL);
}

/* Once it has ended, and its signal is there, all is drawn anew. */
static void end_and_repaint(void)
{
	siginfo_t info;

	end_command();
	waitid(P_PID, (id_t)run.command, &info, WEXITED | WNOWAIT);
	if (write(terminal.master, "\f", 1) != 1)
		abort();
}

static void shows_until_one_quits(void **state)
{
	static const struct typist_step steps[] = {
		{.wait = "program3", .keys = "\r"},
		{.wait = "PID 103", .keys = NULL},
		{.wait = "top = 900B", .keys = "q"}, /* of the history */
		{.wait = NULL},
	};

	(void)state;
	scene_name(&list->rows[2].command, "/bin/program3");
	watch(NULL, steps);
	assert_int_equal(result, 0);
	assert_string_equal(why, "");
	assert_true(terminal_wrote("\033[?1049l"));
}

static void a_table_is_filled_when_its_figures_come(void **state)
{
	static const struct typist_step steps[] = {
		{.wait = "program3", .keys = "2"},
		{.wait = "1-16", .keys = "q"},
		{.wait = NULL},
	};

	(void)state;
	watch(NULL, steps);
	assert_int_equal(result, 0);
}

static void an_unusable_terminal_is_told(void **state)
{
	(void)state;
	setenv("TERM", "dumb", 1);
	assert_int_equal(app_run(&opts, client, NULL, why, sizeof(why)), -1);
	assert_string_equal(why, "terminal type 'dumb' cannot place its "
				 "cursor: set TERM, or use --batch");
	assert_int_equal(feeder.queries, 0);
}

static void signals_end_it(void **state)
{
	static const struct typist_step by_int[] = {
		{.wait = "program3", .act = send_int},
		{.wait = NULL},
	};
	static const struct typist_step by_term[] = {
		{.wait = "program3", .act = send_term},
		{.wait = NULL},
	};

	(void)state;
	watch(NULL, by_int);
	assert_int_equal(result, 0);
	terminal_forget();
	watch(NULL, by_term);
	assert_int_equal(result, 0);
}

static void so_does_the_end_of_the_terminal(void **state)
{
	static const struct typist_step steps[] = {
		{.wait = "program3", .act = terminal_hang_up},
		{.wait = NULL},
	};

	(void)state;
	watch(NULL, steps);
	assert_int_equal(result, 0);
}

static void a_process_that_is_gone_leads_back(void **state)
{
	static const struct typist_step steps[] = {
		/* The last one of the list, which the daemon forgot. */
		{.wait = "program3", .keys = "G\r"},
		{.wait = "the process is no longer known: no such process",
		 .keys = "\f"},
		{.wait = " Tree", .keys = "q"}, /* a key of the list */
		{.wait = NULL},
	};

	(void)state;
	watch(NULL, steps);
	assert_int_equal(result, 0);
}

static void color_and_mouse_can_be_switched_off(void **state)
{
	static const struct typist_step steps[] = {
		{.wait = "program3", .keys = "q"},
		{.wait = NULL},
	};
	const char *const color = "\033[36m", *const mouse = "1006;1000h";

	(void)state;
	setenv("NO_COLOR", "", 1); /* is as good as not set */
	watch(NULL, steps);
	assert_non_null(strstr(terminal.written, color));
	assert_non_null(strstr(terminal.written, mouse));
	setenv("NO_COLOR", "1", 1);
	opts.no_mouse = true;
	terminal_forget();
	watch(NULL, steps);
	assert_null(strstr(terminal.written, color));
	assert_null(strstr(terminal.written, mouse));
	unsetenv("NO_COLOR");
	opts.no_color = true;
	terminal_forget();
	watch(NULL, steps);
	assert_null(strstr(terminal.written, color));
}

static void it_ends_with_the_command(void **state)
{
	static const struct typist_step steps[] = {
		{.wait = "output in /tmp/out", .act = end_command},
		{.wait = NULL},
	};

	(void)state;
	start_command(60000, false);
	watch(&run, steps);
	assert_int_equal(result, 0);
	assert_true(run.ended);
	assert_int_equal(run_exit_status(&run), 128 + SIGKILL);
}

static void a_command_may_have_ended_already(void **state)
{
	bool by_terminal;
	siginfo_t info;

	(void)state;
	start_command(0, false);
	waitid(P_PID, (id_t)run.command, &info, WEXITED | WNOWAIT);
	while (signals_next(&by_terminal) != 0)
		; /* nobody will tell */
	assert_int_equal(app_run(&opts, client, &run, why, sizeof(why)), 0);
	assert_true(run.ended);
	assert_int_equal(run_exit_status(&run), 3);
}

static void stays_when_it_is_asked_to(void **state)
{
	static const struct typist_step steps[] = {
		{.wait = "output in /tmp/out", .act = end_and_repaint},
		{.wait = "command ended; output in /tmp/out", .keys = "q"},
		{.wait = NULL},
	};

	(void)state;
	opts.stay = true;
	start_command(60000, false);
	watch(&run, steps);
	assert_int_equal(result, 0);
	assert_true(run.ended);
}

static void the_command_goes_on_without_us(void **state)
{
	static const struct typist_step steps[] = {
		{.wait = "output in /tmp/out", .keys = "q"},
		{.wait = NULL},
	};

	(void)state;
	start_command(60000, false);
	watch(&run, steps);
	assert_int_equal(result, 0);
	assert_false(run_reap(&run));
}

static void who_insists_gets_stronger_means(void **state)
{
	static const struct typist_step steps[] = {
		{.wait = "output in /tmp/out", .act = send_int},
		{.wait = "SIGINT sent to command", .act = send_int},
		{.wait = "TERM sent to command", .act = send_int},
		{.wait = NULL},
	};

	(void)state;
	start_command(60000, true);
	watch(&run, steps);
	assert_int_equal(result, 0);
	assert_true(run.ended);
	assert_int_equal(run_exit_status(&run), 128 + SIGKILL);
}

static void a_signal_is_passed_on(void **state)
{
	static const struct typist_step steps[] = {
		{.wait = "output in /tmp/out", .act = send_term},
		{.wait = NULL},
	};

	(void)state;
	start_command(60000, false);
	watch(&run, steps);
	assert_int_equal(result, 0);
	while (!run_reap(&run))
		usleep(1000);
	assert_int_equal(run_exit_status(&run), 128 + SIGTERM);
}

static void only_the_family_of_the_command_is_shown(void **state)
{
	static const struct typist_step steps[] = {
		{.wait = "program2", .keys = "q"},
		{.wait = NULL},
	};

	(void)state;
	start_command(60000, false);
	list->rows[1].pid = (uint32_t)run.command;
	watch(&run, steps);
	assert_null(strstr(terminal.written, "program3"));
	/* What a daemon of our own knows is the family. */
	run.daemon = 1;
	terminal_forget();
	watch(&run, steps);
	run.daemon = 0;
	assert_non_null(strstr(terminal.written, "program3"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(shows_until_one_quits),
		TEST(a_table_is_filled_when_its_figures_come),
		TEST(an_unusable_terminal_is_told),
		TEST(signals_end_it),
		TEST(so_does_the_end_of_the_terminal),
		TEST(a_process_that_is_gone_leads_back),
		TEST(color_and_mouse_can_be_switched_off),
		TEST(it_ends_with_the_command),
		TEST(a_command_may_have_ended_already),
		TEST(stays_when_it_is_asked_to),
		TEST(the_command_goes_on_without_us),
		TEST(who_insists_gets_stronger_means),
		TEST(a_signal_is_passed_on),
		TEST(only_the_family_of_the_command_is_shown),
	};

	return cmocka_run_group_tests(tests, open_signals, NULL);
}
