#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hakmem-top/ui/app.h"
#include "hakmem-top/commands/batch.h"
#include "hakmem-top/commands/embed.h"
#include "hakmem-top/ui/help.h"
#include "hakmem-top/base/opts.h"
#include "hakmem-top/base/signals.h"
#include "hakmem-top/base/text.h"
#include "hakmem-top/commands/verbs.h"
#include "proto/figures.h"
#include "proto/path.h"

enum { DONE = 0, FAILURE = 1, USAGE = 2 };

/* One line; what others wrote in it cannot break or color it. */
static int main_complain(int status, const char *why)
{
	char line[1024];

	text_clean(line, sizeof(line), why, sizeof(line), true);
	fprintf(stderr, "hakmem-top: %s\n", line);
	return status;
}

/*
 * A standard descriptor that was closed must not become the daemon's socket or
 * a file of ours: what is printed would go there.
 */
static bool main_fill_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	return fd >= 0 && close(fd) == 0;
}

static bool main_find_socket(const struct opts *opts,
			     char path[PATH_SOCKET_MAX], char *why, size_t size)
{
	const char *given =
		opts->socket ? opts->socket : getenv("HAKMEM_SOCKET");

	if (path_socket(given, getenv("XDG_RUNTIME_DIR"), geteuid(), path) == 0)
		return true;
	snprintf(why, size, "socket path '%.40s...': longer than %d bytes",
		 given ? given : "$XDG_RUNTIME_DIR", PATH_SOCKET_MAX - 1);
	return false;
}

static int main_watch(const struct opts *opts, const char *path, bool screen,
		      char *why, size_t size)
{
	struct client *client = client_new(path, opts->socket == NULL);
	int result;

	if (!client) {
		snprintf(why, size, "out of memory");
		return -1;
	}
	if (verbs_find(opts->mode))
		result = verbs_find(opts->mode)(opts, client, why, size);
	else if (screen)
		result = app_run(opts, client, NULL, why, size);
	else
		result = batch_run(opts, client, NULL, why, size);
	client_free(client);
	return result;
}

static int main_help(void)
{
	opts_help(stdout);
	help_print(stdout);
	return fflush(stdout) == 0 ? DONE : FAILURE;
}

/* The manual of figures: a line each, as the table has them. */
static int main_figures(void)
{
	for (size_t i = 0; i < FIGURES; i++)
		printf("%-24s %-8s %s\n", figures_table[i].name,
		       figures_table[i].kind == FIGURE_COUNTER ? "counter"
							       : "gauge",
		       figures_table[i].help);
	return fflush(stdout) == 0 ? DONE : FAILURE;
}

int main(int argc, char **argv)
{
	char why[1024] = "", path[PATH_SOCKET_MAX];
	struct opts opts;
	bool screen;
	int status;

	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C"); /* JSON and CSV want a point */
	if (!opts_parse(&opts, argc, argv, why, sizeof(why)))
		return main_complain(USAGE, why);
	if (opts.mode == OPTS_HELP)
		return main_help();
	if (opts.mode == OPTS_FIGURES)
		return main_figures();
	if (opts.mode == OPTS_VERSION) {
		puts("hakmem-top " HAKMEM_VERSION);
		return fflush(stdout) == 0 ? DONE : FAILURE;
	}
	if (verbs_unfit(&opts, isatty(STDOUT_FILENO), why, sizeof(why)))
		return main_complain(USAGE, why);
	if (!main_find_socket(&opts, path, why, sizeof(why)))
		return main_complain(USAGE, why);
	if (!main_fill_descriptors() || !signals_open())
		return main_complain(FAILURE, strerror(errno));
	/* Into a pipe go reports, never a screen. */
	screen = opts.mode == OPTS_WATCH && isatty(STDOUT_FILENO);
	if (opts.command) {
		status = embed_run(&opts, path, screen, why, sizeof(why));
		return *why ? main_complain(status, why) : status;
	}
	if (main_watch(&opts, path, screen, why, sizeof(why)) != 0)
		return main_complain(FAILURE, why);
	return DONE;
}
