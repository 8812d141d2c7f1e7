#include "hakmem-top/opts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum id {
	SOCKET,
	INTERVAL,
	BATCH,
	COUNT,
	JSON,
	TEXT,
	CSV,
	PID,
	WHAT,
	FORMAT,
	OUTPUT,
	NO_COLOUR,
	NO_MOUSE,
	ASCII,
	READONLY,
	STAY,
	HELP,
	VERSION,
};

static const struct option {
	enum id id;
	char letter;
	const char *name;
	const char *argument; /* NULL: none */
	const char *help;
} options[] = {
	{SOCKET, 0, "socket", "PATH", "the daemon's socket"},
	{INTERVAL, 'd', "interval", "SECONDS", "between two polls, default 1"},
	{BATCH, 'b', "batch", NULL, "reports on stdout, no screen"},
	{COUNT, 'n', "count", "N", "of reports, then end; default endless"},
	{JSON, 0, "json", NULL, "batch: one JSON object a line"},
	{TEXT, 0, "text", NULL, "batch: an aligned table (default)"},
	{CSV, 0, "csv", NULL, "batch: one line a process and report"},
	{PID, 'p', "pid", "PID", "export: of this process, the newest"},
	{WHAT, 0, "what", "WHAT", "export: sizes or classes"},
	{FORMAT, 0, "format", "FORMAT", "export: csv or json"},
	{OUTPUT, 'o', "output", "FILE",
	 "export: to this file; with a command: its output"},
	{NO_COLOUR, 'C', "no-color", NULL, "no colours; as NO_COLOR=1 does"},
	{NO_MOUSE, 0, "no-mouse", NULL, "leave the mouse to the terminal"},
	{ASCII, 0, "ascii", NULL, "draw with ASCII characters only"},
	{READONLY, 0, "readonly", NULL, "write no files from the screen"},
	{STAY, 0, "stay", NULL, "keep the screen when the command ended"},
	{HELP, 0, "help", NULL, "this text"},
	{VERSION, 'V', "version", NULL, "the version"},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

const char *opts_format_name(enum opts_format format)
{
	return format == OPTS_JSON  ? "json"
	       : format == OPTS_CSV ? "csv"
				    : "text";
}

/* A parse in progress. */
struct parse {
	struct opts *opts;
	char *why;
	size_t size;
};

static bool refuse(struct parse *parse, const char *what, const char *value,
		   const char *wanted)
{
	snprintf(parse->why, parse->size, "%s '%.60s': %s", what, value,
		 wanted);
	return false;
}

static bool set_format(struct parse *parse, enum opts_format format)
{
	if (parse->opts->format != OPTS_NO_FORMAT &&
	    parse->opts->format != format)
		return refuse(parse, "cannot also use format",
			      opts_format_name(format), "one format at a time");
	parse->opts->format = format;
	return true;
}

static bool set_interval(struct parse *parse, const char *value)
{
	char *end;
	double seconds = strtod(value, &end);

	if (end == value || *end || !isfinite(seconds) ||
	    seconds < OPTS_INTERVAL_MIN || seconds > OPTS_INTERVAL_MAX)
		return refuse(parse, "bad interval", value,
			      "want seconds, 0.1 to 3600");
	parse->opts->interval_s = seconds;
	return true;
}

/* A whole number 1 .. most. */
static bool number(const char *value, uint64_t most, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(value, &end, 10);
	return *value >= '0' && *value <= '9' && *end == '\0' && errno == 0 &&
	       *out >= 1 && *out <= most;
}

static bool set_valued(struct parse *parse, enum id id, const char *value)
{
	struct opts *opts = parse->opts;
	uint64_t pid;

	switch (id) {
	case INTERVAL:
		return set_interval(parse, value);
	case COUNT:
		return number(value, UINT64_MAX, &opts->count) ||
		       refuse(parse, "bad count", value,
			      "want a number from 1");
	case PID:
		if (!number(value, INT32_MAX, &pid))
			return refuse(parse, "bad pid", value,
				      "want the number of a process");
		opts->pid = (uint32_t)pid;
		return true;
	case WHAT:
		opts->what = value;
		return strcmp(value, "sizes") == 0 ||
		       strcmp(value, "classes") == 0 ||
		       refuse(parse, "bad --what", value,
			      "want sizes or classes");
	case FORMAT:
		if (strcmp(value, "csv") == 0)
			return set_format(parse, OPTS_CSV);
		return strcmp(value, "json") == 0
			       ? set_format(parse, OPTS_JSON)
			       : refuse(parse, "bad --format", value,
					"want csv or json");
	case OUTPUT:
		opts->output = value;
		return *value || refuse(parse, "bad --output", value,
					"want the name of a file");
	default:
		opts->socket = value;
		return *value ||
		       refuse(parse, "bad --socket", value, "want a path");
	}
}

static bool set_flag(struct parse *parse, enum id id)
{
	struct opts *opts = parse->opts;

	switch (id) {
	case BATCH:
		opts->mode = opts->mode == OPTS_WATCH ? OPTS_BATCH : opts->mode;
		return true;
	case JSON:
		return set_format(parse, OPTS_JSON);
	case TEXT:
		return set_format(parse, OPTS_TEXT);
	case CSV:
		return set_format(parse, OPTS_CSV);
	case NO_COLOUR:
		return opts->no_colour = true;
	case NO_MOUSE:
		return opts->no_mouse = true;
	case ASCII:
		return opts->ascii = true;
	case READONLY:
		return opts->readonly = true;
	case STAY:
		return opts->stay = true;
	case HELP:
		opts->mode = OPTS_HELP;
		return true;
	default:
		opts->mode = OPTS_VERSION;
		return true;
	}
}

static const struct option *find(const char *name, size_t length, char letter)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (letter ? options[i].letter == letter
			   : strlen(options[i].name) == length &&
				     memcmp(options[i].name, name, length) == 0)
			return &options[i];
	return NULL;
}

static bool apply(struct parse *parse, const struct option *option,
		  const char *value)
{
	if (!option->argument)
		return set_flag(parse, option->id);
	if (value)
		return set_valued(parse, option->id, value);
	snprintf(parse->why, parse->size, "--%s needs %s", option->name,
		 option->argument);
	return false;
}

static bool long_option(struct parse *parse, char **argv, int *at)
{
	const char *name = argv[*at] + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct option *option = find(name, length, 0);

	if (!option || (equals && !option->argument))
		return refuse(parse, "unknown option", argv[*at], "try --help");
	if (equals)
		return apply(parse, option, equals + 1);
	return apply(parse, option, option->argument ? argv[++*at] : NULL);
}

/* A cluster of letters: "-bn5". */
static bool short_options(struct parse *parse, char **argv, int *at)
{
	const char *word = argv[*at];

	for (const char *letter = word + 1; *letter; letter++) {
		const struct option *option = find(NULL, 0, *letter);

		if (!option)
			return refuse(parse, "unknown option", word,
				      "try --help");
		if (option->argument)
			return apply(parse, option,
				     letter[1] ? letter + 1 : argv[++*at]);
		if (!apply(parse, option, NULL))
			return false;
	}
	return true;
}

static bool word(struct parse *parse, char **argv, int *at)
{
	const char *text = argv[*at];

	if (strncmp(text, "--", 2) == 0)
		return long_option(parse, argv, at);
	if (text[0] == '-' && text[1])
		return short_options(parse, argv, at);
	if (strcmp(text, "export") == 0 && parse->opts->mode == OPTS_WATCH) {
		parse->opts->mode = OPTS_EXPORT;
		return true;
	}
	return refuse(parse, "unexpected argument", text,
		      "to run a command write: hakmem-top -- COMMAND");
}

/* What each mode needs and cannot use. */
static bool check(struct parse *parse)
{
	struct opts *opts = parse->opts;
	const char *wrong = NULL;

	if (opts->mode == OPTS_HELP || opts->mode == OPTS_VERSION)
		return true;
	if (opts->mode == OPTS_EXPORT) {
		if (opts->command)
			wrong = "export takes no command";
		else if (!opts->pid)
			wrong = "export needs --pid PID";
		else if (!opts->what)
			wrong = "export needs --what sizes|classes";
		else if (opts->format == OPTS_TEXT)
			wrong = "export knows --format csv and json";
	} else if (opts->pid || opts->what) {
		wrong = "--pid and --what belong to: hakmem-top export";
	} else if (opts->output && !opts->command) {
		wrong = "--output needs export or a command";
	} else if (opts->mode == OPTS_WATCH && opts->format != OPTS_NO_FORMAT) {
		opts->mode = OPTS_BATCH;
	} else if (opts->mode == OPTS_WATCH && opts->count) {
		wrong = "-n belongs to --batch";
	}
	if (wrong)
		snprintf(parse->why, parse->size, "%s", wrong);
	return !wrong;
}

bool opts_parse(struct opts *opts, int argc, char **argv, char *why,
		size_t size)
{
	struct parse parse = {opts, why, size};

	*opts = (struct opts){.interval_s = 1};
	for (int at = 1; at < argc; at++) {
		if (strcmp(argv[at], "--") == 0) {
			if (at + 1 < argc)
				opts->command = argv + at + 1;
			else
				return refuse(&parse, "no command behind", "--",
					      "write: hakmem-top -- COMMAND");
			break;
		}
		if (!word(&parse, argv, &at))
			return false;
	}
	return check(&parse);
}

void opts_help(FILE *out)
{
	fputs("Usage: hakmem-top [OPTIONS]                 watch all programs\n"
	      "       hakmem-top [OPTIONS] -- COMMAND ...  run a command under "
	      "hakmem, watch it\n"
	      "       hakmem-top --batch [OPTIONS]         reports without a "
	      "screen\n"
	      "       hakmem-top export --pid PID --what sizes|classes "
	      "[--format csv|json] [-o FILE]\n\nOptions:\n",
	      out);
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *option = &options[i];
		char name[64];

		snprintf(name, sizeof(name), "%s--%s%s%s",
			 option->letter ? "  " : "    ", option->name,
			 option->argument ? " " : "",
			 option->argument ? option->argument : "");
		if (option->letter)
			fprintf(out, "  -%c,%-24s%s\n", option->letter,
				name + 1, option->help);
		else
			fprintf(out, "  %-27s%s\n", name, option->help);
	}
}
