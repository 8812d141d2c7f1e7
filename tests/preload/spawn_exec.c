/*
 * vfork + exec, posix_spawn, system and popen from a threaded process that
 * allocates: children come back, the parent's heap is whole.
 */
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

extern char **environ;
static atomic_int stop;

static void *churn(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop)) {
		void *p = malloc(100), *q = malloc(70000);

		CHECK(p && q);
		free(p);
		free(q);
	}
	return NULL;
}

int main(void)
{
	static char *const argv[] = {(char *)"true", NULL};
	void *kept = malloc(3000);
	pthread_t thread;

	fill(kept, 3000, 9);
	CHECK(!pthread_create(&thread, NULL, churn, NULL));
	for (int i = 0; i < 60; i++) {
		int status;
		pid_t pid = vfork();

		if (pid == 0) {
			execv("/bin/true", argv);
			_exit(127);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
		CHECK(!posix_spawn(&pid, "/bin/true", NULL, NULL, argv,
				   environ));
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	for (int i = 0; i < 10; i++) {
		char text[16] = {0};
		FILE *from = popen("echo hello", "r");

		CHECK(system("exit 3") == 3 << 8);
		CHECK(from && fgets(text, sizeof(text), from));
		CHECK(strcmp(text, "hello\n") == 0 && pclose(from) == 0);
	}
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	CHECK(filled(kept, 3000, 9));
	free(kept);
	return 0;
}
