#include "hakmemd/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX    (100ull * 365 * 86400)
#define RETAIN_DEFAULT 600

struct row {
	const char *name, *argument, *help;
	bool (*apply)(struct options *options, const char *value);
};

static bool options_take_seconds(uint64_t *seconds, const char *value)
{
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno ||
	    number > SECONDS_MAX)
		return false;
	*seconds = number;
	return true;
}

static bool options_set_socket(struct options *options, const char *value)
{
	options->socket = value;
	return *value != '\0';
}

static bool options_set_foreground(struct options *options, const char *value)
{
	(void)value;
	options->detach = false;
	return true;
}

static bool options_set_daemon(struct options *options, const char *value)
{
	(void)value;
	options->detach = true;
	return true;
}

static bool options_set_idle(struct options *options, const char *value)
{
	return options_take_seconds(&options->idle_seconds, value) &&
	       options->idle_seconds > 0;
}

static bool options_set_retain(struct options *options, const char *value)
{
	return options_take_seconds(&options->retain_seconds, value);
}

static bool options_set_debuginfod(struct options *options, const char *value)
{
	(void)value;
	options->debuginfod = true;
	return true;
}

static bool options_set_version(struct options *options, const char *value)
{
	(void)value;
	options->version = true;
	return true;
}

static bool options_set_help(struct options *options, const char *value)
{
	(void)value;
	options->help = true;
	return true;
}

static const struct row options_rows[] = {
	{"--socket", "PATH", "listen there, not at the place given below",
	 options_set_socket},
	{"--foreground", NULL, "stay attached, messages on stderr (default)",
	 options_set_foreground},
	{"--daemon", NULL,
	 "detach once the socket listens; messages go to SOCKET.log",
	 options_set_daemon},
	{"--idle-exit", "SECONDS",
	 "end when nobody was connected for so long (default never)",
	 options_set_idle},
	{"--retain", "SECONDS",
	 "how long ended processes stay visible (default 600)",
	 options_set_retain},
	{"--debuginfod", NULL, "ask $DEBUGINFOD_URLS for missing debug files",
	 options_set_debuginfod},
	{"--version", NULL, "print the version", options_set_version},
	{"--help", NULL, "print this", options_set_help},
};

#define ROWS (sizeof(options_rows) / sizeof(options_rows[0]))

void options_help(void)
{
	printf("usage: hakmemd [OPTION]...\n"
	       "Collects the figures of programs that run under libhakmem.so "
	       "and answers\nhakmem-top.\n\n");
	for (size_t i = 0; i < ROWS; i++) {
		char left[32];

		snprintf(left, sizeof(left), "%s%s%s", options_rows[i].name,
			 options_rows[i].argument ? " " : "",
			 options_rows[i].argument ? options_rows[i].argument
						  : "");
		printf("  %-20s %s\n", left, options_rows[i].help);
	}
	printf("\nThe socket is $HAKMEM_SOCKET, else "
	       "$XDG_RUNTIME_DIR/hakmem/sock, else for root\n"
	       "/run/hakmem/sock, else /tmp/hakmem-UID/sock. SIGTERM ends it.\n"
	       "Exit status: 0, 1 when it cannot serve, 2 on wrong usage.\n");
}

/* The row of `word`, which may be NAME=VALUE; then `*value` is that value. */
static const struct row *options_find(const char *word, const char **value)
{
	size_t length = strcspn(word, "=");

	*value = word[length] ? word + length + 1 : NULL;
	for (size_t i = 0; i < ROWS; i++)
		if (strlen(options_rows[i].name) == length &&
		    strncmp(options_rows[i].name, word, length) == 0)
			return &options_rows[i];
	return NULL;
}

static bool options_complain(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static bool options_complain(const char *format, ...)
{
	va_list arguments;

	fputs("hakmemd: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs(" (see hakmemd --help)\n", stderr);
	return false;
}

bool options_parse(struct options *options, int count, char **words)
{
	*options = (struct options){.retain_seconds = RETAIN_DEFAULT};
	for (int i = 1; i < count; i++) {
		const char *value;
		const struct row *row = options_find(words[i], &value);

		if (!row)
			return options_complain("unknown option '%s'",
						words[i]);
		if (row->argument && !value && i + 1 < count)
			value = words[++i];
		if (row->argument && !value)
			return options_complain("%s needs %s", row->name,
						row->argument);
		if (!row->argument && value)
			return options_complain("%s takes no value", row->name);
		if (!row->apply(options, value))
			return options_complain("%s: '%s' is no good value",
						row->name, value);
	}
	return true;
}
