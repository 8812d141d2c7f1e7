#include "hakmemd/look/mirror.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define PAGE  4096
#define CHAIN 300

/* What two processes have at the same address: here the mirrored variables. */
static struct {
	struct link *first;
	int number;
	char filler[3 * PAGE];
	int last;
} __attribute__((aligned(PAGE))) variables;

struct link {
	struct link *next;
	int number;
	char filler[1000];
};

static pid_t subject;
static int to_subject, from_subject;

/* A list in memory that only this process has. */
static struct link *make_list(int base)
{
	struct link *links =
		mmap(NULL, CHAIN * sizeof(*links), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < CHAIN; i++)
		links[i] = (struct link){.next = i + 1 < CHAIN ? &links[i + 1]
							       : NULL,
					 .number = base + i};
	return links;
}

/* The process that is mirrored: does what it is told, a letter each. */
static void live(int in, int out)
{
	char word;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Not where the reader has something by chance. */
	mmap(NULL, 64 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	variables.first = make_list(1000);
	variables.number = 5;
	variables.last = 6;
	while (write(out, "+", 1) == 1 && read(in, &word, 1) == 1) {
		if (word == 'c') /* counts up */
			variables.first->number = ++variables.number;
		if (word == 'n') /* a new list */
			variables.first = make_list(5000);
		if (word == 'u') /* the list goes away */
			munmap(variables.first, CHAIN * sizeof(struct link));
		if (word == 'w') /* points nowhere */
			variables.first = (struct link *)0x123456789000;
		if (word == 'r') /* goes round */
			variables.first->next = variables.first;
	}
	_exit(0);
}

static void tell(char word)
{
	char answer;

	assert_int_equal(write(to_subject, &word, 1), 1);
	assert_int_equal(read(from_subject, &answer, 1), 1);
}

static int begin(void **state)
{
	int in[2], out[2];
	char word;

	(void)state;
	if (pipe(in) != 0 || pipe(out) != 0)
		return -1;
	subject = fork();
	if (subject == 0) {
		close(in[1]);
		close(out[0]);
		live(in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	to_subject = in[1];
	from_subject = out[0];
	return read(from_subject, &word, 1) == 1 ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	close(to_subject);
	close(from_subject);
	return waitpid(subject, NULL, 0) == subject ? 0 : -1;
}

static unsigned reads; /* system calls */

static bool read_subject(void *owner, const struct mirror_range *ranges,
			 size_t count)
{
	struct iovec here[MIRROR_RANGES_MAX], there[MIRROR_RANGES_MAX];
	size_t length = 0;

	(void)owner;
	for (size_t i = 0; i < count; i++) {
		here[i] = (struct iovec){ranges[i].out, ranges[i].length};
		there[i] = (struct iovec){(void *)(uintptr_t)ranges[i].address,
					  ranges[i].length};
		length += ranges[i].length;
	}
	reads++;
	return process_vm_readv(subject, here, count, there, count, 0) ==
	       (ssize_t)length;
}

/* The sum of the numbers there, and how many links there are. */
struct sums {
	long numbers, links, variables;
};

static void add_up(void *argument)
{
	struct sums *sums = argument;

	*sums = (struct sums){.variables =
				      variables.number * 100 + variables.last};
	for (struct link *at = variables.first; at; at = at->next) {
		sums->numbers += at->number;
		sums->links++;
	}
}

/* Mirroring takes a process of its own: what it finds comes back as text. */
static void mirrored(void (*run)(void), const char *wanted)
{
	char text[256] = "";
	ssize_t length;
	int out[2], status;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		close(out[1]);
		if (!mirror_init((char *)&variables, (char *)(&variables + 1)))
			_exit(1);
		run();
		_exit(fflush(stdout) == 0 ? 0 : 1);
	}
	close(out[1]);
	length = read(out[0], text, sizeof(text) - 1);
	close(out[0]);
	text[length > 0 ? length : 0] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_string_equal(text, wanted);
	assert_int_equal(status, 0);
}

static enum mirror_end look(struct sums *sums, unsigned ms)
{
	const struct mirror_source source = {.read = read_subject};

	if (!mirror_begin(&source, (uintptr_t)&variables, 1))
		return MIRROR_UNREADABLE;
	return mirror_run(add_up, sums, ms);
}

static void print(enum mirror_end end, const struct sums *sums)
{
	printf("%d %ld %ld %ld\n", (int)end, sums->variables, sums->links,
	       sums->numbers);
}

static void look_once(void)
{
	struct sums sums;

	print(look(&sums, 10000), &sums);
}

static void variables_and_what_they_point_to_are_there(void **state)
{
	(void)state;
	mirrored(look_once, "0 506 300 344850\n");
}

static void look_again(void)
{
	struct sums sums;
	unsigned first;

	look(&sums, 10000);
	first = reads;
	tell('c');
	print(look(&sums, 10000), &sums);
	printf("%s\n", first > 10 && reads == first + 1 ? "in one call"
							: "page by page");
	tell('n');
	print(look(&sums, 10000), &sums);
}

static void what_was_touched_is_fetched_at_once_and_anew(void **state)
{
	(void)state;
	/* The first link's number went from 1000 to 6. */
	mirrored(look_again,
		 "0 606 300 343856\nin one call\n0 606 300 1544850\n");
}

static void look_at_nothing(void)
{
	struct sums sums = {.links = 0};

	look(&sums, 10000);
	tell('u');
	print(look(&sums, 10000), &(struct sums){.links = 0});
	tell('w');
	print(look(&sums, 10000), &(struct sums){.links = 0});
	tell('n');
	print(look(&sums, 10000), &sums);
}

static void what_cannot_be_read_ends_it_and_no_more(void **state)
{
	(void)state;
	mirrored(look_at_nothing, "1 0 0 0\n1 0 0 0\n0 506 300 1544850\n");
}

static void look_round(void)
{
	struct sums sums;

	tell('r');
	printf("%d\n", (int)look(&sums, 50));
	tell('n');
	print(look(&sums, 10000), &sums);
}

static void no_loop_is_for_ever(void **state)
{
	(void)state;
	mirrored(look_round, "2\n0 506 300 1544850\n");
}

static void look_at_the_dead(void)
{
	struct sums sums = {.links = 0};

	kill(subject, SIGKILL);
	while (kill(subject, 0) == 0 && look(&sums, 1000) == MIRROR_DONE)
		usleep(1000);
	print(look(&sums, 1000), &(struct sums){.links = 0});
}

static void who_is_gone_has_no_memory(void **state)
{
	(void)state;
	mirrored(look_at_the_dead, "1 0 0 0\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(variables_and_what_they_point_to_are_there),
		TEST(what_was_touched_is_fetched_at_once_and_anew),
		TEST(what_cannot_be_read_ends_it_and_no_more),
		TEST(no_loop_is_for_ever),
		TEST(who_is_gone_has_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
