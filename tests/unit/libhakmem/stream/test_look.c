#include "libhakmem/stream/look.h"

#include <sys/wait.h>
#include <unistd.h>

#include "libhakmem/base/conf.h"
#include "libhakmem/heap/heap.h"
#include "proto/figures.h"
#include "proto/frame.h"
#include "proto/hakmem.pb-c.h"
#include "tests/unit/libhakmem/unit.h"

static uint8_t payload[128 * KIB];

/* A look is over when its process is: nothing else may take locks again. */
static void apart(void (*run)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		run();
		_exit(7);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

static const struct look_subject everything = {
	.pid = 1, .parent_pid = 77, .hello = true, .all = true};

static void tell_all(void)
{
	uint64_t allocs = 0;
	Hakmem__Hello *hello;
	Hakmem__State *state;
	uint16_t type;
	size_t length;

	for (int i = 0; i < 100; i++)
		heap_free(heap_malloc(48));
	must(hakmem_look.begin(&everything));
	length = hakmem_look.next(&type, payload, sizeof(payload));
	must(type == FRAME_HELLO);
	hello = hakmem__hello__unpack(NULL, length, payload);
	/* It is who the reader says, and /proc has the rest. */
	must(hello && hello->pid == 1 && hello->parent_pid == 77);
	must(*hello->command != '\0');
	must(strcmp(hello->figure_names, figures_names) == 0);
	length = hakmem_look.next(&type, payload, sizeof(payload));
	must(type == FRAME_STATE);
	state = hakmem__state__unpack(NULL, length, payload);
	must(state && state->n_figures == FIGURES);
	for (size_t i = 0; i < state->n_class_allocs; i++)
		allocs += state->class_allocs[i];
	must(allocs >= 100);
	must(state->figures[FIGURE_ALLOCS] >= allocs);
	while ((length = hakmem_look.next(&type, payload, sizeof(payload))) > 0)
		must(type == FRAME_MODULES || type == FRAME_SITES);
	must(hakmem_look.next(&type, payload, sizeof(payload)) == 0);
}

static void everything_is_told_in_order(void **state)
{
	(void)state;
	apart(tell_all);
}

static void tell_state(void)
{
	const struct look_subject subject = {.pid = 1};
	uint16_t type;

	must(hakmem_look.begin(&subject));
	must(hakmem_look.next(&type, payload, sizeof(payload)) > 0);
	must(type == FRAME_STATE);
	/* What does not fit is not told. */
	must(hakmem_look.begin(&subject));
	must(hakmem_look.next(&type, payload, 10) == 0);
}

static void without_hello_the_state_comes_first(void **state)
{
	(void)state;
	apart(tell_state);
}

static void tell_locked(void)
{
	uint16_t type;

	for (size_t i = 0; i < LOOK_LOCKS; i++) {
		must(*hakmem_look.lock_word[i] == 0);
		*(uint32_t *)(uintptr_t)hakmem_look.lock_word[i] = 12345;
	}
	alarm(20); /* it would wait for ever */
	must(hakmem_look.begin(&everything));
	while (hakmem_look.next(&type, payload, sizeof(payload)) > 0)
		;
}

static void no_lock_is_waited_for(void **state)
{
	(void)state;
	apart(tell_locked);
}

static void tell_nothing(void)
{
	conf.look = false;
	must(!hakmem_look.begin(&everything));
}

static void the_program_may_forbid_it(void **state)
{
	(void)state;
	assert_int_equal(hakmem_look.version, LOOK_VERSION);
	apart(tell_nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_told_in_order),
		cmocka_unit_test(without_hello_the_state_comes_first),
		cmocka_unit_test(no_lock_is_waited_for),
		cmocka_unit_test(the_program_may_forbid_it),
	};

	heap_free(heap_malloc(1));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
