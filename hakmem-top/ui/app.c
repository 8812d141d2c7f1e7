#include "hakmem-top/ui/app.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "hakmem-top/ui/input.h"
#include "hakmem-top/base/signals.h"
#include "hakmem-top/term/term.h"

struct app {
	struct input input;
	struct client *client;
	struct run *run;
	unsigned interrupts; /* Ctrl-C that went to the command */
};

static void app_read_keys(struct app *app)
{
	struct term_click where;
	int key;

	while (!app->input.quit && (key = term_key(&where)) != TERM_NO_KEY) {
		if (key == TERM_CLOSED)
			app->input.quit = true;
		else
			input_press(&app->input, key, &where);
	}
}

/* Ctrl-C is for the command first; who insists gets stronger means. */
static void app_interrupt(struct app *app)
{
	static const int means[] = {SIGINT, SIGTERM, SIGKILL};

	if (!app->run || app->run->ended) {
		app->input.quit = true;
		return;
	}
	run_signal(app->run, means[app->interrupts]);
	input_say(&app->input, false, "%s sent to %.60s",
		  app->interrupts == 0	 ? "SIGINT"
		  : app->interrupts == 1 ? "SIGTERM"
					 : "SIGKILL",
		  app->run->name);
	if (app->interrupts < 2)
		app->interrupts++;
}

static void app_heed_signals(struct app *app)
{
	bool by_terminal;
	int signal;

	while ((signal = signals_next(&by_terminal)) != 0) {
		if (signal == SIGINT) {
			app_interrupt(app);
		} else if (signal != SIGCHLD) {
			if (app->run)
				run_signal(app->run, signal);
			app->input.quit = true;
		} else if (app->run && run_reap(app->run) &&
			   !app->input.opts->stay) {
			app->input.quit = true;
		}
	}
}

static void app_step_feed(struct app *app)
{
	if (feed_step(&app->input.feed, client_now_ns()))
		input_refresh(&app->input);
	if (app->input.feed.export.state == FEED_EXPORTED)
		input_exported(&app->input);
	if (app->input.feed.notice[0]) {
		input_say(&app->input, true, "%s", app->input.feed.notice);
		app->input.feed.notice[0] = '\0';
	}
	if (app->input.feed.gone) {
		app->input.feed.gone = false;
		input_leave(&app->input);
		input_say(&app->input, true,
			  "the process is no longer known: %.150s",
			  app->input.feed.trouble);
	}
}

static int app_until(const struct app *app)
{
	uint64_t now = client_now_ns();
	int ms = feed_timeout_ms(&app->input.feed, now);

	if (now < app->input.ui.message_until_ns) {
		int left = (int)((app->input.ui.message_until_ns - now) /
				 1000000) +
			   1;

		ms = ms < 0 || left < ms ? left : ms;
	}
	return ms;
}

static void app_loop(struct app *app)
{
	while (!app->input.quit) {
		struct pollfd pollers[3] = {
			{.fd = term_fd(), .events = POLLIN},
			{.fd = signals_fd(), .events = POLLIN},
		};

		chrome_draw(&app->input.ui, &app->input.feed, client_now_ns());
		pollers[2] = (struct pollfd){
			.fd = client_fd(app->client),
			.events = client_events(app->client),
		};
		poll(pollers, 3, app_until(app));
		app_read_keys(app);
		app_heed_signals(app);
		app_step_feed(app);
	}
}

int app_run(const struct opts *opts, struct client *client, struct run *run,
	    char *why, size_t size)
{
	const char *no_color = getenv("NO_COLOR");
	const struct term_conf conf = {
		.color = !opts->no_color && !(no_color && *no_color),
		.ascii = opts->ascii,
		.mouse = !opts->no_mouse,
	};
	struct app app = {.input.opts = opts, .client = client, .run = run};

	if (!term_open(&conf, why, size))
		return -1;
	app.input.ui.screen = &screen_processes;
	app.input.ui.run = run;
	if (run && !run->daemon)
		app.input.context.view.root_pid = (uint32_t)run->command;
	feed_init(&app.input.feed, client, &app.input.context,
		  opts->interval_s);
	if (run && run_reap(run) && !opts->stay)
		app.input.quit = true;
	app_loop(&app);
	term_close();
	feed_clear(&app.input.feed);
	return 0;
}
