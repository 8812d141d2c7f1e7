#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hakmem-top/screens/screen.h"
#include "tests/unit/hakmem-top/cells.h"
#include "tests/unit/hakmem-top/scene.h"

static struct context context;
static struct detail *detail;

static void show(int height)
{
	assert_true(screen_health.refresh(&context));
	term_begin();
	screen_health.draw(&context, 3, height, 100);
}

static int setup(void **state)
{
	(void)state;
	detail = scene_detail(1);
	context = (struct context){.detail = detail};
	return terminal_screen(30, 100, true) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	terminal_close();
	model_detail_free(detail);
	return 0;
}

static void add_error(const char *text)
{
	detail->errors = reallocarray(detail->errors, detail->error_count + 1,
				      sizeof(*detail->errors));
	detail->errors[detail->error_count++] = strdup(text);
}

static void expect(const char *label, const char *wanted, int role)
{
	int found;

	assert_string_equal(cells_figure(label, 50, &found), wanted);
	assert_int_equal(found, role);
}

static void is_a_screen_of_a_process_without_a_table(void **state)
{
	(void)state;
	assert_string_equal(screen_health.name, "Health");
	assert_true(screen_health.of_process);
	assert_null(screen_health.table);
	context.detail = NULL;
	assert_false(screen_health.refresh(&context));
}

static void all_is_well(void **state)
{
	(void)state;
	show(26);
	expect("Double free", "0", TERM_STRONG);
	expect("Foreign", "0", TERM_STRONG);
	expect("Messages", "0 every 1000 ms", TERM_STRONG);
	expect("Dropped", "0", TERM_STRONG);
	expect("Untracked", "0", TERM_STRONG);
	assert_true(terminal_find("CONFIGURATION") >
		    terminal_find("REJECTED POINTERS"));
	assert_int_equal(terminal_find("no bad HAKMEM_* value"),
			 terminal_find("CONFIGURATION") + 1);
	assert_true(terminal_find("libhakmem 9.8.7 in /bin/program") > 0);
}

static void trouble_has_the_color_of_trouble(void **state)
{
	(void)state;
	detail->process.figures[FIGURE_REJECT(0)] = 1;
	detail->process.figures[FIGURE_REJECT(4)] = 12345;
	detail->process.figures[FIGURE_DROPPED] = 2;
	detail->process.figures[FIGURE_SAMPLES_UNTRACKED] = 3;
	show(26);
	expect("Double free", "1", TERM_BAD);
	expect("Misaligned", "12,345", TERM_BAD);
	expect("Foreign", "0", TERM_STRONG);
	expect("Dropped", "2", TERM_WARN);
	expect("Untracked", "3", TERM_WARN);
}

static void the_machinery_is_in_its_units(void **state)
{
	(void)state;
	detail->process.figures[FIGURE_REFILLS] = 1234567;
	detail->process.figures[FIGURE_CACHED_BYTES] = 1536;
	detail->process.figures[FIGURE_SAMPLE_BYTES] = 524288;
	detail->process.figures[FIGURE_SAMPLE_CONFIGURED_BYTES] = 65536;
	detail->now_ns = detail->state_ns + 3 * SCENE_S;
	show(26);
	expect("Refills", "1,234,567", TERM_STRONG);
	expect("Cached", "1.50K", TERM_STRONG);
	expect("Stacks", "512K interval, set to 64.0K", TERM_STRONG);
	expect("State's age", "3.0s", TERM_STRONG);
	detail->process.figures[FIGURE_SAMPLE_BYTES] = 0;
	detail->now_ns = 0; /* a clock that went back is no great age */
	show(26);
	expect("Stacks", "0B off", TERM_STRONG);
	expect("State's age", "0.0s", TERM_STRONG);
}

static void bad_settings_come_first(void **state)
{
	(void)state;
	add_error("HAKMEM_SAMPLE=lots: want bytes; using 524288");
	add_error("HAKMEM_\033[2J");
	show(26);
	assert_string_equal(terminal_row(3), " CONFIGURATION");
	assert_string_equal(terminal_row(4),
			    "  HAKMEM_SAMPLE=lots: want bytes; "
			    "using 524288");
	assert_string_equal(terminal_row(5), "  HAKMEM_^[[2J");
	assert_int_equal(PAIR_NUMBER(mvinch(4, 2)) - 1, TERM_BAD);
	assert_int_equal(terminal_find("REJECTED POINTERS"), 7);
	assert_int_equal(terminal_find("no bad HAKMEM_* value"), -1);
}

static void more_settings_than_fit_are_counted(void **state)
{
	char text[32];

	(void)state;
	for (int i = 1; i <= 9; i++) {
		snprintf(text, sizeof(text), "HAKMEM_BAD%d", i);
		add_error(text);
	}
	show(26);
	assert_string_equal(terminal_row(9), "  HAKMEM_BAD6");
	assert_string_equal(terminal_row(10), "  and 3 more");
	assert_int_equal(terminal_find("REJECTED POINTERS"), 12);
}

/* Nothing is drawn outside the rows that are given. */
static void a_low_screen_is_kept_to(void **state)
{
	(void)state;
	for (int errors = 0; errors < 2; errors++) {
		for (int height = 1; height < 26; height++) {
			show(height);
			for (int y = 0; y < 30; y++)
				if (y < 3 || y >= 3 + height)
					assert_string_equal(terminal_row(y),
							    "");
		}
		for (int i = 0; i < 9; i++)
			add_error("HAKMEM_BAD");
	}
}

static void saved_by_the_names_of_scripts(void **state)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	detail->process.figures[FIGURE_REJECT(0)] = 7;
	detail->process.figures[FIGURE_SLABS_LIVE] = 108;
	assert_true(screen_health.save(&context, OPTS_JSON, out));
	fclose(out);
	assert_memory_equal(text, "{\"schema\":1,\"rejects_double_free\":7,",
			    36);
	assert_non_null(strstr(text, ",\"slabs_live\":108,"));
	assert_non_null(strstr(text, "\"state_age_ms\":0"));
	free(text);
	out = open_memstream(&text, &length);
	assert_true(screen_health.save(&context, OPTS_CSV, out));
	context.detail = NULL;
	assert_false(screen_health.save(&context, OPTS_CSV, out));
	fclose(out);
	assert_memory_equal(text, "name,value\nrejects_double_free,7\n", 33);
	free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(is_a_screen_of_a_process_without_a_table),
		TEST(all_is_well),
		TEST(trouble_has_the_color_of_trouble),
		TEST(the_machinery_is_in_its_units),
		TEST(bad_settings_come_first),
		TEST(more_settings_than_fit_are_counted),
		TEST(a_low_screen_is_kept_to),
		TEST(saved_by_the_names_of_scripts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
