/* A handler on a small alternate stack allocates and frees. */
#include "tests/preload/check.h"

static char stack[16384];
static void *from_handler[100];

static void handle(int signal)
{
	(void)signal;
	for (int i = 0; i < 100; i++) {
		free(from_handler[i]);
		from_handler[i] = malloc((size_t)i * 700 + 1);
		CHECK(from_handler[i]);
		memset(from_handler[i], 1, (size_t)i * 700 + 1);
	}
	free(malloc(3000000));
}

int main(void)
{
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_handler = handle,
				   .sa_flags = SA_ONSTACK};

	CHECK(!sigaltstack(&alternate, NULL));
	CHECK(!sigaction(SIGUSR1, &action, NULL));
	for (int i = 0; i < 200; i++) {
		void *p = malloc((size_t)i * 30);

		raise(SIGUSR1);
		free(p);
	}
	return 0;
}
