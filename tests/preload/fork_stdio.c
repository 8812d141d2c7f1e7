/*
 * fork while other threads hold stdio's locks and allocate under them: the
 * order in which fork takes locks must not deadlock against fflush(NULL).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

static atomic_int stop;

static void *flush(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop))
		fflush(NULL);
	return NULL;
}

static void *open_close(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop)) {
		char *text = NULL, *line = NULL;
		size_t n = 0;
		FILE *out = open_memstream(&text, &n);
		FILE *null = fopen("/dev/null", "w");

		CHECK(out && null);
		for (int i = 0; i < 300; i++) {
			fprintf(out, "%d %s\n", i, "some text to make it grow");
			fprintf(null, "%d\n", i);
		}
		CHECK(asprintf(&line, "%5000d", 1) == 5000);
		fclose(out);
		fclose(null);
		free(text);
		free(line);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL,
				      i % 2 ? flush : open_close, NULL));
	for (int i = 0; i < 200; i++) {
		int status;
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			char *p = NULL;

			CHECK(asprintf(&p, "%3000d", 7) == 3000);
			free(p);
			fflush(NULL);
			exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
