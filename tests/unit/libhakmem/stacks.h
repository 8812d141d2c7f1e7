/* What the tests of stacks share: when two are the same, and what another
 * thread sees. */
#ifndef TESTS_UNIT_LIBHAKMEM_STACKS_H
#define TESTS_UNIT_LIBHAKMEM_STACKS_H

#include <pthread.h>

#include "libhakmem/unwind/stackcache.h" /* struct unwind_stack */
#include "tests/unit/libhakmem/unit.h"

static inline void assert_same(const struct unwind_stack *a,
			       const struct unwind_stack *b)
{
	assert_int_equal(a->depth, b->depth);
	assert_int_equal(a->truncated, b->truncated);
	assert_memory_equal(a->pc, b->pc, a->depth * sizeof(a->pc[0]));
	assert_memory_equal(a->module, b->module,
			    a->depth * sizeof(a->module[0]));
}

struct stacks_question {
	bool (*is_idle)(void);
	bool answer;
};

static inline void *stacks_ask(void *question)
{
	struct stacks_question *asked = question;

	asked->answer = asked->is_idle();
	return NULL;
}

/* What a module's is_idle tells a thread that is not inside. */
static inline bool idle_for_others(bool (*is_idle)(void))
{
	struct stacks_question question = {.is_idle = is_idle};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, stacks_ask, &question),
			 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return question.answer;
}

#endif
