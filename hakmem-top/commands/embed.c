#include "hakmem-top/commands/embed.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "hakmem-top/ui/app.h"
#include "hakmem-top/commands/batch.h"
#include "hakmem-top/base/run.h"
#include "hakmem-top/base/signals.h"
#include "hakmem-top/commands/summary.h"

/* Waits for the command's end; signals are passed on to it. */
static void embed_wait_for_command(struct run *run)
{
	struct pollfd poller = {.fd = signals_fd(), .events = POLLIN};
	bool by_terminal;
	int signal;

	while (!run_reap(run)) {
		poll(&poller, 1, -1);
		while ((signal = signals_next(&by_terminal)) != 0)
			if (signal != SIGCHLD &&
			    (run->own_group || !by_terminal))
				run_signal(run, signal);
	}
}

static int embed_watch(const struct opts *opts, struct client *client,
		       struct run *run, bool screen, char *why, size_t size)
{
	int result = 0;

	if (screen)
		result = app_run(opts, client, run, why, size);
	else if (opts->format != OPTS_NO_FORMAT)
		result = batch_run(opts, client, run, why, size);
	if (result != 0) {
		/* The command goes on; only watching it failed. */
		fprintf(stderr, "hakmem-top: %s\n", why);
		*why = '\0';
	}
	if (screen && !run_reap(run))
		fprintf(stderr,
			"hakmem-top: %s (pid %d) goes on; Ctrl-C interrupts "
			"it\n",
			run->name, (int)run->command);
	embed_wait_for_command(run);
	return run_exit_status(run);
}

int embed_run(const struct opts *opts, const char *socket, bool screen,
	      char *why, size_t size)
{
	struct run run = {.daemon = 0};
	bool capture = screen || opts->format != OPTS_NO_FORMAT ||
		       opts->output != NULL;
	struct client *client = NULL;
	int status = 1;

	*why = '\0';
	if (!run_find_library(&run, why, size) ||
	    !run_find_daemon(&run, socket, why, size))
		goto out;
	client = client_new(run.socket, false);
	if (!client) {
		snprintf(why, size, "out of memory");
		goto out;
	}
	if (run_command(&run, opts->command, capture, opts->output, &status,
			why, size) != 0)
		goto out;
	status = embed_watch(opts, client, &run, screen, why, size);
	/* A new connection: on the old one answers may still be due. */
	client_free(client);
	client = client_new(run.socket, false);
	if (!client)
		goto out;
	summary_print(screen ? stdout : stderr, client, &run);
out:
	client_free(client);
	run_finish(&run);
	return status;
}
