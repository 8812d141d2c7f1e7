#include "hakmem-top/data/model.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/hakmem-top/scene.h"

static void expect_text(struct process process, const char *wanted)
{
	char text[12];

	model_state_text(&process, text, sizeof(text));
	assert_string_equal(text, wanted);
}

static void states_read_as_a_person_says_them(void **state)
{
	(void)state;
	expect_text((struct process){.state = MODEL_RUNNING}, "running");
	expect_text((struct process){.state = MODEL_DISCONNECTED}, "no link");
	expect_text((struct process){.state = MODEL_EXITED,
				     .exit_known = true,
				     .exit_status = 3},
		    "exit 3");
	expect_text((struct process){.state = MODEL_EXITED}, "exited");
	expect_text((struct process){.state = MODEL_SIGNALLED,
				     .exit_signal = SIGSEGV},
		    "SIGSEGV");
	expect_text(
		(struct process){.state = MODEL_SIGNALLED, .exit_signal = 99},
		"SIG 99");
	expect_text((struct process){.state = MODEL_OOM_KILLED}, "OOM");
	expect_text((struct process){.state = MODEL_ENDED}, "ended");
}

/* Whatever number the wire brought, 12 bytes are enough. */
static void a_text_never_outgrows_its_place(void **state)
{
	(void)state;
	expect_text((struct process){.state = MODEL_EXITED,
				     .exit_known = true,
				     .exit_status = INT32_MIN},
		    "exit -21474");
	expect_text((struct process){.state = MODEL_SIGNALLED,
				     .exit_signal = INT32_MAX},
		    "SIG 2147483");
}

static void state_names_are_the_words_of_scripts(void **state)
{
	static const char *const words[MODEL_STATES] = {
		"running",   "disconnected", "exited",
		"signalled", "oom-killed",   "ended",
	};

	(void)state;
	for (int i = 0; i < MODEL_STATES; i++)
		assert_string_equal(model_state_name((enum model_state)i),
				    words[i]);
	assert_string_equal(model_state_name(MODEL_STATES), "unknown");
}

static void alive_is_connected_or_not(void **state)
{
	(void)state;
	for (int i = 0; i < MODEL_STATES; i++) {
		struct process process = {.state = (enum model_state)i};

		assert_int_equal(model_alive(&process),
				 i == MODEL_RUNNING || i == MODEL_DISCONNECTED);
	}
}

/* Under ASan this also shows that nothing is left. */
static void all_of_it_is_freed(void **state)
{
	struct detail *detail = scene_detail(1);

	(void)state;
	model_processes_free(NULL);
	model_detail_free(NULL);
	model_history_free(NULL);
	free(detail->errors);
	detail->errors = calloc(2, sizeof(*detail->errors));
	detail->errors[0] = strdup("HAKMEM_SAMPLE=lots");
	detail->error_count = 1;
	model_detail_free(detail);
	model_processes_free(scene_list(3));
	model_history_free(scene_history(1, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_read_as_a_person_says_them),
		cmocka_unit_test(a_text_never_outgrows_its_place),
		cmocka_unit_test(state_names_are_the_words_of_scripts),
		cmocka_unit_test(alive_is_connected_or_not),
		cmocka_unit_test(all_of_it_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
